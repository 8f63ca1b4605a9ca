"""The one step loop under every stage: progress, previews, cancelling, checkpoints, resuming."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from fourreal.fit.checkpoint import read_checkpoint, write_checkpoint
from fourreal.progress import CancelToken, Event, Progress

CHECKPOINT_SECONDS = 10.0  # a killed run loses at most about this much work
PREVIEW_SECONDS = 3.0
EVENT_SECONDS = 0.25


@runtime_checkable
class Stage(Protocol):
    """Something that is optimised step by step.

    Whatever a step draws at random it draws from its seed and the step's number, so that a stage restored from
    `state()` goes on as if it had never stopped.
    """

    name: str
    steps: int

    def step(self, index: int) -> dict[str, float]:
        """Do step number `index`; returns named scalars for whoever watches."""

    def preview(self) -> np.ndarray:
        """(H, W, 3) uint8: what the stage looks like now."""

    def result(self) -> Any:
        """What the stage has so far."""

    def state(self) -> dict[str, Tensor]: ...

    def restore(self, state: Mapping[str, Tensor]) -> None: ...


def run(stage: Stage, checkpoint: Path | None, progress: Progress, cancel: CancelToken) -> float:
    """Run `stage` to its end, from its checkpoint where there is one.

    Args:
        checkpoint: where the state is kept meanwhile; None keeps none.

    Returns:
        Seconds spent in this stage, those before an interruption included.

    Raises:
        Cancelled: on request, after writing a checkpoint.
    """
    first, before = 0, 0.0
    if checkpoint is not None and (saved := read_checkpoint(checkpoint)) is not None:
        state, first, before = saved
        stage.restore(state)
    begin = time.monotonic()
    spent = lambda: before + time.monotonic() - begin
    saved_at, shown_at, reported_at = begin, -1e9, -1e9
    heard: dict[str, float] = {}

    def keep(index: int) -> None:
        if checkpoint is not None:
            write_checkpoint(checkpoint, stage.state(), index, spent())

    for index in range(first, stage.steps):
        if cancel.cancelled:
            keep(index)
            cancel.check()
        heard |= stage.step(index)  # what only some steps tell is not lost between two reports
        critic = getattr(stage, "distillation", None)
        while critic is not None and critic.notes:
            progress(Event(stage.name, index + 1, stage.steps, message=critic.notes.pop(0)))
        now = time.monotonic()
        if now - reported_at > EVENT_SECONDS or index + 1 == stage.steps:
            picture = None
            if now - shown_at > PREVIEW_SECONDS or index + 1 == stage.steps:
                picture, shown_at = stage.preview(), now
            done = index + 1 - first
            left = (now - begin) / done * (stage.steps - index - 1)
            wanted = critic.picture() if critic is not None and picture is not None else None
            progress(
                Event(
                    stage.name,
                    index + 1,
                    stage.steps,
                    left,
                    heard,
                    preview=picture,
                    scene=stage.result,
                    critique=wanted,
                )
            )
            reported_at, heard = now, {}
        if now - saved_at > CHECKPOINT_SECONDS:
            keep(index + 1)
            saved_at = time.monotonic()
    return spent()
