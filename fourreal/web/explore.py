"""Step four: the finished scene, its figures, and everything that can be taken away from it."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr
from gradio.blocks import Block
from markupsafe import Markup

from fourreal.errors import UserError
from fourreal.jobs.films import FilmWish
from fourreal.jobs.values import Run
from fourreal.scene.film import RATES, SIZES, TRAJECTORIES
from fourreal.web import links, metrics, sharing
from fourreal.web.cursor import fresh
from fourreal.web.films import made_box
from fourreal.web.markup import caption, facts, joined, note, piece, pieces, tag, waiting
from fourreal.web.parts import EXPORT, Event, Page, Then, Updates, event
from fourreal.web.routes import file_urls
from fourreal.web.session import Visitor, personal
from fourreal.web.videos import Videos, show_pair
from fourreal.web.viewer_box import shown
from fourreal.web.way import After
from fourreal.web.words import duration

PATHS = [(name.capitalize(), name) for name in TRAJECTORIES]
FILM_SIZES = [("As filmed", ""), *((name, name) for name in SIZES)]
FILM_RATES = [("As filmed", 0), *((f"{rate}", rate) for rate in RATES)]
SCORE_SECONDS = 120.0
# By the element's id: (format, upright, what it is).
FORMATS = {
    "html": ("html", False, "One file to share (.html)"),
    "ply-upright": ("ply", True, "For other viewers (.ply)"),
    "ply": ("ply", False, "In the cameras' frame (.ply)"),
    "splat": ("splat", False, "For the web (.splat)"),
    "spz": ("spz", False, "Small (.spz)"),
    "4dgs": ("4dgs", False, "All moments in one (.4dgs)"),
}


class Explore:
    """formats: the buttons that make a file, by the names of `FORMATS`. path, size, rate: of a film; film makes it.
    made: where what was made is offered."""

    def __init__(self) -> None:
        self.summary = piece(pieces("explore").nothing(), elem_id="summary")
        with gr.Column(visible=False, elem_id="finished") as self.finished:
            with gr.Row(elem_classes="pair"):
                self.resume = gr.Button("Continue", variant="primary", visible=False, elem_id="resume")
                self.compare = gr.Button("Compare", elem_id="to-compare")
                self.again = gr.Button("New scene", elem_id="again")
            self.shared = piece(elem_id="shared")
            with gr.Column(elem_id="downloads"):
                self.links = piece(elem_id="links")
                with gr.Row(elem_classes="formats"):
                    self.formats = {
                        name: gr.Button(words, size="sm", elem_id=f"make-{name}")
                        for name, (*_, words) in FORMATS.items()
                    }
                with gr.Row(elem_classes="film"):
                    self.path = gr.Dropdown(PATHS, value="orbit", label="Film along", elem_id="film-path", scale=4)
                    small: dict[str, Any] = {"scale": 2, "min_width": 130}
                    self.size = gr.Dropdown(FILM_SIZES, value="", label="Size", elem_id="film-size", **small)
                    self.rate = gr.Dropdown(FILM_RATES, value=0, label="Frames a second", elem_id="film-rate", **small)
                    self.film = gr.Button("Make film", size="sm", elem_id="make-mp4", scale=1, min_width=80)
                piece(tag("p", "For your own path: the film editor under the picture.", class_="quiet"))
                self.made = piece(elem_id="made")

    @property
    def shown(self) -> list[Block]:
        """What `arrived` changes in this step."""
        return [self.summary, self.finished, self.resume, self.links, self.shared]


# What was made stays while the files listed are of its scene: they are told twice at times, and late to a busy browser.
OF_ONE_SCENE = r"""(links, made) => {
  const scene = (text) => /files\/(\w+)\//.exec(text ?? '')?.[1];
  return scene(made) && scene(made) === scene(links) ? made : '';
}"""


def wire(page: Page, step: Explore, videos: Videos, begun: Then, started_over: Then) -> None:
    """begun: what follows once a run is worked on again. started_over: once nothing is chosen any more."""
    step.links.change(**event(None, [step.links, step.made], step.made), js=OF_ONE_SCENE)

    def make(me: Visitor, format: str, upright: bool = False, film: FilmWish | None = None) -> str:
        file = page.service.exports.make(page.owner(me), me.run, format, upright=upright, film=film)
        return made_box(page.service.jobs.public_name(me.run), f"{file_urls(me.run)}exports/{file.name}")

    def slowly(press: gr.Button, function: Callable[..., str], inputs: list[Block]) -> None:
        press.click(**event(lambda: waiting("Making it"), None, step.made))
        making = press.click(**event(personal(function), [page.me, *inputs], step.made, EXPORT))
        making.failure(**event(lambda: "", None, step.made))

    for name, (format, upright, _) in FORMATS.items():
        slowly(step.formats[name], partial(make, format=format, upright=upright), [])

    def make_film(me: Visitor, path: str, size: str, rate: int) -> str:
        return make(me, "mp4", film=FilmWish.of(path, None, size or None, rate or None))

    slowly(step.film, make_film, [step.path, step.size, step.rate])
    begun(step.resume.click(**going_on(page)))
    step.compare.click(**event(lambda: page.to(After.ASKING_TO_COMPARE), None, page.places))

    @personal
    def start_over(me: Visitor):
        me = me.with_videos(reference="", freeze="", further=[], run="", making="", freezing="")
        return {**show_pair(page, videos, me), page.cursor: fresh(""), **page.to(After.STARTING_OVER)}

    outputs = [page.me, page.cursor, *videos.shown, *page.places]
    started_over(step.again.click(**event(start_over, page.me, outputs)))
    sharing.wire(page, step.shared)


def going_on(page: Page) -> Event:
    """The event of buttons that go on with a run where it was."""

    @personal
    def go_on(me: Visitor):
        page.service.runs.resume(page.owner(me), me.run)
        return page.follow(me, me.run)

    return event(go_on, page.me, page.following)


def arrived(page: Page, step: Explore, run: Run, owner: str) -> Updates:
    """Viewer, caption and this step for a run that is not running."""
    change: Updates = {
        step.summary: summary_box(page, run, owner),
        step.finished: gr.update(visible=run.has_scene or run.state != "done"),
        step.resume: gr.update(visible=run.resumable),
        step.links: pieces("explore").files(file_urls(run.id)) if run.has_scene else "",
        step.shared: sharing.box(page.service.shares.token(owner, run.id)) if run.has_scene else "",
    }
    return change | {page.viewer: opened(run), page.caption: caption_of(run)} if run.has_scene else change


def score_awaited(page: Page, run: Run, owner: str) -> bool:
    """Whether a run of an example will soon have been compared with what no video showed."""
    if run.state != "done" or not run.example or time.time() - (run.finished or 0.0) >= SCORE_SECONDS:
        return False
    return "ground_truth" not in page.service.runs.metrics(owner, run.id)


def opened(run: Run) -> dict:
    """What the viewer shows of a run that has a scene."""
    # the moment it was finished is part of the address: a scene that was continued is another file
    return shown(
        f"{file_urls(run.id)}scene.r4d?{int(run.finished or 0)}",
        title=run.name,
        address=links.address([f"scene:{run.id}"]),
    )


def caption_of(run: Run) -> Markup:
    how = "Drag to look around, scroll or pinch to come closer."
    return caption(run.name, how if run.state == "done" else "As far as it came before it was stopped.")


def summary_box(page: Page, run: Run, owner: str) -> Markup:
    """The figures of a run, in words, and what a person should know about it."""
    if run.state == "failed":
        return pieces("explore").failed(run)
    basics = [("Preset", run.options.preset or "by the device"), ("Took", duration(run.seconds))]
    try:
        measured = page.service.runs.metrics(owner, run.id)
    except UserError:  # deleted in this moment
        measured = {}
    return pieces("explore").summary(run, facts([*basics, *metrics.rows(measured)]), remarks(measured))


def remarks(measured: dict) -> Markup:
    """What a run's metrics say in sentences."""
    return joined(note(sentence) for sentence in measured.get("notes", ()) if sentence)
