"""What stands in the forms of *Create*, kept by the browser: a reload brings it back, also what was never sent."""

import math

import gradio as gr

from fourreal.description import adapters
from fourreal.errors import UserError
from fourreal.video.registry import MODELS
from fourreal.web.create_form import FIXED, NO_ADAPTER, SEEDS, Part, recalled
from fourreal.web.fields import MOST_TEXT
from fourreal.web.parts import Parts
from fourreal.web.session import known

TEXTS = ("prompt", "negative")
MOST = 2.0**31


def scene_of(me: dict) -> str:
    """Whose draft it is: that of a frozen scene is nothing for another one."""
    return f"{me['reference']}:{me['freezing']}"


def saved(half: Part, me: dict, *given) -> dict:
    """A form as the browser keeps it."""
    return dict(zip(half.fields, given, strict=True)) | {"of": scene_of(known(me))}


def readable(half: Part, draft: object) -> dict:
    """What a browser kept of a form; nothing where any of it is no such value."""
    draft = draft if isinstance(draft, dict) else {}
    model = draft.get("model")
    if not isinstance(model, str) or model not in MODELS or half.role not in MODELS[model].roles:
        return {}
    values = {name: draft.get(name) for name in half.fields}
    values["adapter"] = values["adapter"] if values["adapter"] in adapters(MODELS[model]) else NO_ADAPTER
    for name in TEXTS:
        if not isinstance(values[name], str | None) or len(values[name] or "") > MOST_TEXT:
            return {}
    if values["seeds"] not in [value for _, value in SEEDS]:
        return {}
    numbers = [values[name] for name in half.fields if name not in (*TEXTS, "model", "adapter", "seeds")]
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            return {}
        if abs(number) > MOST:
            return {}
    return values | {"of": str(draft.get("of"))}


def restored(page: Parts, half: Part, me: dict, draft: object) -> list:
    """Values of a form when the page is opened: as it was left, else as what is on the stage was asked for."""
    me, values = known(me), readable(half, draft)
    if half.role == "freeze" and values.get("of") != scene_of(me):
        values = {}
    if values:
        values["adapter"] = gr.update(choices=[NO_ADAPTER, *adapters(MODELS[values["model"]])], value=values["adapter"])
        values["seed"] = gr.update(value=values["seed"], interactive=values["seeds"] == FIXED)
        return [values[name] for name in half.fields]
    try:
        if me[half.kept]:
            return recalled(half, page.service.creations.get(page.owner(me), me[half.kept]))
    except UserError:  # deleted meanwhile
        pass
    return [gr.skip()] * len(half.form)
