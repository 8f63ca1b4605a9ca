"""The one channel from a running step to whoever watches it, and the one way to stop it."""

import threading
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

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
    """

    stage: str
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    values: dict[str, float] = field(default_factory=dict)
    message: str = ""
    preview: np.ndarray | None = None


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

    def cancel(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if somebody asked to stop."""
        if self.cancelled:
            raise Cancelled("stopped on request")
