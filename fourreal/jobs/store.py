"""The store: which videos and runs there are, whose they are, and which run goes next.

Every method is one transaction. What a running child or the worker says about a run carries the number of its claim, so
that nothing stale ever changes a later attempt.
"""

import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fourreal.jobs.candidate_rows import CandidateRows, insert
from fourreal.jobs.claims import Claims
from fourreal.jobs.database import Database
from fourreal.jobs.line import Waiting, order
from fourreal.jobs.statements import ask_to_stop, how_many_run, next_of, note, placed, queued_of, the_line


def new_id() -> str:
    """32 hex digits that nobody can guess."""
    return secrets.token_hex(16)


class Store:
    """See the module. Rows are dicts of the columns in `database.SCHEMA`."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path)
        self.candidates, self.claims = CandidateRows(self.database), Claims(self.database)

    def close(self) -> None:
        self.database.close()

    # --- Videos -------------------------------------------------------------------------------------------------------

    def add_video(
        self, id: str, owner: str, name: str, info: Mapping[str, Any], example: Mapping[str, Any] | None, created: float
    ) -> None:
        values = id, owner, name, json.dumps(info), json.dumps(example) if example else None, created
        self.database.change("INSERT INTO videos VALUES (?, ?, ?, ?, ?, ?)", *values)

    def video(self, id: str) -> dict[str, Any] | None:
        return next(iter(self.database.rows("SELECT * FROM videos WHERE id = ?", id)), None)

    def videos(self, owner: str | None = None) -> list[dict[str, Any]]:
        """One person's videos, or everybody's, oldest first."""
        return self.database.rows("SELECT * FROM videos WHERE owner = ?1 OR ?1 IS NULL ORDER BY created, id", owner)

    def remove_video(self, id: str) -> None:
        self.database.change("DELETE FROM videos WHERE id = ?", id)

    # --- Runs ---------------------------------------------------------------------------------------------------------

    def add_run(
        self,
        id: str,
        owner: str,
        name: str,
        reference: str,
        freeze: str,
        options: Mapping[str, Any],
        example: str | None,
        most_queued: int,
        kind: str = "reconstruct",
        candidates: Sequence[Mapping[str, Any]] = (),
    ) -> bool:
        """Put a run at the end of its owner's part of the line; False if that has `most_queued` already.

        kind: "reconstruct", or "create" with the candidates to be made: {number, how}.
        """
        with self.database.writing() as db:
            if queued_of(db, owner) >= most_queued:
                return False
            stored, ticket = json.dumps(options), next_of(db, "ticket")
            db.execute(
                "INSERT INTO runs (id, owner, kind, name, reference, freeze, options, example, state, ticket, created)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?)",
                (id, owner, kind, name, reference, freeze, stored, example, ticket, time.time()),
            )
            for candidate in candidates:
                insert(db, id, **candidate)
            return True

    def requeue(
        self, id: str, most_queued: int, change: Callable[[sqlite3.Connection], None] = lambda db: None
    ) -> bool:
        """Put a run that is over back into the line, to go on; False if its owner has too many there.

        change: what is to be done otherwise from now on, in the same transaction: where it is False nothing is changed.
        """
        with self.database.writing() as db:
            row = db.execute("SELECT owner, state FROM runs WHERE id = ?", (id,)).fetchone()
            if row is None:
                return True
            going = row["state"] in ("queued", "running")
            if not going and queued_of(db, row["owner"]) >= most_queued:
                return False
            change(db)
            if going:
                return True
            db.execute(
                "UPDATE runs SET state = 'queued', ticket = ?, front = 0, crashes = 0, cancel = '', cancelled = NULL,"
                " error = '', finished = NULL WHERE id = ?",
                (next_of(db, "ticket"), id),
            )
            return True

    def run(self, id: str) -> dict[str, Any] | None:
        """A run that is not deleted, with its `place` in the line."""
        with self.database.reading() as db:
            row = db.execute("SELECT * FROM runs WHERE id = ? AND NOT deleted", (id,)).fetchone()
            return None if row is None else placed(db, [row])[0]

    def runs(self, owner: str, kind: str = "reconstruct") -> list[dict[str, Any]]:
        """One person's runs of a kind, newest first."""
        with self.database.reading() as db:
            rows = db.execute(
                "SELECT * FROM runs WHERE owner = ? AND kind = ? AND NOT deleted ORDER BY created DESC, ticket DESC",
                (owner, kind),
            ).fetchall()
            return placed(db, rows)

    def all_runs(self, *states: str) -> list[dict[str, Any]]:
        """Everybody's runs in some states (all if none are given), deleted ones included, oldest first."""
        marks = ", ".join("?" for _ in states)
        where = f"WHERE state IN ({marks})" if states else ""
        return self.database.rows(f"SELECT * FROM runs {where} ORDER BY created, ticket", *states)

    def deleted(self) -> list[str]:
        """Runs that were deleted, whose files are no longer in use but still there."""
        return [row["id"] for row in self.database.rows("SELECT id FROM runs WHERE deleted AND state != 'running'")]

    def ids(self) -> tuple[set[str], set[str]]:
        """The ids of all videos and of all runs, deleted ones included."""
        with self.database.reading() as db:
            videos, runs = (db.execute(f"SELECT id FROM {table}").fetchall() for table in ("videos", "runs"))
        return {row["id"] for row in videos}, {row["id"] for row in runs}

    def place_of_next(self, owner: str) -> int:
        """How many runs would be before one that `owner` queued now, those running included."""
        with self.database.reading() as db:
            waiting, served = the_line(db)
            ticket = 1 + max((run.ticket for run in waiting), default=0)
            line = order([*waiting, Waiting("", owner, ticket)], served)
            return line.index("") + how_many_run(db)

    def anyone_waits(self) -> bool:
        with self.database.reading() as db:
            return bool(the_line(db)[0])

    def rename(self, id: str, name: str) -> None:
        self.database.change("UPDATE runs SET name = ? WHERE id = ?", name, id)

    def delete(self, id: str) -> bool:
        """Make a run vanish; True if its files may go now, False if a child must leave them first."""
        with self.database.writing() as db:
            db.execute("UPDATE runs SET deleted = 1 WHERE id = ?", (id,))
            ask_to_stop(db, id, "stop")
            row = db.execute("SELECT state FROM runs WHERE id = ?", (id,)).fetchone()
            return row is None or row["state"] != "running"

    def retire(self, id: str) -> bool:
        """Make a run vanish if it is over; False if it is not."""
        statement = "UPDATE runs SET deleted = 1 WHERE id = ? AND state NOT IN ('queued', 'running')"
        return self.database.change(statement, id) == 1

    def forget(self, id: str) -> None:
        """Remove the row of a run whose files are gone. One that runs stays."""
        with self.database.writing() as db:
            gone = db.execute("DELETE FROM runs WHERE id = ? AND state != 'running'", (id,))
            if gone.rowcount:
                db.execute("DELETE FROM candidates WHERE run = ?", (id,))

    def cancel(self, id: str, keep: bool) -> None:
        """Ask a run to stop; one that waits is stopped at once, one that is over stays as it is."""
        with self.database.writing() as db:
            ask_to_stop(db, id, "keep" if keep else "stop")

    def costs(self, kind: str = "reconstruct") -> list[dict[str, Any]]:
        """What finished runs of a kind took, newest first, as the runner noted it; deleted ones count as well."""
        query = (
            "SELECT cost FROM runs WHERE state = 'done' AND kind = ? AND cost != '{}' ORDER BY finished DESC LIMIT 200"
        )
        costs = [json.loads(row["cost"]) for row in self.database.rows(query, kind)]
        for cost in costs:
            if "cameras_known" in cost:  # as earlier versions called it
                cost["cameras_given"] = cost.pop("cameras_known")
        return costs

    # --- Facts --------------------------------------------------------------------------------------------------------

    def fact(self, key: str) -> Any:
        """What was remembered under a name, None if nothing was."""
        values = self.database.rows("SELECT value FROM facts WHERE key = ?", key)
        return json.loads(values[0]["value"]) if values else None

    def remember(self, key: str, value: Any) -> None:
        """value: JSON-able."""
        with self.database.writing() as db:
            note(db, key, value)
