"""Runs handed to an engine, which does them on the nodes of a cluster. The store stays here: what a run has to say of
its candidates and its end comes through the engine, and everything else as files of its folder.

A task's question is {"row": the run's, as in `engine_creations.ROW`, "candidates": rows, "part"}. The last two are of a
creation, see `engine_creations`.
"""

import itertools
import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fourreal.engine.values import BROKEN, FAILED, KEEP, LOST, STOP, Engine, Heard, Needs, Task
from fourreal.errors import UserError
from fourreal.jobs import executor
from fourreal.jobs.claims import Claim
from fourreal.jobs.engine_creations import ROW, Spread
from fourreal.jobs.places import Places
from fourreal.jobs.store import Store

MODULE = "fourreal.jobs.task"
NODE = "node"  # as the device of a claim
LOOK_SECONDS = 0.05

log = logging.getLogger("fourreal.jobs.worker")


@dataclass
class Handed:
    """A run in the engine's hands that is one task.

    settled: the store knows how it ended. stop: what it was asked, "stop" or "keep".
    """

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
        self.spreads: dict[str, Spread] = {}  # creations, by the run's
        self.numbers = itertools.count(1)
        self.heard: deque[Heard] = deque()  # what the store does not know yet

    @property
    def claims(self) -> list[Claim]:
        creations = [spread.claim for spread in self.spreads.values()]
        return [one.claim for one in self.handed.values() if not one.settled] + creations

    @property
    def busy(self) -> bool:
        return bool(self.handed or self.spreads)

    @property
    def room(self) -> int:
        """How many tasks more may be handed over now."""
        return self.engine.slots - len(self.handed) - sum(len(spread.parts) for spread in self.spreads.values())

    def look(self) -> None:
        self._hear()
        for id, one in self.handed.items():
            self._see_to_stop(id, one)
        for run, spread in list(self.spreads.items()):
            spread.look()
            if spread.over():
                del self.spreads[run]

    def fill(self) -> None:
        """Each creation has one candidate made at a time; more of them, where nobody waits for a place."""
        for spread in self.spreads.values():
            if not spread.parts:
                spread.go_on()
        while self.store.anyone_waits() and self.room > 0:
            claim = self.store.claims.take(NODE)
            if claim is None:
                return
            self._begin(claim)
        for spread in self.spreads.values():
            while self.room > 0 and spread.go_on():
                pass

    def close(self) -> None:
        for id, one in self.handed.items():
            if not one.stop:
                self.engine.stop(id)
        for spread in self.spreads.values():
            spread.stop()
        end = time.monotonic() + executor.LEAVE_SECONDS
        try:
            while time.monotonic() < end and (self.handed or any(one.parts for one in self.spreads.values())):
                self._hear()
                time.sleep(LOOK_SECONDS)
            for claim in self.claims:
                self.store.claims.interrupted(claim)
        except UserError as error:  # a full disk: the next worker finds out by itself
            log.warning("%s", error)
        finally:
            self.engine.close()

    def _begin(self, claim: Claim) -> None:
        row = self.store.claims.current(claim)
        if row is None or row["kind"] != "create":
            self._submit(claim)
            return
        try:
            folder = self.places.run(claim.run)
            spread = Spread(claim, row, folder, self.store, self.engine, self.needs, self.module)
        except OSError as error:
            self.store.claims.finish(claim, "failed", str(error))
            return
        self.spreads[claim.run] = spread
        spread.go_on()
        log.info("creation %s, attempt %d: handed to the engine", claim.run[:8], claim.number)

    def _submit(self, claim: Claim) -> None:
        row = self.store.claims.current(claim)
        if row is None:  # deleted just now
            return
        id = f"{claim.run}-{next(self.numbers)}"  # a claim may be handed over twice
        question = {"row": {key: row[key] for key in ROW}, "candidates": []}
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
        elif not one.settled or (self.store.anyone_waits() and self.room <= 0):
            wanted = STOP
        else:
            wanted = ""
        if wanted and one.stop not in (STOP, wanted):
            one.stop = wanted
            self.engine.stop(id, keep=wanted == KEEP)

    def _hear(self) -> None:
        self.heard.extend(self.engine.hear(0.0))
        while self.heard:
            self._take(self.heard[0])  # where the disk is full it stays the first
            self.heard.popleft()

    def _take(self, heard: Heard) -> None:
        for spread in self.spreads.values():
            if heard.id in spread.parts:
                spread.take(heard)
        one = self.handed.get(heard.id)
        if one is None:
            return
        if heard.payload is not None:
            if "state" in heard.payload and self.store.claims.current(one.claim) is not None:
                cost = heard.payload.get("cost")
                one.settled = self.store.claims.finish(one.claim, heard.payload["state"], cost=cost)
        elif heard.end is not None:
            if not one.settled:
                self._end(one, heard)
            del self.handed[heard.id]

    def _end(self, one: Handed, heard: Heard) -> None:
        """A task ended, and the store does not know yet what that means for its run."""
        row = self.store.claims.current(one.claim)
        if row is None:
            return
        log.info("run %s: %s on %s. %s", one.claim.run[:8], heard.end, heard.where, heard.why)
        if heard.end == FAILED:
            self.store.claims.finish(one.claim, "failed", heard.why)
        elif heard.end in (LOST, BROKEN):
            state = self.store.claims.interrupted(one.claim, crash=heard.why if heard.end == BROKEN else "")
            executor.note_end(self.places.run(one.claim.run), heard.why, state)
        else:
            self.store.claims.interrupted(one.claim)  # or it is stopped, where the person asked for that
