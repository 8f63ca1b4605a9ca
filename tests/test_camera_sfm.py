"""Structure from motion on a shipped clip, and its end when somebody or the clock says so."""

import json
import os
import signal
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

from fourreal import system
from fourreal.camera import cameras_file, sfm
from fourreal.camera import worker as processes
from fourreal.camera.align import pose_errors
from fourreal.camera.cameras import Origin
from fourreal.camera.sfm_judge import Model
from fourreal.camera.sfm_process import Matches
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
    solution = sfm.reconstruct(decode(fox_yard / "freeze.mp4")[::2], patient, events.append, CancelToken())
    degrees, position = pose_errors(solution.cameras, truth)
    assert solution.placed.tolist() == list(range(17))
    assert degrees.median() < 0.5
    assert position.median() < 0.02
    assert solution.cameras.intrinsics[0] == pytest.approx(float(truth.intrinsics[0]), rel=0.03)
    assert solution.cameras.origin.method in ("incremental sfm", "global sfm")
    assert solution.cameras.origin.confidence > 0.5
    assert len(solution.points) > 300
    assert 0 <= solution.colours.min() <= solution.colours.max() <= 1
    assert solution.errors.median() < 1
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
    solution = sfm.reconstruct(decode(fox_yard / "freeze.mp4")[keep], patient, ignore, CancelToken(), reference[::6])
    degrees, position = pose_errors(solution.cameras, truth[keep])
    assert len(solution.cameras) == len(keep)  # those of the pictures beside are no cameras of the clip's
    assert solution.placed.tolist() == list(range(len(keep)))
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


def test_on_a_crowded_machine_a_worker_is_given_the_time_it_works(monkeypatch):
    own = system.worked(os.getpid())
    assert own is None or own > 0
    spent = {1: 20.0, 2: 100.0, 3: None}
    monkeypatch.setattr(system, "worked", spent.get)
    assert not processes.late(1, 99.0, 100.0)
    assert not processes.late(1, 250.0, 100.0)
    assert processes.late(1, 100.0 * processes.PATIENCE, 100.0)
    assert processes.late(2, 100.0, 100.0)
    assert processes.late(3, 100.0, 100.0), "where nobody counts, the clock does"


def test_a_worker_that_breaks_is_reported_as_the_bug_it_is(tmp_path):
    with pytest.raises(RuntimeError, match="broke off"):
        sfm.run_worker(tmp_path, some_frames(2), SfmSettings(peak_threshold=float("nan")), ignore, CancelToken())


def test_a_mapper_that_aborts_does_not_take_the_other_with_it(tmp_path, monkeypatch):
    calls = []

    def aborts_once(module, folder, seconds, cancel, threads, look):
        calls.append(json.loads((folder / "options.json").read_text())["mappers"])
        (folder / "matches.npz").touch()
        if len(calls) == 1:
            (folder / "incremental.done").touch()
            return -signal.SIGABRT
        return 0

    monkeypatch.setattr(processes, "run", aborts_once)
    assert sfm.run_worker(tmp_path, some_frames(), SfmSettings(), ignore, CancelToken())
    assert calls == [["global", "incremental"], ["global"]]


def test_frames_between_placed_ones_are_interpolated():
    cameras = arc(60, frames=11)
    placed = torch.tensor([1, 2, 4, 7, 9])
    poses = sfm.fill(cameras.world_to_camera[placed], placed, 11)
    assert torch.allclose(poses[placed], cameras.world_to_camera[placed], atol=1e-5)
    degrees, position = pose_errors(replace(cameras, world_to_camera=poses), cameras)
    assert degrees.max() < 3
    assert position.max() < 0.05


def test_frames_are_looked_at_in_one_size_and_small_ones_not_enlarged_much():
    assert sfm.at_side(some_frames(1), 512).shape == (1, 288, 512, 3)
    assert sfm.at_side(some_frames(2), 100).shape == (2, 56, 100, 3)
    assert sfm.at_side(some_frames(1).swapaxes(1, 2), 256).shape == (1, 256, 144, 3)  # upright, of as many pixels
    assert sfm.at_side(some_frames(1), 2000).shape == (1, 576, 1024, 3)


@pytest.mark.parametrize(("without_depth", "looks"), [(0.1, [False, True]), (1.0, [])])
def test_where_nothing_can_be_believed_mappers_begin_once_more(monkeypatch, without_depth, looks):
    """With a longer lens, and then with richer features; unless the matches have no depth, which neither gives them."""
    tried = []

    def worker(folder, *arguments):
        tried.append(arguments[-2:])
        points = np.zeros((600, 2))
        depth = np.array(without_depth)
        np.savez(
            folder / "matches.npz", links=np.array([[0, 1, 600]]), first=points, second=points, without_depth=depth
        )
        return True

    monkeypatch.setattr(sfm, "run_worker", worker)
    with pytest.raises(sfm.SfmFailed, match="no frames could be placed"):
        sfm.reconstruct(some_frames(3), SfmSettings(), ignore, CancelToken())
    lenses = (None, SfmSettings().second_lens)
    assert tried == ([(lens, rich) for rich in looks for lens in lenses] or [(None, False)])


def test_a_model_that_hangs_by_few_matches_is_looked_at_more_closely(monkeypatch):
    """What the second look finds is taken where it hangs together better or places more, and only there."""

    def held_by(weakest, few, placed=8):
        links = np.stack([np.arange(placed - 1), np.arange(1, placed)], axis=1)
        return Model(
            mapper="global",
            frames=np.arange(placed),
            world_to_camera=np.stack([np.eye(4)] * placed),
            focal=1.0,
            points=np.zeros((0, 3)),
            colours=np.zeros((0, 3), np.uint8),
            errors=np.ones(placed),
            links=links,
            matches=np.full(placed - 1, few),
            support=np.full(placed - 1, weakest),
        )

    result = sfm._result

    def taken(first, second):
        looks, models = [], []

        def look(*arguments):
            looks.append(rich := arguments[-1])
            matches = Matches(np.zeros((600, 2), int), np.zeros((600, 2)), np.zeros((600, 2)), (512, 288), 0.1)
            return sfm.Look(second if rich else first, Origin("global sfm", 1.0, ""), "", matches, (512, 288), True)

        monkeypatch.setattr(sfm, "_look", look)
        monkeypatch.setattr(sfm, "_result", lambda model, *rest: models.append(model) or result(model, *rest))
        sfm.reconstruct(some_frames(8), SfmSettings(), ignore, CancelToken())
        return models[0], looks

    weak, better, sound, noisy = (held_by(*by) for by in ((0.6, 100), (0.8, 150), (0.95, 100), (0.6, 400)))
    short, shortest = held_by(0.95, 100, placed=6), held_by(0.95, 100, placed=5)
    for first, second, right in (
        (weak, better, better),
        (better, weak, better),
        (short, better, better),
        (short, shortest, short),
    ):
        model, looks = taken(first, second)
        assert model is right
        assert looks == [False, True]
    for first in (sound, noisy):
        model, looks = taken(first, better)
        assert model is first
        assert looks == [False]


def test_a_focal_length_is_judged_alike_however_the_phone_was_held(monkeypatch):
    """What is long or absurd is so in the longer side: of an upright phone 1.4 picture widths are usual."""
    given = []
    monkeypatch.setattr(sfm, "choose", lambda models, *_: given.extend(models) or (None, None, "enough"))

    def worker(folder, *_):
        one = {"frames": np.arange(3), "world_to_camera": np.stack([np.eye(4)] * 3), "focal": np.array(440.0)}
        one |= {"points": np.zeros((0, 3)), "colours": np.zeros((0, 3), np.uint8), "errors": np.ones(3)}
        one |= {
            "links": np.zeros((0, 2), int),
            "matches": np.zeros(0, int),
            "support": np.zeros(0),
            "angle": np.array(9.0),
            "miss": np.array(1.0),
        }
        np.savez(folder / "global-0.npz", **one)
        return True

    monkeypatch.setattr(sfm, "run_worker", worker)
    for frames in (some_frames(3), some_frames(3).swapaxes(1, 2)):
        with pytest.raises(sfm.SfmFailed, match="enough"):
            sfm.reconstruct(frames, SfmSettings(), ignore, CancelToken())
    assert [model.focal for model in given] == [440 / 512] * 2
