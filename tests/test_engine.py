"""Tasks in processes of this machine: one that has loaded a model waits for the next that needs it."""

import errno
import os
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest
from job_samples import until

from fourreal.engine import local
from fourreal.engine.local import LocalEngine
from fourreal.engine.seat import Files, Seat
from fourreal.engine.values import BROKEN, DONE, FAILED, LOG, STOPPED, Task
from fourreal.errors import UserError


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    with closing(LocalEngine()) as engine:
        yield engine


def done(engine: LocalEngine, id: str, folder: Path, loads: str, **question) -> tuple[dict, str]:
    """What a task says, and how it ends. stop: whether it is asked to as soon as it says something."""
    stop = question.pop("stop", False)
    engine.submit(Task(id, "warm_task", question, folder / id, loads=loads))
    said, end = {}, []

    def over() -> bool:
        for heard in engine.hear(0.1):
            said.update(heard.payload or {})
            if heard.payload and stop:
                engine.stop(id)
            end.extend([heard.end] if heard.end else [])
        return bool(end)

    until(over, "its end")
    return said, end[0]


def test_a_process_that_has_loaded_a_model_makes_the_next_that_needs_it(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(local, "STOP_SECONDS", 1.0)
    first, end = done(engine, "a", tmp_path, "model")
    assert end == DONE
    stopped, end = done(engine, "b", tmp_path, "model", wait=60.0, stop=True)
    assert (stopped["pid"], stopped["loaded"], end) == (first["pid"], 1, STOPPED)
    third, end = done(engine, "c", tmp_path, "model", wait=1.5)
    assert (third["pid"], end) == (first["pid"], DONE), (
        "what would have killed the one before has nothing to do with it"
    )
    assert [(tmp_path / id / LOG).read_text() for id in "abc"] == ["printed\n"] * 3
    other, _ = done(engine, "d", tmp_path, "another model")
    assert other["pid"] != first["pid"], "there is room for one"
    assert not Path(f"/proc/{first['pid']}").exists()
    died, end = done(engine, "e", tmp_path, "another model", die=True)
    assert (died["pid"], end) == (other["pid"], BROKEN)
    again, end = done(engine, "f", tmp_path, "another model")
    assert (again["loaded"], end) == (1, DONE)
    os.kill(again["pid"], signal.SIGKILL)
    time.sleep(0.2)
    assert done(engine, "g", tmp_path, "another model")[1] == DONE, "one that died while it rested is made anew"
    plain, _ = done(engine, "h", tmp_path, "")
    assert done(engine, "i", tmp_path, "")[0]["pid"] != plain["pid"], "what loads nothing ends"


def test_a_full_disk_on_a_node_is_a_sentence_and_the_next_task_is_done(engine, tmp_path, monkeypatch):
    engine.submit(Task("a", "warm_task", {"full": True}, tmp_path / "a", loads="model"))
    (heard,) = until(lambda: [heard for heard in engine.hear(0.1) if heard.end], "its end")
    assert (heard.end, heard.why) == (FAILED, "The disk is full: free some space, and try it again.")
    assert done(engine, "b", tmp_path, "model")[1] == DONE
    seat, full = Seat(1), lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    monkeypatch.setattr("fourreal.whole.os.replace", full)
    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\): free some space"):
        seat.begin(Task("c", "warm_task", {}, tmp_path / "c"), Files({"given/reference.mp4": b"video"}))
    seat.close()
    assert not seat.scratch
