"""The engine on a Ray cluster: two nodes on this machine, where Ray is installed."""

import importlib.util
import json
import os
import signal
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from engine_samples import NOWHERE, place_of, progress_of
from fit_samples import FRAMES, write_videos
from job_samples import ANNA, service_in, until, working
from PIL import Image

from fourreal import clip
from fourreal.description import Options, Wishes
from fourreal.engine import cluster, connecting
from fourreal.engine.cluster import RayEngine
from fourreal.engine.local import LocalEngine
from fourreal.engine.seat import Files, Traveller, put
from fourreal.engine.values import LOST, Needs
from fourreal.errors import Cancelled, UserError
from fourreal.evaluate.metrics import psnr
from fourreal.fit.checkpoint import read_checkpoint
from fourreal.progress import CancelToken
from fourreal.scene import bundle
from fourreal.scene.views import draw
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
        connecting.reach("127.0.0.1:9")


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


STEPS = 1500  # of each stage of a fit that is killed on the way


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> float:
    """The PSNR of the first of `pairs` where nothing happens on the way."""
    folder = tmp_path_factory.mktemp("undisturbed")
    plan, out = pairs(folder, 1), folder / "out"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("PYTHONPATH", HERE), ("CUDA_VISIBLE_DEVICES", ""), ("FOURREAL_THREADS", 1)):
            patch.setenv(name, str(value))
        patch.setenv("TINY_STEPS", str(STEPS))
        with closing(LocalEngine()) as engine:
            Leader(plan.items, out, engine, module="sweep_child").lead(CancelToken())
    return quality(out / plan.items[0].id, folder / "reference.mp4")


def quality(run: Path, video: Path) -> float:
    """PSNR of a scene against its reference video, over all frames."""
    scene, frames = bundle.load(run), clip.read(video).frames
    times = torch.linspace(0, 1, len(frames)).tolist()
    shown = np.stack([draw(scene, scene.outward(scene.reference), time) for time in times])
    alike = np.stack([np.asarray(Image.fromarray(frame).resize(shown.shape[2:0:-1])) for frame in frames])
    return psnr(torch.from_numpy(shown).flatten(0, 1) / 255, torch.from_numpy(alike).flatten(0, 1) / 255)


@marked
@pytest.mark.parametrize("nodes", [STEPS], indirect=True)
@pytest.mark.parametrize("travel", [False, True])
def test_a_run_whose_node_dies_ends_elsewhere_as_well_and_loses_no_more_than_since_its_checkpoint(
    nodes, tmp_path, travel, undisturbed
):
    plan, out = pairs(tmp_path, 1), tmp_path / "out"
    folder, heard, before, steps, reached = out / plan.items[0].id, [], [], [], []
    last = lambda: max(map(progress_of, folder.glob("work/*")), default=NOWHERE)
    with closing(RayEngine(out, Needs(1, 0), travel=travel)) as engine:

        def kill_the_node() -> None:
            """As soon as the head has a second checkpoint: the node's manager and all that it started."""
            until(lambda: last() > NOWHERE, "a checkpoint")
            first = last()
            until(lambda: last() > first, "another one")
            before.append(last())
            pid = _seat_of(engine, plan.items[0].id)
            for node in nodes.workers:
                if pid in _descendants(_raylet(node)):
                    _kill(node)

        def hear(seconds: float) -> list:
            said = was(seconds)
            steps.extend(one.end or place_of(one.event) for one in said if one.end or one.event["steps"])
            reached.extend(last() for one in said if one.end == LOST)
            return said

        was, engine.hear = engine.hear, hear
        threading.Thread(target=kill_the_node, daemon=True).start()
        Leader(plan.items, out, engine, heard.append, module="sweep_child").lead(CancelToken())
    assert any("is gone. It goes on from its last checkpoint." in event.message for event in heard)
    assert steps.count(LOST) == 1
    assert steps[steps.index(LOST) + 1] >= reached[0] >= before[0] > NOWHERE, (
        "only what came after the checkpoint is lost"
    )
    assert unfinished(out, plan) == 0
    assert quality(folder, tmp_path / "reference.mp4") == pytest.approx(undisturbed, abs=0.1)  # dB


@marked
@pytest.mark.parametrize("nodes", [STEPS], indirect=True)
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
@pytest.mark.parametrize("nodes", [STEPS], indirect=True)
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
@pytest.mark.parametrize("travel", [(), ("travel",)])
def test_a_model_is_loaded_once_a_node_and_a_candidate_is_made_again_where_its_actor_died(nodes, tmp_path, travel):
    data = tmp_path / "data"
    wishes = Wishes(role="reference", prompt="a red ball bouncing", model="mini", size=(64, 36), steps=3)
    with service_in(data) as service:
        (data / "runs").mkdir()

        def over(id: str, count: int) -> bool:
            creation = service.creations.get(ANNA, id)
            assert not creation.error
            return creation.state == "done" and sum(one.made for one in creation.candidates) == count

        def loads(id: str) -> int:
            return sum("Loading Mini" in line["message"] for line in service.jobs.journal(ANNA, id)[0])

        with working(data, *travel, script="job_nodes.py"):
            first = service.creations.create(ANNA, wishes, 3).id
            until(lambda: over(first, 3), "three candidates")
            assert loads(first) == 2, "once on each of two nodes"
            second = service.creations.create(ANNA, wishes, 2, 5).id
            until(lambda: over(second, 2), "two more")
            assert loads(second) == 0, "by those that have it loaded"
            slow = replace(wishes, steps=40)
            third = service.creations.create(ANNA, slow, 2).id
            until(lambda: len(list((data / "runs" / third / "parts").glob("*/live/preview-*"))) > 1, "both form")
            victim = next(pid for node in nodes.workers for pid in _descendants(_raylet(node)) if _is_task(pid))
            os.kill(_parent(victim), signal.SIGKILL)  # the actor
            until(lambda: over(third, 2), "both are made all the same")
            messages = [line["message"] for line in service.jobs.journal(ANNA, third)[0]]
            assert sum("is begun anew" in message for message in messages) == 1
            assert loads(third) == 1, "the other actor lives"
            fourth = service.creations.create(ANNA, slow, 2, 5).id
            until(lambda: len(list((data / "runs" / fourth / "parts").glob("*/live/preview-*"))) > 1, "both form")
            begun = time.monotonic()
            service.jobs.cancel(ANNA, fourth)
            until(lambda: service.creations.get(ANNA, fourth).state == "stopped", "it stops")
            assert time.monotonic() - begun < 8.0  # the store is looked into, and files come back


@marked
def test_a_node_with_another_version_gets_nothing(nodes, tmp_path, monkeypatch):
    plan, out = pairs(tmp_path, 1), tmp_path / "out"
    monkeypatch.setattr(cluster, "versions", lambda: {"fourreal": "9.9", "Python": "3.11", "files": ""})
    with closing(RayEngine(out, Needs(1, 0))) as engine:
        leader = Leader(plan.items, out, engine, module="sweep_child")
        with pytest.raises(UserError, match=r"has fourreal 0\.1\.0, not 9\.9: install the same"):
            leader.lead(CancelToken())
    assert runs.state_of(out, plan.items[0]).state == runs.STOPPED


@marked
def test_where_one_node_has_another_version_the_others_do_the_work(nodes, tmp_path, monkeypatch):
    plan, out = pairs(tmp_path, 2), tmp_path / "out"
    real, wrong = cluster.versions, [{"fourreal": "9.9", "Python": "3.11", "files": ""}]
    monkeypatch.setattr(cluster, "versions", lambda: wrong.pop() if wrong else real())  # the first that answers differs
    heard = []
    with closing(RayEngine(out, Needs(1, 0))) as engine:
        Leader(plan.items, out, engine, heard.append, module="sweep_child").lead(CancelToken())
        assert engine.slots == 1
    assert sum("install the same as on the head there" in event.message for event in heard) == 1
    assert unfinished(out, plan) == 0


def _raylet(node) -> int:
    return node.all_processes["raylet"][0].process.pid


def _works(node, module: str) -> bool:
    """Whether a task of that module is at work there."""
    return any(_is_task(pid, module) for pid in _descendants(_raylet(node)))


def _is_task(pid: int, module: str = "job_task") -> bool:
    return module in Path(f"/proc/{pid}/cmdline").read_text()


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def _kill(node) -> None:
    for pid in (_raylet(node), *_descendants(_raylet(node))):
        os.kill(pid, signal.SIGKILL)


def _seat_of(engine: RayEngine, id: str) -> int:
    return engine.ray.get(engine.sittings[id].seat.about.remote(""))["pid"]


def _descendants(pid: int) -> set[int]:
    children = {int(one) for task in Path(f"/proc/{pid}/task").glob("*/children") for one in task.read_text().split()}
    return children.union(*map(_descendants, children)) if children else set()
