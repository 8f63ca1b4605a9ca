"""The other side of `engine.local`: what a task's process does with its question.

The first line of its standard input is {"folder", "question"}. Another line there, or its end because whoever started
it is gone, asks it to stop. It answers in lines of JSON: {"event": ...} any number of times, {"end", "why"} once.
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
from typing import Any

from fourreal.engine.values import BROKEN, DONE, FAILED, STOP_SECONDS, STOPPED
from fourreal.errors import Cancelled, UserError, memory_ran_out, out_of_space
from fourreal.progress import CancelToken, Event

EVENT_SECONDS = 0.5  # between two events of a stage that bring nothing but another number
Work = Callable[[Path, Mapping[str, Any], Callable[[Event], None], CancelToken], None]


def serve(work: Work) -> int:
    """The whole of a task's main: `work` gets (folder, question, progress, cancel). Returns the exit code."""
    say = _Voice()
    asked = json.loads(sys.stdin.readline())
    cancel = CancelToken()
    threading.Thread(target=_listen, args=(cancel,), daemon=True, name="stop").start()
    try:
        work(Path(asked["folder"]), asked["question"], say.event, cancel)
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


def _listen(cancel: CancelToken) -> None:
    line = os.read(sys.stdin.fileno(), 1)  # not through the buffer, whose lock this would hold when all ends well
    cancel.cancel()
    if not line:  # nobody is there to make us end
        time.sleep(STOP_SECONDS)
        os.killpg(0, signal.SIGKILL)


class _Voice:
    """What was standard output, for us alone: what libraries print goes to the log from now on."""

    def __init__(self) -> None:
        self.file = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
        os.dup2(2, 1)
        self.stage, self.told, self.lock = "", 0.0, threading.Lock()

    def line(self, value: Mapping[str, Any]) -> None:
        with self.lock:
            try:
                self.file.write(json.dumps(value) + "\n")
            except BrokenPipeError:  # nobody listens; `_listen` sees so, too
                traceback.print_exc()

    def event(self, event: Event) -> None:
        now = time.monotonic()
        new = event.message or event.stage != self.stage or (event.steps and event.step >= event.steps)
        if not new and now - self.told < EVENT_SECONDS:
            return
        self.stage, self.told = event.stage, now
        values = {name: float(value) for name, value in event.values.items()}
        told = {name: getattr(event, name) for name in ("stage", "step", "steps", "seconds_left", "message")}
        self.line({"event": told | {"values": values}})
