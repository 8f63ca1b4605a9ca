"""Takes that a video model films, round by round, and the motion that follows them; each step is kept on the disk."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from fourreal.fit import artifacts, loop
from fourreal.fit.canonical import Canonical
from fourreal.fit.distill import Critic
from fourreal.fit.imagine import CameraMan, Reel
from fourreal.fit.motion import MotionStage
from fourreal.fit.moving import Moving
from fourreal.fit.observations import Observations, Take
from fourreal.fit.reels import pack_reel, unpack_reel
from fourreal.progress import CancelToken, Event, Progress
from fourreal.settings import MotionPhase, Preset
from fourreal.splat.deform import bend

STAGE = "imagined"
ANEW = 0.5  # mean trust from which on the motion is learned anew: films doubted more only correct what there is
T = TypeVar("T")


@dataclass(frozen=True)
class Imagined:
    """What came of it. report: for the manifest. note: a sentence for whoever looks at the scene."""

    moving: Moving
    report: dict
    note: str

    def pack(self) -> artifacts.Packed:
        tensors, field = artifacts.pack_moving(self.moving)
        return tensors, {"field": field, "report": self.report, "note": self.note}

    @classmethod
    def unpack(cls, tensors: Mapping[str, Tensor], description: dict) -> "Imagined":
        moving = artifacts.unpack_moving(tensors, description["field"])
        return cls(moving, description["report"], description["note"])

    def to(self, device: torch.device) -> "Imagined":
        return replace(self, moving=self.moving.to(device))


class Imagining:
    """Rounds of filming, each followed by the motion, and in the end by everything.

    reels: all films. errors: of the model, in each round. seconds: it took in all, whenever that was.
    """

    def __init__(
        self,
        observations: Observations,
        canonical: Canonical,
        preset: Preset,
        seed: int,
        path: Path | None,
        progress: Progress,
        cancel: CancelToken,
        critic: Critic,
        followed: Callable[[Moving], None] = lambda moving: None,
    ) -> None:
        """path: None keeps nothing. followed: hears of the scene after each phase."""
        self.observations, self.canonical, self.preset, self.seed = observations, canonical, preset, seed
        self.path, self.progress, self.cancel, self.followed = path, progress, cancel, followed
        say = lambda text: progress(Event(STAGE, message=text))
        self.man = CameraMan(critic, observations, preset.imagination, preset.distillation, seed, say)
        self.reels: list[Reel] = []
        self.errors: list[float] = []
        self.takes: dict[int, Take] = {}  # those believed, the newest of each camera
        self.seconds = 0.0

    def run(self, moving: Moving) -> Imagined:
        settings = self.preset.imagination
        for number in range(settings.rounds):
            if not self._film(number, moving):
                break  # asked again about the same scene, the model would not be more credible
            trusts = [take.trust for take in self.takes.values()]
            anew = number == 0 and sum(trusts) >= ANEW * len(trusts)
            phase = settings.field if anew else settings.again
            moving = self._follow(f"motion-{number}", phase, number, moving)
        if self.takes:
            moving = self._follow("joint", settings.joint, settings.rounds, moving)
        return Imagined(moving, report_of(self.reels, self.errors), note_of(self.reels, self.errors))

    def _film(self, number: int, moving: Moving) -> bool:
        """A round of films; whether any was believed."""
        scene_at = lambda code: bend(moving.gaussians, moving.field.offsets(moving.gaussians, code))
        error = self._cached(
            f"examined-{number}", lambda: self.man.examine(number, scene_at), lambda x: ({}, x), lambda _, x: x
        )
        self.errors.append(error)
        if error >= 1:
            return False  # then nothing that it films is believed
        tried: list[int] = []
        for which in range(self.preset.imagination.in_round(number)):
            reel = self._cached(
                f"film-{number}-{which}",
                lambda: self.man.shoot(number, scene_at, error, list(self.takes), tried),
                pack_reel,
                unpack_reel,
            )
            if reel is None:
                break
            tried.append(reel.frame)
            self.reels.append(reel)
            if reel.take is not None:
                self.takes[reel.frame] = reel.take.to(self.observations.freeze.device)
        return any(frame in self.takes for frame in tried)

    def _follow(self, name: str, phase: MotionPhase, number: int, moving: Moving) -> Moving:
        """A phase of stage two on the videos and the takes."""

        def make() -> Moving:
            seen = replace(self.observations, others=(*self.observations.others, *self.takes.values()))
            start = Moving(moving.gaussians, deepcopy(moving.field))  # what is there stays as it is
            seed = self.seed + 100 + number
            stage = MotionStage(seen, start, self.canonical, self.preset.motion, phase, seed)
            checkpoint = None if self.path is None else self.path.with_name(f"{self.path.name}-{name}.checkpoint")
            loop.run(stage, checkpoint, self.progress, self.cancel)
            return stage.result()

        result = self._cached(name, make, artifacts.pack_moving, artifacts.unpack_moving)
        result = result.to(self.observations.freeze.device)
        self.followed(result)
        return result

    def _cached(self, name: str, make: Callable[[], T], pack: Callable, unpack: Callable) -> T:
        self.cancel.check()
        timed = lambda: artifacts.timed(make)
        if self.path is None:
            value, seconds = timed()
        else:
            value, seconds = artifacts.cached(self.path.with_name(f"{self.path.name}-{name}"), timed, pack, unpack)
        self.seconds += seconds
        return value


def report_of(reels: Sequence[Reel], errors: Sequence[float]) -> dict:
    """For the manifest: how many films were believed, how far, and why the others were not."""
    takes = [{"freeze_frame": reel.frame, **asdict(reel.verdict)} for reel in reels]
    believed = sum(reel.take is not None for reel in reels)
    return {"filmed": len(reels), "believed": believed, "errors": list(errors), "takes": takes}


def note_of(reels: Sequence[Reel], errors: Sequence[float]) -> str:
    """The same in a sentence."""
    if not reels and any(error >= 1 for error in errors):
        return (
            "The video model filmed no takes: asked for what the reference video shows, it was farther off than a "
            "picture that stands still."
        )
    if not reels:
        return "The video model filmed nothing: no camera was left from which it could show anything new."
    trusts = [reel.verdict.trust for reel in reels if reel.take is not None]
    if trusts:
        return (
            f"Of {len(reels)} takes that the video model filmed, {len(trusts)} were believed, to "
            f"{100 * sum(trusts) / len(trusts):.0f} % on average."
        )
    reasons = "; ".join(sorted({reel.verdict.why for reel in reels}))
    return f"None of the {len(reels)} takes that the video model filmed was believed: {reasons}."
