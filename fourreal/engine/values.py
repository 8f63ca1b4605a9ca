"""The protocol: hand in a task, hear what it says, stop it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from fourreal.errors import UserError


@dataclass(frozen=True)
class Needs:
    """What a task takes while it runs, for engines that share machines out.

    cpus: cores. gpus: graphics cards, a part of one allowed; None: one where there are any. memory: bytes; 0 counts
        none.
    """

    cpus: float = 1.0
    gpus: float | None = None
    memory: int = 0


@dataclass(frozen=True)
class Task:
    """A piece of work in a process of its own.

    id: how it is called; one task of that name runs at a time.
    module: `python -m module` does it, through `engine.child.serve`.
    question: JSON-able; paths in it are relative to `folder`.
    folder: all that it reads and writes. What lies there when it begins is what it goes on from.
    loads: names what its process has loaded when it is done, as a model; the next task of the same name may be given to
        that process. "" for nothing that is worth waiting with.
    """

    id: str
    module: str
    question: Mapping[str, Any]
    folder: Path
    needs: Needs = field(default_factory=Needs)
    loads: str = ""


DONE, FAILED, STOPPED, BROKEN, LOST = "done", "failed", "stopped", "broken", "lost"
SOUND = (DONE, STOPPED)  # ends after which a process may have another task


@dataclass(frozen=True)
class Heard:
    """What a task said: an event, or how it ended.

    event: stage, step, steps, seconds_left, values, message, as of `progress.Event`.
    payload: JSON-able, what the work itself has to say to whoever handed it in; all that it wrote before is in the
        task's folder by then.
    end: "done"; "failed", as it would again before somebody mends what `why` says; "stopped", on request;
        "broken", without a word of its own, and "lost", as its machine is gone: it may be handed in again and goes on
        from its last checkpoint.
    where: the machine.
    """

    id: str
    event: Mapping[str, Any] | None = None
    payload: Mapping[str, Any] | None = None
    end: str | None = None
    why: str = ""
    where: str = ""


class Engine(Protocol):
    """A place where tasks run. Nothing of it is kept: what was finished is in the tasks' folders."""

    @property
    def slots(self) -> int:
        """How many tasks run at once; may change while a cluster grows or shrinks."""

    def submit(self, task: Task) -> None:
        """Begin a task. Raises UserError where the engine cannot have it."""

    def hear(self, seconds: float) -> list[Heard]:
        """What was said since the last call; waits up to `seconds` for something."""

    def stop(self, id: str, keep: bool = False) -> None:
        """Ask a task to keep a checkpoint and end; it is made to within `STOP_SECONDS`.

        keep: what it has is to be made a result all the same, which may take `KEEP_SECONDS` more.
        """

    def close(self) -> None:
        """End whatever still runs, and let go of everything."""


# Which engine: what a person says, else the variable, else the first.
VARIABLE = "FOURREAL_ENGINE"
LOCAL, RAY = NAMES = ("local", "ray")


def chosen(name: str | None) -> str:
    """The name of the engine; None for what the environment says. Raises UserError where there is none of that name."""
    name = name or os.environ.get(VARIABLE, "").strip() or LOCAL
    if name not in NAMES:
        raise UserError(f"There is no engine {name!r}: {VARIABLE} and --engine take {' or '.join(NAMES)}.")
    return name


STOP_SECONDS = 4.0
KEEP_SECONDS = 90.0
STOP, KEEP = "stop", "keep"  # what a task's process is asked in a line
LOG = "log.txt"  # in the task's folder: all that its process prints
