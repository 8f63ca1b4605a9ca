"""The other side of `engine.local`: what a task's process does with its question.

The first line of its standard input is {"folder", "question"}. A further line, "stop" or "keep", asks it to stop, as
does its end, because whoever started it is gone. It answers in lines of JSON: {"event": ...} and {"payload": ...} any
number of times, {"end", "why"} once.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from fourreal.engine.values import BROKEN, DONE, FAILED, KEEP, STOP_SECONDS, STOPPED
from fourreal.errors import Cancelled, UserError, memory_ran_out, out_of_space
from fourreal.progress import CancelToken, Event

EVENT_SECONDS = 0.5  # between two events of a stage that bring nothing but another number


def serve(work: "Work") -> int:
    """The whole of a task's main: `work` gets (folder, question, progress, cancel). Returns the exit code."""
    say = Voice()
    lines = open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)  # noqa: SIM115 nothing of a later line is read
    payload = json.loads(lines.readline())
    cancel = CancelToken()
    threading.Thread(target=_listen, args=(lines, cancel), daemon=True, name="stop").start()
    try:
        work(Path(payload["folder"]), payload["question"], say, cancel)
        say.line({"end": DONE, "why": ""})
    except Cancelled:
        say.line({"end": STOPPED, "why": ""})
    except UserError as error:
        say.line({"end": FAILED, "why": f"{error} {error.option}".rstrip()})
    except Exception as error:
        traceback.print_exc()
        if memory_ran_out(error):
            say.line({"end": FAILED, "why": "Memory ran out: choose a smaller preset, or run it where there is more."})
        elif out_of_space(error):
            say.line({"end": FAILED, "why": "The disk is full: free some space, and try it again."})
        else:
            why = f"Something went wrong that should not have ({type(error).__name__}); see its log.txt."
            say.line({"end": BROKEN, "why": why})
    return 0


def _listen(lines: IO[bytes], cancel: CancelToken) -> None:
    while line := lines.readline():
        cancel.cancel(keep=line.decode().strip() == KEEP)
    cancel.cancel()  # nobody is there to make us end
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

    def __call__(self, event: Event) -> None:
        """Say how far it is, though not every number."""
        now = time.monotonic()
        new = event.message or event.stage != self.stage or (event.steps and event.step >= event.steps)
        if not new and now - self.last < EVENT_SECONDS:
            return
        self.stage, self.last = event.stage, now
        values = {name: float(value) for name, value in event.values.items()}
        same = {name: getattr(event, name) for name in ("stage", "step", "steps", "seconds_left", "message")}
        self.line({"event": same | {"values": values}})

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
