"""What stands in the forms of *Create*, kept by the browser: a reload brings it back, also what was never sent."""

import math
from typing import Any

import gradio as gr

from fourreal.description import adapters
from fourreal.errors import UserError
from fourreal.video.registry import MODELS
from fourreal.web.create_form import FIXED, NO_ADAPTER, SEEDS, Form, adapter_of, recalled
from fourreal.web.fields import MOST_TEXT
from fourreal.web.parts import Page, Updates
from fourreal.web.session import Visitor

TEXTS = ("prompt", "negative")
MOST = 2.0**31


def scene_of(me: Visitor) -> str:
    """Whose draft it is: that of a frozen scene is nothing for another one."""
    return f"{me.reference}:{me.freezing}"


def draft_of(me: Visitor, values: dict[str, Any]) -> dict[str, Any]:
    """A form's values as the browser keeps them."""
    return values | {"of": scene_of(me)}


def readable(form: Form, draft: object) -> dict:
    """What a browser kept of a form; nothing where any of it is no such value."""
    draft = draft if isinstance(draft, dict) else {}
    model = draft.get("model")
    if not isinstance(model, str) or model not in MODELS or form.role not in MODELS[model].roles:
        return {}
    values = {name: draft.get(name) for name in form.fields}
    values["adapter"] = values["adapter"] if values["adapter"] in adapters(MODELS[model]) else NO_ADAPTER
    for name in TEXTS:
        if not isinstance(values[name], str | None) or len(values[name] or "") > MOST_TEXT:
            return {}
    if values["seeds"] not in [value for _, value in SEEDS]:
        return {}
    numbers = [values[name] for name in form.fields if name not in (*TEXTS, "model", "adapter", "seeds")]
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            return {}
        if abs(number) > MOST:
            return {}
    return values | {"of": str(draft.get("of"))}


def restored(page: Page, form: Form, me: Visitor, draft: object) -> Updates:
    """A form when the page is opened: as it was left, else as what is on the stage was asked for."""
    values = readable(form, draft)
    if values and (form.role != "freeze" or values["of"] == scene_of(me)):
        values["adapter"] = adapter_of(values["model"], values["adapter"])
        values["seed"] = gr.update(value=values["seed"], interactive=values["seeds"] == FIXED)
        return {field: values[name] for name, field in form.fields.items()}
    try:
        if id := me.creation(form.role):
            return recalled(form, page.service.creations.get(page.owner(me), id))
    except UserError:  # deleted meanwhile
        pass
    return {}
