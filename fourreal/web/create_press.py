"""What presses at a candidate do, on its card and on the stage."""

from dataclasses import replace

import gradio as gr

from fourreal.errors import UserError
from fourreal.jobs.create_values import Creation
from fourreal.web.create_form import Part, recalled
from fourreal.web.markup import pressed
from fourreal.web.parts import INTAKE, VIDEOS, Parts
from fourreal.web.session import PICTURE, WORDS, Visitor, personal
from fourreal.web.videos import whole


def wire_stage(page: Parts, halves: tuple[Part, ...]) -> None:
    """What is pressed on the stage does the same as on the cards, which are there for one of the two videos each."""

    @personal
    def act(me: Visitor, event: gr.EventData):
        sent = pressed(event)
        half = next((half for half in halves if half.role == sent.get("role")), halves[0])
        forms = (used(page, me, one, sent if one is half else {}) for one in halves)
        return [*done(page, me, half, sent), *(value for form in forms for value in form)]

    forms = [field for half in halves for field in half.form]
    # multiple: who presses quickly means each press
    outputs = [page.me, page.making, page.steps, *forms]
    acted = page.choice.select(act, page.me, outputs, trigger_mode="multiple", **INTAKE)
    seen = acted.success(**page.named["making_event"])
    page.named["stage_picked"] = seen.success(**page.named["picked_event"])


def anew(me: Visitor) -> Visitor:
    """The same without what is of another scene once reference videos are made anew: the pair, where that was made
    here, too."""
    made_here = me.reference and me.reference_pick.startswith(f"{me.reference}:")
    return replace(me, freezing="", **({"reference": "", "freeze": "", "canonical": None} if made_here else {}))


def started_as(me: Visitor, creation: Creation) -> Visitor:
    """The same, starting from what a creation of reference videos started from."""
    return replace(
        me, **({"start": PICTURE, "picture": creation.id} if creation.picture else {"start": WORDS, "picture": ""})
    )


def done(page: Parts, me: Visitor, half: Part, sent: dict) -> list:
    """Updates of `me`, timer and steps after a press at a candidate."""
    action = sent.get("action", "")
    if action == "pick":
        return picked(page, me, half, whole(sent, "number"))
    if action == "use":
        if half.role == "reference":
            me = started_as(me, page.service.creation(page.owner(me), me.creation(half.role)))
        return [me, gr.skip(), gr.skip()]
    change(page, me, half, sent)
    # `me` is as it was: a press before this one, or after it, may be changing it just now
    return [gr.skip(), gr.Timer(active=True), gr.skip()]


def used(page: Parts, me: Visitor, half: Part, sent: dict) -> list:
    """Updates of a form: what the candidate was made with where that was pressed, else as it is."""
    if sent.get("action") != "use":
        return [gr.skip()] * len(half.form)
    gr.Info("The form has its prompt, seed and settings.", title="", duration=4)
    found = page.service.creation(page.owner(me), me.creation(half.role))
    return recalled(half, found, whole(sent, "number"))


def change(page: Parts, me: Visitor, half: Part, sent: dict) -> None:
    """Do to one candidate, or to all, what was pressed."""
    service, about, action = page.service, (page.owner(me), me.creation(half.role)), sent.get("action", "")
    number, ends = lambda: whole(sent, "number"), lambda: (whole(sent, "first"), whole(sent, "last"))
    actions = {
        "more": lambda: service.more(*about),
        "renew": lambda: service.renew(*about),
        "retry": lambda: service.retry(*about, number()),
        "again": lambda: service.regenerate(*about, number()),
        "discard": lambda: service.discard(*about, number()),
        "restore": lambda: service.restore(*about),
        "keep": lambda: service.keep(*about, number(), True),
        "unkeep": lambda: service.keep(*about, number(), False),
        "left": lambda: service.longer(*about, number(), "left"),
        "right": lambda: service.longer(*about, number(), "right"),
        "cut": lambda: service.change(*about, number(), *ends()),
        "reverse": lambda: service.change(*about, number(), *ends(), reverse=True),
    }
    if action not in actions:
        raise UserError("The page does not know what was pressed. Reload it.")
    actions[action]()


def picked(page: Parts, me: Visitor, half: Part, number: int) -> list:
    """Take a candidate: a reference video to be frozen, a freeze-time video to the next step."""
    owner = page.owner(me)
    video = page.service.take(owner, me.creation(half.role), number)
    if half.role == "reference":
        creation = page.service.creation(owner, me.making)
        frame = next(one.best_frame for one in creation.candidates if one.number == number)
        pick = f"{video.id}:{creation.id}:{number}"
        of_another_scene = {"freeze": "", "freezing": "", "freeze_pick": "", "further": []}
        me = me.with_videos(reference=video.id, reference_pick=pick, canonical=frame, **of_another_scene)
        return [me, gr.Timer(active=True), gr.skip()]
    reference, pick = page.service.creation(owner, me.freezing).reference, f"{video.id}:{me.freezing}:{number}"
    me = replace(me, example="", again="", reference=reference, freeze=video.id, freeze_pick=pick)
    return [me, gr.Timer(active=True), gr.Tabs(selected=VIDEOS)]
