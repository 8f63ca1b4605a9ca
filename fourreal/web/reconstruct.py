"""Step two: how carefully, and what it will take."""

from collections.abc import Callable

import gradio as gr

from fourreal.description import Options
from fourreal.errors import UserError
from fourreal.jobs.values import CriticCost, Estimate, Run
from fourreal.web import further
from fourreal.web.fields import component, group, values_of
from fourreal.web.markup import amount, duration, facts, note, piece, tag, where
from fourreal.web.parts import ESTIMATE, PRIVATE, Parts, followed, suited_preset
from fourreal.web.session import known, safely

CRITIC_LOOKS = {
    "critic": {"info": "It says what views and times should look like that no video shows."},
    "prompt": {"lines": 2, "elem_id": "critic-prompt", "placeholder": "the prompt that they were made from"},
}


def build(page: Parts) -> None:
    name = gr.Textbox(
        label="Name", placeholder="A name for your scene", max_lines=1, max_length=80, elem_id="scene-name"
    )
    settings = {"preset": component(Options, "preset", value="draft")}
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        settings |= group(Options, "advanced")
    with gr.Accordion("A video model as critic", open=False, elem_id="distillation") as critics:
        settings |= group(Options, "critic", **CRITIC_LOOKS)
    estimate = piece(elem_id="estimate")
    start = gr.Button("Start", variant="primary", size="lg", elem_id="start")

    chosen = list(settings.values())
    page.named |= {"settings": settings, "name": name, "critics": critics, "estimate": estimate, "start": start}

    def options(me: dict, *values) -> Options:
        return options_of(page, me, dict(zip(settings, values, strict=True)))

    @safely
    def tell(me: dict, *values):
        return expected(page, known(me), lambda me: options(me, *values))

    outputs = [estimate, start]
    page.named["estimate_event"] = {"fn": tell, "inputs": [page.me, *chosen], "outputs": outputs, **PRIVATE}
    # one event of all of them: of two, the answer to the change before may come last
    changes = [one.blur if isinstance(one, gr.Textbox) else one.change for one in chosen]
    gr.on(changes, trigger_mode="always_last", **page.named["estimate_event"])

    @safely
    def begin(me: dict, name: str, *values):
        me = known(me)
        run = started(page, me, options(me, *values), (name or "").strip())
        return followed(me | {"again": ""}, run)

    def suited():
        # "draft" is there already, and somebody may have chosen meanwhile
        return gr.skip() if (preset := suited_preset(page)) == "draft" else preset

    page.named["suited_event"] = {"fn": safely(suited), "inputs": None, "outputs": settings["preset"], **ESTIMATE}
    page.named["started"] = start.click(
        begin, [page.me, name, *chosen], [page.me, page.steps, page.timer, page.cursor], **PRIVATE
    )


def started(page: Parts, me: dict, options: Options, name: str) -> Run:
    """A new run of the chosen videos, or of those of an earlier run, whose finished stages are used again."""
    owner = page.owner(me)
    if not me["again"]:
        return page.service.runs.submit(owner, me["reference"], me["freeze"], options, name, further.chosen(me))
    run = page.service.runs.duplicate(owner, me["again"], options)
    if name:
        page.service.runs.rename(owner, run.id, name)
    return run


def options_of(page: Parts, me: dict, chosen: dict) -> Options:
    """`Options` from the form and the chosen moment. Raises UserError where a value is out of range."""
    values = values_of(Options, chosen)
    if "critic" in values and "prompt" not in values and me["making"]:
        values["prompt"] = page.service.creations.get(page.owner(me), me["making"]).wishes.prompt
    return Options(canonical_frame=me["canonical"], **values)


def expected(page: Parts, me: dict, options_of: Callable[[dict], Options]) -> list:
    """Updates of the estimate and of the button that starts."""
    try:
        options = options_of(me)
    except UserError as error:
        return [note(str(error), "bad"), gr.update(interactive=False)]
    if me["again"] and not (me["reference"] and me["freeze"]):  # the run has kept its videos
        return [note("The videos of this scene are kept with it."), gr.update(interactive=True)]
    if not (me["reference"] and me["freeze"]):
        return [note("Choose two videos first."), gr.update(interactive=False)]
    estimate = page.service.runs.estimate(
        page.owner(me), me["reference"], me["freeze"], options, len(further.chosen(me))
    )
    return [estimate_box(estimate), gr.update(interactive=estimate.fits)]


def estimate_box(estimate: Estimate) -> str:
    wait = "starts at once" if estimate.place == 0 else f"{estimate.place} before it"
    rows = facts(
        [
            ("Time", time_told(estimate)),
            ("Memory", amount(estimate.memory_mb)),
            ("Disk", amount(estimate.disk_mb)),
            ("Runs on", where(estimate.device)),
            ("Line", wait),
            *critic_told(estimate.critic),
        ]
    )
    notes = note(estimate.reason, "" if estimate.fits else "bad")
    if estimate.critic is not None:
        notes += note(estimate.critic.reason, "" if estimate.critic.steps else "warn")
    return tag("div", rows, notes, class_="estimate")


def time_told(estimate: Estimate) -> str:
    if estimate.seconds is not None:
        return "about " + duration(estimate.seconds)
    if estimate.critic is not None and estimate.critic.seconds_without is not None:
        return f"about {duration(estimate.critic.seconds_without)}, and the critic's"
    return "unknown"


def critic_told(cost: CriticCost | None) -> list[tuple[str, str]]:
    """What the criticism adds, where there is to be any."""
    if cost is None or not cost.steps:
        return []
    return [
        ("Critic's steps", f"{cost.steps:,}"),
        ("Critic's time", "not measured" if cost.seconds is None else "about " + duration(cost.seconds)),
        ("Critic's memory", "as there is" if cost.memory_mb is None else "about " + amount(cost.memory_mb)),
    ]
