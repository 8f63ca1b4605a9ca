"""Videos from a prompt as jobs: the real worker, runner and loading code on tiny random weights of the real classes."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest
from creation_samples import LIMITS, SANA, SMALL, VACE, reference
from job_samples import ANNA, PATIENCE, hand, runners, until

from fourreal import clip
from fourreal.description import Wishes
from fourreal.installed import ROOT
from fourreal.jobs.children import environment
from fourreal.jobs.service import Service
from fourreal.settings import PRESETS

pytest_plugins = ["creation_fixtures"]


@pytest.fixture(scope="module")
def service(models, tmp_path_factory):
    service = Service(tmp_path_factory.mktemp("create") / "data", LIMITS)
    service.workspace.store.remember("devices", [{"kind": "cpu", "name": "cpu", "memory_mb": None}])
    yield service
    service.close()


@pytest.fixture(scope="module")
def worker(service):
    """Makes what is asked for, in a thread of this process."""
    with hand(service.workspace.places.data, PRESETS):
        yield


@pytest.fixture
def worker_process(idle):
    """Makes what is asked for as it is for people, in processes of its own."""
    command = [
        sys.executable,
        "-m",
        "fourreal.jobs.worker",
        "--data",
        str(idle.workspace.places.data),
        "--device",
        "cpu",
        "--stay",
        "--limits",
        json.dumps(asdict(LIMITS)),
    ]
    process = subprocess.Popen(command, cwd=ROOT, env=environment())
    yield process
    process.terminate()
    process.wait(PATIENCE)


def over(service, id):
    return lambda: not service.creations.get(ANNA, id).busy


@pytest.mark.slow
def test_from_a_prompt_to_two_videos_a_person_choosing(service, worker, fox_yard):
    made = service.creations.create(ANNA, reference(), count=2, seed=5)
    assert [one.number for one in made.candidates] == [5, 6]
    assert not any(one.made for one in made.candidates)
    until(over(service, made.id), "the candidates")

    creation = service.creations.get(ANNA, made.id)
    assert (creation.state, creation.error) == ("done", "")
    assert sorted(one.number for one in creation.candidates) == [5, 6]
    for one in creation.candidates:
        shown = clip.read(service.jobs.file(ANNA, made.id, one.file))
        assert (len(shown), shown.size) == (9, (64, 64))
        assert one.total is None or 0 <= one.total <= 1  # noise shows too little to be judged
        assert one.reasons
        assert (one.frames, one.fps) == (9, 16)
        assert 0 <= one.best_frame < 9
    first, second = (one.total or 0 for one in creation.candidates)
    assert first >= second
    assert any(service.workspace.places.run(made.id).glob("live/preview-*.jpg"))

    # one is made anew, one is kept, one is somebody's own, one is cut and reversed: all while it goes on
    service.candidates.keep(ANNA, made.id, 6)
    service.candidates.regenerate(ANNA, made.id, 5)
    service.candidates.add_own(ANNA, made.id, fox_yard / "reference.mp4", "my fox.mp4")
    until(over(service, made.id), "more candidates")
    creation = service.creations.get(ANNA, made.id)
    assert {one.number: (one.way, one.marked) for one in creation.candidates} == {
        6: ("model", True),
        7: ("model", False),
        8: ("own", False),
    }
    own = next(one for one in creation.candidates if one.way == "own")
    assert own.name == "my fox.mp4"
    assert own == creation.candidates[0], "a real video with a still camera is better than noise"
    service.candidates.change(ANNA, made.id, 8, 3, 12, reverse=True)
    service.candidates.discard(ANNA, made.id, 7)
    until(over(service, made.id), "the reversed one")
    whole, back = (clip.read(service.jobs.file(ANNA, made.id, f"candidates/reference-{n}.mp4")).frames for n in (8, 9))
    assert len(back) == 10
    assert np.abs(whole[12].astype(int) - back[0]).mean() < 3
    assert np.abs(whole[3].astype(int) - back[-1]).mean() < 3

    # what is taken is a video like an uploaded one, and can be frozen
    video = service.candidates.take(ANNA, made.id, 6)
    assert (video.frames, video.width, video.height) == (9, 64, 64)
    wishes = Wishes(role="freeze", prompt="camera circling around a fox", model=VACE, **SMALL, frame=4)
    frozen = service.creations.create(ANNA, wishes, count=1, reference_id=video.id)
    until(over(service, frozen.id), "the freeze-time video")
    service.candidates.longer(ANNA, frozen.id, 0, "left")
    until(over(service, frozen.id), "the longer one")
    creation = service.creations.get(ANNA, frozen.id)
    assert creation.error == ""
    assert creation.reference == video.id
    lengths = {one.number: len(clip.read(service.jobs.file(ANNA, frozen.id, one.file))) for one in creation.candidates}
    assert lengths == {0: 9, 1: 17}
    assert all(one.degrees is not None for one in creation.candidates), "the gauge has something to show"
    first, longer = (clip.read(service.jobs.file(ANNA, frozen.id, f"candidates/freeze-{n}.mp4")).frames for n in (0, 1))
    assert np.abs(first.astype(int) - longer[8:]).mean() < 4, "the frames there were come after the new ones"
    again = service.creations.estimate(ANNA, reference(), 2)
    assert again.seconds > 0
    assert "Earlier videos" in again.reason


@pytest.mark.slow
def test_commanded_cameras_go_along_with_the_video_that_is_taken(service, worker, fox_yard):
    video = service.library.add_video(ANNA, fox_yard / "reference.mp4", "fox.mp4")
    wishes = Wishes(role="freeze", prompt="a fox", model=SANA, frames=9, size=(64, 64), steps=2, frame=11, arc=30)
    made = service.creations.create(ANNA, wishes, count=1, reference_id=video.id)
    until(over(service, made.id), "the freeze-time video")
    (one,) = service.creations.get(ANNA, made.id).candidates
    assert one.degrees == pytest.approx(30)
    taken = service.candidates.take(ANNA, made.id, one.number)
    assert service.library.has_cameras(ANNA, video.id, taken.id)
    cameras = json.loads((service.workspace.places.video(taken.id) / f"cameras-{video.id}.json").read_text())
    assert (len(cameras["freeze"]), cameras["canonical_index"], cameras["freeze_reference_index"]) == (9, 11, 0)


@pytest.mark.slow
def test_killed_stopped_and_gone_on_with_what_is_finished_stays(idle, worker_process):
    service = idle
    made = service.creations.create(ANNA, reference(steps=60), count=2)
    until(lambda: any(one.made for one in service.creations.get(ANNA, made.id).candidates), "the first candidate")
    first = next(one for one in service.creations.get(ANNA, made.id).candidates if one.made)
    path = service.jobs.file(ANNA, made.id, first.file)
    before = path.stat()
    (runner,) = runners(worker_process.pid)
    os.kill(runner, signal.SIGKILL)
    until(over(service, made.id), "the second one")
    assert all(one.made for one in service.creations.get(ANNA, made.id).candidates)
    service.candidates.more(ANNA, made.id, 1)
    until(lambda: service.creations.get(ANNA, made.id).state == "running", "a third one is begun")
    service.jobs.cancel(ANNA, made.id)
    until(over(service, made.id), "it stops")
    assert service.creations.get(ANNA, made.id).state == "stopped"
    (unmade,) = (one for one in service.creations.get(ANNA, made.id).candidates if not one.made)
    service.candidates.discard(ANNA, made.id, unmade.number)
    service.creations.resume(ANNA, made.id)
    until(over(service, made.id), "it ends")
    creation = service.creations.get(ANNA, made.id)
    assert (creation.state, len(creation.candidates)) == ("done", 2)
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns), "it was made twice"
