"""What goes in and out of `Service`: plain values, no secrets, nothing of the disk's layout but finished paths."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fourreal.errors import UserError
from fourreal.jobs.run_files import Refusal, StoredTake
from fourreal.settings import ABLATIONS, PRESETS, check_distillation
from fourreal.video.capabilities import check_text
from fourreal.video.registry import MODELS

STATES = ("queued", "running", "done", "stopped", "failed")
DEFORMATIONS = ("bases", "mlp")
DEVICES = ("auto", "cpu", "cuda")
LARGEST_SEED = 2**31 - 1
MEETING = "meeting.json"  # among a run's inputs: [canonical frame, freeze-time frame], as the checks saw them


@dataclass(frozen=True)
class Video:
    """A video that was taken in: width, height in pixels, fps frames a second, `seconds` long, `bytes` on the disk.

    interlaced: whether its frames were, and were made whole before they were made smaller.
    """

    id: str
    name: str
    width: int
    height: int
    fps: float
    frames: int
    seconds: float
    created: float = 0.0
    bytes: int = 0
    interlaced: bool = False


@dataclass(frozen=True)
class Example:
    """A pair of videos that ships with the product. cameras: its cameras.json, None where they are not known."""

    name: str
    title: str
    reference: Path
    freeze: Path
    cameras: Path | None


@dataclass(frozen=True)
class Options:
    """What a person may choose for a run; see `pipeline.Request`.

    use_cameras: take the cameras that an example comes with. critic: the video model that criticises unseen views and
    times (score distillation), None for none; prompt: what it is told of the videos; strength: a factor on the weight
    of its criticism; distillation_steps: how often it is asked, in both stages together, None for the preset's.

    Raises UserError where a value is none of the choices.
    """

    preset: str | None = None
    canonical_frame: int | None = None
    seed: int = 0
    deformation: str | None = None
    without: tuple[str, ...] = ()
    refine_poses: bool = False
    use_cameras: bool = True
    device: str = "auto"
    critic: str | None = None
    prompt: str = ""
    strength: float | int = 1.0
    distillation_steps: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "without", tuple(sorted(set(self.without))))
        among("preset", self.preset, (None, *PRESETS))
        among("deformation", self.deformation, (None, *DEFORMATIONS))
        among("device", self.device, DEVICES)
        among("critic", self.critic, (None, *MODELS))
        check_distillation(self.strength, self.distillation_steps)
        check_text(self.prompt)
        if self.critic is not None and self.prompt.strip():
            MODELS[self.critic].capabilities.check_prompt(self.prompt)
        for part in self.without:
            among("part to leave out", part, tuple(ABLATIONS))
        if not 0 <= self.seed <= LARGEST_SEED:
            raise UserError(f"The seed is a whole number from 0 to {LARGEST_SEED}, not {self.seed}.")
        if self.canonical_frame is not None and self.canonical_frame < 0:
            raise UserError("Frames are counted from 0: choose a canonical frame of the reference video.")

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; `from_dict` reads it."""
        return asdict(self) | {"without": list(self.without)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Options":
        """Raises UserError for names and kinds of values that are not options."""
        kinds = {
            "preset": (str, type(None)), "canonical_frame": (int, type(None)), "seed": (int,), "without": (list, tuple),
            "deformation": (str, type(None)), "refine_poses": (bool,), "use_cameras": (bool,), "device": (str,),
            "critic": (str, type(None)), "prompt": (str,), "strength": (int, float),
            "distillation_steps": (int, type(None)),
        }  # fmt: skip
        of_kinds(values, kinds)
        if not all(isinstance(part, str) for part in values.get("without", ())):
            raise UserError("`without` is a list of names.")
        return cls(**{**values, "without": tuple(values.get("without", ()))})

    @classmethod
    def stored(cls, values: Mapping[str, Any]) -> tuple["Options", str]:
        """What some version kept of a run's options, as far as this one knows it; and a sentence on the rest, "" where
        there is none."""
        options, gone = as_far_as_valid(cls.from_dict, values)
        return options, outdated(values, gone, "continued; make it again with other settings")


def as_far_as_valid(read: Callable[[dict[str, Any]], Any], values: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """What `read` makes of those `values` that it takes, one after the other, and the names of the others."""
    with contextlib.suppress(UserError):
        return read(dict(values)), []
    valid, gone = {}, []
    for name, value in values.items():
        try:
            read(valid | {name: value})
        except UserError:
            gone.append(name)
        else:
            valid[name] = value
    return read(valid), gone


def outdated(values: Mapping[str, Any], gone: Sequence[str], cannot: str) -> str:
    """What to say of something that was stored with `values`, of which those of the names `gone` mean nothing here."""
    if not gone:
        return ""
    settings = ", ".join(f"{str(name)[:40]}: {str(values[name])[:40]}" for name in gone)
    return f"This was asked for with settings that are not there in this version ({settings}). It cannot be {cannot}."


def of_kinds(values: Mapping[str, Any], kinds: Mapping[str, tuple[type, ...]]) -> None:
    """Raise UserError for names that are not among `kinds`, and values of other kinds."""
    for name, value in values.items():
        if name not in kinds:
            raise UserError(f"There is no option {str(name)[:40]!r}: choose from {', '.join(kinds)}.")
        number = isinstance(value, bool) and bool not in kinds[name]
        if number or not isinstance(value, kinds[name]):
            raise UserError(f"{str(value)[:40]!r} is no value for the option {name}.")


def among(what: str, value: str | None, choices: tuple) -> None:
    """Raise UserError where `value` is none of the choices."""
    if value not in choices:
        known = ", ".join(str(choice) for choice in choices if choice is not None)
        raise UserError(f"There is no {what} {str(value)[:40]!r}: choose from {known}.")


@dataclass(frozen=True)
class CriticCost:
    """What a video model's criticism adds to a run.

    steps: how often it is asked; 0 where the run would have to do without it. seconds: of that; None where it was not
    measured. memory_mb: measured, else computed from the size of its weights; None where that cannot be told.
    seconds_without: of the run without it, None where nothing like it was measured. reason: what to know.
    """

    steps: int
    seconds: float | None
    memory_mb: float | None
    seconds_without: float | None
    reason: str


@dataclass(frozen=True)
class Estimate:
    """What a run is expected to take.

    seconds: of computing, not of waiting in the line; None where nothing like it was measured. memory_mb, disk_mb:
    likewise. device: "cpu" or the name of the GPU. fits: whether it may be started; reason: why not, or what to know.
    place: how many runs would be before it. critic: what of it is the video model's, None where none is asked for.
    """

    seconds: float | None
    memory_mb: float | None
    disk_mb: float | None
    device: str
    fits: bool
    reason: str
    place: int
    critic: CriticCost | None = None


@dataclass(frozen=True)
class Run:
    """A reconstruction that was asked for.

    state: one of `STATES`. place: how many go before it, 0 once it runs. progress: the journal's last line, {} before
    there is one. error: why it failed, else "". has_scene: whether scene.r4d is there. seconds: of running so far.
    created, started, finished: Unix times, None where that is still to come. reference, freeze: ids of the videos.
    further: the videos besides those. cameras_given: whether a cameras.json says where they were filmed from.
    refusal: why the same videos cannot serve, see `Refusal`; None where they can.
    outdated: why it can only be looked at and not go on, where it was asked for with options that are no more; else "".
    `options` has the others then.
    """

    id: str
    name: str
    state: str
    place: int
    options: Options
    created: float
    started: float | None
    finished: float | None
    error: str
    has_scene: bool
    seconds: float
    reference: str
    freeze: str
    example: str | None = None
    progress: dict[str, Any] = field(default_factory=dict)
    outdated: str = ""
    further: tuple[StoredTake, ...] = ()
    refusal: Refusal | None = None
    cameras_given: bool = False

    @property
    def resumable(self) -> bool:
        """Whether it is over and can go on."""
        return self.state in ("stopped", "failed") and not self.outdated and self.refusal is None
