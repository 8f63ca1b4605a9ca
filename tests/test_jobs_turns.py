"""Turns: how many go on at once, whose is next, who has too many; and one kind of work holds up no other."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from job_samples import ANNA, BEN, until

from fourreal.errors import UserError
from fourreal.jobs import exports
from fourreal.jobs.service import Service
from fourreal.jobs.store import new_id
from fourreal.jobs.turns import Turns
from fourreal.settings import JobLimits, TurnLimits
from fourreal.web import api
from fourreal.web.parts import LANES, LIMITS

CARA = "c" * 32


class Work:
    """Work of which each piece goes on until it is let go; `begun` tells in which order they began."""

    def __init__(self) -> None:
        self.begun, self.ends, self.threads = [], {}, []

    def start(self, name: str, function) -> None:
        self.ends[name] = threading.Event()
        self.threads.append(threading.Thread(target=function, daemon=True))
        self.threads[-1].start()

    def go_on(self, name: str) -> None:
        self.begun.append(name)
        assert self.ends[name].wait(60)

    def end(self, name: str) -> None:
        self.ends[name].set()

    def close(self) -> None:
        for event in self.ends.values():
            event.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def work():
    work = Work()
    yield work
    work.close()


def ask(turns: Turns, work: Work, owner: str, name: str) -> None:
    def have() -> None:
        with turns.turn(owner):
            work.go_on(name)

    waiting = len(turns._waiting) + turns._running.total()
    work.start(name, have)
    until(lambda: len(turns._waiting) + turns._running.total() > waiting, "it is in line")


def test_a_person_never_has_all_turns_and_the_least_served_goes_next(work):
    turns = Turns(TurnLimits(at_once=2, each=1, held=9, held_each=3), "exports")
    for name in ("anna 1", "anna 2"):
        ask(turns, work, ANNA, name)
    until(lambda: work.begun == ["anna 1"], "her first one begins")
    for owner, name in ((BEN, "ben 1"), (BEN, "ben 2"), (CARA, "cara 1")):
        ask(turns, work, owner, name)
    until(lambda: work.begun == ["anna 1", "ben 1"], "another person goes on beside it")
    work.end("anna 1")
    until(lambda: len(work.begun) == 3, "the next one")
    assert work.begun[-1] == "cara 1"  # who came last, but had none yet
    work.end("cara 1")
    until(lambda: len(work.begun) == 4, "the next one")
    assert work.begun[-1] == "anna 2"  # she had hers before Ben
    work.end("ben 1")
    until(lambda: work.begun[-1] == "ben 2", "the last one")


def test_too_many_are_refused_in_a_sentence_and_make_place_again(work):
    turns = Turns(TurnLimits(at_once=1, each=1, held=3, held_each=2), "exports")
    for owner, name in ((ANNA, "1"), (ANNA, "2"), (BEN, "3")):
        ask(turns, work, owner, name)
    with pytest.raises(UserError, match="You have 2 exports under way already"), turns.turn(ANNA):
        pass
    with pytest.raises(UserError, match="Too many people"), turns.turn(CARA):
        pass
    for name in "123":
        work.end(name)
    until(lambda: not turns._running and not turns._waiting, "all are over")
    assert turns._served == {}  # nobody is remembered
    with pytest.raises(RuntimeError), turns.turn(ANNA):
        raise RuntimeError
    with turns.turn(ANNA):  # what failed gave its turn back
        pass


@pytest.fixture
def service(tmp_path):
    service = Service(tmp_path / "data", replace(JobLimits(), free_bytes=0))
    yield service
    service.close()


def finished(service: Service, owner: str) -> str:
    """A run that has a manifest, which is all that exporting asks for."""
    id = new_id()
    assert service.workspace.store.add_run(id, owner, "run", "f" * 32, "e" * 32, {}, None, 9)
    folder = service.workspace.places.run(id)
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    return id


def test_one_persons_exports_hold_up_neither_uploads_nor_anothers_exports(monkeypatch, service, work, tmp_path):
    def export(arguments, seconds, most):
        out = Path(arguments[2])
        work.go_on(out.name if hers in str(out) else "ben")
        out.parent.mkdir(exist_ok=True)
        out.touch()

    def take_in(path, folder, name, limits, **how):
        folder.mkdir(parents=True)
        return {"width": 2, "height": 2, "fps": 1.0, "frames": 2, "seconds": 2.0, "bytes": 1}

    monkeypatch.setattr(exports, "export_child", export)
    monkeypatch.setattr("fourreal.jobs.asking.take_in", take_in)
    hers, his = finished(service, ANNA), finished(service, BEN)
    films = ("orbit", "spiral", "swing")
    for film in films:
        work.start(f"{film}.mp4", lambda film=film: service.exports.make(ANNA, hers, "mp4", film))
    until(lambda: len(service.exports.turns._waiting) == 2, "two of hers wait")
    with pytest.raises(UserError, match="You have 3 exports under way"):
        service.exports.make(ANNA, hers, "ply")
    assert service.library.add_video(ANNA, tmp_path, "a.mp4").frames == 2
    work.start("ben", lambda: service.exports.make(BEN, his, "ply"))
    until(lambda: "ben" in work.begun, "Ben's goes on")
    assert len(work.begun) == 2
    work.end("ben")
    until(lambda: not service.exports.turns._running[BEN], "and ends")
    assert service.exports.make(BEN, his, "ply").name == "ply.zip"  # at once, as it is there


def test_nothing_is_exported_where_the_disk_is_full(service, monkeypatch):
    monkeypatch.setattr(exports, "export_child", None)
    run = finished(service, ANNA)
    service.workspace.limits = replace(service.workspace.limits, free_bytes=10**18)
    with pytest.raises(UserError, match="disk is full"):
        service.exports.make(ANNA, run, "ply")


def test_each_kind_of_work_has_a_lane_wider_than_what_it_holds():
    assert {lane["concurrency_id"] for lane in LANES.values()} == set(LANES)
    for kind in ("intakes", "checks", "exports"):
        limits = getattr(LIMITS, kind)
        assert limits.each < limits.at_once <= limits.held < LANES[kind]["concurrency_limit"]
        assert limits.held_each < limits.held
    lane = lambda call: api.LANE_OF[call]["concurrency_id"]
    assert [lane(call) for call in ("add_video", "trim", "check", "export")] == [
        "intakes",
        "intakes",
        "checks",
        "exports",
    ]
