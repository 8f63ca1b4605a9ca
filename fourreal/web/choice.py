"""The stage while there is something to choose: what static/choice.js shows, and what is pressed there."""

import gradio as gr

from fourreal.jobs.create_values import Candidate, Creation
from fourreal.jobs.values import Video
from fourreal.web.routes import file_urls

TEMPLATE = '<div class="choice-box" role="region" aria-label="Candidates"></div>'
SCRIPT = """
const box = element.querySelector('.choice-box');
const send = (press) => trigger('select', press);
const ready = import(new URL('page/choice.js', document.baseURI).href).then((choice) => choice.open(box, send));
const show = () => ready.then((choice) => choice.show(props.value));
watch('value', show);
show();
"""
NOTHING = {"shown": "", "reference": None, "freeze": None}
# What an item has that a person does not choose.
NO_CHOICE = dict(number=0, score="", best=False, marked=False, picked=True, own=True, reasons=[], arc="", still="")
NOT_JUDGED = "not judged"
STANDS, MOVES = 0.6, 0.25  # how well a subject stands, for its word


def choice_box() -> gr.HTML:
    """The component; its value is made by `stage`, and its event `select` is a press: {action, role, number}."""
    return gr.HTML(
        NOTHING, html_template=TEMPLATE, js_on_load=SCRIPT, padding=False, apply_default_css=False, elem_id="choice"
    )


def stage(
    reference: Creation | None,
    freeze: Creation | None,
    picks: dict[str, str],
    mine: Video | None = None,
    address: str = "",
) -> dict:
    """The stage's value. picks: by role, "creation:number" of the candidate that was taken. mine: the person's own
    reference video, where there is one in place of candidates; address: its file's."""
    groups = {"reference": reference, "freeze": freeze}
    value = {role: None if one is None else group(one, picks.get(role, "")) for role, one in groups.items()}
    if mine is not None:
        own = {"id": mine.id, "waiting": 0, "discarded": None, "fixed": True}
        value["reference"] = own | {"items": [own_item(mine, address)]}
    filled = [role for role, one in value.items() if one and one["items"]]
    return {"shown": filled[-1] if filled else "", **value}


def group(creation: Creation, pick: str) -> dict:
    """The candidates for one of the two videos."""
    # in the order of their making: none changes its place, and its key, as others arrive
    there = sorted((one for one in creation.candidates if one.made), key=lambda one: one.number)
    best = best_of(there)
    waiting = sum(not one.made and not one.error for one in creation.candidates)
    return {
        "id": creation.id,
        "waiting": waiting,
        "discarded": creation.discarded,
        "fixed": False,
        "items": [item(creation, one, one.number == best, pick == f"{creation.id}:{one.number}") for one in there],
    }


def item(creation: Creation, one: Candidate, best: bool, picked: bool) -> dict:
    freeze = creation.wishes.role == "freeze"
    return {
        "number": one.number,
        "title": title(one),
        "src": file_urls(creation.id) + one.file,
        "fps": one.fps or 1.0,
        "frames": max(one.frames, 1),
        "score": score(one),
        "best": best,
        "marked": one.marked,
        "picked": picked,
        "own": one.way == "own",
        "reasons": list(one.reasons),
        "arc": arc(one) if freeze else "",
        "still": stillness(one) if freeze else "",
    }


def own_item(video: Video, address: str) -> dict:
    """A video that there is nothing to choose about."""
    about = {"title": video.name, "src": address, "fps": video.fps or 1.0, "frames": max(video.frames, 1)}
    return about | NO_CHOICE


def best_of(there: list[Candidate]) -> int | None:
    """The number of the candidate with the best score; None where several share it, or nothing can be compared."""
    judged = sorted((one for one in there if one.total is not None), key=lambda one: -(one.total or 0.0))
    if len(there) < 2 or not judged:
        return None
    tie = len(judged) > 1 and score(judged[0]) == score(judged[1])
    return None if tie else judged[0].number


def score(one: Candidate) -> str:
    """Of 100; or that it cannot be told."""
    return NOT_JUDGED if one.total is None else f"{100 * one.total:.0f}"


def title(one: Candidate) -> str:
    return {"own": f"Yours: {one.name}", "longer": f"Seed {one.name}"}.get(one.way, f"Seed {one.number}")


def arc(one: Candidate) -> str:
    return "" if one.degrees is None else f"{one.degrees:.0f}° around"


def stillness(one: Candidate) -> str:
    if one.still is None:
        return "stillness not judged"
    return "stands still" if one.still >= STANDS else "moves a little" if one.still > MOVES else "moves"
