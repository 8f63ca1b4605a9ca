"""The two forms of the step *Create*: what is asked for, and what that will take."""

from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component
from gradio.events import Dependency
from markupsafe import Markup

from fourreal.description import Wishes, about, adapters
from fourreal.errors import UserError
from fourreal.jobs.create_values import Creation, Offer
from fourreal.jobs.offered import offered
from fourreal.jobs.values import Estimate
from fourreal.video.registry import EMBEDDED, MODELS
from fourreal.web.dropped import drop
from fourreal.web.fields import BLANK, MOST_TEXT, by_name, component, values_of, when
from fourreal.web.markup import facts, heading, joined, note, piece, pieces, pressed
from fourreal.web.parts import ESTIMATE, Event, Page, Updates, event
from fourreal.web.words import amount, duration, worth_saying

NO_ADAPTER = BLANK
EXAMPLES = ("a red ball bouncing on a grassy floor", "Camera circulating around a fox in a yard, time elapse")
SIDES = ("width", "height")
SUITED = ("frames", *SIDES, "steps", "guidance", "adapter")
NEXT, RANDOM, FIXED = "next", "random", "fixed"
SEEDS = [("The next ones", NEXT), ("Random", RANDOM), ("From this one on", FIXED)]
NOBODY = "0" * 32  # what a video takes does not depend on who asks


class Form:
    """One half of the step: the components for one of the two videos.

    fields: what is asked for, by name. estimate: what that will take. rest: what is there once there are candidates.
    state: how far the creation is; when it is over, what it took goes into the next estimate. draft: what stands in the
    form, see `create_draft`.
    """

    def __init__(self, role: str, draft: gr.BrowserState) -> None:
        self.role, self.draft, self.fields = role, draft, lay_out_fields(role)
        self.estimate = piece(elem_id=f"{role}-told")
        words = "Make freeze-time candidates" if role == "freeze" else "Make candidates"
        self.start = gr.Button(words, variant="primary", size="lg", elem_id=f"{role}-make")
        self.progress = piece(elem_id=f"{role}-progress")
        with gr.Row():
            self.stop = gr.Button("Stop", variant="stop", visible=False, elem_id=f"{role}-stop")
            go_on = "Continue making them"
            self.resume = gr.Button(go_on, variant="primary", visible=False, elem_id=f"{role}-resume")
        self.candidates = piece(elem_id=f"{role}-candidates")
        with gr.Column(visible=False) as self.rest:
            heading("Or a video of your own")
            self.own = drop(f"{role}-own")
        self.state = gr.State("")

    @property
    def suited(self) -> list[Component]:
        """What a model decides."""
        return [self.fields[name] for name in SUITED]

    @property
    def watched(self) -> list[Block]:
        """What changes while candidates are made."""
        return [self.progress, self.stop, self.resume, self.candidates, self.rest, self.state]


def lay_out_fields(role: str) -> dict[str, Component]:
    """What is asked for, by name, as it is for the model that runs anywhere."""
    freeze = role == "freeze"
    models = [(entry.title, entry.name) for entry in offered().models(role)] or [(MODELS[EMBEDDED].title, EMBEDDED)]
    first = EMBEDDED if EMBEDDED in dict(models).values() else models[0][1]
    usual = native(first, role)
    fields: dict[str, Component] = {}

    def add(name: str, made: Component | None = None, **more: Any) -> None:
        fields[name] = made or component(
            Wishes, name, **({"elem_id": f"{role}-{name}", "value": usual.get(name, "")} | more)
        )

    add(
        "prompt",
        label="The frozen scene, in words" if freeze else "Prompt",
        lines=2,
        max_lines=6,
        placeholder=f"for example: {EXAMPLES[freeze]}",
    )
    with gr.Accordion("Model and settings", open=False, elem_id=f"{role}-settings"):
        add("model", gr.Dropdown(models, value=first, label="Model", elem_id=f"{role}-model"))
        add("count", gr.Slider(1, 8, 2 if freeze else 4, step=1, label="Candidates", elem_id=f"{role}-count"))
        add("seeds", gr.Radio(SEEDS, value=NEXT, label="Seeds", elem_id=f"{role}-seeds"))
        with gr.Row():
            add("seed", gr.Number(0, label="First seed", precision=0, interactive=False, elem_id=f"{role}-seed"))
            add("frames")
            add("steps")
        with gr.Row():
            for side in SIDES:
                label = side.capitalize()
                add(side, gr.Number(usual[side], label=label, precision=0, elem_id=f"{role}-{side}"))
            add("guidance")
        how_far = about(Wishes)["arc"].title
        add("arc", gr.Slider(10, 180, 60, step=5, label=how_far, visible=freeze))
        add("adapter", gr.Dropdown([NO_ADAPTER], value=NO_ADAPTER, label="Adapter (LoRA)", elem_id=f"{role}-adapter"))
        add("negative", placeholder="the usual")
    return fields


def wire(page: Page, form: Form) -> tuple[Event, Dependency]:
    """The event that says what the form's wishes will take, and what happens once a word was put into the prompt."""
    fields = form.fields
    prompt, model, seeds = fields["prompt"], fields["model"], fields["seeds"]
    estimate = event(
        lambda *values: expected(page, form, by_name(fields, values)),
        list(fields.values()),
        [form.estimate, form.start],
        ESTIMATE,
    )
    others = [field for name, field in fields.items() if name not in ("prompt", "model", "negative")]
    # one event of all of them: of two, the answer to the change before may come last
    changes = [*(when(field, "input") for field in others), when(prompt, "blur"), form.state.change]
    gr.on(changes, trigger_mode="always_last", **estimate)

    def say(words: str | None, press: gr.EventData):
        return " ".join(filter(None, ((words or "").strip(), pressed(press).get("word", ""))))[:MOST_TEXT]

    worded = form.estimate.select(**event(say, prompt, prompt)).then(**estimate)
    when(seeds, "change")(**event(lambda which: gr.update(interactive=which == FIXED), seeds, fields["seed"]))
    when(model, "input")(**event(lambda name: suited(name, form), model, form.suited)).then(**estimate)
    return estimate, worded


def suit(page: Page, forms: Sequence[Form]) -> Event:
    """The event that chooses the model for this machine when the page is opened: the forms begin with the one that runs
    anywhere, as nobody has looked for a graphics card when they are laid out."""
    outputs = [field for form in forms for field in (form.fields["model"], *form.suited)]

    def choose() -> Updates:
        change: Updates = {}
        name = page.service.creations.usual_model()
        if name != EMBEDDED:
            for form in forms:
                change |= {form.fields["model"]: name, **suited(name, form)}
        return change or gr.skip()

    return event(choose, None, outputs, ESTIMATE)


def suited(name: str, form: Form) -> Updates:
    """The fields that a model decides, see `SUITED`."""
    values = native(name, form.role) | {"adapter": adapter_of(name)}
    return {form.fields[field]: values[field] for field in SUITED}


def adapter_of(model: str | None, adapter: str | None = None) -> dict:
    """Update of a form's adapter: those that a model has, and which."""
    choices = [NO_ADAPTER, *adapters(MODELS[model])] if model in MODELS else [NO_ADAPTER]
    return gr.update(choices=choices, value=adapter or NO_ADAPTER)


def native(name: str, role: str) -> dict[str, Any]:
    """What a model is best at, by field."""
    able = MODELS[name].capabilities
    width, height = able.native_size
    return {
        "frames": able.native_frames,
        "width": width,
        "height": height,
        "steps": able.steps,
        "guidance": able.usual_guidance(role == "freeze"),
    }


def wishes_of(role: str, frame: int | None, values: dict[str, Any]) -> tuple[Wishes, int, str, int]:
    """A form's values as `Wishes`, the number of candidates, which seeds, and the first."""
    values = dict(values)
    seeds = values.pop("seeds")
    count, seed, width, height = (int(values.pop(name) or 0) for name in ("count", "seed", *SIDES))
    least: dict[str, Any] = {"prompt": "", "frames": 0, "steps": 0}  # what is empty is refused, not left to the model
    wishes = Wishes(**least | values_of(Wishes, values), role=role, frame=frame, size=(width, height))
    return wishes, count, seeds, seed


def recalled(form: Form, creation: Creation, number: int | None = None) -> Updates:
    """The form as it makes a creation, or one candidate of it, again. number: the candidate's, its seed."""
    wishes = creation.wishes
    values = native(wishes.model, form.role) if wishes.model in MODELS else {}
    values |= {name: own for name in form.fields if (own := getattr(wishes, name, None)) is not None}
    values |= dict(zip(SIDES, wishes.size or (), strict=False))
    values |= {"adapter": adapter_of(wishes.model, wishes.adapter), "negative": wishes.negative or "", "seeds": NEXT}
    if wishes.model not in MODELS:
        del values["model"]
    if number is not None:
        values |= {"count": 1, "seeds": FIXED, "seed": gr.update(value=number, interactive=True)}
    return {form.fields[name]: value for name, value in values.items()}


def expected(page: Page, form: Form, values: dict[str, Any]) -> Updates:
    """What is said of the model and the time, and the button that starts."""
    prompt = (values["prompt"] or "").strip() or "a scene"
    try:
        wishes, count, *_ = wishes_of(form.role, 0, values | {"prompt": prompt})
        estimate = page.service.creations.estimate(NOBODY, wishes, count)
    except UserError as error:
        return {form.estimate: note(str(error), "bad"), form.start: gr.update(interactive=False)}
    offer = next(offer for offer in page.service.creations.models() if offer.name == wishes.model)
    return {form.estimate: estimate_box(offer, estimate, form.role), form.start: gr.update(interactive=estimate.fits)}


def estimate_box(offer: Offer, estimate: Estimate, role: str) -> Markup:
    """Only the first of the two videos lists the words that its model knows: the second has its prompt from it."""
    rows = facts(
        [
            ("Time", "about " + duration(estimate.seconds) if estimate.seconds is not None else "not measured yet"),
            ("Memory", amount(estimate.memory_mb) if estimate.memory_mb is not None else "as there is"),
            *worth_saying(estimate.device, estimate.place),
        ]
    )
    reason = note(estimate.reason, "" if estimate.fits else "bad")
    return joined([pieces("create").model(offer, role == "reference"), rows if estimate.fits else "", reason])
