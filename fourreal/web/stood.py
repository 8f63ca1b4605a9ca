"""Where all cameras stood, to be seen in step one before anything is fitted."""

import gradio as gr

from fourreal.description import Options
from fourreal.errors import UserError
from fourreal.web import figures, further
from fourreal.web.markup import note, piece, waiting
from fourreal.web.parts import PLACING, PRIVATE, Parts, suited_preset
from fourreal.web.session import known, safely


def build(page: Parts) -> list:
    """The button, what is told, and the figure; see `hidden` for their updates with other videos."""
    press = gr.Button("Show where the cameras stood", visible=False, elem_id="show-cameras")
    sentence = piece(elem_id="stood")
    plot = gr.Plot(show_label=False, visible=False, elem_id="stood-plot")
    placement = gr.State(None)

    def find(me: dict):
        me = known(me)
        question = key(me)
        if not (me["reference"] and me["freeze"]):
            raise UserError("Choose two videos first.")
        options = Options(preset=suited_preset(page), canonical_frame=me["canonical"])
        try:
            layout = page.service.placements.place(
                page.owner(me), me["reference"], me["freeze"], options, further.chosen(me)
            )
        except UserError as error:
            return {"asked": question, "refused": str(error)}
        return {"asked": question, "layout": layout}

    def show(me: dict, placement: dict | None):
        if not placement or placement["asked"] != key(known(me)):  # other videos were chosen meanwhile
            return hidden(known(me))
        return [gr.update(visible="layout" not in placement, interactive=True), *shown(placement)]

    begin = [gr.update(interactive=False), waiting("Finding where the cameras stood, a minute or so")]
    press.click(lambda: begin, None, [press, sentence], **PRIVATE)
    done = press.click(safely(find), page.me, placement, **PLACING)
    done.success(safely(show), [page.me, placement], [press, sentence, plot], **PRIVATE)
    done.failure(safely(lambda me: hidden(known(me))), page.me, [press, sentence, plot], **PRIVATE)
    return [press, sentence, plot]


def key(me: dict) -> list:
    """What the answer depends on, of what the browser keeps."""
    return [me[name] for name in ("reference", "freeze", "further", "canonical")]


def hidden(me: dict) -> list:
    """Updates of the three before anything was found."""
    both = bool(me["reference"] and me["freeze"])
    return [gr.update(visible=both, interactive=True), "", gr.update(visible=False, value=None)]


def shown(placement: dict) -> list:
    """Updates of what is told and of the figure."""
    if "layout" not in placement:
        return [note(placement["refused"], "bad"), gr.update(visible=False, value=None)]
    layout = placement["layout"]
    return ["".join(map(note, layout["notes"])), gr.update(visible=True, value=figures.layout(layout))]
