"""Who leads a sweep: hands items to the engine, hears how they fare, and writes it down."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fourreal.engine import values as engine_values
from fourreal.engine.values import STOP_SECONDS, Engine, Heard, Needs, Task
from fourreal.errors import Cancelled, UserError
from fourreal.progress import CancelToken, Event, ignore
from fourreal.sweep.runs import (
    DONE,
    FAILED,
    RUNNING,
    SKIPPED,
    STOPPED,
    WAITING,
    State,
    prepare,
    question,
    state_of,
    write_reached,
    write_state,
)
from fourreal.sweep.values import Item

MODULE = "fourreal.sweep.child"
HEAR_SECONDS = 0.5
REACHED_SECONDS = 2.0  # between two writings of how far runs are: one small file, however many there are
ATTEMPTS = 3  # of a run that breaks off without saying what a person could mend


@dataclass
class Running:
    """begun: by the clock that never goes back. reached: how far it is, see `runs.write_reached`."""

    item: Item
    state: State
    begun: float
    reached: dict[str, Any] = field(default_factory=lambda: {"stage": "", "share": None})


class Leader:
    """One go at a sweep.

    retry: whether what failed before is tried again. skip: names (or the beginnings of names) to leave alone.
    module: what makes an item. needs: what that takes.
    """

    def __init__(
        self,
        items: Sequence[Item],
        out: Path,
        engine: Engine,
        progress: Callable[[Event], None] = ignore,
        retry: bool = False,
        skip: Sequence[str] = (),
        module: str | None = None,
        needs: Needs | None = None,
    ) -> None:
        self.out, self.engine, self.progress = out, engine, progress
        self.module, self.needs = module or MODULE, needs or Needs()
        self.states = {item.id: state_of(out, item) for item in items}
        self.items = {item.id: item for item in items}
        self.failures = sum(state.state == FAILED for state in self.states.values())  # counted on, as there may be many
        self.waiting: deque[Item] = deque()
        for item in items:
            left = any(item.name.startswith(name) or item.id.startswith(name) for name in skip)
            state = self.states[item.id]
            if left and state.state != DONE:
                self._write(item, replace(state, state=SKIPPED))
            elif state.state != DONE and (state.state != FAILED or retry):
                self.failures -= state.state == FAILED
                self.states[item.id] = replace(state, state=WAITING, attempts=0)
                self.waiting.append(item)
        self.running: dict[str, Running] = {}
        self.makers: dict[str, str] = {}  # by what items share: the one that made it, or makes it first
        for item in items:
            if self.states[item.id].state == DONE:
                self.makers.setdefault(item.shares, item.id)
        self.took: list[float] = []
        self.written = 0.0  # when it was last written how far runs are

    def lead(self, cancel: CancelToken) -> None:
        """Until nothing is left to be done. Raises Cancelled on request; the same again goes on."""
        while self.waiting or self.running:
            if cancel.cancelled:
                self._stop()
                self._write_reached()
                raise Cancelled("stopped on request")
            while len(self.running) < self.engine.slots and (item := self._next()) is not None:
                self._begin(item)
            for heard in self.engine.hear(HEAR_SECONDS):
                self._take(heard)
            self._tell()
            if time.monotonic() - self.written > REACHED_SECONDS:
                self._write_reached()
        self._write_reached()

    def _next(self) -> Item | None:
        """The first that waits for nobody: where several need the same videos, the first of them makes these alone."""
        for item in self.waiting:
            maker = self.makers.setdefault(item.shares, item.id)
            if maker not in self.running:
                self.waiting.remove(item)
                return item
        return None

    def _begin(self, item: Item) -> None:
        maker = self.items[self.makers[item.shares]]
        state = replace(self.states[item.id], state=RUNNING, why="")
        try:
            prepare(self.out, item, maker if maker is not item else None)
            self._write(item, state)
            task = Task(item.id, self.module, question(item), self.out / item.id, self.needs)
            self.engine.submit(task)
        except UserError as error:
            self._failed(item, state, str(error))
            return
        self.running[item.id] = Running(item, state, time.monotonic())

    def _take(self, heard: Heard) -> None:
        running = self.running.get(heard.id)
        if running is None:
            return
        if heard.event is not None:
            running.state = replace(running.state, where=heard.where)
            step, steps = heard.event.get("step") or 0, heard.event.get("steps") or 0
            running.reached = {"stage": heard.event.get("stage") or "", "share": step / steps if steps else None}
            return
        del self.running[heard.id]
        item, seconds = running.item, time.monotonic() - running.begun
        where = heard.where or running.state.where
        state = replace(running.state, where=where, seconds=round(running.state.seconds + seconds, 1))
        if heard.end == engine_values.DONE:
            self.took.append(state.seconds)
            self._write(item, replace(state, state=DONE))
        elif heard.end == engine_values.STOPPED:
            self._write(item, replace(state, state=STOPPED))
        elif heard.end == engine_values.LOST or (heard.end == engine_values.BROKEN and state.attempts + 1 < ATTEMPTS):
            own = heard.end == engine_values.BROKEN  # it may be the item's fault, which a lost machine is not
            self._write(item, replace(state, state=STOPPED, why=heard.why, attempts=state.attempts + own))
            self.waiting.appendleft(item)
            self.progress(Event("sweep", message=f"{item.id}: {heard.why} It goes on from its last checkpoint."))
        else:
            self._failed(item, state, heard.why)

    def _failed(self, item: Item, state: State, why: str) -> None:
        self.progress(Event("sweep", message=f"{item.id}: {why}"))
        self._write(item, replace(state, state=FAILED, why=why, attempts=state.attempts + 1))

    def _write(self, item: Item, state: State) -> None:
        """A state that cannot be written is remembered here: a finished scene says itself that it is."""
        self.failures += (state.state == FAILED) - (self.states[item.id].state == FAILED)
        self.states[item.id] = state
        try:
            write_state(self.out, item, state)
        except UserError as error:
            self.progress(Event("sweep", message=str(error)))

    def _write_reached(self) -> None:
        self.written = time.monotonic()
        try:
            write_reached(self.out, {id: running.reached for id, running in self.running.items()})
        except OSError as error:
            self.progress(Event("sweep", message=f"How far it is cannot be written ({error.strerror})."))

    def _stop(self) -> None:
        for id in self.running:
            self.engine.stop(id)
        end = time.monotonic() + STOP_SECONDS + 1
        while self.running and time.monotonic() < end:
            for heard in self.engine.hear(HEAR_SECONDS):
                self._take(heard)
        for running in self.running.values():
            self._write(running.item, replace(running.state, state=STOPPED))

    def _tell(self) -> None:
        finished, all_of_it = len(self.states) - len(self.waiting) - len(self.running), len(self.states)
        left = None
        if self.took:
            left = sum(self.took) / len(self.took) * (all_of_it - finished) / max(self.engine.slots, 1)
        values = {"running": float(len(self.running)), "failed": float(self.failures)}
        self.progress(Event("sweep", finished, all_of_it, left, values))
