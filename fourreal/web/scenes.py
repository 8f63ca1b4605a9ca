"""My scenes: everything this browser made, to open, rename, make again otherwise, compare and delete."""

import time

import gradio as gr

from fourreal.description import Options
from fourreal.jobs.values import Run
from fourreal.web import fields, further
from fourreal.web.compare import beside, chosen_of
from fourreal.web.cursor import fresh
from fourreal.web.markup import button, note, piece, pressed, tag, text
from fourreal.web.parts import COMPARE, NEW, PRIVATE, RECONSTRUCT, Parts
from fourreal.web.routes import file_urls
from fourreal.web.session import known, safely

STATES = {"queued": "Waiting", "running": "Forming", "done": "Done", "stopped": "Stopped", "failed": "Did not work out"}


def build(page: Parts) -> None:
    gallery = piece(elem_id="gallery")
    page.named["gallery"] = gallery

    @safely
    def refresh(me: dict):
        return cards(page.service.runs.all(page.owner(known(me))))

    page.named["gallery_event"] = {"fn": refresh, "inputs": page.me, "outputs": gallery, **PRIVATE}
    outputs = [
        page.me,
        page.cursor,
        gallery,
        page.tabs,
        page.steps,
        page.named["compare_things"],
        page.named["name"],
        *page.named["settings"].values(),
        page.named["critics"],
        *page.named["pair"][1:],
    ]

    @safely
    def act(me: dict, event: gr.EventData):
        me, sent = known(me), pressed(event)
        action, id, owner = sent.get("action", ""), sent.get("run", ""), page.owner(me)
        change: dict = {}
        if action == "open":
            page.service.runs.get(owner, id)
            change = {page.me: me | {"run": id}, page.cursor: fresh(id)}
        elif action == "rename":
            change = {gallery: cards(page.service.runs.all(owner), renaming=id)}
        elif action == "renamed":
            page.service.runs.rename(owner, id, sent.get("name", ""))
        elif action == "delete":
            page.service.jobs.delete(owner, id)
            change = {page.me: me | {"run": ""}, page.cursor: fresh("")} if me["run"] == id else {}
        elif action == "compare":
            chosen = chosen_of(page, owner, beside(id))
            change = {page.tabs: gr.Tabs(selected=COMPARE), page.named["compare_things"]: chosen}
        elif action == "again":
            change = otherwise(page, me, page.service.runs.get(owner, id))
        if gallery not in change:
            change[gallery] = cards(page.service.runs.all(owner))
        return [change.get(component, gr.skip()) for component in outputs]

    # Opening a run is following it: what it shows depends on how far it is.
    acted = gallery.select(act, page.me, outputs, **PRIVATE)
    acted.success(**page.named["follow_event"]).success(**page.named["estimate_event"])
    acted.success(**page.named["compare_again"])


def otherwise(page: Parts, me: dict, run: Run) -> dict:
    """Updates that lead to step two with a run's videos and settings, to be changed."""
    o = run.options
    saved = {
        "reference": run.reference,
        "freeze": run.freeze,
        "example": run.example or "",
        "canonical": o.canonical_frame,
        "further": further.entries_of(run),
    }
    me = me | saved | {"run": "", "again": run.id}
    settings = {field: fields.shown(Options, name, getattr(o, name)) for name, field in page.named["settings"].items()}
    shown = page.named["show_pair"](page, me)
    return {
        page.tabs: gr.Tabs(selected=NEW),
        page.steps: gr.Tabs(selected=RECONSTRUCT),
        page.cursor: fresh(""),
        page.named["critics"]: gr.Accordion(open=o.critic is not None),
        page.named["name"]: f"{run.name}, again"[:80],
        **settings,
        page.named["settings"]["preset"]: o.preset or "draft",
        **dict(zip(page.named["pair"], shown, strict=True)),
    }


# --- Markup ----------------------------------------------------------------------------------------------------------


def cards(runs: list[Run], renaming: str = "") -> str:
    """All runs, newest first."""
    if not runs:
        return tag("div", tag("p", "Nothing here yet. Scenes that you make in this browser stay here."), class_="idle")
    shown = tag("div", *(card(run, run.id == renaming) for run in runs), class_="gallery")
    return shown + tag("p", "Only this browser can see these scenes.", class_="quiet")


def card(run: Run, renaming: bool) -> str:
    picture = tag("img", src=f"{file_urls(run.id)}thumbnail.jpg", alt="", loading="lazy") if run.has_scene else ""
    when = time.strftime("%d %b %H:%M", time.localtime(run.created))
    field = tag(
        "input",
        value=run.name,
        maxlength=80,
        data_field="name",
        data_enter="renamed",
        aria_label="New name",
        class_="rename",
    )
    head = field + button("Save", "renamed", run=run.id) if renaming else tag("b", text(run.name))
    state = tag("i", STATES[run.state], class_=f"state {run.state}")
    busy = run.state in ("queued", "running")
    actions = [
        button("Rename", "rename", "quiet", run=run.id),
        button("Make again with other settings", "again", "quiet", run=run.id),
        button("Compare", "compare", "quiet", run=run.id) if run.has_scene else "",
        button("Delete", "delete", "quiet danger", run=run.id, confirm=f"Delete “{run.name}”? This cannot be undone."),
    ]
    return tag(
        "article",
        tag(
            "button",
            picture or tag("span", "", class_="blank"),
            type="button",
            class_="thumb",
            data_action="open",
            data_run=run.id,
            aria_label=f"Open {run.name}",
        ),
        tag(
            "div",
            head,
            tag("p", state, " ", text(when), class_="quiet"),
            note(run.outdated),
            tag("div", *actions, class_="actions"),
        ),
        class_="scene" + (" busy" if busy else ""),
        data_form=run.id,
    )
