"""Step four: the finished scene, its figures, and everything that can be taken away from it."""

import time

import gradio as gr

from fourreal.errors import UserError
from fourreal.jobs.films import FilmWish
from fourreal.jobs.values import Run
from fourreal.scene.film import RATES, SIZES, TRAJECTORIES
from fourreal.web import links, metrics, sharing
from fourreal.web.cursor import fresh
from fourreal.web.films import made_box
from fourreal.web.markup import duration, facts, note, piece, tag, text, waiting
from fourreal.web.parts import COMPARE, CREATE, EXPORT, NEW, PRIVATE, WATCH, Parts
from fourreal.web.routes import file_urls
from fourreal.web.session import known, safely
from fourreal.web.videos import FRESH
from fourreal.web.viewer_box import shown

PATHS = [(name.capitalize(), name) for name in TRAJECTORIES]
FILM_SIZES = [("As filmed", ""), *((name, name) for name in SIZES)]
FILM_RATES = [("As filmed", 0), *((f"{rate}", rate) for rate in RATES)]
SCORE_SECONDS = 120.0
# By the element's id: (format, upright, what it is).
FORMATS = {
    "html": ("html", False, "One file to share (.html)"),
    "ply-upright": ("ply", True, "For other viewers (.ply)"),
    "ply": ("ply", False, "As it was filmed (.ply)"),
    "splat": ("splat", False, "For the web (.splat)"),
}


def build(page: Parts) -> None:
    summary = piece(nothing(), elem_id="summary")
    with gr.Column(visible=False, elem_id="finished") as finished:
        with gr.Row(elem_classes="pair"):
            resume = gr.Button("Continue", variant="primary", visible=False, elem_id="resume")
            compare = gr.Button("Compare", elem_id="to-compare")
            again = gr.Button("New scene", elem_id="again")
        sharing.build(page)
        with gr.Column(elem_id="downloads"):
            saved = piece(elem_id="links")
            with gr.Row(elem_classes="formats"):
                wanted = [gr.Button(what, size="sm", elem_id=f"make-{id}") for id, (*_, what) in FORMATS.items()]
            with gr.Row(elem_classes="film"):
                path = gr.Dropdown(
                    PATHS, value="orbit", label="A film, the camera moving along", elem_id="film-path", scale=4
                )
                size = gr.Dropdown(FILM_SIZES, value="", label="Size", elem_id="film-size", scale=2, min_width=90)
                rate = gr.Dropdown(
                    FILM_RATES, value=0, label="Frames a second", elem_id="film-rate", scale=2, min_width=90
                )
                film = gr.Button("Make", size="sm", elem_id="make-mp4", scale=1, min_width=80)
            piece(tag("p", "For a path of your own, open the film editor under the picture.", class_="quiet"))
            made = piece(elem_id="made")
    # Only where another scene's files are listed: a scene may arrive twice, and what was made of it stays then.
    saved.change(None, None, made, js="() => ''", api_visibility="private")
    page.named["explore"] = [summary, finished, resume, saved, page.named["shared"]]
    page.named["resume"] = resume

    @safely
    def make(me: dict, format: str, upright: bool = False, wish: FilmWish | None = None):
        me = known(me)
        file = page.service.exports.make(page.owner(me), me["run"], format, upright=upright, film=wish)
        return made_box(page.service.jobs.public_name(me["run"]), f"{file_urls(me['run'])}exports/{file.name}")

    def make_film(me: dict, path: str, size: str, rate: int):
        return make(me, "mp4", wish=safely(FilmWish.of)(path, None, size or None, rate or None))

    def slowly(press: gr.Button, function, inputs: list) -> None:
        press.click(lambda: waiting("Making it"), None, made, **PRIVATE)
        press.click(function, inputs, made, **EXPORT).failure(lambda: "", None, made, **PRIVATE)

    for press, (format, upright, _) in zip(wanted, FORMATS.values(), strict=True):
        slowly(press, lambda me, format=format, upright=upright: make(me, format, upright), [page.me])
    slowly(film, make_film, [page.me, path, size, rate])

    @safely
    def go_on(me: dict):
        me = known(me)
        page.service.runs.resume(page.owner(me), me["run"])
        return [gr.Tabs(selected=WATCH), gr.Timer(active=True), fresh(me["run"])]

    page.named["go_on"] = go_on
    page.named["resumed"] = resume.click(go_on, page.me, [page.steps, page.timer, page.cursor], **PRIVATE)
    compare.click(lambda: gr.Tabs(selected=COMPARE), None, page.tabs, **PRIVATE)

    def start_over(me: dict):
        empty = dict.fromkeys(("reference", "freeze", "run", "making", "freezing"), "")
        me = known(me) | empty | {"further": [], **FRESH}
        return [*page.named["show_pair_now"](me), gr.Tabs(selected=NEW), gr.Tabs(selected=CREATE), fresh("")]

    page.named["started_over"] = again.click(
        safely(start_over), page.me, [*page.named["pair"], page.tabs, page.steps, page.cursor], **PRIVATE
    )


def arrived(page: Parts, run: Run, owner: str) -> dict:
    """Updates of viewer, caption and this step for a run that is not running."""
    summary, finished, resume, saved, shared = page.named["explore"]
    change = {
        summary: summary_box(page, run, owner),
        finished: gr.update(visible=run.has_scene or run.state != "done"),
        resume: gr.update(visible=run.resumable),
        saved: link_row(run) if run.has_scene else "",
        shared: sharing.box(page.service.shares.token(owner, run.id)) if run.has_scene else "",
    }
    if run.has_scene:
        change |= {page.viewer: opened(run), page.caption: caption(run)}
    return change


def score_awaited(page: Parts, run: Run, owner: str) -> bool:
    """Whether a run of an example will soon have been compared with what no video showed."""
    fresh = time.time() - (run.finished or 0.0) < SCORE_SECONDS
    return (
        run.state == "done"
        and bool(run.example)
        and fresh
        and "ground_truth" not in page.service.runs.metrics(owner, run.id)
    )


def opened(run: Run) -> dict:
    """What the viewer shows of a run that has a scene."""
    # the moment it was finished is part of the address: a scene that was continued is another file
    return shown(
        f"{file_urls(run.id)}scene.r4d?{int(run.finished or 0)}",
        title=run.name,
        address=links.address([f"scene:{run.id}"]),
    )


def caption(run: Run) -> str:
    how = "Drag to look around, scroll to come closer, scrub through time."
    line = how if run.state == "done" else "As far as it came before it was stopped."
    return tag("div", tag("h2", text(run.name)), tag("p", line), class_="caption")


def nothing() -> str:
    return tag("div", tag("p", "Your scene appears here. Earlier ones are under My scenes."), class_="idle")


def summary_box(page: Parts, run: Run, owner: str) -> str:
    """The figures of a run, in words, and what a person should know about it."""
    if run.state == "failed":
        why_not_again = note(run.outdated) if run.outdated != run.error else ""
        return tag("div", tag("h4", text(run.name)), note(run.error, "bad"), why_not_again)
    basics = [("Preset", run.options.preset or "by the device"), ("Took", duration(run.seconds))]
    try:
        measured = page.service.runs.metrics(owner, run.id)
    except UserError:  # deleted in this moment
        measured = {}
    rows = facts([*basics, *metrics.rows(measured)])
    return tag("div", tag("h4", text(run.name)), rows, note(run.outdated), remarks(measured), class_="figures")


def remarks(measured: dict) -> str:
    """What a run's metrics say in sentences."""
    return "".join(note(sentence) for sentence in measured.get("notes", ()) if sentence)


def link_row(run: Run) -> str:
    """Addresses of what is there already."""
    folder = file_urls(run.id)
    files = (("scene.r4d", "Viewer file (.r4d)"), ("manifest.json", "Manifest (.json)"))
    links = (tag("a", what, href=f"{folder}{name}?download", download=True, class_="save") for name, what in files)
    return tag("div", *links, class_="links")
