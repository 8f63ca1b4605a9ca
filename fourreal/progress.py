"""The one channel from a running step to whoever watches it, and the one way to stop it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from fourreal.errors import Cancelled


@dataclass(frozen=True)
class Event:
    """One report of a running step.

    stage: what is going on ("cameras", "canonical", "motion", ...).
    step, steps: how far, 0 <= step <= steps.
    seconds_left: estimate for this stage, None where there is none.
    values: named scalars, e.g. loss terms, "psnr" (dB), "splats".
    message: one sentence for people, may be empty.
    preview: (H, W, 3) uint8 RGB image or None.
    critique: (H, W, 3) uint8 RGB, or None: some frames of the last distilled shot, above as they were rendered, below
        as the video model wants them.
    scene: makes what the step has so far (out of the pipeline: a `Scene4D`), or None where there is nothing yet. It
        looks at live values, so it is called before the report returns.
    arrays: what can be drawn of it once it is known: "cameras" (F, 4, 4) world-to-camera of the freeze-time frames,
        "points" (P, 3) and their "colors" (P, 3) in [0, 1], all in the frame of `scene`.
    """

    stage: str
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    values: dict[str, float] = field(default_factory=dict)
    message: str = ""
    preview: np.ndarray | None = None
    scene: Callable[[], Any] | None = None
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    critique: np.ndarray | None = None

    def as_dict(self) -> dict[str, Any]:
        """What of it is text and numbers, JSON-able."""
        same = {name: getattr(self, name) for name in ("stage", "step", "steps", "seconds_left", "message")}
        return same | {"values": {name: float(value) for name, value in self.values.items()}}


@runtime_checkable
class Progress(Protocol):
    """Whoever watches: a terminal bar, a job's log, a list in a test."""

    def __call__(self, event: Event) -> None: ...


def ignore(event: Event) -> None:
    """The progress of someone who does not watch."""


class CancelToken:
    """A flag that any thread may set and a running step polls."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.keep = False

    def cancel(self, keep: bool = False) -> None:
        """Ask to stop; with `keep` what there is so far is to be made into a result all the same."""
        self.keep = keep
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if somebody asked to stop."""
        if self.cancelled:
            raise Cancelled("stopped on request")
