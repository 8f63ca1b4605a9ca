"""What the step *Create* shows while candidates are made, and of those that are there."""

import gradio as gr

from fourreal.errors import UserError
from fourreal.jobs.create_values import Creation
from fourreal.video.prompt import freeze_prompt
from fourreal.web.candidates import gallery, making
from fourreal.web.create_form import Part
from fourreal.web.parts import Parts
from fourreal.web.routes import clip_urls
from fourreal.web.videos import freeze_slider


def freezing(page: Parts, me: dict) -> list:
    """Updates of the second half: whether it is there, the frame that is frozen, the prompt without its actions, and
    the size, which is the reference video's."""
    video = None
    if me["making"] and me["reference"]:
        try:
            video = page.service.video(page.owner(me), me["reference"])
            words = page.service.creation(page.owner(me), me["making"]).wishes.prompt
        except UserError:  # deleted meanwhile
            video = None
    if video is None:
        return [gr.update(visible=False), "", gr.skip(), gr.skip(), gr.skip()]
    folder = clip_urls(page.owner(me), video.id) + "frames/"
    frame = freeze_slider("The moment that is frozen", video, folder, me["canonical"] or 0)
    return [gr.update(visible=True), frame, freeze_prompt(words), video.width, video.height]


def follow(page: Parts, me: dict, seen: dict, outputs: list) -> list:
    """Updates of all `outputs` for what is new in the creations that `me` follows; mostly little."""
    updates, busy, now = {}, False, dict(seen)
    for half in page.named["create"]:
        try:
            found = page.service.creation(page.owner(me), me[half.kept]) if me[half.kept] else None
        except UserError:  # deleted in another tab
            found, me = None, me | {half.kept: ""}
            updates[page.me] = me
        busy |= found is not None and found.busy
        line = "" if found is None else making(found)
        if line != seen.get(f"{half.kept} line"):
            now[f"{half.kept} line"] = line
            updates[half.progress] = line
        look = looks_of(found)
        if look != seen.get(half.kept):
            now[half.kept] = look
            updates |= shown(half, found)
    if now != seen:
        updates[page.seen] = now
    if not busy:
        updates[page.making] = gr.Timer(active=False)
    return [updates.get(component, gr.skip()) for component in outputs]


def looks_of(found: Creation | None) -> list:
    """What the gallery shows of a creation: it is drawn anew, its videos begun anew, only when this changes."""
    if found is None:
        return ["", "", []]
    each = [[one.number, one.made, one.kept, one.total, one.degrees] for one in found.candidates]
    return [found.id, found.state, each]


def shown(half: Part, found: Creation | None) -> dict:
    """Updates of one half for a creation, or for none."""
    if found is None:
        return {half.candidates: "", half.rest: gr.update(visible=False), half.stop: gr.update(visible=False),
                half.resume: gr.update(visible=False)}  # fmt: skip
    return {
        half.candidates: gallery(found),
        half.rest: gr.update(visible=True),
        half.stop: gr.update(visible=found.busy),
        half.resume: gr.update(visible=found.state in ("stopped", "failed")),
    }
