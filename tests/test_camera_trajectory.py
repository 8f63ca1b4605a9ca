"""Paths keep looking at the scene, stay where the videos looked, and never jump."""

import pytest
import torch
from test_camera_layout import CENTRE, UP
from test_camera_layout import arc as arc_of_cameras

from fourreal.camera import rotation
from fourreal.camera.cameras import Cameras
from fourreal.camera.trajectory import PATHS, Path, Stage, arc, interpolate, look_at, orbit, study, swing


@pytest.fixture
def stage() -> Stage:
    freeze = arc_of_cameras(140)
    return Stage.of(freeze, freeze[10])


def angles(path: Path) -> torch.Tensor:
    """Degrees around the centre from the middle of the arc."""
    arm = path.cameras.centres - CENTRE
    return torch.atan2(arm[:, 0], -arm[:, 1]).rad2deg()


def test_the_stage_is_what_the_cameras_span(stage):
    assert (stage.centre - CENTRE).norm() < 1e-2
    assert torch.dot(stage.up, UP) > 0.9999
    assert torch.tensor(stage.seen).rad2deg().tolist() == pytest.approx([-70, 70], abs=0.5)


@pytest.mark.parametrize("name", PATHS)
def test_every_path_starts_from_the_stage_and_looks_at_the_centre(stage, name):
    path = PATHS[name](stage, 24)
    assert len(path) == 24
    assert len(path.times) == 24
    assert path.times.min() >= 0
    assert path.times.max() <= 1
    poses = path.cameras.world_to_camera
    assert torch.allclose(poses[:, :3, :3] @ poses[:, :3, :3].transpose(1, 2), torch.eye(3), atol=1e-5)
    to_centre = torch.nn.functional.normalize(stage.centre - path.cameras.centres, dim=-1)
    assert ((to_centre * path.cameras.forward).sum(-1) > 0.999).all()
    assert torch.equal(path.cameras.intrinsics, stage.reference.intrinsics)
    assert (PATHS[name](stage, 7, time=0.25).times == 0.25).all()
    assert len(PATHS[name](stage, 1)) == 1


def test_an_orbit_closes_without_showing_a_pose_twice(stage):
    path = orbit(stage, 12)
    assert torch.allclose(path.cameras.world_to_camera[0], stage.reference.world_to_camera[0], atol=1e-5)
    assert sorted(angles(path).round().tolist()) == pytest.approx(list(range(-150, 181, 30)), abs=1.1)


def test_an_arc_runs_between_its_angles(stage):
    assert angles(arc(stage, 5, degrees=(-20.0, 60.0))).tolist() == pytest.approx([-20, 0, 20, 40, 60], abs=0.2)


def test_a_swing_stays_within_what_was_seen_and_starts_at_the_reference():
    freeze = arc_of_cameras(140)
    stage = Stage.of(freeze, freeze[4])
    around = angles(swing(stage, 80, reach=0.9))
    assert around.min() == pytest.approx(-63, abs=0.5)
    assert around.max() == pytest.approx(63, abs=0.5)
    assert around[0] == pytest.approx(-42, abs=0.5)
    assert (around.diff().abs() < 6).all()


def test_the_study_halts_four_times_and_plays_the_motion_at_each(stage):
    path = study(stage, 200)
    step = path.cameras.centres.diff(dim=0).norm(dim=-1)
    still = step < 1e-5
    halts = [i for i in range(1, len(still)) if still[i] and not still[i - 1]]
    assert len(halts) == 3, "and one from the start"
    forward = path.times.diff()[still] > -1e-6
    assert forward.float().mean() > 0.95, "time runs forward while the camera halts"
    assert path.times[0] == 0
    assert path.times[-1] == 1
    assert path.times.diff().abs().max() < 0.2, "and never jumps"
    assert 0.6 < still.float().mean() < 0.85


def test_interpolation_meets_both_ends_and_turns_evenly():
    cameras = arc_of_cameras(60, frames=2)
    poses = interpolate(*cameras.world_to_camera, torch.tensor([0.0, 0.5, 1.0]))
    assert torch.allclose(poses[[0, 2]], cameras.world_to_camera, atol=1e-5)
    turned = rotation.degrees_between(poses[1:, :3, :3], poses[:-1, :3, :3])
    assert turned[0] == pytest.approx(turned[1])
    middle = Cameras(poses[1:2], cameras.intrinsics, cameras.size).centres[0]
    assert torch.allclose(middle, cameras.centres.mean(0), atol=1e-5)


def test_look_at_from_straight_above_is_still_a_pose():
    poses = look_at(torch.tensor([[0.0, 0.0, 3.0]]), torch.zeros(3), UP)
    assert torch.allclose(poses[0, :3, :3] @ poses[0, :3, :3].T, torch.eye(3), atol=1e-6)
    assert torch.allclose(poses[0, 2, :3], -UP)
