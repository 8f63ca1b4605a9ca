"""What a run that failed offers: other videos, the two in each other's place, a cut trimmed away."""

import gradio as gr

from fourreal.errors import UserError
from fourreal.jobs.values import Run
from fourreal.web import further
from fourreal.web.cursor import fresh
from fourreal.web.markup import button, pressed, tag
from fourreal.web.parts import INTAKE, NEW, VIDEOS, Parts
from fourreal.web.session import known, safely
from fourreal.web.videos import FRESH, swapped


def offers(run: Run, looks_swapped: bool) -> str:
    """Buttons for what may help. looks_swapped: whether the checks say that each of the two should be the other."""
    cut = run.refusal is not None and run.refusal.cut
    shown = [
        button("Trim at the cut", "trim", "main") if cut else "",
        button("Change the videos", "change", "" if cut or looks_swapped else "main"),
        button("Swap the two", "swap", "main" if looks_swapped else "quiet") if run.refusal is not None else "",
    ]
    return tag("div", *shown, class_="offers")


def looks_swapped(page: Parts, run: Run, owner: str) -> bool:
    """Whether the checks have said that each of a run's two videos looks like what the other should be."""
    try:
        seen = page.service.inspections.seen_checks(owner, run.reference, run.freeze)
    except UserError:  # one of them was deleted
        return False
    return seen is not None and seen.swapped


def wire(page: Parts) -> None:
    """Presses in what is told of a run that failed lead back to the videos."""
    progress, pair = page.named["watch"][0], page.named["pair"]

    @safely
    def act(me: dict, event: gr.EventData):
        me = with_videos(page, known(me), pressed(event).get("action", ""))
        shown = page.named["show_pair"](page, me)
        return [*shown, gr.Tabs(selected=NEW), gr.Tabs(selected=VIDEOS), fresh("")]

    pressing = progress.select(act, page.me, [*pair, page.tabs, page.steps, page.cursor], **INTAKE)
    pressing.success(**page.named["look"]).success(**page.named["look_further"])


def with_videos(page: Parts, me: dict, action: str) -> dict:
    """`me` with the videos of the run that it shows, changed as was asked for."""
    owner = page.owner(me)
    run = page.service.runs.get(owner, me["run"])
    reference, freeze, takes = page.service.runs.videos_of(owner, run.id)
    entries = [entry | {"video": id} for entry, id in zip(further.entries_of(run), takes, strict=True)]
    me = me | FRESH | {"reference": reference, "freeze": freeze, "further": entries, "run": ""}
    if action == "swap":
        return swapped(me)
    if action == "trim":
        return trimmed(page, me, run)
    return me | {"canonical": run.options.canonical_frame, "example": run.example or ""}


def trimmed(page: Parts, me: dict, run: Run) -> dict:
    """`me` with the video that is cut to another shot trimmed to its longest part."""
    if run.refusal is None or not run.refusal.cut:
        raise UserError("None of these videos is known to be cut. Trim them below their cards.")
    which, part = run.refusal.cut, (run.refusal.first, run.refusal.last)
    owner = page.owner(me)
    if which in ("reference", "freeze"):
        return me | {which: page.service.library.trim(owner, me[which], *part).id}
    entries = [dict(one) for one in me["further"]]
    entries[int(which)]["video"] = page.service.library.trim(owner, entries[int(which)]["video"], *part).id
    return me | {"further": entries}
