"""What goes in and out of `Service`: plain values, no secrets, nothing of the disk's layout but finished paths."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fourreal.description import Options
from fourreal.jobs.run_files import Refusal, StoredTake

STATES = ("queued", "running", "done", "stopped", "failed")
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


def refused(device: str, reason: str, place: int, disk_mb: float | None = None) -> Estimate:
    """Of what cannot be started, for that reason."""
    return Estimate(
        seconds=None, memory_mb=None, disk_mb=disk_mb, device=device, fits=False, reason=reason, place=place
    )


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
    def live(self) -> bool:
        """Whether it is worked on, or waits for that."""
        return self.state in ("queued", "running")

    @property
    def resumable(self) -> bool:
        """Whether it is over and can go on."""
        return self.state in ("stopped", "failed") and not self.outdated and self.refusal is None
