"""The second half of *Create*: which moment of the reference video is frozen, and the form of what goes around it."""

from dataclasses import replace

import gradio as gr
from gradio.blocks import Block

from fourreal.errors import UserError
from fourreal.video.prompt import freeze_prompt
from fourreal.video.registry import entry
from fourreal.web.clip_cards import freeze_slider
from fourreal.web.create_draft import readable, scene_of
from fourreal.web.create_form import Form
from fourreal.web.create_start import own_video
from fourreal.web.markup import heading, number_in, piece, pressed
from fourreal.web.parts import Page, Updates, event
from fourreal.web.session import Visitor, personal


class Freezing:
    """column: all of it. frame: the moment, over a slider."""

    def __init__(self, draft: gr.BrowserState) -> None:
        with gr.Column(visible=False, elem_id="freezing") as self.column:
            heading("Now freeze a moment and go around it", "h3")
            self.frame = piece(elem_id="picked-frame")
            self.form = Form("freeze", draft)

    @property
    def shown(self) -> list[Block]:
        """What `showing` changes."""
        return [self.column, self.frame, *(self.form.fields[name] for name in ("prompt", "width", "height"))]


def wire(page: Page, freezing: Freezing) -> None:
    @personal
    def choose(me: Visitor, press: gr.EventData):
        return replace(me, canonical=number_in(pressed(press), "value"))

    freezing.frame.select(**event(choose, page.me, page.me))


def showing(page: Page, freezing: Freezing, me: Visitor, draft: object) -> Updates:
    """Whether the half is there, the frame that is frozen, the prompt without its actions, and the size, as near to the
    reference video's as its model can. draft: what the browser kept of the form; it stays where it is of this scene."""
    owner, video, creation = page.owner(me), None, None
    try:
        video = own_video(page, me)
        if me.reference and (me.freezing or me.making):
            video = page.service.library.video(owner, me.reference)
            creation = page.service.creations.get(owner, me.freezing or me.making)
    except UserError:  # deleted meanwhile
        video = None
    if video is None:
        return {freezing.column: gr.update(visible=False), freezing.frame: ""}
    fields = freezing.form.fields
    slider = freeze_slider("Which moment", video, owner, me.canonical or 0)
    change: Updates = {freezing.column: gr.update(visible=True), freezing.frame: slider}
    typed = readable(freezing.form, draft)
    if typed.get("of") == scene_of(me):
        return change | {fields[name]: typed[name] for name in ("prompt", "width", "height")}
    if creation is None:
        return change | {fields["prompt"]: ""}
    words = creation.wishes.prompt
    change[fields["prompt"]] = words if me.freezing else freeze_prompt(words)
    try:
        width, height = entry(creation.wishes.model or "").capabilities.nearest_size((video.width, video.height))
    except UserError:  # a model that is no more
        return change
    return change | {fields["width"]: width, fields["height"]: height}
