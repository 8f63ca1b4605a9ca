"""What may be asked of a reconstruction. Which videos, and where the scene goes, is said apart from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Strict

from fourreal.description.base import Description, about, as_far_as_valid, described, option
from fourreal.video.capabilities import check_text
from fourreal.video.registry import MODELS

LARGEST_SEED = 2**31 - 1
DEVICES = {"auto": "CUDA where there is one", "cpu": "CPU", "cuda": "CUDA"}
PRESETS = {
    "draft": "Draft: about 256 × 144 pixels, made for two CPU cores",
    "standard": "Standard: about 512 × 288 pixels, for a GPU",
    "paper": "Paper: the paper's full schedule and network, for a GPU and patience",
}
# What `without` switches off.
ABLATIONS = {
    "per-frame-deformation": "the field that explains inconsistencies of the freeze-time frames",
    "small-motion": "the loss that keeps that field small",
    "exposure": "gain and bias of each freeze-time frame",
    "freeze-time": "the freeze-time video in stage one; only its reference frame is left",
    "joint-finetune": "fine-tuning on both videos at the end",
    "growth": "new splats, in both stages",
    "regularisers": "rigidity, smoothness and norm of the motion",
    "hinges": "limbs that turn about joints",
    "pull": "pulling what is misplaced in a reference frame to where it belongs",
    "pose-refinement": "improving estimated cameras together with the splats",
    "multi-view-sds": "the video model's criticism in stage one, where there is a critic",
    "joint-sds": "its criticism of views and times in stage two, where there is a critic",
}
CRITICS = {name: entry.title for name, entry in MODELS.items()}

Names = Annotated[frozenset[str], Strict(False)]
Frames = Annotated[tuple[int, ...], Strict(False), AfterValidator(lambda frames: tuple(sorted(set(frames))))]


@described
class Fitting(Description):
    """What may be asked of a reconstruction wherever its videos come from."""

    preset: str | None = option(
        None,
        "pixels and schedule of the reconstruction",
        unset="standard on CUDA, draft on a CPU",
        choices=PRESETS,
        title="How carefully",
        decides=("cost", "cameras"),
    )
    device: str = option("auto", "where to compute; auto is CUDA where there is one", choices=DEVICES)
    detail: bool = option(
        False,
        "in the end, let the critic restore a film of the scene, and fit the scene to that",
        local=True,
        group="critic",
    )
    strength: float = option(
        1.0,
        "factor on the weights of the criticism",
        metavar="X",
        title="Strength",
        group="critic",
        bounds={"gt": 0, "le": 10},
        refusal="A strength of {value:g} is out of range; say above 0, up to {le:g}.",
    )
    distillation_steps: int | None = option(
        None,
        "how often the critic is asked, about",
        unset="the preset's",
        metavar="N",
        title="Steps (0: the preset's)",
        group="critic",
        blank="0",
        bounds={"ge": 1, "le": 20_000},
        refusal="{value} distillation steps are out of range; ask for {ge} to {le}.",
    )
    imagine: int = option(
        0,
        "let the critic film the moving scene from so many places where no camera was; what is believed of that is "
        "fitted like other videos",
        metavar="N",
        title="Takes it films (0: none)",
        group="critic",
        bounds={"ge": 0, "le": 24},
        refusal="{value} imagined takes are out of range; ask for {ge} (none) to {le}.",
    )
    critic_guidance: float | None = option(
        None,
        "how closely the critic keeps to the prompt",
        unset="the model's own",
        metavar="X",
        local=True,
        group="critic",
        bounds={"ge": 1, "le": 30},
        refusal="A guidance of {value:g} is out of range; it is {ge} (none) to {le}.",
    )


@described
class Options(Fitting):
    """What a person may choose for a reconstruction.

    Raises UserError where a value is none of the choices.
    """

    canonical_frame: int | None = option(
        None,
        "frame of the reference video that was frozen",
        unset="from known cameras, else found by looking",
        metavar="K",
        bounds={"ge": 0},
        decides=("cameras",),
        refusal="Frames are counted from 0: choose a canonical frame of the reference video.",
    )
    freeze_reference_frame: int | None = option(
        None,
        "frame of the freeze-time video with the reference camera's pose",
        unset="from known cameras, else found by looking",
        metavar="J",
        local=True,
    )
    longer_part: bool = option(
        False,
        "of a video that is cut to another shot take the longest part",
        unset="it is refused, with the frame of the cut",
        local=True,
    )
    hold_out_freeze: Frames = option(
        (),
        "freeze-time frames kept out of the fit, for measuring",
        unset="none",
        metavar="I,J,...",
        local=True,
        refusal="Frames to hold out are a list of whole numbers.",
    )
    deformation: str | None = option(
        None,
        "how motion is held: rigid bases or the paper's network",
        unset="bases, with --preset paper mlp",
        choices={"bases": "Rigid bases", "mlp": "The paper's network"},
        title="How motion is held",
        group="advanced",
        blank="As the preset has it",
        decides=("cost",),
    )
    seed: int = option(
        0,
        "of all that is random",
        metavar="N",
        title="Seed",
        group="advanced",
        bounds={"ge": 0, "le": LARGEST_SEED},
        refusal="The seed is a whole number from 0 to {le}, not {value}.",
    )
    use_cameras: bool = option(
        True,
        "take the cameras that an example comes with",
        unset="they are taken",
        remote=True,
        group="advanced",
        title="Take the cameras that an example comes with",
    )
    refine_poses: bool = option(
        False,
        "improve known cameras together with the splats",
        unset="known ones stay fixed; estimated ones are always improved",
        group="advanced",
        title="Improve known cameras together with the splats",
    )
    without: Names = option(
        frozenset(),
        "leave parts of the method out",
        unset="none",
        metavar="PART",
        choices=ABLATIONS,
        called="part to leave out",
        refusal="`without` is a list of names.",
        group="advanced",
        title="Leave out, to see what it is good for",
        decides=("cost",),
    )
    critic: str | None = option(
        None,
        "let this video model criticise views and times that no video shows, see `python -m fourreal models` and "
        "docs/distillation.md",
        unset="none",
        metavar="NAME",
        choices=CRITICS,
        title="Which one",
        group="critic",
        blank="None",
    )
    prompt: str = option(
        "",
        "what the videos show, for the critic",
        unset="it is asked without words",
        metavar="TEXT",
        title="What it is told of the videos",
        group="critic",
    )
    critic_source: Path | None = option(
        None, "folder with the critic's weights", unset="from the hub", metavar="DIR", local=True, group="critic"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_text(self.prompt)
        if self.critic is not None and self.prompt.strip():
            MODELS[self.critic].capabilities.check_prompt(self.prompt)

    @classmethod
    def stored(cls, values: Mapping[str, Any]) -> tuple["Options", str]:
        """What some version kept of a run's options, as far as this one knows it; and a sentence on the rest, "" where
        there is none."""
        options, gone = as_far_as_valid(cls.from_dict, values)
        if not gone:
            return options, ""
        settings = ", ".join(f"{str(name)[:40]}: {str(values[name])[:40]}" for name in gone)
        return options, (
            f"This was asked for with settings that are not there in this version ({settings}). It cannot be "
            "continued; make it again with other settings."
        )


def critic_options(options: Mapping[str, Any]) -> bool:
    """Whether a video model's criticism is described, and not only named."""
    return any(options.get(name) for name, said in about(Options).items() if said.group == "critic" != name)


def usual_preset(cuda: bool) -> str:
    """The preset of a machine, unless a person chooses another."""
    return "standard" if cuda else "draft"
