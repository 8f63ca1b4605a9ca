"""What presses at a candidate do, on its card and on the stage."""

import gradio as gr

from fourreal.errors import UserError
from fourreal.web.create_form import Part, recalled
from fourreal.web.markup import pressed
from fourreal.web.parts import INTAKE, VIDEOS, Parts
from fourreal.web.session import PICTURE, WORDS, known, safely
from fourreal.web.videos import FRESH, whole


def wire_stage(page: Parts, halves: tuple[Part, ...]) -> None:
    """What is pressed on the stage does the same as on the cards, which are there for one of the two videos each."""

    @safely
    def act(me: dict, event: gr.EventData):
        me, sent = known(me), pressed(event)
        half = next((half for half in halves if half.role == sent.get("role")), halves[0])
        forms = (used(page, me, one, sent if one is half else {}) for one in halves)
        return [*done(page, me, half, sent), *(value for form in forms for value in form)]

    forms = [field for half in halves for field in half.form]
    # multiple: who presses quickly means each press
    outputs = [page.me, page.making, page.steps, *forms]
    acted = page.choice.select(act, page.me, outputs, trigger_mode="multiple", **INTAKE)
    seen = acted.success(**page.named["making_event"])
    page.named["stage_picked"] = seen.success(**page.named["picked_event"])


def anew(me: dict) -> dict:
    """What of `me` is of another scene once reference videos are made anew: the pair, where that was made here, too."""
    made_here = me["reference"] and me["reference_pick"].startswith(f"{me['reference']}:")
    return {"freezing": ""} | ({"reference": "", "freeze": "", "canonical": None} if made_here else {})


def done(page: Parts, me: dict, half: Part, sent: dict) -> list:
    """Updates of `me`, timer and steps after a press at a candidate."""
    action = sent.get("action", "")
    if action == "pick":
        return picked(page, me, half, whole(sent, "number"))
    if action == "use":
        if half.role == "reference":
            found = page.service.creations.get(page.owner(me), me[half.kept])
            me = me | {"start": PICTURE if found.picture else WORDS, "picture": found.id if found.picture else ""}
        return [me, gr.skip(), gr.skip()]
    change(page, me, half, sent)
    # `me` is as it was: a press before this one, or after it, may be changing it just now
    return [gr.skip(), gr.Timer(active=True), gr.skip()]


def used(page: Parts, me: dict, half: Part, sent: dict) -> list:
    """Updates of a form: what the candidate was made with where that was pressed, else as it is."""
    if sent.get("action") != "use":
        return [gr.skip()] * len(half.form)
    gr.Info("The form has its prompt, seed and settings.", title="", duration=4)
    found = page.service.creations.get(page.owner(me), me[half.kept])
    return recalled(half, found, whole(sent, "number"))


def change(page: Parts, me: dict, half: Part, sent: dict) -> None:
    """Do to one candidate, or to all, what was pressed."""
    service, about, action = page.service, (page.owner(me), me[half.kept]), sent.get("action", "")
    number, ends = lambda: whole(sent, "number"), lambda: (whole(sent, "first"), whole(sent, "last"))
    actions = {
        "more": lambda: service.candidates.more(*about),
        "renew": lambda: service.candidates.renew(*about),
        "retry": lambda: service.candidates.retry(*about, number()),
        "again": lambda: service.candidates.regenerate(*about, number()),
        "discard": lambda: service.candidates.discard(*about, number()),
        "restore": lambda: service.candidates.restore(*about),
        "keep": lambda: service.candidates.keep(*about, number(), True),
        "unkeep": lambda: service.candidates.keep(*about, number(), False),
        "left": lambda: service.candidates.longer(*about, number(), "left"),
        "right": lambda: service.candidates.longer(*about, number(), "right"),
        "cut": lambda: service.candidates.change(*about, number(), *ends()),
        "reverse": lambda: service.candidates.change(*about, number(), *ends(), reverse=True),
    }
    if action not in actions:
        raise UserError("The page does not know what was pressed. Reload it.")
    actions[action]()


def picked(page: Parts, me: dict, half: Part, number: int) -> list:
    """Take a candidate: a reference video to be frozen, a freeze-time video to the next step."""
    owner = page.owner(me)
    video = page.service.candidates.take(owner, me[half.kept], number)
    if half.role == "reference":
        found = page.service.creations.get(owner, me[half.kept])
        frame = next(one.best_frame for one in found.candidates if one.number == number)
        me = me | FRESH | {"reference": video.id, "freeze": "", "canonical": frame, "freezing": ""}
        me = me | {"reference_pick": f"{video.id}:{found.id}:{number}", "freeze_pick": ""}
        me = me | {"further": []}  # of another scene
        return [me, gr.Timer(active=True), gr.skip()]
    reference = page.service.creations.get(owner, me[half.kept]).reference
    me = me | {"example": "", "again": "", "reference": reference, "freeze": video.id}
    me = me | {"freeze_pick": f"{video.id}:{me[half.kept]}:{number}"}
    return [me, gr.Timer(active=True), gr.Tabs(selected=VIDEOS)]
