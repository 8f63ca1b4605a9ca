"""Structure from motion on a shipped clip, and its end when somebody or the clock says so."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from job_samples import gone, until
from test_camera_layout import arc

from fourreal.camera import cameras_file, sfm
from fourreal.camera import worker as processes
from fourreal.camera.align import pose_errors
from fourreal.errors import Cancelled
from fourreal.progress import CancelToken, ignore
from fourreal.settings import SfmSettings


def decode(path) -> np.ndarray:
    with av.open(str(path)) as file:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])


@pytest.mark.slow
def test_the_cameras_of_the_shipped_clip_are_found(fox_yard, caplog):
    """Every second frame, so that the step between frames is 9 degrees."""
    truth = cameras_file.read(fox_yard / "cameras.json").freeze[::2]
    events, patient = [], SfmSettings(timeout_seconds=1200.0)
    found = sfm.reconstruct(decode(fox_yard / "freeze.mp4")[::2], patient, events.append, CancelToken())
    degrees, position = pose_errors(found.cameras, truth)
    assert found.placed.tolist() == list(range(17))
    assert degrees.median() < 0.5
    assert position.median() < 0.02
    assert found.cameras.intrinsics[0] == pytest.approx(float(truth.intrinsics[0]), rel=0.03)
    assert found.cameras.origin.method in ("incremental sfm", "global sfm")
    assert found.cameras.origin.confidence > 0.5
    assert len(found.points) > 300
    assert 0 <= found.colours.min() <= found.colours.max() <= 1
    assert found.errors.median() < 1
    assert [event.step for event in events] == sorted(event.step for event in events)
    assert caplog.messages == [], "the worker came to its end"


@pytest.mark.slow
def test_pictures_from_a_gap_of_the_path_close_it(fox_yard):
    """Without the frames around the reference camera the arc is two halves, which its own frames join."""
    truth = cameras_file.read(fox_yard / "cameras.json").freeze
    middle = cameras_file.read(fox_yard / "cameras.json").freeze_reference_index
    keep = [frame for frame in range(len(truth)) if abs(frame - middle) > 2]
    reference = decode(fox_yard / "reference.mp4")
    patient = SfmSettings(timeout_seconds=1200.0)
    found = sfm.reconstruct(decode(fox_yard / "freeze.mp4")[keep], patient, ignore, CancelToken(), reference[::6])
    degrees, position = pose_errors(found.cameras, truth[keep])
    assert len(found.cameras) == len(keep)  # those of the pictures beside are no cameras of the clip's
    assert found.placed.tolist() == list(range(len(keep)))
    assert degrees.median() < 0.2  # 0.34 without them
    assert position.median() < 0.005


def some_frames(count: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (count, 288, 512, 3), dtype=np.uint8)


def test_cancelling_kills_the_worker_at_once(tmp_path, monkeypatch):
    workers = []
    start = processes.subprocess.Popen
    monkeypatch.setattr(processes.subprocess, "Popen", lambda *a, **k: workers.append(start(*a, **k)) or workers[0])
    cancel = CancelToken()
    with pytest.raises(Cancelled):  # its first word is that it has begun
        sfm.run_worker(tmp_path, some_frames(), SfmSettings(), lambda _: cancel.cancel(), cancel)
    assert workers[0].returncode == -9


PARENT = """
import sys
from pathlib import Path
import numpy as np
from fourreal.camera import sfm
from fourreal.camera import worker as processes
from fourreal.progress import CancelToken
from fourreal.settings import SfmSettings
start = processes.subprocess.Popen
def announced(*arguments, **others):
    worker = start(*arguments, **others)
    print(worker.pid, flush=True)
    return worker
processes.subprocess.Popen = announced
frames = np.random.default_rng(0).integers(0, 255, (60, 288, 512, 3), dtype=np.uint8)
sfm.run_worker(Path(sys.argv[1]), frames, SfmSettings(), lambda _: None, CancelToken())
"""


@pytest.mark.parametrize("stage", ["frames.npy", "database.db"])
def test_a_worker_ends_with_its_parent_even_if_that_was_killed_before_it_looked(tmp_path, stage):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
    )
    worker = int(parent.stdout.readline())
    until((tmp_path / stage).exists, "the stage")
    parent.kill()
    parent.communicate()
    until(lambda: gone(worker), "its end")
    assert not (tmp_path / "incremental.done").exists()


def test_when_the_time_is_up_the_worker_is_killed_and_the_reason_said():
    with pytest.raises(sfm.SfmFailed, match="time"):
        sfm.reconstruct(some_frames(), SfmSettings(timeout_seconds=0.3), ignore, CancelToken())


def test_a_worker_that_breaks_is_reported_as_the_bug_it_is(tmp_path):
    with pytest.raises(RuntimeError, match="broke off"):
        sfm.run_worker(tmp_path, some_frames(2), SfmSettings(peak_threshold=float("nan")), ignore, CancelToken())


def test_frames_between_placed_ones_are_interpolated():
    cameras = arc(60, frames=11)
    placed = torch.tensor([1, 2, 4, 7, 9])
    poses = sfm.fill(cameras.world_to_camera[placed], placed, 11)
    assert torch.allclose(poses[placed], cameras.world_to_camera[placed], atol=1e-5)
    degrees, position = pose_errors(replace(cameras, world_to_camera=poses), cameras)
    assert degrees.max() < 3
    assert position.max() < 0.05


def test_shrinking_keeps_small_frames_and_the_shape_of_large_ones():
    assert sfm.shrink(some_frames(1), 512).shape == (1, 288, 512, 3)
    assert sfm.shrink(some_frames(2), 100).shape == (2, 56, 100, 3)
