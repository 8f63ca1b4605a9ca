"""The store and the line: each run is claimed once, in a fair order, and nothing stale changes anything."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing

import pytest
from job_samples import ANNA, BEN, HERE, PATIENCE, drain, queue

from fourreal.errors import UserError
from fourreal.installed import ROOT
from fourreal.jobs.children import environment
from fourreal.jobs.claims import CRASHES, Claim
from fourreal.jobs.line import Waiting, order
from fourreal.jobs.statements import SILENCE_SECONDS, ran
from fourreal.jobs.store import Store, new_id
from fourreal.jobs.worker import BEAT_SECONDS


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store.sqlite")
    yield store
    store.close()


def test_first_come_first_served_within_a_person(store):
    runs = [queue(store, ANNA) for _ in range(4)]
    assert drain(store) == runs


def test_people_take_turns_whoever_has_more(store):
    anna = [queue(store, ANNA) for _ in range(3)]
    ben = [queue(store, BEN) for _ in range(2)]
    assert drain(store) == [anna[0], ben[0], anna[1], ben[1], anna[2]]


def test_who_was_served_longest_ago_goes_first(store):
    first, second, third = (queue(store, owner) for owner in (ANNA, BEN, "c" * 32))
    assert drain(store) == [first, second, third]
    late, early = queue(store, BEN), queue(store, ANNA)
    assert drain(store) == [early, late]


def test_a_place_in_the_line_is_the_one_it_will_be_served_at(store):
    for owner in (ANNA, ANNA, BEN, ANNA, BEN, "c" * 32):
        queue(store, owner)
    claimed = store.claims.take("cpu:0")
    place = {run["id"]: run["place"] for owner in (ANNA, BEN, "c" * 32) for run in store.runs(owner)}
    assert place.pop(claimed.run) == 0
    assert store.place_of_next("d" * 32) == 3  # after the one that runs, and the two who were never served either
    assert [run for run, _ in sorted(place.items(), key=lambda item: item[1])] == drain(store)
    assert sorted(place.values()) == [1, 2, 3, 4, 5]


def test_what_was_interrupted_goes_on_before_others_begin():
    waiting = [Waiting("a", ANNA, 1), Waiting("b", BEN, 2), Waiting("c", BEN, 3, front=True)]
    assert order(waiting, {ANNA: 1, BEN: 2}) == ["c", "a", "b"]


def test_a_cap_of_waiting_runs_each(store):
    first = queue(store, ANNA, most=2)
    queue(store, ANNA, most=2)
    assert not store.add_run(new_id(), ANNA, "", "", "", {}, None, 2)
    queue(store, BEN, most=2)
    assert store.claims.take("cpu:0").run == first  # what runs waits no more
    queue(store, ANNA, most=2)


CLAIMS = """
import sys
from pathlib import Path
from fourreal.jobs.store import Store
store = Store(Path(sys.argv[1]))
while (claim := store.claims.take("cpu:0")) is not None:
    print(claim.run, flush=True)
"""


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_each_of_fifty_runs_is_claimed_once_by_eight_at_once(kind, store):
    runs = [queue(store, owner * 32) for owner in "abcde" for _ in range(10)]
    claimed: list[str] = []
    if kind == "threads":
        barrier = threading.Barrier(8)

        def work() -> None:
            barrier.wait()
            while (claim := store.claims.take("cpu:0")) is not None:
                claimed.append(claim.run)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:
        command = [sys.executable, "-c", CLAIMS, str(store.database.path)]
        start = dict(stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT)
        workers = [subprocess.Popen(command, **start) for _ in range(8)]
        for worker in workers:
            claimed += worker.communicate(timeout=PATIENCE)[0].split()
            assert worker.returncode == 0
    assert Counter(claimed) == Counter(runs)
    served = sorted(store.all_runs(), key=lambda row: row["claimed"])
    turns = [row["owner"][0] for row in served]
    assert all(sorted(turns[i : i + 5]) == list("abcde") for i in range(0, 50, 5))


def test_a_waiting_run_is_stopped_at_once_and_never_claimed(store):
    first, second = queue(store, ANNA), queue(store, ANNA)
    store.cancel(first, keep=False)
    assert store.run(first)["state"] == "stopped"
    assert drain(store) == [second]


def test_a_stop_concerns_one_claim_and_no_later_one(store):
    run = queue(store, ANNA)
    claim = store.claims.take("cpu:0")
    assert store.claims.wanted(claim) == "go"
    store.cancel(run, keep=True)
    assert store.claims.wanted(claim) == "keep"
    store.cancel(run, keep=False)
    store.cancel(run, keep=True)  # who wanted it gone is not asked again
    assert store.claims.wanted(claim) == "stop"
    assert store.claims.finish(claim, "stopped")
    assert store.requeue(run, 5)
    again = store.claims.take("cpu:0")
    assert again == Claim(run, 2)
    assert store.claims.wanted(again) == "go"
    # and what the first claim's child still says is not heard
    assert store.claims.wanted(claim) == "leave"
    assert not store.claims.finish(claim, "failed", "stale")
    assert store.claims.interrupted(claim, "stale") == "running"
    assert store.claims.current(claim) is None
    assert store.run(run)["state"] == "running"


def test_a_stop_after_the_end_changes_nothing(store):
    run, following = queue(store, ANNA), queue(store, ANNA)
    claim = store.claims.take("cpu:0")
    store.claims.finish(claim, "done")
    store.cancel(run, keep=False)
    assert store.run(run)["state"] == "done"
    assert store.claims.wanted(store.claims.take("cpu:0")) == "go"
    assert store.run(following)["state"] == "running"


def test_an_interrupted_run_goes_on_first_and_its_person_loses_no_turn(store):
    first, second, other = queue(store, ANNA), queue(store, ANNA), queue(store, BEN)
    assert store.claims.interrupted(store.claims.take("cpu:0")) == "queued"
    assert store.run(first)["place"] == 0
    assert drain(store) == [first, other, second]


def test_a_run_that_should_have_stopped_is_not_taken_up_again(store):
    run = queue(store, ANNA)
    claim = store.claims.take("cpu:0")
    store.cancel(run, keep=False)
    assert store.claims.interrupted(claim) == "stopped"
    assert store.claims.take("cpu:0") is None


def test_a_run_that_keeps_crashing_is_given_up_and_can_be_tried_again(store):
    run = queue(store, ANNA)
    states = [store.claims.interrupted(store.claims.take("cpu:0"), "It broke off.") for _ in range(CRASHES)]
    assert states == ["queued"] * (CRASHES - 1) + ["failed"]
    assert store.run(run)["error"] == "It broke off."
    assert store.requeue(run, 5)
    assert store.run(run)["error"] == ""
    assert store.claims.interrupted(store.claims.take("cpu:0"), "It broke off.") == "queued"


def test_being_interrupted_through_no_fault_of_its_own_is_never_held_against_a_run(store):
    queue(store, ANNA)
    assert [store.claims.interrupted(store.claims.take("cpu:0")) for _ in range(20)] == ["queued"] * 20


@pytest.fixture
def clock(monkeypatch):
    """The time of day, as the only entry of a list."""
    now = [1_000_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def lived(store: Store, claim: Claim, clock: list[float], beats: int) -> None:
    for _ in range(beats):
        clock[0] += BEAT_SECONDS
        store.claims.beat([claim])


def test_hours_that_the_machine_was_off_or_asleep_are_no_time_of_running(store, clock):
    run = queue(store, ANNA)
    claim = store.claims.take("cpu:0")
    lived(store, claim, clock, 6)
    assert ran(store.run(run), clock[0] + 5) == pytest.approx(65)
    clock[0] += 8 * 3600  # a power cut; then the next worker finds the run
    assert ran(store.run(run), clock[0]) <= 60 + SILENCE_SECONDS
    store.claims.interrupted(claim)
    before = store.run(run)["seconds"]
    assert 60 <= before <= 60 + SILENCE_SECONDS

    clock[0] += 3600
    claim = store.claims.take("cpu:0")
    clock[0] += 4
    assert ran(store.run(run), clock[0]) == pytest.approx(before + 4)
    lived(store, claim, clock, 1)
    clock[0] += 8 * 3600  # a closed lid, under which it goes on afterwards
    lived(store, claim, clock, 1)
    clock[0] += 5
    assert store.claims.finish(claim, "done")
    assert before + 19 <= store.run(run)["seconds"] <= before + 19 + SILENCE_SECONDS
    assert ran(store.run(run), clock[0] + 3600) == store.run(run)["seconds"]


def test_a_run_that_is_not_this_claims_any_more_gets_no_sign_of_life(store, clock):
    run = queue(store, ANNA)
    old = store.claims.take("cpu:0")
    store.claims.interrupted(old)
    new = store.claims.take("cpu:0")
    clock[0] += 7
    store.claims.beat([old])
    assert store.run(run)["beat"] is None
    store.claims.beat([new])
    assert (store.run(run)["beat"], store.run(run)["seconds"]) == (clock[0], 7)


def test_a_store_of_version_two_gets_what_it_lacks_and_keeps_what_it_has(tmp_path):
    path = tmp_path / "store.sqlite"
    Store(path).close()
    with closing(sqlite3.connect(path)) as db:
        for table, column in (("runs", "beat"), ("candidates", "error"), ("candidates", "begun")):
            db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        db.execute(
            "INSERT INTO runs (id, owner, name, reference, freeze, options, state, ticket, created, claim, claimed)"
            " VALUES ('a', 'b', 'c', '', '', '{}', 'running', 1, 1.0, 1, 1.0)"
        )
        db.execute("PRAGMA user_version = 2")
        db.commit()
    store = Store(path)
    assert store.run("a")["beat"] is None
    store.claims.interrupted(Claim("a", 1))
    assert store.run("a")["seconds"] == SILENCE_SECONDS  # nobody knows since when it was gone
    store.close()


def test_deleting_what_runs_waits_for_its_child(store):
    run = queue(store, ANNA)
    claim = store.claims.take("cpu:0")
    assert not store.delete(run)
    assert store.run(run) is None
    assert store.claims.wanted(claim) == "stop"
    store.forget(run)
    assert [row["id"] for row in store.all_runs()] == [run]  # its files are still being written
    store.claims.finish(claim, "stopped")
    assert store.deleted() == [run]
    store.forget(run)
    assert store.all_runs() == []


def test_a_full_disk_is_said_and_nothing_half_written(store):
    waiting = queue(store, ANNA)
    with store.database.reading() as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
    connect = store.database._connect

    def small():
        connection = connect()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    store.database._connect = small
    fill = lambda: [store.add_run(new_id(), ANNA, "", "", "", {"": "x" * 2000}, None, 9999) for _ in range(1000)]
    with pytest.raises(UserError, match="disk is full"):
        fill()
    before = len(store.all_runs())
    with pytest.raises(UserError, match="disk is full"):
        store.remember("much", "x" * 100_000)
    assert len(store.all_runs()) == before
    assert store.fact("much") is None
    store.database._connect = connect
    with store.database.reading() as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert drain(store)[0] == waiting


def test_a_store_that_cannot_be_read_is_said(tmp_path):
    (tmp_path / "noise.sqlite").write_bytes(b"no database at all " * 400)
    with pytest.raises(UserError, match="damaged"):
        Store(tmp_path / "noise.sqlite")
    newer = tmp_path / "newer.sqlite"
    Store(newer).close()
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(UserError, match="newer"):
        Store(newer)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot be written"):
        Store(tmp_path / "file" / "store.sqlite")


def test_what_was_written_is_there_after_a_kill(tmp_path):
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[2]); from pathlib import Path; from job_samples import *\n"
        "store = Store(Path(sys.argv[1])); print(queue(store, ANNA), flush=True); os.kill(os.getpid(), 9)"
    )
    path = tmp_path / "store.sqlite"
    command = [sys.executable, "-c", code, str(path), str(HERE)]
    child = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT, timeout=PATIENCE)
    store = Store(path)
    assert drain(store) == child.stdout.split()
    store.close()


@pytest.mark.parametrize("name", ["cameras_given", "cameras_known"])  # as it is called, and as it was
def test_costs_say_whether_cameras_were_given_whatever_that_was_called(store, name):
    queue(store, ANNA)
    assert store.claims.finish(store.claims.take("cpu:0"), "done", cost={"seconds": 1.0, name: True})
    assert store.costs()[0]["cameras_given"] is True
