"""Runs on this machine: a child process for each device, forked from the nursery where there is one."""

import contextlib
import logging
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fourreal import installed, system
from fourreal.engine.local import crash
from fourreal.errors import UserError
from fourreal.jobs import devices, executor
from fourreal.jobs.children import environment
from fourreal.jobs.claims import Claim
from fourreal.jobs.nursery import COLD, LOG, Forked, Nursery
from fourreal.jobs.places import Places
from fourreal.jobs.store import Store

RUNNER = installed.command("fourreal.jobs.runner")
LOOK_SECONDS = 0.05

log = logging.getLogger("fourreal.jobs.worker")


@dataclass
class Child:
    """A runner at work, or one that waits for another creation. terminated: when it was sent SIGTERM."""

    claim: Claim
    process: subprocess.Popen | Forked
    creates: bool = False
    terminated: float | None = None


class LocalExecutor:
    """See the module and `executor.Executor`.

    command: how a run is done; it gets --data, --claim and the run's id. devices: one child each. forks: whether
    `command` may be a nursery.
    """

    def __init__(
        self,
        places: Places,
        store: Store,
        command: Sequence[str] = RUNNER,
        devices: Sequence[dict[str, Any]] = (devices.CPU,),
        forks: bool = system.LINUX,
    ) -> None:
        self.places, self.store, self.command, self.devices = places, store, tuple(command), devices
        self.nursery = Nursery(command) if forks else None
        self.children: dict[int, Child] = {}  # by the device's number
        system.adopt_orphans()

    @property
    def claims(self) -> list[Claim]:
        return [child.claim for child in self.children.values()]

    @property
    def busy(self) -> bool:
        return bool(self.children)

    def look(self) -> None:
        for number, child in list(self.children.items()):
            self._look_after(number, child)
        if self.nursery is not None:
            self.nursery.rest()

    def fill(self) -> None:
        for number, device in enumerate(self.devices):
            child = self.children.get(number)
            if child is not None and not self._waits(child):
                continue
            if child is None and not self._begins_at_once():
                return
            claim = self.store.claims.take(f"{device['kind']}:{number}")
            if claim is None:
                return
            row = self.store.claims.current(claim)
            creates = row is not None and row["kind"] == "create"
            if child is not None and creates:
                child.claim, child.terminated = claim, None  # it sees so in the store
                log.info("run %s, attempt %d: process %d", claim.run[:8], claim.number, child.process.pid)
                continue
            if child is not None:  # what it holds is needed
                system.kill_group(child.process)
                child.process.wait()
            self.children[number] = self._start(claim, number, device, creates)

    def close(self) -> None:
        if self.nursery is not None:
            self.nursery.close()
        for child in self.children.values():
            child.process.terminate()
        end = time.monotonic() + executor.LEAVE_SECONDS
        while time.monotonic() < end and not all(system.ended(child.process) for child in self.children.values()):
            time.sleep(LOOK_SECONDS)
        for child in self.children.values():
            system.kill_group(child.process)
            child.process.wait()
            with contextlib.suppress(UserError):  # a full disk: the next worker finds out by itself
                self.store.claims.interrupted(child.claim)

    def _begins_at_once(self) -> bool:
        """Whether there is a run to begin and the nursery has imported what it needs; see to it that it does."""
        return self.nursery is None or (self.store.anyone_waits() and self.nursery.warm())

    def _waits(self, child: Child) -> bool:
        """Whether a child is done with its creation, and could take another."""
        return child.creates and self.store.claims.current(child.claim) is None

    def _start(self, claim: Claim, number: int, device: dict[str, Any], creates: bool = False) -> Child:
        folder = self.places.run(claim.run)
        folder.mkdir(parents=True, exist_ok=True)
        arguments = ["--data", str(self.places.data), "--claim", str(claim.number), claim.run]
        visible = devices.alone(number) if device["kind"] == "cuda" else {}
        process: subprocess.Popen | Forked | None = None
        if self.nursery is not None:
            process = self.nursery.fork(arguments, visible, folder / LOG)
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
        row = self.store.claims.current(child.claim)
        if row is None or not row["cancel"]:
            return
        waited = time.time() - row["cancelled"]
        patience = executor.KEEP_SECONDS if row["cancel"] == "keep" else 0.0
        if waited > patience + executor.KILL_SECONDS:
            system.kill_group(child.process)
        elif waited > patience + executor.STOP_SECONDS and child.terminated is None:
            child.terminated = time.monotonic()
            child.process.terminate()

    def _bury(self, child: Child) -> None:
        """Reap a child that ended, with whatever it left running; a run that it did not bring to an end goes on."""
        system.kill_group(child.process)
        code = child.process.wait()
        # what it had started in sessions of their own, as structure from motion has one
        others = {other.process.pid for other in self.children.values()}
        system.end_children_but(others if self.nursery is None else others | self.nursery.pids)
        log.info("run %s: process %d ended with %d", child.claim.run[:8], child.process.pid, code)
        if self.store.claims.current(child.claim) is None:
            return
        if code == COLD:  # it stopped waiting just when it was given another run
            self.store.claims.interrupted(child.claim)
            return
        state = self.store.claims.interrupted(child.claim, crash=crash(code))
        executor.note_end(self.places.run(child.claim.run), crash(code), state)
