"""Runs of the page handed to an engine: what the store makes of what is heard of them, and a real one."""

import sys
import threading

import pytest
from engine_samples import Engine, step
from fit_samples import write_videos
from job_runner import PRESETS
from job_samples import ANNA, BEN, queue, service_in, until

from fourreal.description import Options
from fourreal.engine.values import BROKEN, DONE, FAILED, LOST, STOPPED, Heard, Needs
from fourreal.errors import Cancelled, UserError
from fourreal.jobs import cluster, journal, task
from fourreal.jobs.engine_executor import EngineExecutor
from fourreal.jobs.places import Places
from fourreal.jobs.store import Store
from fourreal.progress import CancelToken

PEOPLE = [letter * 32 for letter in "abcde"]


@pytest.fixture
def store(tmp_path):
    store = Store(Places(tmp_path).store)
    yield store
    store.close()


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def executor(tmp_path, store, engine):
    return EngineExecutor(Places(tmp_path), store, engine, devices=[], needs=Needs())


def error_of(executor, run: str) -> str:
    return journal.last(executor.places.run(run) / "journal.jsonl")["message"]


def test_twenty_runs_of_five_people_are_handed_over_fairly_and_once_each(executor, store, engine):
    owner_of = {queue(store, owner): owner for owner in PEOPLE for _ in range(4)}
    for done in range(20):
        step(executor)
        assert len(executor.claims) == min(2, 20 - done)
        engine.says({"state": "done", "cost": None}, done)
        engine.ends(DONE, number=done)
    step(executor)
    runs = [task.question["row"]["id"] for task in engine.tasks]
    assert sorted(runs) == sorted(owner_of)
    for round in range(4):
        assert {owner_of[run] for run in runs[5 * round : 5 * round + 5]} == set(PEOPLE)
    assert {store.run(run)["state"] for run in runs} == {"done"}
    assert not executor.busy


def test_a_lost_node_is_not_held_against_a_run_which_goes_on_before_others(executor, store, engine):
    engine.slots = 1
    first = queue(store, ANNA)
    step(executor)
    for attempt in range(1, 6):
        queue(store, BEN)
        engine.ends(LOST, "Its node (node 7) is gone.")
        step(executor)
        assert error_of(executor, first) == "Its node (node 7) is gone. It goes on from its checkpoint."
        assert engine.tasks[-1].question["row"]["id"] == first
        assert len(engine.tasks) == attempt + 1
    engine.says({"state": "done", "cost": {"preset": "draft"}})
    executor.look()
    assert (store.run(first)["state"], store.costs()) == ("done", [{"preset": "draft"}])
    assert engine.stops == [(engine.tasks[-1].id, False)], "it scores on, while others wait"
    engine.ends(DONE)
    step(executor)
    assert engine.tasks[-1].question["row"]["id"] != first


def test_what_breaks_off_three_times_is_given_up_and_what_fails_says_why(executor, store, engine):
    run = queue(store, ANNA)
    for _ in range(3):
        step(executor)
        engine.ends(BROKEN, "The system ended the work.")
    step(executor)
    assert (store.run(run)["state"], store.run(run)["error"]) == ("failed", "The system ended the work.")
    failed = queue(store, ANNA)
    step(executor)
    engine.ends(FAILED, "The disk is full: free some space.")
    step(executor)
    assert (store.run(failed)["state"], store.run(failed)["error"]) == ("failed", "The disk is full: free some space.")


@pytest.mark.parametrize("keep", [False, True])
def test_a_stop_is_passed_on_once_and_only_to_its_run(executor, store, engine, keep):
    stopped, other = queue(store, ANNA), queue(store, BEN)
    step(executor)
    store.cancel(stopped, keep)
    step(executor)
    step(executor)
    (task,) = (task for task in engine.tasks if task.question["row"]["id"] == stopped)
    assert engine.stops == [(task.id, keep)]
    if keep:
        store.cancel(stopped, False)  # no more patience
        step(executor)
        assert engine.stops[1:] == [(task.id, False)]
    engine.said.append(Heard(task.id, end=STOPPED))
    step(executor)
    assert (store.run(stopped)["state"], store.run(other)["state"]) == ("stopped", "running")


def test_a_run_that_is_deleted_ends_and_nothing_of_it_comes_back(executor, store, engine):
    run = queue(store, ANNA)
    step(executor)
    store.delete(run)
    step(executor)
    assert engine.stops == [(engine.tasks[0].id, False)]
    engine.ends(STOPPED)
    step(executor)
    assert store.deleted() == [run]
    assert not executor.busy


def test_a_worker_that_goes_has_its_runs_keep_a_checkpoint_and_wait(executor, store, engine):
    run = queue(store, ANNA)
    step(executor)
    stop = engine.stop
    engine.stop = lambda id, keep=False: (stop(id, keep), engine.ends(STOPPED))
    executor.close()
    assert engine.closed
    assert (store.run(run)["state"], store.run(run)["front"]) == ("queued", 1)


def test_what_a_full_disk_kept_from_the_store_is_not_lost(executor, store, engine, monkeypatch):
    run = queue(store, ANNA)
    step(executor)
    engine.says({"state": "done"})
    with monkeypatch.context() as patch:
        patch.setattr(store.claims, "finish", lambda *_, **__: (_ for _ in ()).throw(UserError("The disk is full.")))
        with pytest.raises(UserError, match="full"):
            executor.look()
    executor.look()
    assert store.run(run)["state"] == "done"


class Here(Engine):
    """Does tasks in threads of this process, as their processes would on a node."""

    def submit(self, given) -> None:
        super().submit(given)
        cancel, number = CancelToken(), len(self.tasks) - 1
        self.stop = lambda id, keep=False: cancel.cancel(keep)

        class Voice:
            say = staticmethod(lambda payload: self.says(payload, number))

        def work() -> None:
            try:
                task.work(given.folder, given.question, Voice(), cancel, PRESETS)
                self.ends(DONE, number=number)
            except Cancelled:
                self.ends(STOPPED, number=number)
            except UserError as error:
                self.ends(FAILED, str(error), number)

        threading.Thread(target=work).start()


def test_a_real_run_is_followed_kept_and_finished_as_on_this_machine(tmp_path):
    with service_in(tmp_path / "data") as service:
        write_videos(tmp_path)
        pair = [service.library.add_video(ANNA, tmp_path / f"{role}.mp4", role).id for role in ("reference", "freeze")]
        service.library.add_cameras(ANNA, *pair, tmp_path / "cameras.json")
        places, store = service.workspace.places, service.workspace.store
        executor = EngineExecutor(places, store, Here(1), devices=[])
        quick = service.runs.submit(ANNA, *pair, Options(preset="draft"), "a ball").id
        long = service.runs.submit(ANNA, *pair, Options(preset="standard"), "a long one").id

        def over(id: str, state: str):
            step(executor)
            return service.runs.get(ANNA, id).state == state

        until(lambda: over(quick, "done"), "the quick one")
        run = service.runs.get(ANNA, quick)
        assert run.has_scene
        assert service.runs.metrics(ANNA, quick)["preset"] == "tiny"
        assert {line["stage"] for line in service.jobs.journal(ANNA, quick)[0]} >= {"canonical", "motion", "finish"}
        assert store.costs()[0]["device"] == "cpu"
        until(lambda: over(long, "running") and list(places.run(long).glob("live/scene-*")), "a scene to look at")
        service.jobs.cancel(ANNA, long, keep=True)
        until(lambda: over(long, "stopped"), "the scene is kept")
        assert service.runs.metrics(ANNA, long)["stopped"]
        again = service.runs.submit(ANNA, *pair, Options(preset="draft")).id
        (places.run(again) / "inputs" / "freeze.mp4").write_bytes(b"no video")
        until(lambda: over(again, "failed"), "it fails")
        assert str(tmp_path) not in service.runs.get(ANNA, again).error


def test_what_is_wrong_with_the_engine_is_a_sentence_before_the_page_opens(monkeypatch):
    monkeypatch.setenv("FOURREAL_ENGINE", "slurm")
    with pytest.raises(UserError, match="There is no engine 'slurm'"):
        cluster.check_engine()
    monkeypatch.setenv("FOURREAL_ENGINE", "ray")
    monkeypatch.setenv("FOURREAL_RUN_CPUS", "many")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    with pytest.raises(UserError, match="FOURREAL_RUN_CPUS is 'many'"):
        cluster.check_engine()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="Ray is not installed here"):
        cluster.check_engine()
    monkeypatch.setenv("FOURREAL_ENGINE", "local")
    cluster.check_engine()
    assert cluster.needs_of({"FOURREAL_RUN_CPUS": "4", "FOURREAL_RUN_MEMORY_GB": "8"}) == Needs(4.0, None, 8 * 1024**3)
    assert "ray" not in sys.modules
