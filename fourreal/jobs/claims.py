"""The store's side of runs at work: who takes the next one, what it is to do, and how it ended.

Every method is one transaction, as in `store`. What a run or the worker says carries the number of its claim, so that
nothing stale ever changes a later attempt.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fourreal.jobs.candidate_rows import blame
from fourreal.jobs.database import Database
from fourreal.jobs.line import order
from fourreal.jobs.statements import next_of, ran, running, the_line

CRASHES = 3  # after so many a run is given up


@dataclass(frozen=True)
class Claim:
    """The right to run `run`, until it is finished, requeued or claimed again. number: which attempt this is."""

    run: str
    number: int


class Claims:
    def __init__(self, database: Database) -> None:
        self.database = database

    def take(self, device: str) -> Claim | None:
        """Take the next run of the line; nobody else gets it. None where nothing waits."""
        with self.database.writing() as db:
            waiting, served = the_line(db)
            if not waiting:
                return None
            first = order(waiting, served)[0]
            row = db.execute("SELECT owner, front, claim FROM runs WHERE id = ?", (first,)).fetchone()
            if not row["front"]:  # going on is not a turn
                db.execute(
                    "INSERT INTO people VALUES (?1, ?2) ON CONFLICT (owner) DO UPDATE SET served = ?2",
                    (row["owner"], next_of(db, "served")),
                )
            db.execute(
                "UPDATE runs SET state = 'running', claim = claim + 1, front = 0, cancel = '', cancelled = NULL,"
                " error = '', device = ?, claimed = ?, started = coalesce(started, ?) WHERE id = ?",
                (device, time.time(), time.time(), first),
            )
            return Claim(first, row["claim"] + 1)

    def wanted(self, claim: Claim) -> str:
        """What the child of this claim should do: "go", "stop", "keep" (stop and keep the scene), or "leave".

        "leave": the run is not this claim's any more.
        """
        row = self.current(claim)
        return "leave" if row is None else row["cancel"] or "go"

    def current(self, claim: Claim) -> dict[str, Any] | None:
        """The row of the claim's run if it still runs under this claim, else None."""
        with self.database.reading() as db:
            row = running(db, claim.run, claim.number)
        return None if row is None else dict(row)

    def handed_on(self, last: Claim, device: str) -> Claim | None:
        """The creation that runs on a device since its `last` run was over; None where there is none."""
        query = (
            "SELECT id, claim FROM runs WHERE state = 'running' AND kind = 'create' AND device = ?"
            " AND NOT (id = ? AND claim = ?)"
        )
        rows = self.database.rows(query, device, last.run, last.number)
        return Claim(rows[0]["id"], rows[0]["claim"]) if rows else None

    def beat(self, claims: Sequence[Claim]) -> None:
        """A sign of life of runs that are computed under these claims: their time counts up to now."""
        with self.database.writing() as db:
            for claim in claims:
                row = running(db, claim.run, claim.number)
                if row is not None:
                    now = time.time()
                    db.execute("UPDATE runs SET seconds = ?, beat = ? WHERE id = ?", (ran(row, now), now, claim.run))

    def finish(self, claim: Claim, state: str, error: str = "", cost: Mapping[str, Any] | None = None) -> bool:
        """The run is over: "done", "stopped" or "failed".

        False, and nothing happens, where the claim is old, or where it is not done as more candidates are wanted now.
        Those that cannot be made are not waited for.
        """
        with self.database.writing() as db:
            row = running(db, claim.run, claim.number)
            if row is None:
                return False
            now = time.time()
            changed = db.execute(
                "UPDATE runs SET state = ?1, error = ?2, finished = ?3, seconds = ?4, cancel = '', cancelled = NULL,"
                " cost = coalesce(?5, cost) WHERE id = ?6 AND (?1 != 'done' OR NOT EXISTS"
                " (SELECT 1 FROM candidates WHERE run = ?6 AND NOT (made OR dropped) AND error = ''))",
                (state, error, now, ran(row, now), json.dumps(cost) if cost else None, claim.run),
            )
            return changed.rowcount == 1

    def interrupted(self, claim: Claim, crash: str = "") -> str:
        """The child of this claim is gone before its time; returns the state that the run is in now.

        The run goes on at the front of the line, unless somebody asked it to stop meanwhile. crash: a sentence on what
        happened where the run itself may be to blame; after `CRASHES` of them it is given up with this sentence, or of
        a creation only the candidate that was being made.
        """
        with self.database.writing() as db:
            row = db.execute("SELECT * FROM runs WHERE id = ?", (claim.run,)).fetchone()
            if row is None:
                return "failed"
            if row["state"] != "running" or row["claim"] != claim.number:
                return row["state"]
            crashes = row["crashes"] + bool(crash)
            if crashes >= CRASHES and not row["cancel"] and blame(db, claim.run, claim.number, crash):
                crashes = 0
            state = "stopped" if row["cancel"] else "failed" if crashes >= CRASHES else "queued"
            now = time.time()
            db.execute(
                "UPDATE runs SET state = ?1, front = 1, crashes = ?2, seconds = ?3, cancel = '',"
                " cancelled = NULL, error = ?4, finished = ?5 WHERE id = ?6",
                (
                    state,
                    crashes,
                    ran(row, now),
                    crash if state == "failed" else "",
                    None if state == "queued" else now,
                    claim.run,
                ),
            )
            return state
