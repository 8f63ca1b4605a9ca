"""Tasks in processes of this machine."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fourreal import installed, system
from fourreal.engine.values import BROKEN, KEEP, KEEP_SECONDS, STOP, STOP_SECONDS, STOPPED, Heard, Task
from fourreal.errors import UserError

LOG = "log.txt"  # in the task's folder: all that its process prints
WHERE = "this machine"
POLL_SECONDS = 0.05


class LocalEngine:
    """See `values.Engine`.

    slots: for each task that may run at once, the variables that its process gets.
    """

    def __init__(self, slots: Sequence[Mapping[str, str]] = ({},)) -> None:
        self._free, self._running = list(range(len(slots))), dict[str, _Running]()
        self._variables = list(slots)
        self._said: queue.Queue[Heard] = queue.Queue()

    @property
    def slots(self) -> int:
        return len(self._variables)

    def submit(self, task: Task) -> None:
        try:
            task.folder.mkdir(parents=True, exist_ok=True)
            log = (task.folder / LOG).open("ab")
        except OSError as error:
            raise UserError(f"{task.folder} cannot be written ({error.strerror}): free some space.") from error
        slot = self._free.pop(0)
        with log:
            process = subprocess.Popen(
                installed.command(task.module),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**installed.environment(), **self._variables[slot]},
                start_new_session=True,
            )
        self._running[task.id] = _Running(process, slot)
        _tell(process, json.dumps({"folder": str(task.folder.resolve()), "question": dict(task.question)}))
        threading.Thread(target=self._listen, args=(task.id, process), daemon=True).start()

    def hear(self, seconds: float) -> list[Heard]:
        said: list[Heard] = []
        with contextlib.suppress(queue.Empty):
            said.append(self._said.get(timeout=seconds))
            while True:
                said.append(self._said.get_nowait())
        for heard in said:
            if heard.end is not None:
                self._free.append(self._running.pop(heard.id).slot)
        return said

    def stop(self, id: str, keep: bool = False) -> None:
        running, how = self._running.get(id), KEEP if keep else STOP
        if running is None or running.stop in (STOP, how):
            return
        running.stop = how
        _tell(running.process, how)
        timer = threading.Timer(STOP_SECONDS + KEEP_SECONDS * keep, _kill, (running.process,))
        timer.daemon = True
        timer.start()

    def close(self) -> None:
        for id in list(self._running):
            self.stop(id)
        end = time.monotonic() + STOP_SECONDS + 1
        while self._running and time.monotonic() < end:
            self.hear(POLL_SECONDS)

    def _listen(self, id: str, process: subprocess.Popen) -> None:
        """A thread for each process: what it says, and that it ended."""
        end, why = None, ""
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            try:
                said = json.loads(line)
            except ValueError:  # torn, as it was killed
                continue
            if "event" in said:
                self._said.put(Heard(id, said["event"], where=WHERE))
            elif "payload" in said:
                self._said.put(Heard(id, payload=said["payload"], where=WHERE))
            else:
                end, why = said["end"], said["why"]
        while not system.ended(process):
            time.sleep(POLL_SECONDS)
        _kill(process)  # with whatever it left running
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        if end is None and self._running[id].stop:
            end = STOPPED
        self._said.put(Heard(id, end=end or BROKEN, why=why or ("" if end else _crash(code)), where=WHERE))


@dataclass
class _Running:
    """stop: what it was asked, if it was."""

    process: subprocess.Popen
    slot: int
    stop: str = ""


def _tell(process: subprocess.Popen, line: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # it ended meanwhile, which its listener hears
        assert process.stdin is not None
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()


def _kill(process: subprocess.Popen) -> None:
    """A process that is dead but not waited for still holds its number, so this hits no stranger."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _crash(code: int) -> str:
    if code == -signal.SIGKILL:
        return "The system ended the work, perhaps because memory ran out."
    return f"The work broke off ({signal.Signals(-code).name if code < 0 else f'code {code}'}); see its log.txt."
