"""Step three: the scene forms. Everything here follows the journal of a run that another process works on."""

import json
import logging
import time

import gradio as gr

from fourreal.errors import UserError
from fourreal.jobs.values import Run
from fourreal.web import explore, failed, figures
from fourreal.web.cursor import STAGES, advance, fresh, stage_name
from fourreal.web.forming import how_far, left_in_words
from fourreal.web.markup import note, piece, tag, text
from fourreal.web.parts import EXPLORE, NEW, PRIVATE, WATCH, Parts
from fourreal.web.routes import clip_urls, file_urls
from fourreal.web.session import known, safely
from fourreal.web.viewer_box import shown

LIVE = ("queued", "running")
CURVES_SECONDS = 4.0  # between two drawings of the curves: the browser may share the processor with the fit
log = logging.getLogger(__name__)


def build(page: Parts) -> None:
    progress = piece(nothing(), elem_id="progress")
    with gr.Row(elem_classes="pair", visible=False) as stops:
        keep = gr.Button("Stop and keep it", elem_id="stop-keep")
        stop = gr.Button("Stop", variant="stop", elem_id="stop")
    resume = gr.Button("Continue", variant="primary", visible=False, elem_id="watch-resume")
    critique = piece(elem_id="critique")
    with gr.Tabs(elem_classes="small", visible=False) as plots:
        with gr.Tab("Curves"):
            curves = gr.Plot(show_label=False, elem_id="curves")
        with gr.Tab("Cameras and points"):
            layout = gr.Plot(show_label=False, elem_id="layout")
    drawn, placed = gr.State(0.0), gr.State("")  # when the curves were drawn, and of which run the cameras are
    page.named |= {"watch": [progress, stops, resume, critique, plots, drawn, placed]}

    # Each output costs a browser some time, changed or not: a tick has only those that change often, and figures, which
    # are large, have events of their own.
    often = [page.cursor, page.viewer, page.caption, progress, drawn]
    outputs = [
        *often,
        page.me,
        page.timer,
        page.tabs,
        page.steps,
        stops,
        resume,
        critique,
        plots,
        placed,
        *page.named["explore"],
    ]
    more = gr.State(0)  # counts what a tick saw and left to the event with all of them
    drawn.change(curves_now, [page.cursor, drawn], curves, **PRIVATE)
    placed.change(lambda id: layout_now(page, id), placed, layout, **PRIVATE)

    def look(me: dict, cursor: dict | None) -> dict:
        try:
            return news(page, known(me), cursor)
        except Exception as error:  # the next tick may see more; a message a second would help nobody
            log.error("a run could not be followed", exc_info=error)
            return {}

    def follow(me: dict, cursor: dict | None):
        change = look(me, cursor)
        return [change.get(component, gr.skip()) for component in outputs]

    def tick(me: dict, cursor: dict | None, count: int):
        change = look(me, cursor)
        if not change.keys() <= set(often):
            return [*(gr.skip() for _ in often), count + 1]
        return [*(change.get(component, gr.skip()) for component in often), gr.skip()]

    page.named["often"] = often
    page.named["follow_event"] = {"fn": follow, "inputs": [page.me, page.cursor], "outputs": outputs, **PRIVATE}
    page.timer.tick(tick, [page.me, page.cursor, more], [*often, more], **PRIVATE)
    more.change(**page.named["follow_event"])

    def ending(keeps: bool):
        @safely
        def end(me: dict):
            me = known(me)
            page.service.jobs.cancel(page.owner(me), me["run"], keep=keeps)
            gr.Info("Stopping. What was done so far stays." if keeps else "Stopping.", title="", duration=4)

        return end

    page.named["resumed_here"] = resume.click(
        page.named["go_on"], page.me, [page.steps, page.timer, page.cursor], **PRIVATE
    )
    for press, keeps in ((keep, True), (stop, False)):
        press.click(ending(keeps), page.me, None, **PRIVATE)


def news(page: Parts, me: dict, cursor: dict | None) -> dict:
    """Updates, by component, for whatever is new in the run that `me` follows; mostly none."""
    change = {}
    progress, stops, resume, critique, plots, drawn, placed = page.named["watch"]
    if cursor is not None and cursor["run"] != me["run"]:
        return change  # a tick from before something else was chosen: `cursor` is here, `me` comes from the browser
    if not me["run"]:
        change |= {page.timer: gr.Timer(active=False), progress: nothing(), stops: gr.update(visible=False)}
        return change
    owner = page.owner(me)
    try:
        run = page.service.runs.get(owner, me["run"])
    except UserError:  # deleted in another tab
        change |= {
            page.me: me | {"run": ""},
            page.timer: gr.Timer(active=False),
            progress: nothing(),
            stops: gr.update(visible=False),
        }
        return change
    cursor = cursor or fresh(run.id)
    first = not cursor["state"]
    entries, offset = page.service.jobs.journal(owner, run.id, cursor["offset"])
    before, cursor = cursor, advance(cursor, entries, offset)
    live = run.state in LIVE
    # an example's score against unseen views comes a little after its scene
    awaited = not live and explore.score_awaited(page, run, owner)
    state = [run.state, run.place, awaited]
    if not entries and state == before["state"]:
        return change
    cursor["state"] = state
    change[page.cursor] = cursor
    change[progress] = progress_box(page, run, cursor, owner)
    turned = before["state"][:1] != [run.state]
    if turned:
        change |= {stops: gr.update(visible=live), resume: gr.update(visible=run.resumable)}
    if first:
        change |= {plots: gr.update(visible=False), drawn: 0.0, placed: "", critique: ""}
    if cursor["critique"] and (first or cursor["critique"] != before["critique"]):
        change[critique] = critique_box(page, run, cursor)
    change |= figures_due(page, run, cursor, before)
    if live:
        change |= {page.timer: gr.Timer(active=True)} if first else {}
        change |= {page.tabs: gr.Tabs(selected=NEW), page.steps: gr.Tabs(selected=WATCH)} if first else {}
        change |= forming(page, run, cursor, before, owner, first)
    else:
        change[page.timer] = gr.Timer(active=awaited)
        if not turned:  # only its figures are new
            change[page.named["explore"][0]] = explore.summary_box(page, run, owner)
            return change
        change |= explore.arrived(page, run, owner)
        if run.has_scene:
            change |= {page.tabs: gr.Tabs(selected=NEW), page.steps: gr.Tabs(selected=EXPLORE)}
        else:
            ended = "It did not work out." if run.state == "failed" else "Stopped before there was anything to keep."
            change[page.caption] = tag("div", tag("h2", text(run.name)), tag("p", ended), class_="caption")
            change |= {page.tabs: gr.Tabs(selected=NEW), page.steps: gr.Tabs(selected=WATCH)}
    return change


def figures_due(page: Parts, run: Run, cursor: dict, before: dict) -> dict:
    """Updates that have the curves, and the cameras and points, drawn where that is due; `cursor` notes it."""
    *_, plots, drawn, placed = page.named["watch"]
    change, live = {}, run.state in LIVE
    due = not live or time.time() - cursor["plotted"] > CURVES_SECONDS
    new = not live or cursor["series"] != before["series"]
    if run.state == "running" and not before["plotted"]:
        new = due = True  # axes, before there is anything on them: what draws them keeps a browser busy for a second
    if new and due and (cursor["series"]["step"] or run.state == "running"):
        cursor["plotted"] = change[drawn] = time.time()
        change |= {} if before["plotted"] else {plots: gr.update(visible=True)}
    if not cursor["layout"] and layout_of(page, run.id):
        cursor["layout"] = True
        change |= {plots: gr.update(visible=True), placed: run.id}
    return change


def forming(page: Parts, run: Run, cursor: dict, before: dict, owner: str, first: bool) -> dict:
    """Updates of the viewer and its caption while there is no finished scene."""
    newer = cursor["scene"] != before["scene"] or cursor["preview"] != before["preview"]
    if not (first or newer):
        return {}
    folder = file_urls(run.id) + "live/"
    scene = folder + cursor["scene"] if cursor["scene"] else None
    picture = folder + cursor["preview"] if cursor["preview"] else first_picture(run, owner)
    status = "" if scene else "First looks appear here as the scene forms"
    line = "It sharpens every few seconds. Drag to look around while it does." if scene else "Taking shape."
    return {
        page.viewer: shown(scene, title=run.name, preview=None if scene else picture, status=status, live=True),
        page.caption: tag("div", tag("h2", text(run.name)), tag("p", line), class_="caption"),
    }


def first_picture(run: Run, owner: str) -> str:
    """What to look at before anything was made: a frame of the reference video."""
    return f"{clip_urls(owner, run.reference)}frames/{run.options.canonical_frame or 0:04d}.jpg"


def curves_now(cursor: dict | None, drawn: float):
    """The curves as far as the run has come; none before it began."""
    return figures.curves(cursor["series"]) if cursor and drawn else None


def layout_now(page: Parts, id: str):
    """The cameras and points of a run; none where it has none yet."""
    layout = layout_of(page, id) if id else None
    return figures.layout(layout) if layout else None


def layout_of(page: Parts, id: str) -> dict | None:
    """What live/layout.json of a run says, once its cameras are known."""
    try:
        layout = json.loads(page.service.jobs.public_file(id, "live/layout.json").read_text(encoding="utf-8"))
    except (UserError, FileNotFoundError, ValueError):
        return None
    return layout if isinstance(layout, dict) else None


def there(page: Parts, run: Run, name: str) -> bool:
    """Whether a run still has a file; the live ones of old runs may be gone."""
    try:
        return page.service.jobs.public_file(run.id, name) is not None
    except UserError:
        return False


# --- Markup ----------------------------------------------------------------------------------------------------------


def nothing() -> str:
    return tag("div", tag("p", "Nothing is running. Choose two videos and press Start."), class_="progress idle")


def progress_box(page: Parts, run: Run, cursor: dict, owner: str) -> str:
    """One clear line, a bar, and the stages."""
    last = cursor["last"]
    if run.state == "queued":
        ahead = {0: "It is next.", 1: "One scene is before it."}.get(run.place, f"{run.place} scenes are before it.")
        waiting = tag("p", "You can close this page; it will be here when you come back.", class_="quiet")
        return tag("div", tag("h4", "Waiting in line"), tag("p", ahead), waiting, class_="progress")
    if run.state == "failed":
        offered = failed.offers(run, failed.looks_swapped(page, run, owner))
        return tag("div", tag("h4", "It did not work out"), note(run.error, "bad"), offered, class_="progress")
    if run.state == "stopped":
        remains = "The scene as it was is kept." if run.has_scene else "Nothing could be kept yet."
        return tag("div", tag("h4", "Stopped"), tag("p", remains), class_="progress")
    now = stage_name(str(last.get("stage") or ""))
    done = run.state == "done"
    head = "Done" if done else STAGES.get(now, "Starting")
    share, left = (1.0, None) if done else how_far(page, run)
    details = [left_in_words(left) if not done else "", figures_told(last)]
    message = cursor["messages"][-1] if cursor["messages"] and not done else ""
    return tag(
        "div",
        tag("h4", text(head)),
        tag("p", text(" · ".join(filter(None, details))), class_="quiet", data_step=int(last.get("step") or 0)),
        tag("div", tag("i", style=f"width:{100 * share:.1f}%"), class_="bar"),
        stage_row(now, done),
        tag("p", text(message), class_="quiet message") if message else "",
        class_="progress",
    )


def critique_box(page: Parts, run: Run, cursor: dict) -> str:
    """The last distilled frames: as they were rendered, and beneath as the video model wants them."""
    name = f"live/{cursor['critique']}"
    if not there(page, run, name):
        return ""
    believed = ", ".join(f"{kind} {share:.0%}" for kind, share in sorted(cursor["trust"].items()))
    return tag(
        "figure",
        tag("h4", "What the video model says"),
        tag("img", src=file_urls(run.id) + name, alt="Above some frames as they are, below as the model wants them"),
        tag(
            "figcaption",
            "Above as it is, below as the model wants it."
            + (text(f" How far it is believed: {believed}.") if believed else ""),
            class_="quiet",
        ),
        class_="critique",
    )


def figures_told(last: dict) -> str:
    values = last.get("values") or {}
    psnr, splats = values.get("psnr"), values.get("splats")
    figures = [f"{psnr:.1f} dB" if psnr is not None else "", f"{splats:,.0f} splats" if splats is not None else ""]
    return " · ".join(part for part in figures if part)


def stage_row(now: str, done: bool) -> str:
    names = list(STAGES)
    reached = len(names) if done else (names.index(now) if now in names else 0)
    kinds = ("done" if i < reached else "now" if i == reached else "" for i in range(len(names)))
    items = (tag("li", text(STAGES[name]), class_=kind) for name, kind in zip(names, kinds, strict=True))
    return tag("ol", *items, class_="stages")
