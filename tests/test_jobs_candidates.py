"""Candidates come, go and come back; what another version left of them is kept."""

import sqlite3
import time
from contextlib import closing

import pytest
from creation_samples import finished, reference
from job_samples import ANNA, BEN

from fourreal.errors import UserError
from fourreal.jobs.database import VERSION, Database
from fourreal.jobs.store import Store

pytest_plugins = ["creation_fixtures"]


def test_candidates_come_and_go_and_no_number_is_given_twice(idle, fox_yard, tmp_path):
    made = idle.creations.create(ANNA, reference(), count=3)
    numbers = lambda: [one.number for one in idle.creations.get(ANNA, made.id).candidates]
    idle.candidates.discard(ANNA, made.id, 2)
    idle.candidates.more(ANNA, made.id, 2)
    assert numbers() == [0, 1, 3, 4]
    idle.candidates.keep(ANNA, made.id, 3)
    assert idle.candidates.renew(ANNA, made.id) == 3
    assert numbers() == [3, 5, 6, 7]
    with pytest.raises(UserError, match="no such candidate"):
        idle.candidates.discard(ANNA, made.id, 0)
    with pytest.raises(UserError, match="not finished"):
        idle.candidates.take(ANNA, made.id, 3)
    with pytest.raises(UserError, match="at once"):
        idle.candidates.more(ANNA, made.id, 99)
    (tmp_path / "notes.mp4").write_text("no video at all")
    with pytest.raises(UserError, match=r"notes\.mp4"):
        idle.candidates.add_own(ANNA, made.id, tmp_path / "notes.mp4", "notes.mp4")
    assert numbers() == [3, 5, 6, 7]
    idle.candidates.add_own(ANNA, made.id, fox_yard / "reference.mp4", "fox")
    with pytest.raises(UserError, match="of your own"):
        idle.candidates.regenerate(ANNA, made.id, 8)
    with pytest.raises(UserError, match="freeze-time"):
        idle.candidates.longer(ANNA, made.id, 8, "left")
    idle.jobs.delete(ANNA, made.id)
    assert idle.creations.all(ANNA) == []
    assert not idle.workspace.places.run(made.id).exists()


def test_what_was_discarded_can_come_back_the_last_one_first(idle):
    id = finished(idle, reference(), 3)
    numbers = lambda: sorted(one.number for one in idle.creations.get(ANNA, id).candidates)
    idle.candidates.discard(ANNA, id, 0)
    idle.candidates.discard(ANNA, id, 1)
    assert (numbers(), idle.creations.get(ANNA, id).discarded) == ([2], 1)
    folder = idle.workspace.places.run(id) / "candidates"
    assert len(list(folder.glob("*.mp4"))) == 3, "either may come back"
    assert [idle.candidates.restore(ANNA, id) for _ in range(2)] == [1, 0]
    assert numbers() == [0, 1, 2]
    assert idle.creations.get(ANNA, id).state == "done", "nothing is made anew for it"
    with pytest.raises(UserError, match="nothing to bring back"):
        idle.candidates.restore(ANNA, id)
    idle.candidates.discard(ANNA, id, 1)
    with pytest.raises(UserError, match="no such"):
        idle.candidates.restore(BEN, id)
    idle.candidates.more(ANNA, id)
    assert 1 not in numbers()


def test_only_so_many_that_were_discarded_can_come_back(idle, monkeypatch):
    monkeypatch.setattr("fourreal.jobs.candidate_rows.MOST_UNDONE", 2)
    id = finished(idle, reference(), 4)
    for number in (2, 0, 3):
        idle.candidates.discard(ANNA, id, number)
    folder = idle.workspace.places.run(id) / "candidates"
    assert sorted(path.name for path in folder.glob("*.mp4")) == [f"reference-{n}.mp4" for n in (0, 1, 3)]
    assert [idle.candidates.restore(ANNA, id) for _ in range(2)] == [3, 0]
    with pytest.raises(UserError, match="nothing to bring back"):
        idle.candidates.restore(ANNA, id)


def test_what_is_discarded_before_it_was_made_is_made_once_it_is_back(idle):
    made = idle.creations.create(ANNA, reference(), count=2)
    idle.candidates.discard(ANNA, made.id, 1)
    idle.candidates.restore(ANNA, made.id)
    assert [(one.number, one.made) for one in idle.creations.get(ANNA, made.id).candidates] == [(0, False), (1, False)]


def test_asked_for_again_the_next_seeds_are_taken(idle):
    assert idle.creations.next_seed(ANNA, reference()) == 0
    made = idle.creations.create(ANNA, reference(), count=3, seed=4)
    assert idle.creations.next_seed(ANNA, reference()) == 7
    idle.candidates.discard(ANNA, made.id, 6)
    assert idle.creations.next_seed(ANNA, reference()) == 7, "a discarded one is not made again"
    assert idle.creations.next_seed(ANNA, reference(prompt="a cat")) == idle.creations.next_seed(BEN, reference()) == 0


def test_a_score_that_means_nothing_is_none(idle):
    id = finished(idle, reference(), 2)
    path = idle.workspace.places.run(id) / "candidates" / "reference-1.json"
    path.write_text('{"total": 0.76, "judged": false}')
    assert {one.number: one.total for one in idle.creations.get(ANNA, id).candidates} == {0: 0.5, 1: None}


def test_a_store_of_the_version_before_is_brought_up_to_date(tmp_path):
    path = tmp_path / "store.sqlite"
    new = Database(tmp_path / "new.sqlite")
    with closing(sqlite3.connect(path)) as old, new.reading() as db:
        for name in ("people", "videos", "runs", "facts"):
            (schema,) = db.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
            lines = [line for line in schema.splitlines() if not line.strip().startswith(("kind ", "beat "))]
            old.execute("\n".join(lines))
        old.execute(
            "INSERT INTO runs (id, owner, name, reference, freeze, options, state, ticket, created)"
            " VALUES ('a', 'b', 'c', 'd', 'e', '{}', 'done', 1, ?)",
            (time.time(),),
        )
        old.execute("PRAGMA user_version = 1")
        old.commit()
    new.close()
    database = Database(path)
    with database.reading() as db:
        assert db.execute("SELECT kind FROM runs").fetchone()["kind"] == "reconstruct"
        assert db.execute("SELECT count(*) FROM candidates").fetchone()[0] == 0
        assert db.execute("PRAGMA user_version").fetchone()[0] == VERSION
    database.close()


def test_candidates_of_the_version_before_are_kept(tmp_path):
    with closing(sqlite3.connect(tmp_path / "store.sqlite")) as old:
        old.executescript("""
            CREATE TABLE candidates (run TEXT NOT NULL, number INTEGER NOT NULL, how TEXT NOT NULL, made INTEGER
                NOT NULL DEFAULT 0, kept INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0,
                PRIMARY KEY (run, number)) STRICT;
            INSERT INTO candidates VALUES ('a', 3, '{"way": "model"}', 1, 1, 0);
            CREATE TABLE runs (id TEXT); CREATE TABLE videos (id TEXT); CREATE TABLE people (id TEXT);
            PRAGMA user_version = 2;
        """)
    store = Store(tmp_path / "store.sqlite")
    (row,) = store.candidates.of("a")
    assert (row["number"], row["made"], row["marked"], row["error"]) == (3, 1, 1, "")
    store.close()
