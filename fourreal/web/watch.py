"""Step three: the scene forms. Everything here follows the journal of a run that another process works on."""

import json
import logging
import time
from dataclasses import replace

import gradio as gr
from gradio.blocks import Block

from fourreal.errors import UserError
from fourreal.jobs.values import Run
from fourreal.web import explore, figures
from fourreal.web.cursor import advance, fresh
from fourreal.web.explore import Explore
from fourreal.web.markup import caption, piece, pieces
from fourreal.web.parts import Event, Page, Then, Updates, event
from fourreal.web.routes import clip_urls, file_urls
from fourreal.web.session import Visitor, personal
from fourreal.web.viewer_box import shown
from fourreal.web.watch_boxes import critique_box, progress_box
from fourreal.web.way import step_of

CURVES_SECONDS = 4.0  # between two drawings of the curves: the browser may share the processor with the fit
log = logging.getLogger(__name__)


class Watch:
    """stops: the buttons that end a run. plots: where the figures are. drawn: when the curves were; placed: of which
    run the cameras are. missed: counts what a tick saw and left to the event with all outputs."""

    def __init__(self) -> None:
        self.progress = piece(pieces("watch").nothing(), elem_id="progress")
        with gr.Row(elem_classes="pair", visible=False) as self.stops:
            self.keep = gr.Button("Stop and keep it", elem_id="stop-keep")
            self.stop = gr.Button("Stop", variant="stop", elem_id="stop")
        self.resume = gr.Button("Continue", variant="primary", visible=False, elem_id="watch-resume")
        self.critique = piece(elem_id="critique")
        with gr.Tabs(elem_classes="small", visible=False) as self.plots:
            with gr.Tab("Curves"):
                self.curves = gr.Plot(show_label=False, elem_id="curves")
            with gr.Tab("Cameras and points"):
                self.layout = gr.Plot(show_label=False, elem_id="layout")
        self.drawn, self.placed, self.missed = gr.State(0.0), gr.State(""), gr.State(0)


def often(page: Page, step: Watch) -> list[Block]:
    """What a tick changes. Each output costs a browser some time, changed or not, so a tick has only those that change
    often, and figures, which are large, have events of their own."""
    return [page.cursor, page.viewer, page.caption, step.progress, step.drawn]


def wire_following(page: Page, step: Watch, end: Explore) -> Event:
    """The event that shows a run as it is now, tick by tick."""
    few = often(page, step)
    rare = [step.stops, step.resume, step.critique, step.plots, step.placed]
    outputs = [*few, page.me, page.timer, *page.places, *rare, *end.shown]

    def look(me: Visitor, cursor: dict | None, seen: dict | None) -> Updates:
        try:
            return news(page, step, end, me, cursor, seen)
        except Exception as error:  # the next tick may see more; a message a second would help nobody
            log.error("a run could not be followed", exc_info=error)
            return {}

    @personal
    def tick(me: Visitor, cursor: dict | None, seen: dict | None, count: int):
        change = look(me, cursor, seen)
        return change if change.keys() <= set(few) else {step.missed: count + 1}

    follow = event(personal(look), [page.me, page.cursor, page.viewer], outputs)
    page.timer.tick(**event(tick, [page.me, page.cursor, page.viewer, step.missed], [*few, step.missed]))
    step.missed.change(**follow)
    step.drawn.change(**event(curves_now, [page.cursor, step.drawn], step.curves))
    step.placed.change(**event(lambda id: layout_now(page, id), step.placed, step.layout))
    return follow


def wire(page: Page, step: Watch, begun: Then) -> None:
    """begun: what follows once a run is worked on again."""

    def ending(keeps: bool):
        @personal
        def end(me: Visitor):
            page.service.jobs.cancel(page.owner(me), me.run, keep=keeps)
            gr.Info("Stopping. What was done so far stays." if keeps else "Stopping.", duration=6)

        return end

    for press, keeps in ((step.keep, True), (step.stop, False)):
        press.click(**event(ending(keeps), page.me))
    begun(step.resume.click(**explore.going_on(page)))


def news(page: Page, step: Watch, end: Explore, me: Visitor, cursor: dict | None, seen: dict | None) -> Updates:
    """Whatever is new in the run that the visitor follows; mostly nothing. seen: what the viewer shows."""
    if cursor is not None and cursor["run"] != me.run:
        return {}  # from before something else was chosen: `cursor` is here, the visitor comes from the browser
    idle: Updates = {
        page.timer: gr.Timer(active=False),
        step.progress: pieces("watch").nothing(),
        step.stops: gr.update(visible=False),
    }
    if not me.run:
        return idle
    owner = page.owner(me)
    try:
        run = page.service.runs.get(owner, me.run)
    except UserError:  # deleted in another tab
        return {page.me: replace(me, run=""), **idle}
    cursor = cursor or fresh(run.id)
    first = not cursor["state"]
    entries, offset = page.service.jobs.journal(owner, run.id, cursor["offset"])
    before, cursor = cursor, advance(cursor, entries, offset)
    live = run.live
    # an example's score against unseen views comes a little after its scene
    awaited = not live and explore.score_awaited(page, run, owner)
    state = [run.state, run.place, awaited]
    if not entries and state == before["state"]:
        return {}
    cursor["state"] = state
    change: Updates = {page.cursor: cursor, step.progress: progress_box(page, run, cursor, owner)}
    turned = before["state"][:1] != [run.state]
    if turned:
        change |= {step.stops: gr.update(visible=live), step.resume: gr.update(visible=run.resumable)}
    if first:
        change |= {step.plots: gr.update(visible=False), step.drawn: 0.0, step.placed: "", step.critique: ""}
    if cursor["critique"] and (first or cursor["critique"] != before["critique"]):
        change[step.critique] = critique_box(page, run, cursor)
    change |= figures_due(page, step, run, cursor, before)
    if live:
        change |= {page.timer: gr.Timer(active=True), **page.to(step_of(run))} if first else {}
        return (
            change if elsewhere(run, seen) and not first else change | forming(page, run, cursor, before, owner, first)
        )
    change[page.timer] = gr.Timer(active=awaited)
    if not turned:  # only its figures are new
        return change | {end.summary: explore.summary_box(page, run, owner)}
    change |= explore.arrived(page, end, run, owner) | page.to(step_of(run))
    if not run.has_scene:
        ended = "It did not work out." if run.state == "failed" else "Stopped before there was anything to keep."
        change |= {
            page.caption: caption(run.name, ended),
            page.viewer: shown(title=run.name, preview=first_picture(page, run, owner)),
        }
        if not (cursor["series"]["step"] or cursor["layout"]):  # there are but empty axes
            change[step.plots] = gr.update(visible=False)
    return change


def figures_due(page: Page, step: Watch, run: Run, cursor: dict, before: dict) -> Updates:
    """Has the curves, and the cameras and points, drawn where that is due; `cursor` notes it."""
    change: Updates = {}
    live = run.live
    due = not live or time.time() - cursor["plotted"] > CURVES_SECONDS
    new = not live or cursor["series"] != before["series"]
    if run.state == "running" and not before["plotted"]:
        new = due = True  # axes, before there is anything on them: what draws them keeps a browser busy for a second
    if new and due and (cursor["series"]["step"] or run.state == "running"):
        cursor["plotted"] = change[step.drawn] = time.time()
        change |= {} if before["plotted"] else {step.plots: gr.update(visible=True)}
    if not cursor["layout"] and layout_of(page, run.id):
        cursor["layout"] = True
        change |= {step.plots: gr.update(visible=True), step.placed: run.id}
    return change


def elsewhere(run: Run, seen: dict | None) -> bool:
    """Whether the viewer shows what the visitor has chosen meanwhile: a comparison, or another scene."""
    seen = seen or {}
    scene = seen.get("scene")
    return bool(seen.get("others") or (scene and not scene.startswith(file_urls(run.id))))


def forming(page: Page, run: Run, cursor: dict, before: dict, owner: str, first: bool) -> Updates:
    """The viewer and its caption while there is no finished scene."""
    newer = cursor["scene"] != before["scene"] or cursor["preview"] != before["preview"]
    if not (first or newer):
        return {}
    folder = file_urls(run.id) + "live/"
    scene = folder + cursor["scene"] if cursor["scene"] else None
    picture = folder + cursor["preview"] if cursor["preview"] else first_picture(page, run, owner)
    status = "" if scene else "First looks appear here"
    line = "It sharpens every few seconds." if scene else "Taking shape."
    return {
        page.viewer: shown(scene, title=run.name, preview=None if scene else picture, status=status, live=True),
        page.caption: caption(run.name, line),
    }


def first_picture(page: Page, run: Run, owner: str) -> str | None:
    """What to look at before anything was made: a frame of the reference video; None once that was deleted."""
    try:
        page.service.library.video(owner, run.reference)
    except UserError:
        return None
    return f"{clip_urls(owner, run.reference)}frames/{run.options.canonical_frame or 0:04d}.jpg"


def curves_now(cursor: dict | None, drawn: float):
    """The curves as far as the run has come; none before it began."""
    return figures.curves(cursor["series"]) if cursor and drawn else None


def layout_now(page: Page, id: str):
    """The cameras and points of a run; none where it has none yet."""
    layout = layout_of(page, id) if id else None
    return figures.layout(layout) if layout else None


def layout_of(page: Page, id: str) -> dict | None:
    """What live/layout.json of a run says, once its cameras are known."""
    try:
        layout = json.loads(page.service.jobs.public_file(id, "live/layout.json").read_text(encoding="utf-8"))
    except (UserError, FileNotFoundError, ValueError):
        return None
    return layout if isinstance(layout, dict) else None
