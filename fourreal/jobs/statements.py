"""What the store's transactions are made of. Each needs an open one; see `database.SCHEMA` for the columns."""

import json
import sqlite3
import time
from collections.abc import Mapping
from typing import Any

from fourreal.jobs.line import Waiting, order

SILENCE_SECONDS = 30.0  # the longest that a living worker says nothing of a run


def queued_of(db: sqlite3.Connection, owner: str) -> int:
    query = "SELECT count(*) FROM runs WHERE owner = ? AND state = 'queued' AND NOT deleted"
    return db.execute(query, (owner,)).fetchone()[0]


def how_many_run(db: sqlite3.Connection) -> int:
    return db.execute("SELECT count(*) FROM runs WHERE state = 'running'").fetchone()[0]


def the_line(db: sqlite3.Connection) -> tuple[list[Waiting], dict[str, int]]:
    """Who waits, and when each person was served last."""
    rows = db.execute("SELECT id, owner, ticket, front FROM runs WHERE state = 'queued' AND NOT deleted").fetchall()
    served = {row["owner"]: row["served"] for row in db.execute("SELECT * FROM people")}
    return [Waiting(row["id"], row["owner"], row["ticket"], bool(row["front"])) for row in rows], served


def placed(db: sqlite3.Connection, rows: list[sqlite3.Row]) -> list[dict[str, Any]]:
    """Rows of runs with their `place`: how many go before each, those that run now included."""
    places = {}
    if any(row["state"] == "queued" for row in rows):
        running = how_many_run(db)
        places = {run: running + i for i, run in enumerate(order(*the_line(db)))}
    return [dict(row) | {"place": places.get(row["id"], 0)} for row in rows]


def running(db: sqlite3.Connection, id: str, claim: int) -> sqlite3.Row | None:
    """A run that runs under the claim of this number."""
    return db.execute("SELECT * FROM runs WHERE id = ? AND claim = ? AND state = 'running'", (id, claim)).fetchone()


def ran(row: Mapping[str, Any] | sqlite3.Row, now: float) -> float:
    """For how many seconds a run has computed by `now`.

    Of the time since its last sign of life only so much counts as lies between two of them: the rest the machine was
    off or asleep.
    """
    if row["state"] != "running":
        return row["seconds"]
    seen = max(row["claimed"], row["beat"] or 0.0)  # one of an earlier claim is older than this one
    return row["seconds"] + min(max(now - seen, 0.0), SILENCE_SECONDS)


def ask_to_stop(db: sqlite3.Connection, id: str, how: str) -> None:
    now = time.time()
    db.execute("UPDATE runs SET state = 'stopped', finished = ? WHERE id = ? AND state = 'queued'", (now, id))
    # the first moment counts: it is from then on that a child has seconds to leave
    db.execute(
        "UPDATE runs SET cancelled = CASE WHEN cancel = ?1 THEN cancelled ELSE ?2 END, cancel = ?1"
        " WHERE id = ?3 AND state = 'running' AND cancel != 'stop'",
        (how, now, id),
    )


def next_of(db: sqlite3.Connection, name: str) -> int:
    """The next number of a count that only goes up."""
    row = db.execute("SELECT value FROM facts WHERE key = ?", (name,)).fetchone()
    number = 1 + (0 if row is None else json.loads(row["value"]))
    note(db, name, number)
    return number


def note(db: sqlite3.Connection, key: str, value: Any) -> None:
    db.execute("INSERT INTO facts VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2", (key, json.dumps(value)))
