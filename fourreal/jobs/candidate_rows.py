"""The store's rows of candidates: what of a run of kind "create" is to be made, is there, and is kept.

Every method is one transaction, as in `store`.
"""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from fourreal.jobs.database import Database

GONE = 1  # `dropped` of one that does not come back; of those that may, it is higher, and highest of the last
MOST_UNDONE = 8  # of a run's candidates that were dropped may come back


class CandidateRows:
    """See the module. Rows are dicts of the columns in `database.SCHEMA`, `how` as it was given."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def of(self, run: str) -> list[dict[str, Any]]:
        """By number."""
        return self._rows("run = ? AND NOT dropped ORDER BY number", run)

    def drop(self, run: str, number: int) -> None:
        """It may come back, see `restore`, until so many were dropped after it that it is gone."""
        with self.database.writing() as db:
            # the row stays, so that its number is not given again
            last = db.execute("SELECT coalesce(max(dropped), 0) FROM candidates WHERE run = ?", (run,)).fetchone()[0]
            last = max(last, GONE)
            db.execute("UPDATE candidates SET dropped = ? WHERE run = ? AND number = ?", (last + 1, run, number))
            old = (GONE, run, GONE, last + 1 - MOST_UNDONE)
            db.execute("UPDATE candidates SET dropped = ? WHERE run = ? AND dropped > ? AND dropped <= ?", old)

    def dropped(self, run: str) -> list[dict[str, Any]]:
        """Those that may come back, the last one last."""
        return self._rows("run = ? AND dropped > ? ORDER BY dropped", run, GONE)

    def gone(self, run: str) -> list[int]:
        """The numbers of those that do not come back."""
        return [row["number"] for row in self._rows("run = ? AND dropped = ?", run, GONE)]

    def keep(self, run: str, number: int, marked: bool) -> None:
        self.database.change("UPDATE candidates SET kept = ? WHERE run = ? AND number = ?", marked, run, number)

    def is_made(self, run: str, number: int) -> bool:
        """Note that its video and scores are there; False where it was dropped meanwhile."""
        statement = "UPDATE candidates SET made = 1 WHERE run = ? AND number = ? AND NOT dropped"
        return self.database.change(statement, run, number) == 1

    def begin(self, run: str, number: int, claim: int) -> None:
        """Note which one a claim is at work on, for `blame`."""
        self.database.change("UPDATE candidates SET begun = ? WHERE run = ? AND number = ?", claim, run, number)

    def fail(self, run: str, number: int, error: str) -> None:
        """Note why it cannot be made, in a sentence; the others go on. What is made stays so."""
        statement = "UPDATE candidates SET error = ? WHERE run = ? AND number = ? AND NOT made"
        self.database.change(statement, error, run, number)

    def has(self, run: str, number: int) -> bool:
        return bool(self._rows("run = ? AND number = ? AND NOT dropped", run, number))

    def _rows(self, where: str, *values: Any) -> list[dict[str, Any]]:
        rows = self.database.rows(f"SELECT *, kept AS marked FROM candidates WHERE {where}", *values)
        return [row | {"how": json.loads(row["how"])} for row in rows]


# --- Parts of a transaction that also puts the run into the line, see `Store.requeue` ---------------------------------


def add(db: sqlite3.Connection, run: str, how: Mapping[str, Any], count: int = 1) -> None:
    """So many more, with the next numbers that were never taken."""
    for _ in range(count):
        insert(db, run, next_number(db, run), how)


def restore(db: sqlite3.Connection, run: str) -> None:
    """The one that was dropped last is there again."""
    last = "SELECT max(dropped) FROM candidates WHERE run = ?1 AND dropped > ?2"
    db.execute(f"UPDATE candidates SET dropped = 0 WHERE run = ?1 AND dropped = ({last})", (run, GONE))


def next_number(db: sqlite3.Connection, run: str) -> int:
    """The first number that was never taken."""
    return db.execute("SELECT coalesce(max(number) + 1, 0) FROM candidates WHERE run = ?", (run,)).fetchone()[0]


def replace(db: sqlite3.Connection, run: str, number: int) -> None:
    """A new one, made in the same way, in place of one that goes; nothing where that is not there (any more)."""
    row = db.execute(
        "UPDATE candidates SET dropped = 1 WHERE run = ? AND number = ? AND NOT dropped RETURNING how", (run, number)
    ).fetchone()
    if row is not None:
        add(db, run, json.loads(row["how"]))


def retry(db: sqlite3.Connection, run: str, number: int | None = None) -> None:
    """Have one that failed be tried again, or all."""
    db.execute("UPDATE candidates SET error = '' WHERE run = ?1 AND number = coalesce(?2, number)", (run, number))


def blame(db: sqlite3.Connection, run: str, claim: int, error: str) -> bool:
    """Give up the one that a claim was at work on; False where there is none."""
    changed = db.execute(
        "UPDATE candidates SET error = ? WHERE run = ? AND begun = ? AND NOT (made OR dropped) AND error = ''",
        (error, run, claim),
    )
    return changed.rowcount > 0


def insert(db: sqlite3.Connection, run: str, number: int, how: Mapping[str, Any]) -> None:
    db.execute("INSERT INTO candidates (run, number, how) VALUES (?, ?, ?)", (run, number, json.dumps(how)))
