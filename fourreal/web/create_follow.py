"""What the step *Create* shows while candidates are made, and of those that are there."""

import contextlib

import gradio as gr

from fourreal.errors import UserError
from fourreal.jobs.create_values import Creation
from fourreal.video.prompt import freeze_prompt
from fourreal.video.registry import entry
from fourreal.web.candidates import gallery, making
from fourreal.web.choice import stage
from fourreal.web.clip_cards import freeze_slider
from fourreal.web.create_draft import scene_of
from fourreal.web.create_form import Part
from fourreal.web.create_start import own_video
from fourreal.web.parts import Parts
from fourreal.web.routes import clip_urls


def freezing(page: Parts, me: dict, draft: dict) -> list:
    """Updates of the second half: whether it is there, the frame that is frozen, the prompt without its actions, and
    the size, as near to the reference video's as its model can. draft: what was typed there before, of this scene."""
    owner, video, made = page.owner(me), None, None
    try:
        video = own_video(page, me)
        if me["reference"] and (me["freezing"] or me["making"]):
            video = page.service.library.video(owner, me["reference"])
            made = page.service.creations.get(owner, me["freezing"] or me["making"])
    except UserError:  # deleted meanwhile
        video = None
    if video is None:
        return [gr.update(visible=False), "", gr.skip(), gr.skip(), gr.skip()]
    words = "" if made is None else made.wishes.prompt if me["freezing"] else freeze_prompt(made.wishes.prompt)
    folder = clip_urls(owner, video.id) + "frames/"
    frame = freeze_slider("The moment that is frozen", video, folder, me["canonical"] or 0)
    if draft.get("of") == scene_of(me):
        return [gr.update(visible=True), frame, draft["prompt"], draft["width"], draft["height"]]
    if made is None:
        return [gr.update(visible=True), frame, words, gr.skip(), gr.skip()]
    try:
        size = entry(made.wishes.model).capabilities.nearest_size((video.width, video.height))
    except UserError:  # a model that is no more
        size = gr.skip(), gr.skip()
    return [gr.update(visible=True), frame, words, *size]


def earlier(page: Parts, me: dict):
    """Update of the list of everything that was asked for before; it is there once there is a choice."""
    what = {"reference": "", "freeze": "Frozen: "}
    found = page.service.creations.all(page.owner(me))
    choices = [(what[one.wishes.role] + one.wishes.prompt[:90], one.id) for one in found]
    here = next((id for id in (me["freezing"], me["making"]) if id in [one.id for one in found]), None)
    return gr.update(choices=choices, value=here, visible=len(choices) > 1)


def follow(page: Parts, me: dict, seen: dict, outputs: list) -> list:
    """Updates of all `outputs` for what is new in the creations that `me` follows; mostly little."""
    updates, busy, now, there = {}, False, dict(seen), {}
    for half in page.named["create"]:
        try:
            found = page.service.creations.get(page.owner(me), me[half.kept]) if me[half.kept] else None
        except UserError:  # deleted in another tab
            found, me = None, me | {half.kept: ""}
            updates[page.me] = me
        there[half.role] = found
        busy |= found is not None and found.busy
        line = "" if found is None else making(found)
        if line != seen.get(f"{half.kept} line"):
            now[f"{half.kept} line"] = line
            updates[half.progress] = line
        state = [state_of(found), found is not None and found.resumable]
        for key, look, draw in ((half.kept, looks_of(found), cards), (f"{half.kept} state", state, buttons)):
            if look != seen.get(key):
                now[key] = look
                updates |= draw(half, found)
    mine = None
    if not me["making"]:
        with contextlib.suppress(UserError):  # deleted meanwhile
            mine = own_video(page, me)
    address = "" if mine is None else clip_urls(page.owner(me), mine.id) + "clip.mp4"
    shown = stage(there["reference"], there["freeze"], picks(me), mine, address)
    if shown != seen.get("stage"):
        now["stage"] = updates[page.choice] = shown
    if now != seen:
        updates[page.seen] = now
    if not busy:
        updates[page.making] = gr.Timer(active=False)
    return [updates.get(component, gr.skip()) for component in outputs]


def picks(me: dict) -> dict[str, str]:
    """Which candidates were taken, by role: those whose videos are still the chosen ones."""
    parts = {role: me[f"{role}_pick"].partition(":") for role in ("reference", "freeze")}
    return {role: which for role, (video, _, which) in parts.items() if video and video == me[role]}


def looks_of(found: Creation | None) -> list:
    """What the gallery shows of a creation. Only when this changes is it drawn anew: its videos begin anew then, and
    whatever somebody was about to set in a card is lost."""
    if found is None:
        return []
    each = [[one.number, one.made, one.kept, one.total, one.degrees, one.error] for one in found.candidates]
    return [found.id, found.discarded, each]


def state_of(found: Creation | None) -> str:
    return "" if found is None else found.state


def cards(half: Part, found: Creation | None) -> dict:
    return {half.candidates: "" if found is None else gallery(found), half.rest: gr.update(visible=found is not None)}


def buttons(half: Part, found: Creation | None) -> dict:
    state = state_of(found)
    return {
        half.stop: gr.update(visible=state in ("queued", "running")),
        half.resume: gr.update(visible=found is not None and found.resumable),
        half.state: state,
    }
