"""What a scene starts from: words, a picture, or a video of one's own in place of a made one."""

import gradio as gr

from fourreal.jobs.values import Video
from fourreal.web.markup import piece, tag, text
from fourreal.web.parts import INTAKE, PRIVATE, Parts
from fourreal.web.routes import clip_urls, file_urls
from fourreal.web.session import OWN, PICTURE, WORDS, known, safely
from fourreal.web.videos import FRESH, uploaded

STARTS = [("Words", WORDS), ("A picture", PICTURE), ("A video of mine", OWN)]
IMAGES = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"]


def build(page: Parts) -> gr.Column:
    """The choice and what belongs to each; returns the column for what words and pictures need."""
    start = gr.Radio(STARTS, value=WORDS, label="Start from", elem_id="start-from")
    with gr.Column(visible=False, elem_id="start-picture") as photo:
        seen = piece(elem_id="picture-seen")
        file = gr.File(
            label="A photo or drawing: the video begins with it",
            file_count="single",
            file_types=IMAGES,
            type="filepath",
            height=122,
            elem_id="picture-file",
            elem_classes="drop",
        )
    with gr.Column(visible=False, elem_id="start-own") as own:
        mine = piece(elem_id="own-seen")
        video = gr.File(
            label="Your video: the camera stands still while something moves",
            file_count="single",
            type="filepath",
            height=122,
            elem_id="own-file",
            elem_classes="drop",
        )
    page.named |= {"start_from": start, "picture_file": file, "own_video": video}
    ask = gr.Column(elem_id="start-ask")
    page.named["start_shown"] = [start, photo, seen, own, mine, ask]
    return ask


def wire(page: Parts, look) -> None:
    """look: what follows once something else was chosen."""
    start, video, shown = page.named["start_from"], page.named["own_video"], page.named["start_shown"]

    @safely
    def choose(me: dict, chosen: str | None):
        me = known(known(me) | {"start": chosen})
        return [me, *showing(page, me)]

    start.input(choose, [page.me, start], [page.me, *shown], **PRIVATE)

    @safely
    def take(me: dict, path: str | None):
        me, file = known(me), uploaded(page, path)
        try:
            taken = page.service.library.add_video(page.owner(me), file, file.name)
        finally:
            page.uploads.forget(file)
        return [begun_with(me, taken), gr.Timer(active=True)]

    done = video.upload(take, [page.me, video], [page.me, page.making], **INTAKE)
    done.then(lambda: None, None, video, **PRIVATE)
    look(done)


def begun_with(me: dict, video: Video) -> dict:
    """`me` with a video of the person's as the reference video, of which a moment is to be frozen now."""
    gone = {"freeze": "", "making": "", "freezing": "", "freeze_pick": "", "further": []}
    mine = {"start": OWN, "reference": video.id, "reference_pick": f"{video.id}:{OWN}", "canonical": video.frames // 2}
    return me | FRESH | gone | mine


def own_video(page: Parts, me: dict) -> Video | None:
    """The person's own video, where a scene is begun with one."""
    if not me["reference"] or me["reference_pick"] != f"{me['reference']}:{OWN}":
        return None
    return page.service.library.video(page.owner(me), me["reference"])


def showing(page: Parts, me: dict) -> list:
    """Updates of `start_shown`."""
    start, mine = me["start"], own_video(page, me)
    picture = page.service.creations.picture(page.owner(me), me["picture"]) if me["picture"] else None
    seen = (
        ""
        if picture is None
        else tag(
            "img",
            src=f"{file_urls(me['picture'])}inputs/{picture.name}",
            alt="The picture it begins with",
            class_="begins",
        )
    )
    card = (
        ""
        if mine is None
        else tag(
            "div",
            tag(
                "video",
                src=clip_urls(page.owner(me), mine.id) + "clip.mp4",
                controls=True,
                muted=True,
                playsinline=True,
                aria_label=mine.name,
            ),
            tag("p", text(mine.name), class_="quiet"),
            class_="begins",
        )
    )
    return [
        start,
        gr.update(visible=start == PICTURE),
        seen,
        gr.update(visible=start == OWN),
        card,
        gr.update(visible=start != OWN),
    ]
