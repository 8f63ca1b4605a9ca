"""Runners that are forked from a process which has imported, and that stay warm after a creation."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from job_samples import ANNA, PATIENCE, gone, until

from fourreal import system
from fourreal.installed import ROOT
from fourreal.jobs.children import environment
from fourreal.jobs.nursery import Nursery
from fourreal.jobs.places import Places
from fourreal.jobs.store import Store, new_id

SCRIPT = str(Path(__file__).with_name("job_warm.py"))
pytestmark = pytest.mark.skipif(not system.LINUX, reason="orphans are handed over on Linux only")


@pytest.fixture
def store(tmp_path):
    store = Store(Places(tmp_path).store)
    yield store
    store.close()


@contextmanager
def working(data: Path, *arguments: str):
    with open(data / "worker.log", "ab") as out:
        process = subprocess.Popen(
            [sys.executable, SCRIPT, "worker", str(data), *arguments],
            stdout=out,
            stderr=out,
            cwd=ROOT,
            env=environment(A_VARIABLE="inherited"),
        )
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == 0, (data / "worker.log").read_text()


def did(store: Store, kind: str, name: str = "run") -> dict:
    """What a run of a kind noted, once it is over."""
    places, id = Places(store.database.path.parent), new_id()
    candidates = [{"number": 0, "how": {"way": "model"}}] if kind == "create" else []
    assert store.add_run(id, ANNA, name, "", "", {}, None, 9, kind, candidates)
    places.run(id).mkdir(parents=True)
    for one in candidates:
        store.candidates.is_made(id, one["number"])  # there is nothing to make: this is about processes
    until(lambda: store.run(id)["state"] not in ("queued", "running"), f"the end of {name}")
    assert store.run(id)["state"] == "done", store.run(id)["error"]
    said = (places.run(id) / "log.txt").read_text()
    return json.loads((places.run(id) / "did.json").read_text()) | {"log": said}


def test_one_more_is_made_by_the_process_that_has_the_model_until_a_reconstruction_needs_the_device(store, tmp_path):
    with working(tmp_path) as worker:
        first, second = did(store, "create", "one"), did(store, "create", "two")
        assert (first["warm"], second["warm"]) == (False, True)
        assert first["pid"] == second["pid"]
        assert first["parent"] == worker.pid, "it is the worker's own child, which it can wait for"
        assert "at work on two" in second["log"]
        assert "at work on two" not in first["log"]
        other = did(store, "reconstruct")
        assert other["pid"] != first["pid"]
        assert gone(first["pid"]), "what the warm one held is free before another begins"
        assert (other["nice"], other["variable"]) == (10, "inherited")
        third = did(store, "create")
        assert not third["warm"]
        os.kill(third["pid"], signal.SIGKILL)  # it had nothing to lose
        fourth = did(store, "create")
        assert fourth["pid"] != third["pid"]
    assert gone(fourth["pid"])


def test_after_a_while_it_goes_and_the_next_is_made_all_the_same(store, tmp_path):
    with working(tmp_path, "0.3"):
        first = did(store, "create")
        until(lambda: gone(first["pid"]), "the end of its patience")
        assert did(store, "create")["pid"] != first["pid"]


def test_a_nursery_that_cannot_import_is_done_without(store, tmp_path, monkeypatch):
    """Whatever is wrong is then seen by the run itself, in its log."""
    broken = Nursery((sys.executable, "-c", "raise SystemExit(1)"))
    until(broken.warm, "that it is known")
    assert broken.fork([], {}, tmp_path / "log.txt") is None
    broken.close()
    nursery = Nursery((sys.executable, SCRIPT))
    until(nursery.warm, "imports")
    nursery.process.kill()
    nursery.process.wait()
    assert nursery.fork([], {}, tmp_path / "log.txt") is None
    until(nursery.warm, "imports again")
    assert nursery.pids
    monkeypatch.setattr("fourreal.jobs.nursery.REST_SECONDS", 0.0)
    nursery.rest()
    assert nursery.pids == set()
