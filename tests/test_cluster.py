"""The engine on a Ray cluster: two nodes on this machine, where Ray is installed."""

import importlib.util
import json
import os
import signal
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from fit_samples import FRAMES, write_videos
from job_samples import ANNA, service_in, until, working

from fourreal.description import Options
from fourreal.engine import cluster
from fourreal.engine.cluster import RayEngine
from fourreal.engine.seat import Files, Traveller, put
from fourreal.engine.values import LOST, Needs
from fourreal.errors import Cancelled, UserError
from fourreal.fit.checkpoint import read_checkpoint
from fourreal.progress import CancelToken
from fourreal.scene import bundle
from fourreal.sweep import runs
from fourreal.sweep.leading import Leader
from fourreal.sweep.reading import read
from fourreal.sweep.table import unfinished

HERE = Path(__file__).parent
ray_is_here = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
on_nodes = [pytest.mark.slow, ray_is_here, pytest.mark.filterwarnings("ignore")]


def marked(test):
    for mark in on_nodes:
        test = mark(test)
    return test


@pytest.fixture
def nodes(request, monkeypatch):
    """A cluster with a head that does no work and two nodes of a core each, whose fits have `request.param` steps."""
    for name, value in {
        "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]),
        "CUDA_VISIBLE_DEVICES": "",
        "RAY_USAGE_STATS_ENABLED": "0",
        "FOURREAL_THREADS": "1",
        "TINY_STEPS": str(getattr(request, "param", 20)),
    }.items():
        monkeypatch.setenv(name, value)
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    made.workers = [made.add_node(num_cpus=1) for _ in range(2)]
    monkeypatch.setenv("RAY_ADDRESS", made.address)
    yield made
    ray.shutdown()
    made.shutdown()


def pairs(folder: Path, count: int):
    """A plan of `count` tiny reconstructions."""
    write_videos(folder)
    names = {"reference": "reference.mp4", "freeze": "freeze.mp4", "cameras": "cameras.json"}
    (folder / "pairs.jsonl").write_text(json.dumps(names | {"prompt": "a ball"}))
    return read(folder / "pairs.jsonl", {"presets": ["draft"], "seeds": list(range(count))})


def test_files_travel_whole_and_the_manifest_last(tmp_path):
    node, head = tmp_path / "node", tmp_path / "head"
    (node / "work").mkdir(parents=True)
    (node / "given.mp4").write_text("video")
    traveller = Traveller(node)
    for name in ("manifest.json", "work/canonical", "work/a.checkpoint", "work/lock", "work/b.part", ".hidden"):
        (node / name).write_text(name)
    changes = traveller.changes()
    assert list(changes.contents) == ["work/a.checkpoint", "work/canonical", "manifest.json"]
    put(head, changes)
    (node / "work" / "a.checkpoint").unlink()
    assert traveller.changes() == Files({}, ("work/a.checkpoint",))
    assert traveller.changes() == Files()
    assert set(Traveller(head).all().contents) == set(changes.contents)
    for name in ("../out", "/tmp/out"):
        with pytest.raises(ValueError, match="outside"):
            put(head, Files({name: b""}))


def test_no_ray_and_no_cluster_are_a_sentence_each(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install 'fourreal\[ray\]'"):
        RayEngine(tmp_path, Needs())
    with pytest.raises(UserError, match=r"No Ray cluster answers at 127\.0\.0\.1:9"):
        cluster._reach("127.0.0.1:9")


@marked
@pytest.mark.parametrize("travel", [False, True])
def test_items_are_made_once_each_on_both_nodes(nodes, tmp_path, travel):
    plan, out = pairs(tmp_path, 4), tmp_path / "out"
    with closing(RayEngine(out, Needs(1, 0), travel=travel)) as engine:
        assert engine.slots == 2
        submitted, submit = [], engine.submit
        engine.submit = lambda task: (submitted.append(task.id), submit(task))
        Leader(plan.items, out, engine, module="sweep_child").lead(CancelToken())
    assert sorted(submitted) == sorted(item.id for item in plan.items)
    assert unfinished(out, plan) == 0
    for item in plan.items:
        assert bundle.load(out / item.id).frames == FRAMES
        assert not list((out / item.id / "work").glob("*.checkpoint"))
    assert not list(out.glob(".shared-*"))


@marked
@pytest.mark.parametrize("nodes", [1500], indirect=True)
@pytest.mark.parametrize("travel", [False, True])
def test_a_run_goes_on_from_its_last_checkpoint_when_its_node_dies(nodes, tmp_path, travel):
    plan, out = pairs(tmp_path, 1), tmp_path / "out"
    folder, heard, checkpoints, steps = out / plan.items[0].id, [], [], []
    with closing(RayEngine(out, Needs(1, 0), travel=travel)) as engine:

        def kill_the_node() -> None:
            """As soon as the head has a checkpoint: the node's manager and all that it started."""
            while not list(folder.glob("work/*.checkpoint")):
                time.sleep(0.05)
            checkpoints.append(read_checkpoint(next(folder.glob("work/*.checkpoint")))[1])
            pid = _seat_of(engine, plan.items[0].id)
            for node in nodes.workers:
                if pid in _descendants(_raylet(node)):
                    _kill(node)

        def hear(seconds: float) -> list:
            said = was(seconds)
            steps.extend(one.event["step"] if one.event else one.end for one in said if one.end or one.event["steps"])
            return said

        was, engine.hear = engine.hear, hear
        threading.Thread(target=kill_the_node, daemon=True).start()
        Leader(plan.items, out, engine, heard.append, module="sweep_child").lead(CancelToken())
    assert any("is gone. It goes on from its last checkpoint." in event.message for event in heard)
    assert steps.count(LOST) == 1
    assert steps[steps.index(LOST) + 1] > checkpoints[0] > 0
    assert unfinished(out, plan) == 0


@marked
@pytest.mark.parametrize("nodes", [1500], indirect=True)
def test_a_stop_comes_through_within_five_seconds_and_a_new_head_goes_on(nodes, tmp_path):
    plan, out = pairs(tmp_path, 2), tmp_path / "out"
    cancel, begun = CancelToken(), []
    with closing(RayEngine(out, Needs(1, 0), travel=True)) as engine:

        def stop() -> None:
            while len(list(out.glob("*/*/work/*.checkpoint"))) < 2:
                time.sleep(0.05)
            begun.append(time.monotonic())
            cancel.cancel()

        threading.Thread(target=stop, daemon=True).start()
        with pytest.raises(Cancelled):
            Leader(plan.items, out, engine, module="sweep_child").lead(cancel)
        assert time.monotonic() - begun[0] < 6.0  # with the way of the files
    states = [runs.state_of(out, item) for item in plan.items]
    assert {state.state for state in states} == {runs.STOPPED}
    with closing(RayEngine(out, Needs(1, 0), travel=True)) as engine:
        Leader(plan.items, out, engine, module="sweep_child").lead(CancelToken())
    assert unfinished(out, plan) == 0


@marked
@pytest.mark.parametrize("nodes", [1500], indirect=True)
@pytest.mark.parametrize("travel", [(), ("travel",)])
def test_a_run_of_the_page_ends_on_another_node_when_its_own_dies(nodes, tmp_path, travel):
    data = tmp_path / "data"
    write_videos(tmp_path)
    with service_in(data) as service:
        pair = [service.library.add_video(ANNA, tmp_path / f"{role}.mp4", role).id for role in ("reference", "freeze")]
        service.library.add_cameras(ANNA, *pair, tmp_path / "cameras.json")
        (data / "runs").mkdir()
        with working(data, *travel, script="job_nodes.py"):
            id = service.runs.submit(ANNA, *pair, Options(preset="draft"), "a ball").id
            folder = data / "runs" / id
            before = read_checkpoint(until(lambda: next(folder.glob("work/*.checkpoint"), None), "a checkpoint"))[1]
            assert list(folder.glob("live/scene-*.r4d")), "it is watched from afar"
            (node,) = (node for node in nodes.workers if _works(node, "job_task"))
            _kill(node)
            until(lambda: service.runs.get(ANNA, id).state == "done", "its end elsewhere")
            lines = service.jobs.journal(ANNA, id)[0]
            gone = next(n for n, line in enumerate(lines) if "is gone. It goes on" in line["message"])
            assert next(line["step"] for line in lines[gone + 1 :] if line["stage"] == "canonical") >= before > 0
            assert (service.workspace.store.run(id)["crashes"], service.runs.get(ANNA, id).has_scene) == (0, True)
            long = service.runs.submit(ANNA, *pair, Options(preset="standard")).id
            until(lambda: list((data / "runs" / long).glob("work/*.checkpoint")), "another one begins")
            begun = time.monotonic()
            service.jobs.cancel(ANNA, long)
            until(lambda: service.runs.get(ANNA, long).state == "stopped", "it stops")
            assert time.monotonic() - begun < 8.0  # the store is looked into, and files come back
    assert bundle.load(folder).frames == FRAMES


@marked
def test_a_node_with_another_version_gets_nothing(nodes, tmp_path, monkeypatch):
    plan, out = pairs(tmp_path, 1), tmp_path / "out"
    monkeypatch.setattr(cluster, "versions", lambda: {"fourreal": "9.9", "Python": "3.11", "files": ""})
    with closing(RayEngine(out, Needs(1, 0))) as engine:
        leader = Leader(plan.items, out, engine, module="sweep_child")
        with pytest.raises(UserError, match=r"has fourreal 0\.1\.0, not 9\.9: install the same"):
            leader.lead(CancelToken())
    assert runs.state_of(out, plan.items[0]).state == runs.STOPPED


def _raylet(node) -> int:
    return node.all_processes["raylet"][0].process.pid


def _works(node, module: str) -> bool:
    """Whether a task of that module is at work there."""
    return any(module in Path(f"/proc/{pid}/cmdline").read_text() for pid in _descendants(_raylet(node)))


def _kill(node) -> None:
    for pid in (_raylet(node), *_descendants(_raylet(node))):
        os.kill(pid, signal.SIGKILL)


def _seat_of(engine: RayEngine, id: str) -> int:
    return engine.ray.get(engine.sittings[id].seat.about.remote(""))["pid"]


def _descendants(pid: int) -> set[int]:
    children = {int(one) for task in Path(f"/proc/{pid}/task").glob("*/children") for one in task.read_text().split()}
    return children.union(*map(_descendants, children)) if children else set()
