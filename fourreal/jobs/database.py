"""The SQLite file under the store: its schema, its connections, and what a full disk means."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from fourreal.errors import UserError

VERSION = 3
BUSY_SECONDS = 20.0  # a transaction takes milliseconds; so long only on a machine that stands still

SCHEMA = """
CREATE TABLE people (
    owner TEXT PRIMARY KEY,
    served INTEGER NOT NULL            -- the count of claims when this person was served last
) STRICT;
CREATE TABLE videos (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    info TEXT NOT NULL,                -- JSON: width, height, fps, frames, seconds, bytes
    example TEXT,                      -- JSON: {name, role, first, last} of a part of a shipped video
    created REAL NOT NULL
) STRICT;
CREATE INDEX videos_of ON videos (owner, created);
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT 'reconstruct' CHECK (kind IN ('reconstruct', 'create')),
    name TEXT NOT NULL,
    reference TEXT NOT NULL,
    freeze TEXT NOT NULL,
    example TEXT,                      -- the shipped example whose ground truth fits, if any
    options TEXT NOT NULL,             -- JSON
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'stopped', 'failed')),
    ticket INTEGER NOT NULL,           -- ascending with the time of queueing
    front INTEGER NOT NULL DEFAULT 0,  -- interrupted, so it goes on before others begin
    claim INTEGER NOT NULL DEFAULT 0,  -- how often it was claimed: names one attempt
    crashes INTEGER NOT NULL DEFAULT 0,
    cancel TEXT NOT NULL DEFAULT '' CHECK (cancel IN ('', 'stop', 'keep')),  -- of the claim that runs
    cancelled REAL,
    deleted INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    device TEXT NOT NULL DEFAULT '',
    created REAL NOT NULL,
    claimed REAL,
    started REAL,
    finished REAL,
    seconds REAL NOT NULL DEFAULT 0,   -- of running, over all claims, up to `beat` of the one that runs
    beat REAL,                         -- the last sign of life of the claim that ran last, NULL before there is one
    cost TEXT NOT NULL DEFAULT '{}'    -- JSON: what a finished run took, for estimates
) STRICT;
CREATE INDEX runs_of ON runs (owner, created);
CREATE INDEX runs_in ON runs (state);
CREATE TABLE candidates (
    run TEXT NOT NULL,
    number INTEGER NOT NULL,           -- within the run; of one that a model makes, the seed
    how TEXT NOT NULL,                 -- JSON: see create_values.How
    made INTEGER NOT NULL DEFAULT 0,   -- whether its video and scores are there
    kept INTEGER NOT NULL DEFAULT 0,   -- the person wants to keep it
    dropped INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',    -- why it could not be made; until it is tried again others go on without it
    begun INTEGER NOT NULL DEFAULT 0,  -- the claim under which it was begun last
    PRIMARY KEY (run, number)
) STRICT;
CREATE TABLE facts (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL                -- JSON
) STRICT;
"""

# What an older file lacks, by its version: what was added to the schema since.
LATER = {
    1: (
        "ALTER TABLE runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'reconstruct'"
        " CHECK (kind IN ('reconstruct', 'create'))",
        "CREATE TABLE candidates (run TEXT NOT NULL, number INTEGER NOT NULL, how TEXT NOT NULL, made INTEGER NOT NULL"
        " DEFAULT 0, kept INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (run, number))"
        " STRICT",
    ),
    2: (
        "ALTER TABLE runs ADD COLUMN beat REAL",
        "ALTER TABLE candidates ADD COLUMN error TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE candidates ADD COLUMN begun INTEGER NOT NULL DEFAULT 0",
    ),
}


class Database:
    """One SQLite file in WAL mode. Every transaction has a connection of its own, so any thread may begin one.

    Raises UserError where the file cannot be made, is of a newer version, or is no store.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(path, error.strerror or str(error)) from error
        # The last connection to close empties the log into the file, which takes long: one stays open throughout.
        with explained(path):
            self._anchor = self._connect()
        self._prepare()

    def close(self) -> None:
        self._anchor.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that nobody else's writes fall into: all of it happens, or nothing."""
        with explained(self.path), closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A consistent view."""
        with explained(self.path), closing(self._connect()) as connection:
            connection.execute("BEGIN")
            yield connection

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """What a query alone finds."""
        with self.reading() as connection:
            return [dict(row) for row in connection.execute(query, values)]

    def change(self, statement: str, *values: Any) -> int:
        """Do one statement; how many rows it changed."""
        with self.writing() as connection:
            return connection.execute(statement, values).rowcount

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = FULL")  # what a person was promised outlives a power cut
        return connection

    def _prepare(self) -> None:
        with explained(self.path):
            self._anchor.execute("PRAGMA journal_mode = WAL")
        with self.writing() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise UserError(
                    f"{self.path} was written by a newer version: update fourreal, or set FOURREAL_DATA to another "
                    "folder."
                )
            missing = (
                SCHEMA.split(";\n")
                if version == 0
                else [statement for older in range(version, VERSION) for statement in LATER[older]]
            )
            for statement in missing:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns what SQLite says of disks and files into words; everything else is a bug."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise disk_full() from error
        if code == sqlite3.SQLITE_BUSY:
            raise UserError("This machine is too busy to answer. Try again in a minute.") from error
        if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM):
            raise unwritable(path, str(error)) from error
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise UserError(
                f"{path} is damaged ({error}). Restore it from a copy, or move it away: the scenes beside it stay, "
                "but the page starts without its list of them."
            ) from error
        raise


def disk_full() -> UserError:
    return UserError("The disk is full, so nothing could be written. Delete scenes or free some space, then try again.")


def unwritable(path: Path, reason: str) -> UserError:
    return UserError(f"{path} cannot be written ({reason}). Check the folder, or set FOURREAL_DATA to another one.")
