"""A sweep that is looked at: how far it is is read a little at a time, and nothing outside its folder is reached."""

import json
import os

import pytest
from sweep_samples import put_scene, write_sweep

from fourreal.errors import UserError
from fourreal.jobs.locks import alone
from fourreal.sweep import runs, watching
from fourreal.sweep.leading import Leader
from fourreal.sweep.watching import PICTURE, SCENE, UNREAD, Watched


@pytest.fixture
def at_once(monkeypatch):
    """Each look reads."""
    monkeypatch.setattr(watching, "LOOK_SECONDS", -1.0)


def states(watched: Watched) -> list[str]:
    return [run.state for run in watched.look().runs]


def test_a_look_says_how_far_each_run_is(tmp_path, at_once):
    plan, watched = write_sweep(tmp_path / "sweep"), Watched(tmp_path / "sweep")
    done = [runs.DONE] * 3
    assert states(watched) == [*done, runs.STOPPED, runs.FAILED, runs.WAITING]  # nobody leads
    with alone(tmp_path / "sweep" / runs.LOCK, 1) as ours:
        assert ours
        running = watched.look().runs[3]
        assert (running.state, running.stage, running.share) == (runs.RUNNING, "motion: field", 0.45)
    put_scene(tmp_path / "sweep", plan.items[5], "blue_box")
    assert states(watched)[5] == runs.DONE


def test_a_leader_writes_how_far_runs_are(tmp_path, monkeypatch):
    from test_sweep import Engine

    plan, written = write_sweep(tmp_path / "sweep"), []
    monkeypatch.setattr("fourreal.sweep.leading.REACHED_SECONDS", -1.0)
    monkeypatch.setattr("fourreal.sweep.leading.write_reached", lambda out, reached: written.append(dict(reached)))
    engine = Engine(tmp_path / "sweep", slots=1)
    engine.hear = lambda seconds: _half(engine)
    Leader(plan.items[5:], tmp_path / "sweep", engine).lead(watching_nobody())
    assert {plan.items[5].id: {"stage": "motion", "share": 0.5}} in written
    assert written[-1] == {}


def _half(engine):
    """Says first that a run is half done, then that it is done."""
    from fourreal.engine.values import DONE, Heard

    id = next(iter(engine.running))
    if not hasattr(engine, "said"):
        engine.said = True
        return [Heard(id, {"stage": "motion", "step": 2, "steps": 4})]
    del engine.running[id]
    return [Heard(id, end=DONE)]


def watching_nobody():
    from fourreal.progress import CancelToken

    return CancelToken()


def test_a_look_reads_only_so_many_states(tmp_path, at_once, monkeypatch):
    write_sweep(tmp_path / "sweep")
    monkeypatch.setattr(watching, "MOST", 2)
    watched = Watched(tmp_path / "sweep")
    assert states(watched).count(UNREAD) == 4
    for _ in range(3):
        watched.look()
    assert UNREAD not in states(watched)


@pytest.mark.parametrize(
    "content", [None, "no json", "[]", '{"items": [5], "problems": []}', '{"items": 7}', "[" * 9999]
)
def test_a_folder_that_is_no_sweep_is_one_sentence(tmp_path, at_once, content):
    if content is not None:
        (tmp_path / runs.SWEEP).write_text(content)
    look = Watched(tmp_path).look()
    assert (look.runs, look.problem.count(".")) == ((), 1)
    assert str(tmp_path.parent) not in look.problem


@pytest.mark.parametrize(
    "changes",
    [{"model": "../../etc"}, {"model": "/etc"}, {"model": ".hidden"}, {"model": 5}, {"seed": "0"}, {"without": [3]}],
)
def test_what_leads_out_of_the_folder_is_not_followed(tmp_path, at_once, changes):
    write_sweep(tmp_path / "sweep")
    path = tmp_path / "sweep" / runs.SWEEP
    content = json.loads(path.read_text())
    content["items"][0]["variant"] |= changes
    path.write_text(json.dumps(content))
    assert Watched(tmp_path / "sweep").look().problem


def test_only_the_viewers_files_are_found_and_no_link_is_followed(tmp_path, at_once):
    plan, watched = write_sweep(tmp_path / "sweep"), Watched(tmp_path / "sweep")
    first, second, *_ = watched.look().runs
    assert watched.file(first, SCENE).is_file()
    assert watched.file(first, PICTURE).is_file()
    for name in ("manifest.json", "item.json", "../scene.r4d", "", "scene.r4d/..", "/etc/passwd", "thumbnail.jpg\n"):
        with pytest.raises(UserError):
            watched.file(first, name)
    (tmp_path / "secret").write_text("secret")
    scene = tmp_path / "sweep" / plan.items[0].id / SCENE
    scene.unlink()
    os.symlink(tmp_path / "secret", scene)
    assert not watched.has(first, SCENE)
    folder = tmp_path / "sweep" / plan.items[1].variant.name
    folder.rename(tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", folder)
    assert not watched.has(second, SCENE)


@pytest.mark.parametrize("content", ["7", '{"state": [1], "why": "\\ud800", "seconds": Infinity}', "[" * 9999])
def test_a_damaged_run_is_one_run_alone(tmp_path, at_once, content):
    plan = write_sweep(tmp_path / "sweep")
    (tmp_path / "sweep" / plan.items[5].id).mkdir(parents=True, exist_ok=True)
    (tmp_path / "sweep" / plan.items[5].id / runs.STATE).write_text(content)
    (tmp_path / "sweep" / plan.items[4].id / "manifest.json").write_text(content)
    look = Watched(tmp_path / "sweep").look()
    assert [run.state for run in look.runs[:3]] == [runs.DONE] * 3
    json.dumps([run.why for run in look.runs]).encode()
    assert all(run.seconds < 100 for run in look.runs)
