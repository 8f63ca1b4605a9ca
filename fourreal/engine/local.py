"""Tasks in processes of this machine."""

import contextlib
import json
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from fourreal import installed, system
from fourreal.engine.values import BROKEN, KEEP, KEEP_SECONDS, LOG, SOUND, STOP, STOP_SECONDS, STOPPED, Heard, Task
from fourreal.errors import UserError

WHERE = "this machine"
POLL_SECONDS = 0.05


class LocalEngine:
    """See `values.Engine`.

    slots: for each task that may run at once, the variables that its process gets.
    """

    def __init__(self, slots: Sequence[Mapping[str, str]] = ({},)) -> None:
        self._free, self._running = list(range(len(slots))), dict[str, _Running]()
        self._resting: dict[int, _Running] = {}  # by their slots: done, with what they have loaded
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
        with log:
            running = self._warm(task) or self._cold(task, log)
        self._running[task.id] = running
        message = {"folder": str(task.folder.resolve()), "question": dict(task.question), "loads": task.loads}
        _tell(running.process, json.dumps(message))
        threading.Thread(target=self._listen, args=(task.id, running), daemon=True).start()

    def hear(self, seconds: float) -> list[Heard]:
        said: list[Heard] = []
        with contextlib.suppress(queue.Empty):
            said.append(self._said.get(timeout=seconds))
            while True:
                said.append(self._said.get_nowait())
        for heard in said:
            if heard.end is not None:
                running = self._running.pop(heard.id)
                self._free.append(running.slot)
                if running.process.returncode is None:
                    self._resting[running.slot] = running
        return said

    def stop(self, id: str, keep: bool = False) -> None:
        running, how = self._running.get(id), KEEP if keep else STOP
        if running is None or running.stop in (STOP, how):
            return
        running.stop = how
        _tell(running.process, how)
        timer = threading.Timer(STOP_SECONDS + KEEP_SECONDS * keep, _kill_late, (running,))
        timer.daemon = True
        timer.start()

    def close(self) -> None:
        for slot in list(self._resting):
            system.bury(self._resting.pop(slot).process)
        for id in list(self._running):
            self.stop(id)
        end = time.monotonic() + STOP_SECONDS + 1
        while self._running and time.monotonic() < end:
            self.hear(POLL_SECONDS)
        for slot in list(self._resting):
            system.bury(self._resting.pop(slot).process)

    def _warm(self, task: Task) -> "_Running | None":
        """A process that has loaded what a task needs, if one rests."""
        for slot, resting in list(self._resting.items()):
            if system.ended(resting.process):
                system.bury(self._resting.pop(slot).process)
            elif resting.loads and (resting.module, resting.loads) == (task.module, task.loads):
                self._free.remove(slot)
                return _Running(self._resting.pop(slot).process, slot, task.module, task.loads)
        return None

    def _cold(self, task: Task, log: IO[bytes]) -> "_Running":
        """A new process, in a place where none rests, or in place of one that does."""
        slot = min(self._free, key=lambda free: free in self._resting)
        self._free.remove(slot)
        if slot in self._resting:
            system.bury(self._resting.pop(slot).process)
        process = subprocess.Popen(
            installed.command(task.module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**installed.environment(), **self._variables[slot]},
            start_new_session=True,
        )
        return _Running(process, slot, task.module, task.loads)

    def _listen(self, id: str, running: "_Running") -> None:
        """A thread for each task: what it says, and that it ended."""
        end, why, process = None, "", running.process
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
                if running.loads and end in SOUND:
                    break  # it rests
        running.over = True
        if end not in SOUND or not running.loads:
            while not system.ended(process):
                time.sleep(POLL_SECONDS)
            code = system.bury(process)  # with whatever it left running
            if end is None:
                end, why = (STOPPED, "") if running.stop else (BROKEN, crash(code))
        self._said.put(Heard(id, end=end, why=why, where=WHERE))


@dataclass
class _Running:
    """A process with its task.

    loads: see `values.Task`. stop: what it was asked, if it was. over: its task is.
    """

    process: subprocess.Popen
    slot: int
    module: str
    loads: str = ""
    stop: str = ""
    over: bool = False


def _tell(process: subprocess.Popen, line: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # it ended meanwhile, which its listener hears
        assert process.stdin is not None
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()


def _kill_late(running: _Running) -> None:
    """Not one that ended by itself, as it may have another task by now."""
    if not running.over and running.process.returncode is None:
        system.kill_group(running.process)


def crash(code: int) -> str:
    """What to say of a child that ended without a word."""
    if code == -signal.SIGKILL:
        return "The system ended the work, perhaps because memory ran out."
    name = signal.Signals(-code).name if code < 0 else f"code {code}"
    return f"The work broke off ({name}); the details are in its log.txt."
