"""Components of a form, made from the fields of a description; and a description's values from what a form holds."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from fourreal.description.base import About, about, annotation_of, default_of, remote

MOST_TEXT = 4000
BLANK = "none"  # of a choice: the one that leaves the field out
MANY = 4  # more choices than these are folded


def component(cls: type, name: str, **more: Any) -> Component:
    """What a field is filled in with. more: arguments of the component that the description does not decide.

    Numbers have no limits here, as Gradio's words for what is out of range say nothing to people.
    """
    option, default, kind = about(cls)[name], default_of(cls, name), annotation_of(cls, name)
    look = {"label": option.title, "elem_id": name.replace("_", "-"), "value": shown(cls, name, default)} | more
    if option.choices is not None:
        offered = [(words[0].upper() + words[1:], choice) for choice, words in option.choices.items()]
        if isinstance(default, frozenset):
            return gr.CheckboxGroup(offered, elem_classes="stacked", **look)
        offered = [(option.blank, BLANK), *offered] if option.blank else offered
        if len(offered) > MANY:
            return gr.Dropdown(offered, **look)
        return gr.Radio(offered, elem_classes="stacked", **look)
    if kind is bool:
        return gr.Checkbox(**look)
    if kind in (int, int | None):
        return gr.Number(precision=0, **look)
    if kind in (float, float | None):
        return gr.Number(step=0.1, **look)
    return gr.Textbox(max_length=MOST_TEXT, **look)


def group(cls: type, name: str, **more: dict[str, Any]) -> dict[str, Component]:
    """The fields of one part of a form, by name, several numbers in a row at its end. more: as of `component`."""
    fields = {field: option for field, option in remote(cls).items() if option.group == name}
    numbers = [field for field in fields if _numeric(cls, field, fields[field])]
    row = numbers if len(numbers) > 1 else []
    made = {field: component(cls, field, **more.get(field, {})) for field in fields if field not in row}
    if row:
        with gr.Row():
            made |= {field: component(cls, field, **more.get(field, {})) for field in row}
    return made


def _numeric(cls: type, name: str, option: About) -> bool:
    kind = annotation_of(cls, name)
    return option.choices is None and kind in (int, int | None, float, float | None)


def shown(cls: type, name: str, value: Any) -> Any:
    """A field's value as its component has it: Gradio makes a 0 of an empty number."""
    option = about(cls)[name]
    if isinstance(value, frozenset):
        return sorted(value)
    if value is None and option.blank:
        return 0 if _numeric(cls, name, option) else BLANK
    return value


def values_of(cls: type, chosen: dict[str, Any]) -> dict[str, Any]:
    """What a form says of a description's fields; those that it leaves open are not there."""
    values = {name: value.strip() if isinstance(value, str) else value for name, value in chosen.items()}
    left = {name: shown(cls, name, None) for name in values if default_of(cls, name) is None}
    return {name: value for name, value in values.items() if value not in (None, "", left.get(name))}


def when(field: Component, what: str) -> Callable[..., Dependency]:
    """One of a field's events: Gradio's classes have them, but not the class that they share."""
    return getattr(field, what)


def by_name(form: Mapping[str, Component], values: Sequence[Any]) -> dict[str, Any]:
    """A form's values by its fields' names, from what an event got of its components."""
    return dict(zip(form, values, strict=True))
