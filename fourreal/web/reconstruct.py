"""Step two: how carefully, and what it will take."""

import gradio as gr

from fourreal.cli import ABLATIONS
from fourreal.errors import UserError
from fourreal.jobs.values import CriticCost, Estimate, Options, Run
from fourreal.video.registry import MODELS
from fourreal.web import further
from fourreal.web.markup import amount, duration, facts, note, piece, tag, where
from fourreal.web.parts import ESTIMATE, PRIVATE, Parts, followed, suited_preset
from fourreal.web.session import known, safely

PRESETS = [
    ("Draft: about 256 × 144 pixels, made for two CPU cores", "draft"),
    ("Standard: about 512 × 288 pixels, for a GPU", "standard"),
    ("Paper: the paper's full schedule and network, for a GPU and patience", "paper"),
]
MOTION = [("As the preset has it", "preset"), ("Rigid bases", "bases"), ("The paper's network", "mlp")]
CRITICS = [("None", "none"), *((entry.title, entry.name) for entry in MODELS.values())]
LEAVE_OUT = [(what[0].upper() + what[1:], name) for name, what in ABLATIONS.items()]


def build(page: Parts) -> None:
    name = gr.Textbox(
        label="Name", placeholder="A name for your scene", max_lines=1, max_length=80, elem_id="scene-name"
    )
    preset = gr.Radio(PRESETS, value="draft", label="How carefully", elem_id="preset", elem_classes="stacked")
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        deformation = gr.Radio(MOTION, value="preset", label="How motion is held", elem_classes="stacked")
        seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=2**31 - 1)
        cameras = gr.Checkbox(True, label="Take the cameras that an example comes with")
        refine = gr.Checkbox(False, label="Improve known cameras together with the splats")
        without = gr.CheckboxGroup(
            LEAVE_OUT, label="Leave out, to see what it is good for", elem_classes="stacked", elem_id="without"
        )
    with gr.Accordion("A video model as critic", open=False, elem_id="distillation") as critics:
        critic = gr.Dropdown(
            CRITICS, value="none", label="Which one", elem_id="critic",
            info="It says what views and times should look like that no video shows.",
        )  # fmt: skip
        words = gr.Textbox(
            label="What it is told of the videos", placeholder="the prompt that they were made from", lines=2,
            max_length=4000, elem_id="critic-prompt",
        )  # fmt: skip
        with gr.Row():
            # without limits of its own, as Gradio's words for what is out of range say nothing to people
            strength = gr.Number(1.0, label="Strength", step=0.1, elem_id="strength")
            asked = gr.Number(0, label="Steps (0: the preset's)", precision=0, elem_id="distillation-steps")
    estimate = piece(elem_id="estimate")
    start = gr.Button("Start", variant="primary", size="lg", elem_id="start")

    settings = [preset, deformation, seed, cameras, refine, without, critic, words, strength, asked]
    page.named |= {"settings": [name, *settings], "critics": critics, "estimate": estimate, "start": start}

    @safely
    def tell(me: dict, *chosen):
        return expected(page, known(me), *chosen)

    told = [estimate, start]
    page.named["estimate_event"] = {"fn": tell, "inputs": [page.me, *settings], "outputs": told, **PRIVATE}
    # one event of all of them: of two, the answer to the change before may come last
    changes = [setting.change for setting in (preset, deformation, cameras, critic, strength, asked)]
    gr.on([*changes, words.blur], trigger_mode="always_last", **page.named["estimate_event"])

    @safely
    def begin(me: dict, name: str, *chosen):
        me = known(me)
        run = started(page, me, options_of(page, me, *chosen), (name or "").strip())
        return followed(me | {"again": ""}, run)

    def suited():
        # "draft" is there already, and somebody may have chosen meanwhile
        return gr.skip() if (preset := suited_preset(page)) == "draft" else preset

    page.named["suited_event"] = {"fn": safely(suited), "inputs": None, "outputs": preset, **ESTIMATE}
    page.named["started"] = start.click(
        begin, [page.me, name, *settings], [page.me, page.steps, page.timer, page.cursor],
        **PRIVATE,
    )  # fmt: skip


def started(page: Parts, me: dict, options: Options, name: str) -> Run:
    """A new run of the chosen videos, or of those of an earlier run, whose finished stages are used again."""
    owner = page.owner(me)
    if not me["again"]:
        return page.service.submit(owner, me["reference"], me["freeze"], options, name, further.chosen(me))
    run = page.service.duplicate(owner, me["again"], options)
    if name:
        page.service.rename(owner, run.id, name)
    return run


def options_of(
    page: Parts, me: dict, preset: str, deformation: str, seed: float | int | None, cameras: bool, refine: bool,
    without: list, critic: str, words: str, strength: float | int | None, steps: int | None,
) -> Options:  # fmt: skip
    """`Options` from the form and the chosen moment. Raises UserError where a value is out of range."""
    words = (words or "").strip()
    if critic != "none" and not words and me["making"]:
        words = page.service.creation(page.owner(me), me["making"]).wishes.prompt
    return Options(
        preset=preset,
        canonical_frame=me["canonical"],
        seed=int(seed or 0),
        deformation=None if deformation == "preset" else deformation,
        without=tuple(without),
        refine_poses=refine,
        use_cameras=cameras,
        critic=None if critic == "none" else critic,
        prompt=words,
        strength=1.0 if strength is None else strength,
        distillation_steps=steps or None,  # Gradio makes a 0 of an empty field
    )


def expected(page: Parts, me: dict, *chosen) -> list:
    """Updates of the estimate and of the button that starts."""
    try:
        options = options_of(page, me, *chosen)
    except UserError as error:
        return [note(str(error), "bad"), gr.update(interactive=False)]
    if me["again"] and not (me["reference"] and me["freeze"]):  # the run has kept its videos
        return [note("The videos of this scene are kept with it."), gr.update(interactive=True)]
    if not (me["reference"] and me["freeze"]):
        return [note("Choose two videos first."), gr.update(interactive=False)]
    found = page.service.estimate(page.owner(me), me["reference"], me["freeze"], options, len(further.chosen(me)))
    return [estimate_box(found), gr.update(interactive=found.fits)]


def estimate_box(found: Estimate) -> str:
    wait = "starts at once" if found.place == 0 else f"{found.place} before it"
    rows = facts([
        ("Time", time_told(found)), ("Memory", amount(found.memory_mb)), ("Disk", amount(found.disk_mb)),
        ("Runs on", where(found.device)), ("Line", wait),
        *critic_told(found.critic),
    ])  # fmt: skip
    notes = note(found.reason, "" if found.fits else "bad")
    if found.critic is not None:
        notes += note(found.critic.reason, "" if found.critic.steps else "warn")
    return tag("div", rows, notes, class_="estimate")


def time_told(found: Estimate) -> str:
    if found.seconds is not None:
        return "about " + duration(found.seconds)
    if found.critic is not None and found.critic.seconds_without is not None:
        return f"about {duration(found.critic.seconds_without)}, and the critic's"
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
