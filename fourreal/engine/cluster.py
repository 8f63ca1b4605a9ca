"""Tasks on the nodes of a Ray cluster: a seat each, which goes on elsewhere when its node dies."""

import contextlib
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fourreal.engine.connecting import connected, last_line
from fourreal.engine.seat import Files, Seat, Traveller, put, versions
from fourreal.engine.values import DONE, FAILED, KEEP, LOST, STOP, STOPPED, Heard, Needs, Task
from fourreal.errors import UserError

NODES_SECONDS = 1.0  # between two looks at which nodes there are
HEAR_SECONDS = 1.0  # for so long a seat waits for something to tell,
SEATS_A_SECOND = 64  # and longer where there are so many that the head would do nothing but listen
WARM_SECONDS = 180.0  # for so long a seat that is done keeps what it has loaded, unless its place is needed
FOLDERS_A_SECOND = 8  # that travel to the head: with hundreds of nodes it would do nothing but write their checkpoints


@dataclass
class Sitting:
    """A task in its seat.

    step: what the seat does now, "about", "begin" or "hear", of which `ref` is the answer. stop: what it was asked.
    """

    task: Task
    seat: Any
    step: str
    ref: Any
    where: str = ""
    shared: bool = True
    stop: str = ""
    brought: float = 0.0  # when its files last came to the head


@dataclass
class Resting:
    """A seat that is done, and has loaded what `loads` names. since: by the clock that never goes back."""

    seat: Any
    loads: str
    where: str
    shared: bool
    since: float


class RayEngine:
    """See `values.Engine`.

    out: the folder that holds the tasks' folders. Nodes that see it at the same path work in it; to others files
    travel. needs: of each task. workers: at most so many at once; None for as many as there is room for.
    travel: whether files travel even to nodes that see the folder.
    """

    def __init__(self, out: Path, needs: Needs, workers: int | None = None, travel: bool = False) -> None:
        self.ray = connected()
        self.needs, self.workers, self.travel = needs, workers, travel
        self.mark = out.resolve() / f".shared-{secrets.token_hex(4)}"
        self.mark.parent.mkdir(parents=True, exist_ok=True)
        self.mark.touch()
        self.sittings: dict[str, Sitting] = {}
        self.resting: list[Resting] = []  # never more, with those at work, than there is room for
        self.refused: list[tuple[Any, str]] = []  # seats that stay taken, so that nothing else is put there; and why
        self.pending: list[Heard] = []
        self.actor = self.ray.remote(Seat)
        self.looked, self.room, self.gpus = -NODES_SECONDS, 0, 0.0

    @property
    def slots(self) -> int:
        if time.monotonic() - self.looked > NODES_SECONDS:
            self._look()
        room = max(0, self.room - len(self.refused))
        if self.workers is None:
            return room
        return min(self.workers, room) if self.refused else self.workers  # more than there is room for has nodes added

    def submit(self, task: Task) -> None:
        if self.looked < 0:
            self._look()
        if task.loads and (warm := next((one for one in self.resting if one.loads == task.loads), None)) is not None:
            self.resting.remove(warm)
            sitting = self.sittings[task.id] = Sitting(task, warm.seat, "begin", None, warm.where, warm.shared)
            self._seat(sitting)
            return
        while self.resting and len(self.sittings) + len(self.resting) + len(self.refused) >= self.room:
            self._leave(self.resting.pop(0).seat)
        seat = self.actor.options(
            num_cpus=self.needs.cpus,
            num_gpus=self.gpus,
            memory=self.needs.memory or None,
            max_restarts=0,
            max_concurrency=3,
            scheduling_strategy="SPREAD",
        ).remote(self.needs.cpus)
        self.sittings[task.id] = Sitting(task, seat, "about", seat.about.remote(str(self.mark)))

    def hear(self, seconds: float) -> list[Heard]:
        """Raises UserError where there is no node left that could do anything."""
        while self.resting and time.monotonic() - self.resting[0].since > WARM_SECONDS:
            self._leave(self.resting.pop(0).seat)
        if self.refused and not self.slots and not self.sittings:
            raise UserError(" ".join(sorted({why for _, why in self.refused})))
        refs = {sitting.ref: sitting for sitting in self.sittings.values()}
        if refs and not self.pending:
            self.ray.wait(list(refs), num_returns=1, timeout=seconds)
        elif not self.pending:
            time.sleep(seconds)
        ready, _ = self.ray.wait(list(refs), num_returns=len(refs), timeout=0) if refs else ([], [])
        for ref in ready:
            self._answered(refs[ref])
        said, self.pending = self.pending, []
        return said

    def stop(self, id: str, keep: bool = False) -> None:
        sitting, how = self.sittings.get(id), KEEP if keep else STOP
        if sitting is None or sitting.stop in (STOP, how):
            return
        sitting.stop = how
        if sitting.step == "hear":
            sitting.seat.stop.remote(keep)
        else:  # it waits for a node, or has just begun
            self._end(sitting, STOPPED)

    def close(self) -> None:
        for id in list(self.sittings):
            self._leave(self.sittings.pop(id).seat)
        for seat in [*(seat for seat, _ in self.refused), *(one.seat for one in self.resting)]:
            self._leave(seat)
        self.mark.unlink(missing_ok=True)
        self.ray.shutdown()

    # --- Steps ---------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """How many tasks the nodes that are there now have room for."""
        self.looked = time.monotonic()
        nodes = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        gpus = self.needs.gpus
        self.gpus = float(any(node.get("GPU") for node in nodes)) if gpus is None else gpus
        wanted = {"CPU": self.needs.cpus, "GPU": self.gpus, "memory": self.needs.memory}
        wanted = {name: value for name, value in wanted.items() if value}
        self.room = sum(min(int(node.get(name, 0) / value) for name, value in wanted.items()) for node in nodes)

    def _answered(self, sitting: Sitting) -> None:
        try:
            answer = self.ray.get(sitting.ref)
        except self.ray.exceptions.RayTaskError as error:
            why = str(error.cause) if isinstance(error.cause, UserError) else f"Its node said: {last_line(error)}"
            self._end(sitting, FAILED, why)
        except self.ray.exceptions.RayError:
            why = f"Its node ({sitting.where or 'a new one'}) is gone."
            self._end(sitting, STOPPED if sitting.stop else LOST, why)
        else:
            getattr(self, f"_{sitting.step}")(sitting, answer)

    def _about(self, sitting: Sitting, answer: dict) -> None:
        sitting.where, ours, theirs = answer["where"], versions(), answer["versions"]
        if ours != theirs:
            differ = next(name for name in ours if ours[name] != theirs.get(name))
            what = f"{differ} {theirs.get(differ)}, not {ours[differ]}"
            what = "other files of fourreal" if differ == "files" else what
            why = f"{sitting.where} has {what}: install the same as on the head there."
            self.refused.append((sitting.seat, why))
            del self.sittings[sitting.task.id]
            self.pending.append(Heard(sitting.task.id, end=LOST, why=why, where=sitting.where))
            return
        sitting.shared = answer["shared"] and not self.travel
        self._seat(sitting)

    def _seat(self, sitting: Sitting) -> None:
        files = None if sitting.shared else Traveller(sitting.task.folder).all()
        sitting.step, sitting.ref = "begin", sitting.seat.begin.remote(sitting.task, files)

    def _begin(self, sitting: Sitting, answer: None) -> None:
        self._ask(sitting)

    def _hear(self, sitting: Sitting, answer: tuple[list[Heard], Files]) -> None:
        said, files = answer
        try:
            put(sitting.task.folder, files)
        except UserError as error:  # the head's disk
            self._end(sitting, FAILED, str(error))
            return
        self.pending += [heard for heard in said if heard.end is None]
        for heard in said:
            if heard.end is not None:
                self._end(sitting, heard.end, heard.why)
                return
        self._ask(sitting)

    def _ask(self, sitting: Sitting) -> None:
        patience, now = max(HEAR_SECONDS, len(self.sittings) / SEATS_A_SECOND), time.monotonic()
        brings = now - sitting.brought > len(self.sittings) / FOLDERS_A_SECOND
        sitting.brought = now if brings else sitting.brought
        sitting.step, sitting.ref = "hear", sitting.seat.hear.remote(patience, brings)

    def _end(self, sitting: Sitting, end: str, why: str = "") -> None:
        del self.sittings[sitting.task.id]
        if end == DONE and sitting.task.loads:
            loads, where, shared = sitting.task.loads, sitting.where, sitting.shared
            self.resting.append(Resting(sitting.seat, loads, where, shared, time.monotonic()))
        else:
            self._leave(sitting.seat)
        self.pending.append(Heard(sitting.task.id, end=end, why=why, where=sitting.where))

    def _leave(self, seat: Any) -> None:
        with contextlib.suppress(self.ray.exceptions.RayError):
            seat.close.remote()
            seat.__ray_terminate__.remote()
