"""What a run that failed offers: other videos, the two in each other's place, a cut trimmed away."""

from dataclasses import replace
from typing import Any

import gradio as gr
from markupsafe import Markup

from fourreal.errors import UserError
from fourreal.jobs.values import Run
from fourreal.web import further
from fourreal.web.cursor import fresh
from fourreal.web.markup import pieces, pressed
from fourreal.web.parts import INTAKE, Page, event
from fourreal.web.session import Visitor, personal
from fourreal.web.videos import Checking, Videos, show_pair, swapped
from fourreal.web.way import After


def offers(run: Run, looks_swapped: bool) -> Markup:
    """Buttons for what may help. looks_swapped: whether the checks say that each of the two should be the other."""
    refusal = run.refusal
    return pieces("watch").offers(refusal is not None and bool(refusal.cut), refusal is not None, looks_swapped)


def looks_swapped(page: Page, run: Run, owner: str) -> bool:
    """Whether the checks have said that each of a run's two videos looks like what the other should be."""
    try:
        seen = page.service.inspections.seen_checks(owner, run.reference, run.freeze)
    except UserError:  # one of them was deleted
        return False
    return seen is not None and seen.swapped


def wire(page: Page, progress: gr.HTML, videos: Videos, checking: Checking) -> None:
    """Presses in what is said of a run that failed lead back to the videos. progress: where that is."""

    @personal
    def act(me: Visitor, press: gr.EventData):
        me = with_videos(page, me, pressed(press).get("action", ""))
        change = {page.cursor: fresh(""), **page.to(After.CHANGING_VIDEOS_THAT_FAILED)}
        return show_pair(page, videos, me) | change

    outputs = [page.me, page.cursor, *videos.shown, *page.places]
    checking.after(progress.select(**event(act, page.me, outputs, INTAKE)))


def with_videos(page: Page, me: Visitor, action: str) -> Visitor:
    """The visitor with the videos of the run that it shows, changed as was asked for."""
    owner = page.owner(me)
    run = page.service.runs.get(owner, me.run)
    reference, freeze, takes = page.service.runs.videos_of(owner, run.id)
    entries = [entry | {"video": id} for entry, id in zip(further.entries_of(run), takes, strict=True)]
    me = me.with_videos(reference=reference, freeze=freeze, further=entries, run="")
    if action == "swap":
        return swapped(me)
    if action == "trim":
        return trimmed(page, me, run)
    return replace(me, canonical=run.options.canonical_frame, example=run.example or "")


def trimmed(page: Page, me: Visitor, run: Run) -> Visitor:
    """The visitor with the video that is cut to another shot trimmed to its longest part."""
    if run.refusal is None or not run.refusal.cut:
        raise UserError("None of these videos is known to be cut. Trim them below their cards.")
    which, part = run.refusal.cut, (run.refusal.first, run.refusal.last)
    owner = page.owner(me)
    if which in ("reference", "freeze"):
        changes: dict[str, Any] = {which: page.service.library.trim(owner, me.video(which), *part).id}
        return replace(me, **changes)
    entries = [dict(one) for one in me.further]
    entries[int(which)]["video"] = page.service.library.trim(owner, entries[int(which)]["video"], *part).id
    return replace(me, further=entries)
