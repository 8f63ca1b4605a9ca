"""HTML for the page, from plain values. Everything that a person typed goes through `text`."""

import html
from collections.abc import Iterable

import gradio as gr

from fourreal.errors import UserError


def text(value: object) -> str:
    """Any value as text that cannot be markup."""
    return html.escape(str(value), quote=True)


def tag(name: str, *inside: str, **attributes: object) -> str:
    """An element: `inside` is markup, attribute values are text; class_ is class, data_x is data-x, None left out."""
    pairs = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    shown = "".join(
        f" {key}" if value is True else f' {key}="{text(value)}"'
        for key, value in pairs
        if value is not None and value is not False
    )
    return f"<{name}{shown}>{''.join(inside)}</{name}>"


def button(label: str, action: str, kind: str = "", /, **data: object) -> str:
    """A button whose press reaches Python as the event `select` with {"action": action, **data}."""
    values = {f"data_{key}": value for key, value in data.items()}
    return tag("button", text(label), type="button", class_=f"act {kind}".strip(), data_action=action, **values)


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """A small list of names and values."""
    rows = "".join(tag("div", tag("dt", text(name)), tag("dd", text(value))) for name, value in pairs)
    return tag("dl", rows, class_="facts")


def note(sentence: str, kind: str = "") -> str:
    """A sentence in a quiet box; kind "bad", "warn" or "good" colours its edge."""
    return tag("p", text(sentence), class_=f"note {kind}".strip()) if sentence else ""


def waiting(what: str) -> str:
    """A line for something that takes its time."""
    return tag("p", text(what), class_="waiting")


def duration(seconds: float | int | None) -> str:
    """Seconds as people say them: "40 s", "3 min", "1 h 20 min"."""
    if seconds is None:
        return "unknown"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min" if whole >= 600 else f"{whole // 60} min {whole % 60:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def amount(megabytes: float | int | None) -> str:
    """Megabytes as people say them."""
    if megabytes is None:
        return "unknown"
    return f"{megabytes / 1024:.1f} GB" if megabytes >= 1024 else f"{max(1, round(megabytes))} MB"


def size(count: float | int) -> str:
    """Bytes as people say them, with three digits: "812 B", "1.25 MB"."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if value >= 99.95 or unit == "B" else f"{value:.3g} {unit}"


def where(device: str) -> str:
    """The device of an estimate, as people say it."""
    return "this machine's CPU" if device == "cpu" else device


# Presses are told to Python with the data-* values of the button; the rest of the behaviour is in static/page.js.
PRESSES = """
element.addEventListener('click', (event) => {
  const found = event.target.closest('[data-action]');
  if (!found || !element.contains(found) || found.disabled) return;
  if (found.dataset.confirm && !window.confirm(found.dataset.confirm)) return;
  const inputs = {};
  const form = found.closest('[data-form]') || element;
  form.querySelectorAll('[data-field]').forEach((input) => { inputs[input.dataset.field] = input.value; });
  trigger('select', { ...inputs, ...found.dataset });
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
    gr.HTML(tag(level, text(words)), padding=False, apply_default_css=False)


def number_in(sent: dict[str, str], name: str) -> int:
    """A frame's or a candidate's number among what was sent. Raises UserError."""
    value = sent.get(name, "")
    if not (value.isascii() and value.isdigit() and len(value) < 7):
        raise UserError("That is not a frame's number.")
    return int(value)


def pressed(event: gr.EventData) -> dict[str, str]:
    """What `trigger` sent, as text by name."""
    data = event._data if isinstance(event._data, dict) else {}
    return {str(key): str(value)[:200] for key, value in data.items()}
