"""My scenes: everything this browser made, to open, rename, make again otherwise, compare and delete."""

import time
from dataclasses import replace

import gradio as gr
from markupsafe import Markup

from fourreal.description import Options
from fourreal.jobs.values import Run
from fourreal.web import fields, further
from fourreal.web.compare import Compare, beside, chosen_of
from fourreal.web.cursor import fresh
from fourreal.web.markup import pieces, pressed
from fourreal.web.parts import Event, Page, Then, Updates, event
from fourreal.web.reconstruct import Reconstruct
from fourreal.web.routes import file_urls
from fourreal.web.session import Visitor, personal
from fourreal.web.videos import Videos, show_pair
from fourreal.web.watch import first_picture
from fourreal.web.way import After

STATES = {"queued": "Waiting", "running": "Forming", "done": "Done", "stopped": "Stopped", "failed": "Did not work out"}


def wire(
    page: Page, gallery: gr.HTML, videos: Videos, reconstruct: Reconstruct, compare: Compare, acted: Then
) -> Event:
    """The event that lists the scenes in `gallery`. acted: what follows a press there."""

    def drawn(me: Visitor, renaming: str = "") -> Updates:
        owner = page.owner(me)
        runs = [(run, picture(page, run, owner)) for run in page.service.runs.all(owner)]
        return {gallery: cards(runs, renaming)}

    @personal
    def act(me: Visitor, press: gr.EventData):
        sent, owner = pressed(press), page.owner(me)
        action, id = sent.get("action", ""), sent.get("run", "")
        change: Updates = {}
        if action == "open":
            page.service.runs.get(owner, id)
            change = {page.me: replace(me, run=id), page.cursor: fresh(id)}
        elif action == "rename":
            return drawn(me, renaming=id)
        elif action == "renamed":
            page.service.runs.rename(owner, id, sent.get("name", ""))
        elif action == "delete":
            page.service.jobs.delete(owner, id)
            change = {page.me: replace(me, run=""), page.cursor: fresh("")} if me.run == id else {}
        elif action == "compare":
            change = {compare.things: chosen_of(page, owner, beside(id)), **page.to(After.ASKING_TO_COMPARE)}
        elif action == "again":
            change = otherwise(page, videos, reconstruct, me, page.service.runs.get(owner, id))
        return change | drawn(me)

    form = [reconstruct.name, *reconstruct.settings.values(), reconstruct.critics]
    outputs = [page.me, page.cursor, gallery, *page.places, compare.things, *form, *videos.shown]
    acted(gallery.select(**event(act, page.me, outputs)))
    return event(personal(drawn), page.me, gallery)


def otherwise(page: Page, videos: Videos, reconstruct: Reconstruct, me: Visitor, run: Run) -> Updates:
    """Leads to step two with a run's videos and settings, to be changed."""
    options = run.options
    me = replace(
        me,
        reference=run.reference,
        freeze=run.freeze,
        further=further.entries_of(run),
        example=run.example or "",
        canonical=options.canonical_frame,
        run="",
        again=run.id,
    )
    form = reconstruct.settings
    settings: Updates = {field: fields.shown(Options, name, getattr(options, name)) for name, field in form.items()}
    return {
        **show_pair(page, videos, me),
        **settings,
        form["preset"]: options.preset or "draft",
        reconstruct.critics: gr.Accordion(open=options.critic is not None),
        reconstruct.name: f"{run.name}, again"[:80],
        page.cursor: fresh(""),
        **page.to(After.MAKING_A_SCENE_AGAIN),
    }


def picture(page: Page, run: Run, owner: str) -> str | None:
    """A look at a run: its scene, or what it is made from."""
    return f"{file_urls(run.id)}thumbnail.jpg" if run.has_scene else first_picture(page, run, owner)


def cards(runs: list[tuple[Run, str | None]], renaming: str = "") -> Markup:
    """All runs, newest first, each with its picture. renaming: the id of the one that is given another name."""
    shown = [(run, picture, time.strftime("%d %b %H:%M", time.localtime(run.created))) for run, picture in runs]
    return pieces("scenes").cards(shown, renaming, STATES)
