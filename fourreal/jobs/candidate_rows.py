"""The store's rows of candidates: what of a run of kind "create" is to be made, is there, and is kept.

Every method is one transaction, as in `store`.
"""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from fourreal.jobs.database import Database


class CandidateRows:
    """See the module. Rows are dicts of the columns in `database.SCHEMA`, `how` as it was given."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def of(self, run: str) -> list[dict[str, Any]]:
        """By number."""
        with self.database.reading() as db:
            query = "SELECT * FROM candidates WHERE run = ? AND NOT dropped ORDER BY number"
            rows = db.execute(query, (run,)).fetchall()
        return [dict(row) | {"how": json.loads(row["how"])} for row in rows]

    def drop(self, run: str, number: int) -> None:
        with self.database.writing() as db:
            # the row stays, so that its number is not given again
            db.execute("UPDATE candidates SET dropped = 1 WHERE run = ? AND number = ?", (run, number))

    def keep(self, run: str, number: int, kept: bool) -> None:
        with self.database.writing() as db:
            db.execute("UPDATE candidates SET kept = ? WHERE run = ? AND number = ?", (kept, run, number))

    def is_made(self, run: str, number: int) -> bool:
        """Note that its video and scores are there; False where it was dropped meanwhile."""
        with self.database.writing() as db:
            changed = db.execute(
                "UPDATE candidates SET made = 1 WHERE run = ? AND number = ? AND NOT dropped", (run, number)
            )
            return changed.rowcount == 1

    def has(self, run: str, number: int) -> bool:
        with self.database.reading() as db:
            found = db.execute(
                "SELECT 1 FROM candidates WHERE run = ? AND number = ? AND NOT dropped", (run, number)
            ).fetchone()
        return found is not None


# --- Parts of a transaction that also puts the run into the line, see `Store.requeue` ---------------------------------


def add(db: sqlite3.Connection, run: str, how: Mapping[str, Any], count: int = 1) -> None:
    """So many more, with the next numbers that were never taken."""
    for _ in range(count):
        insert(db, run, _next(db, run), how)


def replace(db: sqlite3.Connection, run: str, number: int) -> None:
    """A new one, made in the same way, in place of one that goes; nothing where that is not there (any more)."""
    row = db.execute(
        "UPDATE candidates SET dropped = 1 WHERE run = ? AND number = ? AND NOT dropped RETURNING how", (run, number)
    ).fetchone()
    if row is not None:
        add(db, run, json.loads(row["how"]))


def _next(db: sqlite3.Connection, run: str) -> int:
    return db.execute("SELECT coalesce(max(number) + 1, 0) FROM candidates WHERE run = ?", (run,)).fetchone()[0]


def insert(db: sqlite3.Connection, run: str, number: int, how: Mapping[str, Any]) -> None:
    db.execute("INSERT INTO candidates (run, number, how) VALUES (?, ?, ?)", (run, number, json.dumps(how)))
