"""The worker: takes runs from the line and gives each a child process, one for each device.

`python -m fourreal.jobs.worker --data DIR`. There is one for a data folder, which a lock sees to. It may be killed at
any moment, as may its children and the page: the next worker takes up what was going on.
"""

import argparse
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fourreal import installed, system
from fourreal.errors import UserError
from fourreal.jobs import devices, janitor, journal
from fourreal.jobs.children import environment
from fourreal.jobs.files import remove
from fourreal.jobs.journal import JournalWriter
from fourreal.jobs.locks import alone, free
from fourreal.jobs.nursery import COLD, LOG, Forked, Nursery
from fourreal.jobs.places import Places
from fourreal.jobs.store import Claim, Store
from fourreal.settings import JobLimits

RUNNER = installed.command("fourreal.jobs.runner")
POLL_SECONDS = 0.2
STOP_SECONDS = 3.0  # after which a child that was asked to stop is told so by SIGTERM,
KILL_SECONDS = 6.0  # and after which it is killed
KEEP_SECONDS = 90.0  # writing the scene may take its time
LEAVE_SECONDS = 8.0  # for all children, where the worker itself is told to stop
ALONE_SECONDS = 10.0  # without a page and without work, then it goes
LOCK_SECONDS = 3.0  # pages look now and then whether there is a worker
TIDY_SECONDS = 300.0
BEAT_SECONDS = 10.0  # between two signs of life of the runs
LIMITS = JobLimits()

log = logging.getLogger("fourreal.jobs.worker")


@dataclass
class Child:
    """A runner at work, or one that waits for another creation. asked: when it was sent SIGTERM."""

    claim: Claim
    process: subprocess.Popen | Forked
    creates: bool = False
    asked: float | None = None


class Worker:
    """See the module.

    command: how a run is done; it gets --data, --claim and the run's id. devices: one slot each. stay: whether to go on
    where there is no page (for whoever starts a worker by hand). forks: whether `command` may be a nursery.
    """

    def __init__(
        self,
        data: Path,
        limits: JobLimits = LIMITS,
        command: Sequence[str] = RUNNER,
        devices: Sequence[dict[str, Any]] | None = None,
        stay: bool = False,
        forks: bool = system.LINUX,
    ) -> None:
        self.places, self.limits, self.command, self.stay = Places(data), limits, tuple(command), stay
        self.given_devices = devices
        self.nursery = Nursery(command) if forks else None
        self.children: dict[int, Child] = {}  # by the device's number
        self.stopping = False

    def run(self) -> int:
        """Work until told to stop, or until there is neither a page nor anything to do. 1 if another is at work."""
        self.places.data.mkdir(parents=True, exist_ok=True)
        with alone(self.places.worker_lock, LOCK_SECONDS) as ours:
            if not ours:
                log.info("another worker is at work here")
                return 1
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._stop)
            system.adopt_orphans()
            self.places.worker_lock.write_text(str(os.getpid()))  # for whoever looks after this machine
            self.store = Store(self.places.store)
            self.devices = self.given_devices or devices.find()
            self.store.remember("devices", list(self.devices))
            log.info("at work on %s", ", ".join(device["name"] for device in self.devices))
            try:
                self._loop()
            finally:
                self._dismiss()
        return 0

    def _stop(self, number: int, frame: object) -> None:
        self.stopping = True

    def _loop(self) -> None:
        useful, tidied, beat = time.monotonic(), -TIDY_SECONDS, time.monotonic()
        while not self.stopping:
            try:
                self._recover()
                for number, child in list(self.children.items()):
                    self._look_after(number, child)
                if self.children and time.monotonic() - beat > BEAT_SECONDS:
                    beat = time.monotonic()
                    self.store.beat([child.claim for child in self.children.values()])
                if time.monotonic() - tidied > TIDY_SECONDS:
                    tidied = time.monotonic()
                    janitor.tidy(self.places, self.store, self.limits)
                self._fill()
                if self.nursery is not None:
                    self.nursery.rest()
            except (UserError, OSError) as error:  # the disk, mostly: what runs goes on, and it may be better soon
                log.warning("%s", error)
                time.sleep(1.0)
            if self.children or self.stay or self._page_is_there():
                useful = time.monotonic()
            if time.monotonic() - useful > ALONE_SECONDS:
                log.info("nobody is there and nothing to do")
                return
            time.sleep(POLL_SECONDS)

    def _recover(self) -> None:
        """Runs that seem to run, but not with us: our predecessor was killed. They go on once their child is gone."""
        ours = {child.claim.run for child in self.children.values()}
        for row in self.store.all_runs("running"):
            if row["id"] not in ours and free(self.places.runner_lock(row["id"])):
                state = self.store.interrupted(Claim(row["id"], row["claim"]))
                self._note(row["id"], "The computer or the server stopped; " + _outlook(state))
        for id in self.store.deleted():
            remove(self.places.run(id))
            self.store.forget(id)

    def _fill(self) -> None:
        """Give a run to each device that has none."""
        for number, device in enumerate(self.devices):
            child = self.children.get(number)
            if child is not None and not self._waits(child):
                continue
            cold = child is None and self.nursery is not None  # a warm child needs no imports
            if cold and not (self.store.anyone_waits() and self.nursery.warm()):
                return
            claim = self.store.claim(f"{device['kind']}:{number}")
            if claim is None:
                return
            row = self.store.current(claim)
            creates = row is not None and row["kind"] == "create"
            if child is not None and creates:
                child.claim, child.asked = claim, None  # it sees so in the store
                log.info("run %s, attempt %d: process %d", claim.run[:8], claim.number, child.process.pid)
                continue
            if child is not None:  # what it holds is needed
                _kill_all_of(child.process)
                child.process.wait()
            self.children[number] = self._start(claim, number, device, creates)

    def _waits(self, child: Child) -> bool:
        """Whether a child is done with its creation, and could take another."""
        return child.creates and self.store.current(child.claim) is None

    def _start(self, claim: Claim, number: int, device: dict[str, Any], creates: bool = False) -> Child:
        folder = self.places.run(claim.run)
        folder.mkdir(parents=True, exist_ok=True)
        arguments = ["--data", str(self.places.data), "--claim", str(claim.number), claim.run]
        visible = devices.alone(number) if device["kind"] == "cuda" else {}
        process = None if self.nursery is None else self.nursery.fork(arguments, visible, folder / LOG)
        if process is None:
            with open(folder / LOG, "ab") as out:
                process = subprocess.Popen(
                    [*self.command, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    env=environment(**visible),
                    start_new_session=True,
                )
        log.info("run %s, attempt %d: process %d", claim.run[:8], claim.number, process.pid)
        return Child(claim, process, creates)

    def _look_after(self, number: int, child: Child) -> None:
        """See whether a child has ended, and make it end where that was wanted and it does not."""
        if system.ended(child.process):
            del self.children[number]
            self._bury(child)
            return
        row = self.store.current(child.claim)
        if row is None or not row["cancel"]:
            return
        waited = time.time() - row["cancelled"]
        patience = KEEP_SECONDS if row["cancel"] == "keep" else 0.0
        if waited > patience + KILL_SECONDS:
            _kill_all_of(child.process)
        elif waited > patience + STOP_SECONDS and child.asked is None:
            child.asked = time.monotonic()
            child.process.terminate()

    def _bury(self, child: Child) -> None:
        """Reap a child that ended, with whatever it left running; a run that it did not bring to an end goes on."""
        _kill_all_of(child.process)
        code = child.process.wait()
        # what it had started in sessions of their own, as structure from motion has one
        others = {other.process.pid for other in self.children.values()}
        system.end_children_but(others if self.nursery is None else others | self.nursery.pids)
        log.info("run %s: process %d ended with %d", child.claim.run[:8], child.process.pid, code)
        if self.store.current(child.claim) is None:
            return
        if code == COLD:  # it stopped waiting just when it was given another run
            self.store.interrupted(child.claim)
            return
        state = self.store.interrupted(child.claim, crash=_crash(code))
        self._note(child.claim.run, f"{_crash(code)} {_outlook(state).capitalize()}")

    def _note(self, run: str, message: str) -> None:
        path = self.places.run(run) / "journal.jsonl"
        if not path.parent.is_dir():
            return
        where = {"stage": "", "step": 0, "steps": 0} | journal.last(path)
        JournalWriter(path).write(
            {
                **{key: where[key] for key in ("stage", "step", "steps")},
                "seconds_left": None,
                "values": {},
                "message": message,
                "scene": None,
                "preview": None,
                "time": round(time.time(), 3),
            }
        )

    def _page_is_there(self) -> bool:
        return not free(self.places.page_lock)

    def _dismiss(self) -> None:
        """Let all children keep a checkpoint and go; their runs are the first when a worker comes again."""
        if self.nursery is not None:
            self.nursery.close()
        for child in self.children.values():
            child.process.terminate()
        end = time.monotonic() + LEAVE_SECONDS
        while time.monotonic() < end and not all(system.ended(child.process) for child in self.children.values()):
            time.sleep(POLL_SECONDS / 4)
        for child in self.children.values():
            _kill_all_of(child.process)
            child.process.wait()
            with contextlib.suppress(UserError):  # a full disk: the next worker finds out by itself
                self.store.interrupted(child.claim)
        self.store.close()


def _outlook(state: str) -> str:
    return {"queued": "it goes on from its checkpoint.", "failed": "it was given up.", "stopped": "it is stopped."}.get(
        state, ""
    )


def _crash(code: int) -> str:
    """What to say of a child that ended without a word."""
    if code == -signal.SIGKILL:
        return "The system ended the work, perhaps because memory ran out."
    name = signal.Signals(-code).name if code < 0 else f"code {code}"
    return f"The work broke off ({name}); the details are in the run's log.txt."


def _kill_all_of(process: subprocess.Popen) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="fourreal.jobs.worker", description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the page's data folder (FOURREAL_DATA)")
    parser.add_argument("--device", choices=("auto", "cpu"), default="auto", help="cpu: even where there are GPUs")
    parser.add_argument("--limits", type=json.loads, default=asdict(JobLimits()), help="JSON of settings.JobLimits")
    parser.add_argument("--stay", action="store_true", help="wait for work even where no page is there")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    found = [devices.CPU] if given.device == "cpu" else None
    return Worker(given.data, JobLimits.from_dict(given.limits), devices=found, stay=given.stay).run()


if __name__ == "__main__":
    sys.exit(main())
