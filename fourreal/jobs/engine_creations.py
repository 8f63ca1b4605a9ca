"""A creation on an engine: a task for each of its candidates, so that several machines make them, and a process that
has the model loaded makes the next. See `engine_parts` for where a task works.
"""

import json
import logging
import secrets
import statistics
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fourreal.engine.values import BROKEN, FAILED, LOST, Engine, Heard, Needs, Task
from fourreal.errors import UserError
from fourreal.jobs import executor
from fourreal.jobs.candidate_files import forget, next_of, none_made
from fourreal.jobs.claims import CRASHES, Claim
from fourreal.jobs.engine_parts import PARTS, Part
from fourreal.jobs.files import remove
from fourreal.jobs.live import Live
from fourreal.jobs.store import Store
from fourreal.whole import json_of

ROW = ("id", "kind", "name", "options", "claim", "example")  # what a task knows of its run

log = logging.getLogger("fourreal.jobs.worker")


class Spread:
    """A creation under one claim.

    row: of its run. folder: of its run. needs, module: as of `engine_executor`.
    """

    def __init__(
        self,
        claim: Claim,
        row: Mapping[str, Any],
        folder: Path,
        store: Store,
        engine: Engine,
        needs: Needs,
        module: str,
    ) -> None:
        self.claim, self.row, self.folder, self.store = claim, row, folder, store
        self.engine, self.needs, self.module = engine, needs, module
        options = json.loads(row["options"])
        self.role, self.videos = options["role"], folder / "candidates"
        self.loads = json.dumps([options.get(name) for name in ("model", "source", "adapter", "device")])
        self.parts: dict[str, Part] = {}  # by the task's id
        self.crashes = Counter[int]()
        self.costs: list[Mapping[str, Any]] = []
        self.measured: set[int] = set()
        self.failed = ""  # a sentence, where that concerns all candidates
        self.live = Live(folder)
        remove(folder / PARTS)  # of a claim before, whose nodes may be gone

    def rows(self) -> list[dict[str, Any]]:
        return self.store.candidates.of(self.claim.run)

    # --- What is to be done ---------------------------------------------------------------------------------------

    def go_on(self) -> bool:
        """Hand the next candidate to the engine; False where there is none, or none shall be made any more."""
        row = self.store.claims.current(self.claim)
        if row is None or row["cancel"] or self.failed:
            return False
        at_work = {number for part in self.parts.values() for number in part.numbers}
        due = next_of(one for one in self.rows() if one["number"] not in at_work)
        return due is not None and self._submit("make", [due])

    def over(self) -> bool:
        """Where nothing of it is at work and nothing left to do: tell the store how it ended."""
        row, claims = self.store.claims.current(self.claim), self.store.claims
        if self.parts:
            return False
        if row is None:
            remove(self.folder / PARTS)
            return True
        if row["cancel"]:
            claims.interrupted(self.claim)
        elif self.failed:
            claims.finish(self.claim, "failed", self.failed)
        else:
            rows = self.rows()
            if next_of(rows) is not None:
                return False
            if unmeasured := [one for one in rows if self._unmeasured(one)]:
                return not self._submit("measure", unmeasured) and self.over()
            if rows and all(one["error"] for one in rows):
                claims.finish(self.claim, "failed", none_made(rows))
            elif not claims.finish(self.claim, "done", cost=self._cost()):
                return False  # more are wanted since just now
        remove(self.folder / PARTS)
        return True

    def _unmeasured(self, row: Mapping[str, Any]) -> bool:
        notes = json_of(self.videos / f"{self.role}-{row['number']}.json") or {}
        measured = bool(notes.get("angles")) or any(one["name"] == "coverage" for one in notes.get("scores", ()))
        return self.role == "freeze" and bool(row["made"]) and not measured and row["number"] not in self.measured

    def _submit(self, step: str, rows: list[dict[str, Any]]) -> bool:
        token = secrets.token_hex(4)
        part = Part(step, tuple(row["number"] for row in rows), self.folder / PARTS / token)
        question = {"row": {key: self.row[key] for key in ROW}, "candidates": rows, "part": step}
        needs_model = step == "make" and rows[0]["how"]["way"] != "own"
        if step == "measure":
            self.measured.update(part.numbers)
        try:
            part.fill(self.folder, self.role, rows)
            id = f"{self.claim.run}-{token}"
            self.engine.submit(
                Task(id, self.module, question, part.folder, self.needs, self.loads if needs_model else "")
            )
        except (UserError, OSError) as error:
            self.failed = str(error)
            remove(part.folder)
            return False
        self.parts[id] = part
        return True

    # --- What is heard --------------------------------------------------------------------------------------------

    def take(self, heard: Heard) -> None:
        """What a part says, or how it ended."""
        part = self.parts[heard.id]
        if heard.payload is not None:
            if self.store.claims.current(self.claim) is not None:
                self._write(part, heard.payload)
        elif heard.end is not None:
            self._pass_on(part)
            self._end(part, heard)
            del self.parts[heard.id]
            part.leave(self.folder)

    def _write(self, part: Part, payload: Mapping[str, Any]) -> None:
        run, rows = self.claim.run, self.store.candidates
        if "begin" in payload:
            rows.begin(run, payload["begin"], self.claim.number)
        elif "made" in payload:
            number = payload["made"]
            part.bring(self.videos, self.role, number)
            if not rows.is_made(run, number):  # discarded while it was made
                forget(self.videos, self.role, number, self.rows())
            how: dict[str, Any] = next((one["how"] for one in self.rows() if one["number"] == number), {"way": "model"})
            if how["way"] == "longer":
                forget(self.videos, self.role, how["of"], self.rows())
        elif "fail" in payload:
            rows.fail(run, payload["fail"], payload["error"])
        elif payload.get("cost"):
            self.costs.append(payload["cost"])

    def _end(self, part: Part, heard: Heard) -> None:
        if self.store.claims.current(self.claim) is None:
            return
        log.info(
            "run %s, %s %s: %s on %s. %s",
            self.claim.run[:8],
            part.step,
            part.numbers,
            heard.end,
            heard.where,
            heard.why,
        )
        if heard.end == FAILED:
            self.failed = heard.why
        elif part.step == "measure":
            for number in part.numbers:
                if self.store.candidates.has(self.claim.run, number):
                    part.bring(self.videos, self.role, number)
        elif heard.end in (LOST, BROKEN):
            (number,) = part.numbers
            self.crashes[number] += heard.end == BROKEN  # a lost machine is not held against it
            given_up = self.crashes[number] >= CRASHES
            if given_up:
                self.store.candidates.fail(self.claim.run, number, heard.why)
            outlook = "was given up" if given_up else "is begun anew"
            executor.note(self.folder, f"{heard.why} Candidate {number} {outlook}.")

    def _cost(self) -> dict[str, Any] | None:
        """What a video took, for later estimates."""
        if not self.costs:
            return None
        return {**self.costs[-1], "seconds": statistics.median(cost["seconds"] for cost in self.costs)}

    # --- While it goes on -----------------------------------------------------------------------------------------

    def look(self) -> None:
        """Pass on what parts say and show, and stop those that nobody wants any more."""
        row = self.store.claims.current(self.claim)
        unwanted = row is None or row["cancel"] or self.failed
        for part in list(self.parts.values()):
            self._pass_on(part)
        for id, part in self.parts.items():
            gone = not any(self.store.candidates.has(self.claim.run, number) for number in part.numbers)
            if unwanted or gone:
                self._stop(id, part)

    def stop(self) -> None:
        for id, part in self.parts.items():
            self._stop(id, part)

    def _stop(self, id: str, part: Part) -> None:
        if not part.stop:
            part.stop = True
            self.engine.stop(id)

    def _pass_on(self, part: Part) -> None:
        """New lines of a part's journal. Numbers and pictures are those of one part alone, as people watch one."""
        shown = part is min(self.parts.values(), key=lambda one: one.numbers)
        for line in part.lines():
            preview = part.picture(line.get("preview")) if shown else None
            name = self.live.put_next("preview", "jpg", preview) if preview is not None else None
            if shown or line.get("message"):
                self.live.journal.write(line | {"preview": name})
