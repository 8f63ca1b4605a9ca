"""The worker: one child a device, exact cancels, and whatever is killed, each run is done in the end."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest
from job_samples import ANNA, BEN, PATIENCE, end_children, gone, pids, queue, starts, until, working

from fourreal.installed import ROOT
from fourreal.jobs import journal
from fourreal.jobs.children import environment
from fourreal.jobs.claims import Claim
from fourreal.jobs.local_executor import LocalExecutor
from fourreal.jobs.places import Places
from fourreal.jobs.store import Store
from fourreal.settings import JobLimits, TurnLimits


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def store(data):
    store = Store(Places(data).store)
    yield store
    store.close()


def state(store: Store, run: str) -> str:
    return store.run(run)["state"]


def is_in(store: Store, run: str, *states: str):
    return lambda: state(store, run) in states


def begun(data: Path, count: int):
    return lambda: len(starts(data)) >= count


@pytest.mark.slow
def test_twenty_runs_of_five_people_at_once_each_once_and_in_turn(store, data):
    runs: dict[str, list[str]] = {owner * 32: [] for owner in "abcde"}

    def submit(owner: str) -> None:
        for _ in range(4):
            runs[owner].append(queue(store, owner, "quick"))

    threads = [threading.Thread(target=submit, args=(owner,)) for owner in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with working(data):
        until(lambda: len(store.all_runs("done")) == 20, "all runs")
    assert Counter(starts(data)) == Counter(run for own in runs.values() for run in own)
    owner = {run: person for person, own in runs.items() for run in own}
    turns = [owner[run] for run in starts(data)]
    assert [sorted(turns[i : i + 5]) for i in range(0, 20, 5)] == [sorted(runs)] * 4
    assert all([run for run in starts(data) if owner[run] == person] == own for person, own in runs.items())


def test_one_run_a_device_at_a_time(store, data):
    runs = [queue(store, ANNA, "held") for _ in range(3)]
    with working(data, "2"):
        until(begun(data, 2), "two children")
        assert [state(store, run) for run in runs] == ["running", "running", "queued"]
        assert [store.run(run)["place"] for run in runs] == [0, 0, 2]
        store.cancel(runs[1], keep=False)
        until(is_in(store, runs[2], "running"), "the third run")
        assert state(store, runs[0]) == "running"


@pytest.mark.parametrize(
    ("lent", "entries"),
    [
        (None, ["0", "1"]),
        ("3", ["3"]),
        ("5, 2", ["5", "2"]),
        ("GPU-8932f937,1", ["GPU-8932f937", "1"]),
        ("MIG-GPU-8932f937/1/0,MIG-GPU-8932f937/1/1", ["MIG-GPU-8932f937/1/0", "MIG-GPU-8932f937/1/1"]),
    ],
)
def test_each_child_sees_the_gpu_of_its_number_among_those_that_were_lent(lent, entries, data, monkeypatch):
    seen = []

    class Started(subprocess.Popen):
        def __init__(self, *_, env, **__):
            seen.append(env)
            self.pid, self.returncode = 1, 0

    monkeypatch.setattr(subprocess, "Popen", Started)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", lent or "")
    if lent is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    local = LocalExecutor(Places(data), None, forks=False)
    for number in range(len(entries)):
        local._start(Claim("a" * 32, 1), number, {"kind": "cuda", "name": "GPU", "memory_mb": 1.0})
    assert [env["CUDA_VISIBLE_DEVICES"] for env in seen] == entries


def test_a_stop_frees_the_device_for_the_next_and_leaves_that_alone(store, data):
    first, second = queue(store, ANNA, "held"), queue(store, ANNA, "held")
    with working(data):
        until(begun(data, 1), "the first child")
        store.cancel(first, keep=False)
        until(is_in(store, second, "running"), "the second run")
        assert state(store, first) == "stopped"
        time.sleep(1)
        assert state(store, second) == "running"
        assert store.run(second)["beat"] > store.run(second)["claimed"]


def test_a_child_that_hears_nothing_is_killed_and_the_next_is_left_alone(store, data):
    deaf, following = queue(store, ANNA, "deaf"), queue(store, ANNA, "quick")
    with working(data):
        until(begun(data, 1), "the first child")
        store.cancel(deaf, keep=False)
        until(is_in(store, following, "done"), "the second run")
        assert state(store, deaf) == "stopped"
        assert gone(pids(data)[0])
    assert starts(data) == [deaf, following]


def test_a_killed_child_is_replaced(store, data):
    run = queue(store, ANNA, "held")
    with working(data):
        until(begun(data, 1), "the first child")
        os.kill(pids(data)[0], signal.SIGKILL)
        until(begun(data, 2), "the second child")
        assert starts(data) == [run, run]
        assert state(store, run) == "running"
        assert "memory" in journal.last(Places(data).run(run) / "journal.jsonl")["message"]


def test_what_crashes_again_and_again_is_given_up_and_others_get_their_turn(store, data):
    crash, other = queue(store, ANNA, "crash"), queue(store, BEN, "quick")
    once = queue(store, ANNA, "crash once")
    with working(data):
        until(is_in(store, crash, "failed"), "giving up")
        until(is_in(store, other, "done"), "the other run")
        until(is_in(store, once, "done"), "the run that crashed once")
    assert Counter(starts(data)) == {crash: 3, other: 1, once: 2}
    assert "memory" in store.run(crash)["error"]


def test_what_a_dead_child_had_started_is_ended(store, data):
    queue(store, ANNA, "orphan")
    with working(data):
        path = data / "orphan.txt"
        pid = until(lambda: path.exists() and path.read_text() and int(path.read_text()), "the child's child")
        until(lambda: gone(pid), "its end")


def test_a_killed_worker_leaves_no_child_and_the_next_one_takes_up_its_run(store, data):
    run, following = queue(store, ANNA, "held"), queue(store, BEN, "quick")
    with working(data) as worker:
        until(begun(data, 1), "the child")
        worker.kill()
        until(lambda: gone(pids(data)[0]), "the child's end")
        assert state(store, run) == "running"
    with working(data):
        until(begun(data, 2), "the child")
        assert starts(data) == [run, run]
        assert state(store, following) == "queued"
        assert "goes on" in journal.last(Places(data).run(run) / "journal.jsonl")["message"]


def test_a_stop_while_no_worker_lives_is_kept(store, data):
    run = queue(store, ANNA, "held")
    with working(data) as worker:
        until(begun(data, 1), "the child")
        worker.kill()
        store.cancel(run, keep=False)
        until(lambda: gone(pids(data)[0]), "the child's end")
    with working(data):
        until(is_in(store, run, "stopped"), "the stop")
    assert starts(data) == [run]


def test_a_worker_told_to_stop_leaves_its_run_at_the_front_of_the_line(store, data):
    run, following = queue(store, ANNA, "held"), queue(store, BEN, "quick")
    with working(data) as worker:
        until(begun(data, 1), "the child")
        worker.terminate()
        assert worker.wait(PATIENCE) == 0
    assert [state(store, run), store.run(run)["place"], store.run(following)["place"]] == ["queued", 0, 1]
    assert store.run(run)["crashes"] == 0
    assert gone(pids(data)[0])


def test_deleting_what_runs_takes_its_folder_once_the_child_is_gone(store, data):
    run = queue(store, ANNA, "held")
    with working(data):
        until(begun(data, 1), "the child")
        store.delete(run)
        until(lambda: not store.all_runs(), "the deletion")
    assert not Places(data).run(run).exists()


def test_there_is_one_worker_for_a_folder(store, data):
    with working(data) as first:
        until(lambda: (data / "worker.lock").exists() and (data / "worker.lock").read_text(), "the first worker")
        with working(data) as second:
            assert second.wait(PATIENCE) == 1
        assert first.poll() is None


def test_a_worker_without_a_page_and_without_work_goes(store, data):
    run = queue(store, ANNA, "quick")
    with working(data, "1", "alone") as worker:
        assert worker.wait(PATIENCE) == 0
    assert state(store, run) == "done"


PAGE = """
import sys, time
from pathlib import Path
from fourreal.jobs.supervisor import Supervisor
Supervisor(Path(sys.argv[1]), command=[sys.executable, sys.argv[2], sys.argv[1], "1", "alone"])
time.sleep(600)
"""


def test_a_killed_page_leaves_the_worker_to_its_work_and_the_next_page_finds_it(store, data):
    command = [sys.executable, "-c", PAGE, str(data), str(Path(__file__).with_name("job_worker.py"))]
    open_page = lambda: subprocess.Popen(command, cwd=ROOT, env=environment(), start_new_session=True)
    run = queue(store, ANNA, "held")
    number = lambda: int((data / "worker.lock").read_text() or 0)  # of the worker; there may be nothing for a moment
    page = open_page()
    try:
        until(begun(data, 1), "the child")
        page.kill()
        page.wait()
        time.sleep(2)  # longer than a worker without a page and without work would stay
        assert state(store, run) == "running"
        page = open_page()
        following = queue(store, ANNA, "quick")
        (data / "release").touch()
        until(is_in(store, following, "done"), "the second run")
        assert starts(data) == [run, following]
        worker = number()
        os.kill(worker, signal.SIGKILL)  # and a page starts another worker
        third = queue(store, ANNA, "quick")
        until(is_in(store, third, "done"), "the third run")
        last = number()
        assert last != worker
    finally:
        page.kill()
        page.wait()
        end_children(data)
    until(lambda: gone(last), "the worker's end without a page")


def test_a_full_disk_does_not_stop_the_worker(store, data):
    """The folder is made unwritable for a while: the worker waits, and goes on when it can."""
    run = queue(store, ANNA, "quick")
    with working(data, "1", "full") as worker:
        until(lambda: "disk is full" in (data / "worker.log").read_text(), "it finds out")
        assert worker.poll() is None
        assert state(store, run) == "queued"
        (data / "full").unlink()
        until(is_in(store, run, "done"), "the run")


def test_the_limits_of_the_page_are_those_of_the_worker():
    limits = JobLimits(free_bytes=0, keep_days=None, exports=TurnLimits(1, 1, 2, 2))
    assert JobLimits.from_dict(json.loads(json.dumps(asdict(limits)))) == limits
