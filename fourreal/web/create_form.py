"""The two forms of the step *Create*: what is asked for, and what that will take."""

from dataclasses import dataclass, field

import gradio as gr

from fourreal.description import Wishes, about, adapters
from fourreal.errors import UserError
from fourreal.jobs.create_values import Creation, Offer
from fourreal.jobs.offered import offered
from fourreal.jobs.values import Estimate
from fourreal.video.registry import EMBEDDED, MODELS
from fourreal.web.candidates import model_facts
from fourreal.web.fields import BLANK, MOST_TEXT, component, values_of
from fourreal.web.markup import amount, duration, facts, note, piece, pressed, where
from fourreal.web.parts import ESTIMATE, PRIVATE, Parts
from fourreal.web.session import safely

NO_ADAPTER = BLANK
EXAMPLES = ("a red ball bouncing on a grassy floor", "Camera circulating around a fox in a yard, time elapse")
SIDES = ("width", "height")
SUITED = ("frames", *SIDES, "steps", "guidance", "adapter")
NEXT, RANDOM, FIXED = "next", "random", "fixed"
SEEDS = [("The next ones", NEXT), ("Random", RANDOM), ("From this one on", FIXED)]
NOBODY = "0" * 32  # what a video takes does not depend on who asks


@dataclass
class Part:
    """One half of the step: the components for one of the two videos.

    kept: under which name the browser keeps the creation's id. state: how far that is; when it is over, what it took
    is known, and told of the next one. draft: what stands in the form, see `create_draft`.
    """

    role: str
    kept: str
    fields: dict[str, gr.components.Component]
    told: gr.HTML
    start: gr.Button
    progress: gr.HTML
    stop: gr.Button
    resume: gr.Button
    candidates: gr.HTML
    own: gr.File
    rest: gr.Column
    state: gr.State
    draft: gr.BrowserState | None
    extra: list = field(default_factory=list)  # what else is asked for

    @property
    def form(self) -> list:
        """What is asked for, in the order of `fields`."""
        return list(self.fields.values())

    @property
    def suited(self) -> list:
        """What a model decides."""
        return [self.fields[name] for name in SUITED]

    @property
    def watched(self) -> list:
        """What changes while candidates are made."""
        return [self.progress, self.stop, self.resume, self.candidates, self.rest, self.state]


def part(role: str, draft: gr.BrowserState | None = None) -> Part:
    """The form, what is told of it, and the candidates, for one of the two videos."""
    freeze = role == "freeze"
    models = [(entry.title, entry.name) for entry in offered().models(role)] or [(MODELS[EMBEDDED].title, EMBEDDED)]
    first = EMBEDDED if EMBEDDED in dict(models).values() else models[0][1]
    usual = native(first, role)
    fields = {}

    def add(name: str, made: gr.components.Component | None = None, **more) -> None:
        more = {"elem_id": f"{role}-{name}", "value": usual.get(name, "")} | more
        fields[name] = made or component(Wishes, name, **more)

    add(
        "prompt",
        label="The frozen scene, in words; edit it freely" if freeze else "Prompt",
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
    told = piece(elem_id=f"{role}-told")
    start = gr.Button("Make candidates", variant="primary", size="lg", elem_id=f"{role}-make")
    progress = piece(elem_id=f"{role}-progress")
    with gr.Row():
        stop = gr.Button("Stop", variant="stop", visible=False, elem_id=f"{role}-stop")
        resume = gr.Button("Continue making them", variant="primary", visible=False, elem_id=f"{role}-resume")
    candidates = piece(elem_id=f"{role}-candidates")
    with gr.Column(visible=False) as rest:
        gr.HTML("<h4>Or a video of your own, as one more candidate</h4>", padding=False, apply_default_css=False)
        own = gr.File(
            show_label=False,
            file_count="single",
            type="filepath",
            height=122,
            elem_id=f"{role}-own",
            elem_classes="drop",
        )
    kept = "freezing" if freeze else "making"
    return Part(role, kept, fields, told, start, progress, stop, resume, candidates, own, rest, gr.State(""), draft)


def tell(page: Parts, half: Part) -> dict:
    """The event that tells what the form's wishes will take; wired to its fields, and handed back for others."""
    event = {
        "fn": safely(lambda *given: expected(page, half, *given)),
        "inputs": half.form,
        "outputs": [half.told, half.start],
        **ESTIMATE,
    }
    prompt, model = half.fields["prompt"], half.fields["model"]
    others = [field for name, field in half.fields.items() if name not in ("prompt", "model", "negative")]
    # one event of all of them: of two, the answer to the change before may come last
    changes = [*(field.input for field in others), prompt.blur, half.state.change]
    gr.on(changes, trigger_mode="always_last", **event)

    @safely
    def say(words: str | None, told: gr.EventData):
        return " ".join(filter(None, ((words or "").strip(), pressed(told).get("word", ""))))[:MOST_TEXT]

    page.named[f"{half.role}_said"] = half.told.select(say, prompt, prompt, **PRIVATE).then(**event)

    fixed = lambda seeds: gr.update(interactive=seeds == FIXED)
    half.fields["seeds"].change(fixed, half.fields["seeds"], half.fields["seed"], **PRIVATE)
    model.input(lambda name: suited(name, half.role), model, half.suited, **PRIVATE).then(**event)
    return event


def suit(page: Parts, halves: tuple[Part, ...]) -> dict:
    """The event that chooses the model for this machine when the page is opened: the forms begin with the one that runs
    anywhere, as nobody has looked for a graphics card when they are laid out."""

    def choose() -> list:
        name = page.service.creations.usual_model()
        if name == EMBEDDED:
            return [gr.skip()] * len(outputs)
        return [value for half in halves for value in (name, *suited(name, half.role))]

    outputs = [field for half in halves for field in (half.fields["model"], *half.suited)]
    return {"fn": safely(choose), "inputs": None, "outputs": outputs, **ESTIMATE}


def suited(name: str, role: str) -> list:
    """Values of the fields that a model decides, see `SUITED`."""
    offered = [NO_ADAPTER, *adapters(MODELS[name])]
    values = native(name, role)
    return [*(values[field] for field in SUITED[:-1]), gr.update(choices=offered, value=NO_ADAPTER)]


def native(name: str, role: str) -> dict[str, float | int]:
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


def wishes_of(half: Part, frame: int | None, *given, **instead) -> tuple[Wishes, int, str, int]:
    """The form as `Wishes`, the number of candidates, which seeds, and the first. instead: of what the form says."""
    chosen = dict(zip(half.fields, given, strict=True)) | instead
    seeds = chosen.pop("seeds")
    count, seed, *size = (int(chosen.pop(name) or 0) for name in ("count", "seed", *SIDES))
    least = {"prompt": "", "frames": 0, "steps": 0}  # what is empty is refused, and not left to the model
    wishes = Wishes(**least | values_of(Wishes, chosen), role=half.role, frame=frame, size=tuple(size))
    return wishes, count, seeds, seed


def recalled(half: Part, found: Creation, number: int | None = None) -> list:
    """Values of the form that make a creation, or one candidate of it, again. number: the candidate's, its seed."""
    wishes, usual = found.wishes, native(found.wishes.model, half.role) if found.wishes.model in MODELS else {}
    size = dict(zip(SIDES, wishes.size or (), strict=False))
    values = {
        name: usual.get(name, gr.skip()) if (own := getattr(wishes, name, None)) is None else own
        for name in half.fields
    } | size
    offered = [NO_ADAPTER, *adapters(MODELS[wishes.model])] if usual else [NO_ADAPTER]
    values["adapter"] = gr.update(choices=offered, value=wishes.adapter or NO_ADAPTER)
    values["negative"] = wishes.negative or ""
    values["model"] = wishes.model if usual else gr.skip()
    values |= {"count": gr.skip(), "seeds": NEXT, "seed": gr.skip()}
    if number is not None:
        values |= {"count": 1, "seeds": FIXED, "seed": gr.update(value=number, interactive=True)}
    return [values[name] for name in half.fields]


def expected(page: Parts, half: Part, prompt: str, *given) -> list:
    """Updates of what is told of the model and the time, and of the button that starts."""
    try:
        wishes, count, *_ = wishes_of(half, 0, prompt, *given, prompt=(prompt or "").strip() or "a scene")
        found = page.service.creations.estimate(NOBODY, wishes, count)
    except UserError as error:
        return [note(str(error), "bad"), gr.update(interactive=False)]
    offer = next(offer for offer in page.service.creations.models() if offer.name == wishes.model)
    return [told_box(offer, found), gr.update(interactive=found.fits)]


def told_box(offer: Offer, found: Estimate) -> str:
    rows = facts(
        [
            ("Time", "about " + duration(found.seconds) if found.seconds is not None else "not measured yet"),
            ("Memory", amount(found.memory_mb) if found.memory_mb is not None else "as there is"),
            ("Place in line", "starts at once" if found.place == 0 else f"{found.place} before it"),
            ("Runs on", where(found.device)),
        ]
    )
    return model_facts(offer) + (rows if found.fits else "") + note(found.reason, "" if found.fits else "bad")
