"""Where claimed runs are done: `local_executor` on this machine, `engine_executor` on the nodes of a cluster."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from fourreal.jobs import journal
from fourreal.jobs.claims import Claim
from fourreal.jobs.journal import JournalWriter
from fourreal.progress import Event

STOP_SECONDS = 3.0  # after which a run that was asked to stop is told so once more,
KILL_SECONDS = 6.0  # and after which it is killed
KEEP_SECONDS = 90.0  # writing the scene may take its time
LEAVE_SECONDS = 8.0  # for all runs, where the worker itself is told to stop
OUTLOOKS = {"queued": "it goes on from its checkpoint.", "failed": "it was given up.", "stopped": "it is stopped."}


class Executor(Protocol):
    """See the module. Its methods are called by the worker alone, from one thread, and wait for nothing."""

    devices: Sequence[dict[str, Any]]  # what computes there, as `devices.find` says it

    @property
    def claims(self) -> list[Claim]:
        """The runs that are at work now."""

    @property
    def busy(self) -> bool:
        """Whether anything of it still works or waits for work, as a warm process does."""

    def look(self) -> None:
        """See which runs have ended, and make those end that were asked to and do not."""

    def fill(self) -> None:
        """Give the next runs of the line to whatever is free."""

    def close(self) -> None:
        """Let all runs keep a checkpoint and end; they are the first when a worker comes again."""


def note(folder: Path, message: str) -> None:
    """Say something in the journal of a run that is not at work itself. folder: the run's."""
    path = folder / "journal.jsonl"
    if not folder.is_dir():
        return
    last = journal.last(path)
    event = Event(last.get("stage", ""), last.get("step", 0), last.get("steps", 0), message=message)
    line = {**event.as_dict(), "scene": None, "preview": None, "time": round(time.time(), 3)}
    JournalWriter(path).write(line)


def note_end(folder: Path, why: str, state: str) -> None:
    """Say that a run broke off, and what becomes of it. why: a sentence, or one that goes on. state: what the store has
    it in now."""
    outlook = OUTLOOKS.get(state, "")
    note(folder, f"{why} {outlook.capitalize() if why.endswith('.') else outlook}".rstrip())
