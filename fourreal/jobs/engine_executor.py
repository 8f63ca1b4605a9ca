"""Runs handed to an engine, which does them on the nodes of a cluster. The store stays here: what a run has to say of
its candidates and its end comes through the engine, and everything else as files of its folder.

A task's question is {"row": the run's, as in `ROW`, "candidates": the rows of a creation's candidates}.
"""

import itertools
import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fourreal.engine.values import BROKEN, DONE, FAILED, KEEP, LOST, STOP, Engine, Heard, Needs, Task
from fourreal.errors import UserError
from fourreal.jobs import executor
from fourreal.jobs.candidate_files import forget
from fourreal.jobs.claims import Claim
from fourreal.jobs.places import Places
from fourreal.jobs.store import Store

MODULE = "fourreal.jobs.task"
ROW = ("id", "kind", "name", "options", "claim", "example")
NODE = "node"  # as the device of a claim
LOOK_SECONDS = 0.05

log = logging.getLogger("fourreal.jobs.worker")


@dataclass
class Handed:
    """A run in the engine's hands. settled: the store knows how it ended. stop: what it was asked, "stop" or "keep"."""

    claim: Claim
    settled: bool = False
    stop: str = ""


class EngineExecutor:
    """See the module and `executor.Executor`.

    devices: what computes, as far as this machine knows. module: does a run.
    """

    def __init__(
        self,
        places: Places,
        store: Store,
        engine: Engine,
        *,
        devices: Sequence[dict[str, Any]],
        needs: Needs | None = None,
        module: str = MODULE,
    ) -> None:
        self.places, self.store, self.engine, self.devices = places, store, engine, devices
        self.needs, self.module = needs or Needs(), module
        self.handed: dict[str, Handed] = {}  # by the task's id
        self.numbers = itertools.count(1)
        self.heard: deque[Heard] = deque()  # what the store does not know yet

    @property
    def claims(self) -> list[Claim]:
        return [one.claim for one in self.handed.values() if not one.settled]

    @property
    def busy(self) -> bool:
        return bool(self.handed)

    def look(self) -> None:
        self.heard.extend(self.engine.hear(0.0))
        while self.heard:
            self._take(self.heard[0])  # where the disk is full it stays the first
            self.heard.popleft()
        for id, one in self.handed.items():
            self._see_to_stop(id, one)

    def fill(self) -> None:
        while self.store.anyone_waits() and len(self.handed) < self.engine.slots:
            claim = self.store.claims.take(NODE)
            if claim is None:
                return
            self._submit(claim)

    def close(self) -> None:
        for id, one in self.handed.items():
            if not one.stop:
                self.engine.stop(id)
        end = time.monotonic() + executor.LEAVE_SECONDS
        try:
            while self.handed and time.monotonic() < end:
                self.look()
                time.sleep(LOOK_SECONDS)
            for one in self.handed.values():
                self.store.claims.interrupted(one.claim)
        except UserError as error:  # a full disk: the next worker finds out by itself
            log.warning("%s", error)
        finally:
            self.engine.close()

    def _submit(self, claim: Claim) -> None:
        row = self.store.claims.current(claim)
        if row is None:  # deleted just now
            return
        id = f"{claim.run}-{next(self.numbers)}"  # a claim may be handed over twice
        question = {"row": {key: row[key] for key in ROW}, "candidates": self.store.candidates.of(claim.run)}
        folder = self.places.run(claim.run)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.engine.submit(Task(id, self.module, question, folder, self.needs))
        except (UserError, OSError) as error:
            self.store.claims.finish(claim, "failed", str(error))
            return
        self.handed[id] = Handed(claim)
        log.info("run %s, attempt %d: handed to the engine", claim.run[:8], claim.number)

    def _see_to_stop(self, id: str, one: Handed) -> None:
        """Pass on that a run shall stop: the person wants it, it is not ours any more, or it only scores by now while
        others wait for its place."""
        row = self.store.claims.current(one.claim)
        if row is not None:
            wanted = row["cancel"]
        elif not one.settled or (self.store.anyone_waits() and len(self.handed) >= self.engine.slots):
            wanted = STOP
        else:
            wanted = ""
        if wanted and one.stop not in (STOP, wanted):
            one.stop = wanted
            self.engine.stop(id, keep=wanted == KEEP)

    def _take(self, heard: Heard) -> None:
        one = self.handed.get(heard.id)
        if one is None:
            return
        if heard.payload is not None:
            if self.store.claims.current(one.claim) is not None:
                self._write(one, heard.payload)
        elif heard.end is not None:
            if not one.settled:
                self._end(one, heard)
            del self.handed[heard.id]

    def _write(self, one: Handed, payload: Mapping[str, Any]) -> None:
        """What a run says of itself, into the store."""
        run, rows = one.claim.run, self.store.candidates
        if "begin" in payload:
            rows.begin(run, payload["begin"], one.claim.number)
        elif "made" in payload:
            if not rows.is_made(run, payload["made"]):  # discarded while it was made
                self._forget(run, payload["made"])
        elif "fail" in payload:
            rows.fail(run, payload["fail"], payload["error"])
        elif "state" in payload:
            one.settled = self.store.claims.finish(one.claim, payload["state"], cost=payload.get("cost"))

    def _end(self, one: Handed, heard: Heard) -> None:
        """A task ended, and the store does not know yet what that means for its run."""
        row = self.store.claims.current(one.claim)
        if row is None:
            return
        log.info("run %s: %s on %s. %s", one.claim.run[:8], heard.end, heard.where, heard.why)
        if heard.end == DONE:  # and more candidates were asked for meanwhile
            self._submit(one.claim)
        elif heard.end == FAILED:
            self.store.claims.finish(one.claim, "failed", heard.why)
        elif heard.end in (LOST, BROKEN):
            state = self.store.claims.interrupted(one.claim, crash=heard.why if heard.end == BROKEN else "")
            executor.note_end(self.places.run(one.claim.run), heard.why, state)
        else:
            self.store.claims.interrupted(one.claim)  # or it is stopped, where the person asked for that

    def _forget(self, run: str, number: int) -> None:
        row = self.store.run(run)
        if row is not None:
            role = "freeze" if row["reference"] else "reference"
            forget(self.places.run(run) / "candidates", role, number, self.store.candidates.of(run))
