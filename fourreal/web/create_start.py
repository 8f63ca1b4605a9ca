"""What a scene starts from: words, a picture, or a video of one's own in place of a made one."""

from dataclasses import replace

import gradio as gr
from gradio.blocks import Block

from fourreal.jobs.values import Video
from fourreal.web.dropped import add_uploaded, drop, emptied
from fourreal.web.markup import piece, pieces
from fourreal.web.parts import INTAKE, Page, Then, Updates, event
from fourreal.web.routes import clip_urls, file_urls
from fourreal.web.session import OWN, PICTURE, STARTS, WORDS, Visitor, personal

CHOICES = [("Words", WORDS), ("A picture", PICTURE), ("A video of mine", OWN)]
IMAGES = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"]


class Start:
    """picture, own: the columns of a start from a picture and from a video of one's own; *_seen: what was chosen,
    *_file: where it is dropped. ask: the column of what words and pictures need."""

    def __init__(self) -> None:
        self.choice = gr.Radio(CHOICES, value=WORDS, label="Start from", elem_id="start-from")
        with gr.Column(visible=False, elem_id="start-picture") as self.picture:
            self.picture_seen = piece(elem_id="picture-seen")
            words = "A photo or drawing to begin with"
            self.picture_file = drop("picture-file", words, labelled=True, file_types=IMAGES)
        with gr.Column(visible=False, elem_id="start-own") as self.own:
            self.own_seen = piece(elem_id="own-seen")
            self.own_file = drop("own-file", "Your video, from a camera that stands still", labelled=True)
        self.ask = gr.Column(elem_id="start-ask")

    @property
    def shown(self) -> list[Block]:
        """What `showing` changes."""
        return [self.choice, self.picture, self.picture_seen, self.own, self.own_seen, self.ask]


def wire(page: Page, start: Start, chosen: Then) -> None:
    """chosen: what follows once a video of one's own was chosen."""

    @personal
    def choose(me: Visitor, choice: str | None):
        me = replace(me, start=choice if choice in STARTS else WORDS)
        return {page.me: me, **showing(page, start, me)}

    @personal
    def take(me: Visitor, path: str | None):
        return {page.me: begun_with(me, add_uploaded(page, me, path)), page.making: gr.Timer(active=True)}

    start.choice.input(**event(choose, [page.me, start.choice], [page.me, *start.shown]))
    done = start.own_file.upload(**event(take, [page.me, start.own_file], [page.me, page.making], INTAKE))
    emptied(done, start.own_file)
    chosen(done)


def begun_with(me: Visitor, video: Video) -> Visitor:
    """The visitor with a video of their own as the reference video, of which a moment is to be frozen now."""
    gone = {"freeze": "", "making": "", "freezing": "", "freeze_pick": "", "further": []}
    mine = {"start": OWN, "reference": video.id, "reference_pick": f"{video.id}:{OWN}", "canonical": video.frames // 2}
    return me.with_videos(**gone, **mine)


def own_video(page: Page, me: Visitor) -> Video | None:
    """The person's own video, where a scene is begun with one."""
    if not me.reference or me.reference_pick != f"{me.reference}:{OWN}":
        return None
    return page.service.library.video(page.owner(me), me.reference)


def showing(page: Page, start: Start, me: Visitor) -> Updates:
    """What belongs to what the scene starts from, and nothing else."""
    mine = own_video(page, me)
    picture = page.service.creations.picture(page.owner(me), me.picture) if me.picture else None
    picture_seen = own_seen = ""
    if picture is not None:
        address = f"{file_urls(me.picture)}inputs/{picture.name}"
        picture_seen = pieces("create").picture(address)
    if mine is not None:
        own_seen = pieces("create").own_video(clip_urls(page.owner(me), mine.id) + "clip.mp4", mine.name)
    return {
        start.choice: me.start,
        start.picture: gr.update(visible=me.start == PICTURE),
        start.picture_seen: picture_seen,
        start.own: gr.update(visible=me.start == OWN),
        start.own_seen: own_seen,
        start.ask: gr.update(visible=me.start != OWN),
    }
