"""What the step *Create* shows while candidates are made, and of those that are there."""

import contextlib
from collections.abc import Sequence
from typing import Any

import gradio as gr

from fourreal.errors import UserError
from fourreal.jobs.create_values import Creation
from fourreal.web.candidates import gallery, making
from fourreal.web.choice import stage
from fourreal.web.create_form import Form
from fourreal.web.create_start import own_video
from fourreal.web.parts import Page, Updates
from fourreal.web.routes import clip_urls
from fourreal.web.session import CREATION_OF, Visitor


def follow(page: Page, forms: Sequence[Form], me: Visitor, seen: dict[str, Any]) -> Updates:
    """Whatever is new in the creations that the visitor follows; mostly little."""
    change: Updates = {}
    now = dict(seen)
    creations: dict[str, Creation | None] = {}

    def is_new(what: str, look: Any) -> bool:
        before, now[what] = now.get(what), look
        return look != before

    for form in forms:
        creation, role = None, form.role
        try:
            creation = page.service.creations.get(page.owner(me), me.creation(role)) if me.creation(role) else None
        except UserError:  # deleted in another tab
            me = me.following(role, "")
            change[page.me] = me
        creations[role] = creation
        line = "" if creation is None else making(creation)
        if is_new(f"{role} line", line):
            change[form.progress] = line
        if is_new(f"{role} cards", looks_of(creation)):
            change |= cards(form, creation)
        state, resumable = (creation.state, creation.resumable) if creation else ("", False)
        if is_new(f"{role} state", [state, resumable]):
            change |= buttons(form, state, resumable)
    mine = None
    if not me.making:
        with contextlib.suppress(UserError):  # deleted meanwhile
            mine = own_video(page, me)
    address = "" if mine is None else clip_urls(page.owner(me), mine.id) + "clip.mp4"
    shown = stage(creations["reference"], creations["freeze"], picks(me), mine, address)
    if is_new("stage", shown):
        change[page.choice] = shown
    if now != seen:
        change[page.seen] = now
    if not any(creation is not None and creation.busy for creation in creations.values()):
        change[page.making] = gr.Timer(active=False)
    return change


def picks(me: Visitor) -> dict[str, str]:
    """Which candidates were taken, by role: those whose videos are still the chosen ones."""
    parts = {role: me.pick(role).partition(":") for role in CREATION_OF}
    return {role: which for role, (video, _, which) in parts.items() if video and video == me.video(role)}


def looks_of(creation: Creation | None) -> list:
    """What the gallery shows of a creation. Only when this changes is it drawn anew: its videos begin anew then, and
    whatever somebody was about to set in a card is lost."""
    if creation is None:
        return []
    each = [[one.number, one.made, one.marked, one.total, one.degrees, one.error] for one in creation.candidates]
    return [creation.id, creation.discarded, each]


def cards(form: Form, creation: Creation | None) -> Updates:
    shown = gallery(creation) if creation else ""
    return {form.candidates: shown, form.rest: gr.update(visible=creation is not None)}


def buttons(form: Form, state: str, resumable: bool) -> Updates:
    stop = gr.update(visible=state in ("queued", "running"))
    return {form.stop: stop, form.resume: gr.update(visible=resumable), form.state: state}
