"""The other side of `engine.local`: what a task's process does with its question.

A line of its standard input is {"folder", "question", "loads"}. A further line, "stop" or "keep", asks it to stop, as
does its end, because whoever started it is gone. It answers in lines of JSON: {"event": ...} and {"payload": ...} any
number of times, {"end", "why"} once. Where `loads` names something it then waits for the next task, else it ends.
"""

import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from fourreal.engine.values import BROKEN, DONE, FAILED, KEEP, LOG, SOUND, STOP, STOP_SECONDS, STOPPED
from fourreal.errors import Cancelled, UserError, memory_ran_out, out_of_space
from fourreal.progress import CancelToken, Event

EVENT_SECONDS = 0.5  # between two events of a stage that bring nothing but another number


def serve(work: "Work") -> int:
    """The whole of a task's main: `work` gets (folder, question, progress, cancel). Returns the exit code."""
    say = Voice()
    inbox = Inbox(open(sys.stdin.fileno(), "rb", closefd=False))  # noqa: SIM115 it is read as long as there is a process
    first = True
    while (task := inbox.next()) is not None:
        payload, cancel = task
        folder = Path(payload["folder"])
        if not first:  # whoever started this process opened the log of the first
            print_into(folder / LOG)
        first = False
        say.begin()
        said = _done(work, folder, payload["question"], say, cancel)
        say.line(said)
        if not payload["loads"] or said["end"] not in SOUND:
            break
    return 0


def _done(work: "Work", folder: Path, question: Mapping[str, Any], say: "Voice", cancel: CancelToken) -> dict[str, str]:
    """Do a task; how it ended."""
    try:
        work(folder, question, say, cancel)
        return {"end": DONE, "why": ""}
    except Cancelled:
        return {"end": STOPPED, "why": ""}
    except UserError as error:
        return {"end": FAILED, "why": f"{error} {error.option}".rstrip()}
    except Exception as error:
        traceback.print_exc()
        if memory_ran_out(error):
            return {"end": FAILED, "why": "Memory ran out: choose a smaller preset, or run it where there is more."}
        if out_of_space(error):
            return {"end": FAILED, "why": "The disk is full: free some space, and try it again."}
        why = f"Something went wrong that should not have ({type(error).__name__}); see its {LOG}."
        return {"end": BROKEN, "why": why}


def print_into(log: Path) -> None:
    """From now on what this process prints goes to the end of that file."""
    with open(log, "ab") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())


class Inbox:
    """What comes in: tasks, and that the one at work shall stop. Where it ends, so does this process."""

    def __init__(self, lines: IO[bytes]) -> None:
        self._lines, self._cancel = lines, CancelToken()
        self._tasks: queue.Queue[tuple[dict[str, Any], CancelToken] | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True, name="inbox").start()

    def next(self) -> tuple[dict[str, Any], CancelToken] | None:
        """The next task and what is set when it shall stop; None where no more can come."""
        return self._tasks.get()

    def _listen(self) -> None:
        for line in self._lines:
            said = line.decode().strip()
            if said in (STOP, KEEP):
                self._cancel.cancel(keep=said == KEEP)
            else:
                self._cancel = CancelToken()
                self._tasks.put((json.loads(said), self._cancel))
        self._tasks.put(None)
        self._cancel.cancel()  # nobody is there to make us end
        time.sleep(STOP_SECONDS)
        os.killpg(0, signal.SIGKILL)


class Voice:
    """A task's progress, and its way to whoever handed it in.

    It has what was standard output for itself: what libraries print goes to the log from now on.
    """

    def __init__(self) -> None:
        self.file = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
        os.dup2(2, 1)
        self.stage, self.last, self.lock = "", 0.0, threading.Lock()

    def begin(self) -> None:
        """Forget how far the task before was."""
        self.stage, self.last = "", 0.0

    def __call__(self, event: Event) -> None:
        """Say how far it is, though not every number."""
        now = time.monotonic()
        new = event.message or event.stage != self.stage or (event.steps and event.step >= event.steps)
        if not new and now - self.last < EVENT_SECONDS:
            return
        self.stage, self.last = event.stage, now
        self.line({"event": event.as_dict()})

    def say(self, payload: Mapping[str, Any]) -> None:
        """Say something else; see `values.Heard`."""
        self.line({"payload": payload})

    def line(self, value: Mapping[str, Any]) -> None:
        with self.lock:
            try:
                self.file.write(json.dumps(value) + "\n")
            except BrokenPipeError:  # nobody listens; `_listen` sees so, too
                traceback.print_exc()


Work = Callable[[Path, Mapping[str, Any], Voice, CancelToken], None]
