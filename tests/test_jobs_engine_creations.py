"""Creations handed to an engine: each candidate by itself, and what the store makes of what is heard of them."""

import pytest
from engine_samples import Engine, step
from job_samples import ANNA, BEN, queue, service_in

from fourreal.description import Wishes
from fourreal.engine.values import BROKEN, DONE, FAILED, LOST, STOPPED
from fourreal.jobs.engine_executor import EngineExecutor


def numbers(engine: Engine) -> list[int]:
    """Of the candidates that were handed over, in that order."""
    return [task.question["candidates"][0]["number"] for task in engine.tasks if task.question["candidates"]]


def made(engine: Engine, index: int) -> None:
    """A task has made its candidate, in its own folder."""
    task = engine.tasks[index]
    (number,) = (row["number"] for row in task.question["candidates"])
    (task.folder / "candidates").mkdir(exist_ok=True)
    (task.folder / "candidates" / f"reference-{number}.mp4").write_text(task.id)
    engine.says({"begin": number}, index)
    engine.says({"made": number}, index)
    engine.says({"state": "done", "cost": {"model": "mini", "seconds": 2.0 + number}}, index)
    engine.ends(DONE, number=index)


@pytest.fixture
def creating(tmp_path):
    """A service, an engine of two places, and its executor."""
    with service_in(tmp_path) as service:
        engine = Engine(2)
        workspace = service.workspace
        yield service, engine, EngineExecutor(workspace.places, workspace.store, engine, devices=[])


def test_candidates_are_spread_where_nobody_waits_and_until_all_are_made_that_are_wanted(creating):
    service, engine, executor = creating
    store, places = service.workspace.store, service.workspace.places
    id = service.creations.create(ANNA, Wishes(role="reference", prompt="a ball"), 4).id
    step(executor)
    assert numbers(engine) == [0, 1]
    assert len({(task.folder, task.loads) for task in engine.tasks}) == 2, "two folders, one model"
    waiting = queue(store, BEN)
    made(engine, 0)
    step(executor)
    assert engine.tasks[-1].question["row"]["id"] == waiting, "others before a creation's second place"
    assert (places.run(id) / "candidates" / "reference-0.mp4").read_text() == engine.tasks[0].id
    service.candidates.discard(ANNA, id, 1)
    service.candidates.more(ANNA, id)
    step(executor)
    assert engine.stops == [(engine.tasks[1].id, False)]
    engine.ends(STOPPED, number=1)
    step(executor)
    assert numbers(engine) == [0, 1, 2]
    engine.says({"state": "done", "cost": None}, 2)
    engine.ends(DONE, number=2)
    step(executor)
    assert numbers(engine) == [0, 1, 2, 3], "what was free, as nobody waits"
    engine.says({"fail": 2, "error": "It is too large."}, 3)
    engine.ends(DONE, number=3)
    made(engine, 4)
    step(executor)
    assert numbers(engine) == [0, 1, 2, 3, 4]
    assert store.run(id)["state"] == "running"
    made(engine, 5)
    step(executor)
    assert store.run(id)["state"] == "done"
    assert {row["number"]: (row["made"], row["error"]) for row in store.candidates.of(id)} == {
        0: (1, ""),
        2: (0, "It is too large."),
        3: (1, ""),
        4: (1, ""),
    }
    assert store.costs("create") == [{"model": "mini", "seconds": 5.0}]
    assert not (places.run(id) / "parts").exists()
    assert not executor.busy


def test_a_candidate_whose_actor_dies_is_made_anew_and_one_that_breaks_off_thrice_is_given_up(creating):
    service, engine, executor = creating
    store, (lost, breaks) = service.workspace.store, (0, 1)
    id = service.creations.create(ANNA, Wishes(role="reference", prompt="a ball"), 2).id
    step(executor)
    for attempt in range(3):
        engine.ends(LOST, "Its node (node 7) is gone.", number=2 * attempt + lost)
        engine.ends(BROKEN, "The system ended the work.", number=2 * attempt + breaks)
        step(executor)
    assert numbers(engine) == [0, 1, 0, 1, 0, 1, 0]
    messages = [line["message"] for line in service.jobs.journal(ANNA, id)[0]]
    assert messages.count("Its node (node 7) is gone. Candidate 0 is begun anew.") == 3
    assert messages[-1] == "The system ended the work. Candidate 1 was given up."
    made(engine, 6)
    step(executor)
    assert (store.run(id)["state"], store.run(id)["crashes"]) == ("done", 0)
    assert [row["error"] for row in store.candidates.of(id)] == ["", "The system ended the work."]


def test_what_concerns_all_candidates_ends_the_creation_and_a_stop_ends_all_that_are_made(creating):
    service, engine, executor = creating
    store, wishes = service.workspace.store, Wishes(role="reference", prompt="a ball")
    failed = service.creations.create(ANNA, wishes, 3).id
    step(executor)
    engine.ends(FAILED, "The weights are not whole.", number=0)
    step(executor)
    assert engine.stops == [(engine.tasks[1].id, False)]
    engine.ends(STOPPED, number=1)
    step(executor)
    assert (store.run(failed)["state"], store.run(failed)["error"]) == ("failed", "The weights are not whole.")
    stopped = service.creations.create(ANNA, wishes, 3, 5).id
    step(executor)
    service.jobs.cancel(ANNA, stopped)
    step(executor)
    assert [id for id, _ in engine.stops[1:]] == [task.id for task in engine.tasks[2:]]
    engine.ends(STOPPED, number=2)
    engine.ends(STOPPED, number=3)
    step(executor)
    assert store.run(stopped)["state"] == "stopped"
    assert len(engine.tasks) == 4
    service.creations.resume(ANNA, stopped)
    step(executor)
    assert numbers(engine)[4:] == [5, 6]
