"""Where all cameras stood, to be seen in step one before anything is fitted."""

import gradio as gr
from gradio.blocks import Block

from fourreal.description import Options
from fourreal.errors import UserError
from fourreal.web import figures, further
from fourreal.web.markup import joined, note, piece, waiting
from fourreal.web.parts import PLACING, Page, Updates, event
from fourreal.web.session import Visitor, personal


class Stood:
    def __init__(self) -> None:
        self.press = gr.Button("Show where the cameras stood", visible=False, elem_id="show-cameras")
        self.sentence = piece(elem_id="stood")
        self.plot = gr.Plot(show_label=False, visible=False, elem_id="stood-plot")
        self.placement = gr.State(None)

    @property
    def shown(self) -> list[Block]:
        return [self.press, self.sentence, self.plot]

    def hidden(self, me: Visitor) -> Updates:
        """Before anything was computed, and with other videos."""
        press = gr.update(visible=me.has_pair, interactive=True)
        return {self.press: press, self.sentence: "", self.plot: gr.update(visible=False, value=None)}


def wire(page: Page, stood: Stood) -> None:
    @personal
    def place(me: Visitor):
        if not me.has_pair:
            raise UserError("Choose two videos first.")
        options = Options(preset=page.suited_preset(), canonical_frame=me.canonical)
        try:
            layout = page.service.placements.place(page.owner(me), me.reference, me.freeze, options, further.chosen(me))
        except UserError as error:
            return {"of": key(me), "refused": str(error)}
        return {"of": key(me), "layout": layout}

    @personal
    def show(me: Visitor, placement: dict | None):
        if not placement or placement["of"] != key(me):  # other videos were chosen meanwhile
            return stood.hidden(me)
        placed = "layout" in placement
        change = {stood.press: gr.update(visible=not placed, interactive=True)}
        if not placed:
            sentence = note(placement["refused"], "bad")
            return change | {stood.sentence: sentence, stood.plot: gr.update(visible=False, value=None)}
        layout = placement["layout"]
        figure = gr.update(visible=True, value=figures.layout(layout))
        return change | {stood.sentence: joined(map(note, layout["notes"])), stood.plot: figure}

    begin = [gr.update(interactive=False), waiting("Finding the cameras, a minute or so")]
    stood.press.click(**event(lambda: begin, None, [stood.press, stood.sentence]))
    done = stood.press.click(**event(place, page.me, stood.placement, PLACING))
    done.success(**event(show, [page.me, stood.placement], stood.shown))
    done.failure(**event(personal(stood.hidden), page.me, stood.shown))


def key(me: Visitor) -> list:
    """What the answer depends on, of what the browser keeps."""
    return [me.reference, me.freeze, me.further, me.canonical]
