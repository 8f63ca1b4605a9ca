"""What presses at a candidate do, on its card and on the stage."""

from dataclasses import replace
from typing import Any

import gradio as gr

from fourreal.errors import UserError
from fourreal.jobs.create_values import Creation
from fourreal.web.create_form import Form, recalled
from fourreal.web.markup import number_in
from fourreal.web.parts import Page, Updates
from fourreal.web.session import PICTURE, WORDS, Visitor
from fourreal.web.way import After


def anew(me: Visitor) -> Visitor:
    """The same without what is of another scene once reference videos are made anew: the pair, where that was made
    here, too."""
    made_here = me.reference and me.reference_pick.startswith(f"{me.reference}:")
    other_scene: dict[str, Any] = {"reference": "", "freeze": "", "canonical": None} if made_here else {}
    return replace(me, freezing="", **other_scene)


def started_as(me: Visitor, creation: Creation) -> Visitor:
    """The same, starting from what a creation of reference videos started from."""
    if creation.picture:
        return replace(me, start=PICTURE, picture=creation.id)
    return replace(me, start=WORDS, picture="")


def act(page: Page, form: Form, me: Visitor, sent: dict[str, str]) -> Updates:
    """What a press at a candidate changes."""
    action = sent.get("action", "")
    if action == "pick":
        return picked(page, form.role, me, number_in(sent, "number"))
    if action == "use":
        creation = page.service.creations.get(page.owner(me), me.creation(form.role))
        gr.Info("The form has its prompt, seed and settings.", duration=6)
        me = started_as(me, creation) if form.role == "reference" else me
        return {page.me: me, **recalled(form, creation, number_in(sent, "number"))}
    change(page, form.role, me, sent)
    # the visitor is as they were: a press before this one, or after it, may be changing that just now
    return {page.making: gr.Timer(active=True)}


def change(page: Page, role: str, me: Visitor, sent: dict[str, str]) -> None:
    """Do to one candidate, or to all, what was pressed."""
    service, about, action = page.service, (page.owner(me), me.creation(role)), sent.get("action", "")
    number, ends = lambda: number_in(sent, "number"), lambda: (number_in(sent, "first"), number_in(sent, "last"))
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


def picked(page: Page, role: str, me: Visitor, number: int) -> Updates:
    """Take a candidate: a reference video to be frozen, a freeze-time video to the next step."""
    owner = page.owner(me)
    change: Updates = {page.making: gr.Timer(active=True)}
    video = page.service.candidates.take(owner, me.creation(role), number)
    creation = page.service.creations.get(owner, me.creation(role))
    pick = f"{video.id}:{creation.id}:{number}"
    if role == "reference":
        frame = next(one.best_frame for one in creation.candidates if one.number == number)
        of_another_scene: dict[str, Any] = {"freeze": "", "freezing": "", "freeze_pick": "", "further": []}
        me = me.with_videos(reference=video.id, reference_pick=pick, canonical=frame, **of_another_scene)
        return change | {page.me: me}
    me = replace(me, example="", again="", reference=creation.reference, freeze=video.id, freeze_pick=pick)
    return change | {page.me: me} | page.to(After.TAKING_A_FREEZE_VIDEO)
