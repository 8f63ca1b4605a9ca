"""Step two: how carefully, and what it will take."""

from dataclasses import replace
from typing import Any

import gradio as gr

from fourreal.description import Options
from fourreal.errors import UserError
from fourreal.jobs.values import CriticCost, Estimate, Run
from fourreal.web import further
from fourreal.web.fields import by_name, component, group, values_of, when
from fourreal.web.markup import facts, note, piece, tag
from fourreal.web.parts import ESTIMATE, Event, Page, Then, Updates, event
from fourreal.web.session import Visitor, personal
from fourreal.web.words import amount, duration, worth_saying

CRITIC_LOOKS: dict[str, dict[str, Any]] = {
    "critic": {"info": "It judges views and times that no video shows."},
    "prompt": {"lines": 2, "elem_id": "critic-prompt", "placeholder": "the prompt that they were made from"},
}


class Reconstruct:
    """settings: the fields of `Options`, by name. critics: where those of a video model as critic are."""

    def __init__(self) -> None:
        self.name = gr.Textbox(
            label="Name", placeholder="A name for your scene", max_lines=1, max_length=80, elem_id="scene-name"
        )
        self.settings = {"preset": component(Options, "preset", value="draft")}
        with gr.Accordion("Advanced", open=False, elem_id="advanced"):
            self.settings |= group(Options, "advanced")
        with gr.Accordion("A video model as critic", open=False, elem_id="distillation") as self.critics:
            self.settings |= group(Options, "critic", **CRITIC_LOOKS)
        self.estimate = piece(elem_id="estimate")
        self.start = gr.Button("Start", variant="primary", size="lg", elem_id="start")


def wire(page: Page, step: Reconstruct, begun: Then) -> tuple[Event, Event]:
    """The events that say what a run will take, and that choose this machine's preset. begun: what follows a start."""
    settings = step.settings.values()

    @personal
    def tell(me: Visitor, *values):
        return expected(page, step, me, by_name(step.settings, values))

    estimate = event(tell, [page.me, *settings], [step.estimate, step.start])
    # one event of all of them: of two, the answer to the change before may come last
    changes = [when(one, "blur" if isinstance(one, gr.Textbox) else "change") for one in settings]
    gr.on(changes, trigger_mode="always_last", **estimate)

    @personal
    def start(me: Visitor, name: str | None, *values):
        options = options_of(page, me, by_name(step.settings, values))
        run = begin(page, me, options, (name or "").strip())
        return page.follow(replace(me, again=""), run.id)

    begun(step.start.click(**event(start, [page.me, step.name, *settings], page.following)))

    def suited():
        # "draft" is there already, and somebody may have chosen meanwhile
        return gr.skip() if (preset := page.suited_preset()) == "draft" else preset

    return estimate, event(suited, None, step.settings["preset"], ESTIMATE)


def begin(page: Page, me: Visitor, options: Options, name: str) -> Run:
    """A new run of the chosen videos, or of those of an earlier run, whose finished stages are used again."""
    owner = page.owner(me)
    if not me.again:
        return page.service.runs.submit(owner, me.reference, me.freeze, options, name, further.chosen(me))
    run = page.service.runs.duplicate(owner, me.again, options)
    if name:
        page.service.runs.rename(owner, run.id, name)
    return run


def options_of(page: Page, me: Visitor, form: dict[str, Any]) -> Options:
    """`Options` from the form and the chosen moment. Raises UserError where a value is out of range."""
    values = values_of(Options, form)
    if "critic" in values and "prompt" not in values and me.making:
        values["prompt"] = page.service.creations.get(page.owner(me), me.making).wishes.prompt
    return Options(canonical_frame=me.canonical, **values)


def expected(page: Page, step: Reconstruct, me: Visitor, form: dict[str, Any]) -> Updates:
    """The estimate, and the button that starts."""
    words, may_start = "", False
    try:
        options = options_of(page, me, form)
    except UserError as error:
        words = note(str(error), "bad")
    else:
        if me.has_pair:
            more = len(further.chosen(me))
            estimate = page.service.runs.estimate(page.owner(me), me.reference, me.freeze, options, more)
            words, may_start = estimate_box(estimate), estimate.fits
        elif me.again:  # the run has kept its videos
            words, may_start = note("The videos of this scene are kept with it."), True
        else:
            words = note("Choose two videos first.")
    return {step.estimate: words, step.start: gr.update(interactive=may_start)}


def estimate_box(estimate: Estimate) -> str:
    rows = facts(
        [
            ("Time", time_of(estimate)),
            ("Memory", amount(estimate.memory_mb)),
            *worth_saying(estimate.device, estimate.place),
            *critic_cost(estimate.critic),
        ]
    )
    notes = note(estimate.reason, "" if estimate.fits else "bad")
    if estimate.critic is not None:
        notes += note(estimate.critic.reason, "" if estimate.critic.steps else "warn")
    return tag("div", rows, notes, class_="estimate")


def time_of(estimate: Estimate) -> str:
    if estimate.seconds is not None:
        return "about " + duration(estimate.seconds)
    if estimate.critic is not None and estimate.critic.seconds_without is not None:
        return f"about {duration(estimate.critic.seconds_without)}, and the critic's"
    return "unknown"


def critic_cost(cost: CriticCost | None) -> list[tuple[str, str]]:
    """What the criticism adds, where there is to be any."""
    if cost is None or not cost.steps:
        return []
    return [
        ("Critic's steps", f"{cost.steps:,}"),
        ("Critic's time", "not measured" if cost.seconds is None else "about " + duration(cost.seconds)),
        ("Critic's memory", "as there is" if cost.memory_mb is None else "about " + amount(cost.memory_mb)),
    ]
