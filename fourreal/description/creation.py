"""What may be asked of videos that a model makes, and of the whole chain from a prompt to a scene."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Strict

from fourreal.description.base import Description, about, among, as_far_as_valid, described, option
from fourreal.description.reconstruction import DEVICES, LARGEST_SEED, Fitting
from fourreal.errors import UserError
from fourreal.video import registry
from fourreal.video.capabilities import check_text
from fourreal.video.lora import ADAPTERS

ROLES = {"reference": "of a moving scene, from the prompt alone", "freeze": "of a frozen one, from a picture on"}
OUTDATED = (
    "This version cannot make more of these candidates, but those that are there can be taken. Begin anew for others."
)
NO_ARC = "A camera cannot go {value:g} degrees around; ask for 1 to {le}."
ARC = {"gt": 0, "le": 360}

Pixels = Annotated[tuple[int, int], Strict(False)]


def adapters(entry: registry.Entry) -> list[str]:
    """The known LoRAs that were made for a model."""
    return [one.name for one in ADAPTERS.values() if one.base in entry.adapters]


@described
class Making(Description):
    """What may be asked of any video that a model makes. What is None is what the model was trained for."""

    prompt: str = option(help="what the video shows", title="Prompt")
    model: str | None = option(
        registry.DEFAULT,
        "see `python -m fourreal models`",
        metavar="NAME",
        title="Model",
        unset=f"{registry.DEFAULT}, without a graphics card the embedded {registry.EMBEDDED}",
    )
    source: Path | None = option(
        None,
        "folder with the model's weights as diffusers saves them",
        unset="downloaded once, from the Hugging Face hub",
        metavar="DIR",
        local=True,
    )
    adapter: str | None = option(
        None, "a LoRA: a name of docs/video.md, a file, or repository:file", metavar="LORA", title="Adapter (LoRA)"
    )
    frames: int | None = option(
        None, "how long", unset="what the model was trained for", metavar="N", unit="of frames", title="Frames"
    )
    size: Pixels | None = option(
        None,
        "pixels",
        unset="what the model was trained for",
        metavar="WxH",
        unit="[width, height]",
        refusal="A size is two whole numbers of pixels: width and height.",
    )
    steps: int | None = option(None, "of denoising", unset="the model's", metavar="N", title="Steps")
    guidance: float | None = option(
        None,
        "how closely to keep to the prompt",
        unset="the model's",
        metavar="X",
        title="Guidance",
        bounds={"ge": 0, "le": 100},
        refusal="A guidance of {value:g} makes no sense; ask for 1 to 20.",
    )


@described
class StoredWishes(Making):
    """`Wishes` as some version kept them: for showing, as this one may not be able to make what they ask for."""

    role: str = option(help="which of the two videos", choices=ROLES)
    negative: str | None = option(
        None,
        "what it shall not show",
        unset="the usual for such videos",
        metavar="TEXT",
        title="What it should not show",
    )
    arc: float = option(
        45.0,
        "of a freeze-time video: how far the camera goes, if the model follows a path",
        metavar="DEGREES",
        unit="of degrees",
        title="How far around, for models that follow a camera path (degrees)",
        bounds=ARC,
        refusal=NO_ARC,
    )
    frame: int | None = option(None, "of the reference video, the one that a freeze-time video freezes", remote=True)
    device: str = option("auto", "where to compute; auto is CUDA where there is one", choices=DEVICES)


@described
class Wishes(StoredWishes):
    """What a person may choose for a creation; see `pipeline.candidates.Wish`. None takes what the model is best at.

    Raises UserError where a value is none of the choices, or nothing that the model can make.
    """

    model: str = option(registry.DEFAULT, "a name of `/models`", title="Model")
    adapter: str | None = option(
        None, "a LoRA, by a name of docs/video.md", unset="none", title="Adapter (LoRA)", blank="None"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        entry = registry.entry(self.model)
        check_text(self.negative)
        entry.check(self.role, self.prompt, *self.amount)
        # known ones by name alone: a file's name or a repository's is nothing that a stranger may choose
        among("adapter for this model", self.adapter, (None, *adapters(entry)))

    @property
    def amount(self) -> tuple[int, tuple[int, int], int]:
        """Frames, (width, height) and denoising steps of each video."""
        able = registry.entry(self.model).capabilities
        usual = (able.native_frames, able.native_size, able.steps)
        return (
            usual[0] if self.frames is None else self.frames,
            usual[1] if self.size is None else self.size,
            usual[2] if self.steps is None else self.steps,
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Wishes":
        """Raises UserError for names and kinds of values that are none of these."""
        missing = {"role", "prompt"} - set(values)
        if missing:
            raise UserError(f"A creation needs {' and '.join(sorted(missing))}.")
        return super().from_dict(values)

    @classmethod
    def current(cls, values: Mapping[str, Any]) -> "Wishes":
        """The wishes of a creation that was stored. Raises UserError where they are nothing that is there any more."""
        try:
            return cls.from_dict(values)
        except UserError as error:
            raise UserError(f"{OUTDATED} {error}") from error

    @classmethod
    def stored(cls, values: Mapping[str, Any]) -> tuple[StoredWishes, str]:
        """What some version kept of a creation's wishes; and why nothing more can be made of them, "" where it can."""
        try:
            return cls.current(values), ""
        except UserError as error:
            least = {"prompt": "", "role": "reference"}
            readable, _ = as_far_as_valid(lambda some: StoredWishes.from_dict(least | some), values)
            return readable, str(error)


@described
class Several(Description):
    """How many videos are made of which one is picked."""

    candidates: int = option(4, "how many videos to choose from", metavar="N")
    seed: int = option(
        0,
        "of the first candidate; the others follow",
        metavar="N",
        bounds={"ge": 0, "le": LARGEST_SEED},
        refusal="The seed is a whole number from 0 to {le}, not {value}.",
    )


@described
class Chain(Several, Fitting, Making):
    """What a person may choose for the chain from a prompt to a scene.

    size: (width, height) of the reference video; the freeze-time video gets the same shape as far as its model can.
    """

    prompt: str = option(help="what the scene shows and what happens in it")
    image: Path | None = option(
        None, "a photo or drawing that the reference videos begin with", metavar="FILE", unset="none", local=True
    )
    model: str | None = option(
        None, "see `python -m fourreal models`", metavar="NAME", unset=about(Making)["model"].unset
    )
    freeze_model: str | None = option(
        None, "another model for the freeze-time videos", unset="the same", metavar="NAME"
    )
    freeze_source: Path | None = option(None, "its folder, as --source", metavar="DIR")
    freeze_adapter: str | None = option(None, "its LoRA, as --adapter", metavar="LORA")
    freeze_prompt: str | None = option(
        None,
        "prompt of the freeze-time videos",
        unset="the prompt without its actions, rewritten by rule",
        metavar="TEXT",
    )
    arc: float = option(
        180.0,
        "how far around the freeze-time video shall go",
        metavar="DEGREES",
        unit="of degrees",
        bounds=ARC,
        refusal=NO_ARC,
    )
    windows: int | None = option(
        None, "extend it by so many windows of 8 frames at most", unset="12, with mini 2", metavar="N"
    )
    pick_reference: int | None = option(None, "take this reference video", unset="the best-scored", metavar="SEED")
    pick_frame: int | None = option(None, "freeze this frame", unset="the sharpest near the middle", metavar="K")
    pick_freeze: int | None = option(None, "take this freeze-time video", unset="the best-scored", metavar="SEED")
    distil: bool | None = option(
        None,
        "let the model criticise views and times that no video shows, see docs/distillation.md",
        unset="with mini",
        group="critic",
    )
