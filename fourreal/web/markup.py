"""HTML for the page. Whatever is not `Markup` is text, which is escaped here and in the templates, and nowhere else."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup

from fourreal.errors import UserError
from fourreal.web.lean import sent_with
from fourreal.web.words import duration

TEMPLATES = Path(__file__).parent / "templates"
BREAK = re.compile(r"(?<=[>}])\s*\n\s*|\s*\n\s*(?=[<{])")


def tag(name: str, *inside: str, **attributes: object) -> Markup:
    """An element: class_ is the attribute class, data_x is data-x, None and False are left out."""
    pairs = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    shown = joined(
        Markup(" {}").format(key) if value is True else Markup(' {}="{}"').format(key, value)
        for key, value in pairs
        if value is not None and value is not False
    )
    return Markup("<{0}{1}>{2}</{0}>").format(name, shown, joined(inside))


def joined(parts: Iterable[str]) -> Markup:
    return Markup("").join(parts)


def button(label: str, action: str, kind: str = "", /, **data: object) -> Markup:
    """A button whose press reaches Python as the event `select` with {"action": action, **data}."""
    values = {f"data_{key}": value for key, value in data.items()}
    return tag("button", label, type="button", class_=f"act {kind}".strip(), data_action=action, **values)


def facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    """A small list of names and values."""
    rows = (tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs)
    return tag("dl", *rows, class_="facts")


def note(sentence: str, kind: str = "") -> Markup:
    """A sentence in a quiet box; kind "bad", "warn" or "good" colours its edge."""
    return tag("p", sentence, class_=f"note {kind}".strip()) if sentence else Markup()


def waiting(what: str) -> Markup:
    """A line for something that takes its time."""
    return tag("p", what, class_="waiting")


def caption(title: str, line: str, credits: Iterable[str] = ()) -> Markup:
    """What stands under the viewer. credits: lines that unfold."""
    lines = [tag("p", one) for one in credits]
    unfolded = tag("details", tag("summary", "Credits"), *lines) if lines else Markup()
    return tag("div", tag("h2", title), tag("p", line), unfolded, class_="caption")


class Joined(Extension):
    """A template's lines beside elements are joined without a space, so that it may be indented."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return BREAK.sub("", source)


@cache
def templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        extensions=[Joined],
    )
    environment.globals |= {"button": button, "note": note, "duration": duration}
    return environment


def render(name: str, **values: object) -> str:
    """templates/<name>.html as a whole."""
    return templates().get_template(f"{name}.html").render(**values)


def pieces(name: str) -> Any:
    """The macros of templates/<name>.html, which return markup."""
    return templates().get_template(f"{name}.html").module


# Presses are told to Python with the data-* values of the button; the rest of the behaviour is in static/page.js.
PRESSES = """
// What was pressed may be drawn anew, and would lose the focus: it, or the field that has come, has it again.
let pressing = null;
new MutationObserver(() => {
  if (!pressing || document.activeElement !== document.body || performance.now() - pressing.at > 3000) return;
  const form = (pressing.form && element.querySelector(`[data-form="${pressing.form}"]`)) || element;
  const ways = ['[data-enter]', `[data-action="${pressing.action}"]`, '.act'];
  ways.map((way) => form.querySelector(way)).find(Boolean)?.focus({ preventScroll: true });
}).observe(element, { childList: true, subtree: true });
element.addEventListener('focusin', ({ target }) => {
  if (target.dataset.action !== pressing?.action) pressing = null;
});
element.addEventListener('click', (event) => {
  const pressed = event.target.closest('[data-action]');
  if (!pressed || !element.contains(pressed) || pressed.disabled) return;
  if (pressed.dataset.confirm && !window.confirm(pressed.dataset.confirm)) return;
  const inputs = {};
  const form = pressed.closest('[data-form]') || element;
  pressing = { form: form.dataset.form, action: pressed.dataset.action, at: performance.now() };
  form.querySelectorAll('[data-field]').forEach((input) => { inputs[input.dataset.field] = input.value; });
  trigger('select', { ...inputs, ...pressed.dataset });
});
element.addEventListener('keydown', (event) => {
  const action = event.target.dataset.enter;  // what Enter in a field presses
  if (action && event.key === 'Enter' && !event.isComposing) {
    event.target.closest('[data-form]').querySelector(`[data-action="${action}"]`).click();
  }
});
element.addEventListener('change', (event) => {
  const changed = event.target.dataset.change;
  if (changed) trigger('select', { action: changed, value: event.target.value, ...event.target.dataset });
});
"""


def piece(value: str = "", **options) -> gr.HTML:
    """A piece of the page that Python draws with the functions of this file; its event `select` is a press in it."""
    # a subclass would be more natural, but for each one Gradio writes a file beside the source
    return gr.HTML(
        value, html_template="${value}", js_on_load=PRESSES, padding=False, apply_default_css=False, **options
    )


def heading(words: str, level: str = "h4") -> None:
    """A heading between components."""
    gr.HTML(tag(level, words), padding=False, apply_default_css=False)


def number_in(sent: dict[str, str], name: str) -> int:
    """A frame's or a candidate's number among what was sent. Raises UserError."""
    value = sent.get(name, "")
    if not (value.isascii() and value.isdigit() and len(value) < 7):
        raise UserError("That is not a frame's number.")
    return int(value)


def pressed(event: gr.EventData) -> dict[str, str]:
    """What `trigger` sent, as text by name."""
    return {str(key): str(value)[:200] for key, value in sent_with(event).items()}
