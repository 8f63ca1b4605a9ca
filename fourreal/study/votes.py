"""Votes: what each rater preferred, in a file of the study. A rater answers a question once, and may change it."""

import hashlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fourreal.errors import UserError
from fourreal.study.values import VOTES, Study

MOST_RATERS = 5000
SHORTEST_TOKEN, LONGEST_TOKEN = 16, 200
BUSY_SECONDS = 20.0
SCHEMA = """CREATE TABLE IF NOT EXISTS votes (
    rater TEXT NOT NULL,               -- a hash of what their browser keeps
    pair INTEGER NOT NULL,
    question TEXT NOT NULL,
    clip TEXT NOT NULL,                -- the file that they preferred
    on_left INTEGER,                   -- whether it was shown on the left, NULL where that is not known
    time REAL NOT NULL,                -- when, in seconds since 1970
    PRIMARY KEY (rater, pair, question)
) STRICT"""


@dataclass(frozen=True)
class Vote:
    """One answer: of the films of a pair, the one that is called `clip` was preferred.

    on_left: whether it was shown on the left; None where that is not known. when: seconds since 1970.
    """

    rater: str
    pair: int
    question: str
    clip: str
    on_left: bool | None
    when: float = 0.0


class Votes:
    """The votes of the study in a folder. Any thread may call any method."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / VOTES

    def add(self, study: Study, votes: Sequence[Vote]) -> None:
        """Keep votes, all of them or none. An answer to a question that the rater answered before takes its place.

        Raises UserError where one is no answer to a question of the study, there are too many raters, or they cannot
        be kept.
        """
        for vote in votes:
            check(study, vote)
        with self._writing() as db:
            for vote in votes:
                earlier = db.execute("SELECT 1 FROM votes WHERE rater = ? LIMIT 1", (vote.rater,)).fetchone()
                if not earlier and db.execute("SELECT COUNT(DISTINCT rater) FROM votes").fetchone()[0] >= MOST_RATERS:
                    raise UserError(f"This study has {MOST_RATERS} raters, which is the most it may have.")
                db.execute(
                    "INSERT OR REPLACE INTO votes VALUES (?, ?, ?, ?, ?, ?)",
                    (vote.rater, vote.pair, vote.question, vote.clip, vote.on_left, vote.when or time.time()),
                )

    def of(self, rater: str) -> list[Vote]:
        """One rater's, in the order in which they were given."""
        return self._read("SELECT * FROM votes WHERE rater = ? ORDER BY time, pair, question", (rater,))

    def all(self) -> list[Vote]:
        return self._read("SELECT * FROM votes ORDER BY rater, pair, question", ())

    def _read(self, query: str, values: tuple) -> list[Vote]:
        if not self.path.is_file():  # looking makes no file
            return []
        with _explained(self.path), closing(self._connect()) as db:
            rows = db.execute(query, values).fetchall()
        return [
            Vote(
                rater=rater,
                pair=pair,
                question=question,
                clip=clip,
                on_left=None if on_left is None else bool(on_left),
                when=when,
            )
            for rater, pair, question, clip, on_left, when in rows
        ]

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with _explained(self.path), closing(self._connect()) as db:
            db.execute(SCHEMA)
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)


def rater_of(token: object) -> str:
    """The rater behind a token that their browser keeps; it is not stored itself.

    Raises UserError for what is none.
    """
    if not isinstance(token, str) or not SHORTEST_TOKEN <= len(token) <= LONGEST_TOKEN:
        raise UserError(f"A rater is named by {SHORTEST_TOKEN} to {LONGEST_TOKEN} characters that nobody can guess.")
    return hashlib.sha256(token.encode("utf-8", errors="replace")).hexdigest()[:32]


def check(study: Study, vote: Vote) -> None:
    """Raises UserError where a vote answers no question of the study."""
    pair = study.pairs[vote.pair] if type(vote.pair) is int and 0 <= vote.pair < len(study.pairs) else None
    if pair is None or vote.question not in pair.questions or vote.clip not in (pair.first.clip, pair.second.clip):
        raise UserError("That answers no question of this study. Load the page again.")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise UserError(f"The answer could not be kept ({error}). Try again in a minute.") from error
