"""What cameras on an arc say about the scene."""

import pytest
import torch

from fourreal.camera import rotation
from fourreal.camera.cameras import Cameras
from fourreal.camera.layout import azimuths, scene_centre, world_up
from fourreal.camera.trajectory import look_at

UP = torch.tensor([0.0, 0.0, 1.0])
CENTRE = torch.tensor([1.0, 2.0, 0.5])


def arc(degrees: float, frames: int = 21, elevation: float = 15.0, radius: float = 3.0) -> Cameras:
    """Level cameras on an arc around CENTRE, looking at it."""
    a = torch.linspace(-degrees / 2, degrees / 2, frames).deg2rad()
    e = torch.tensor(elevation).deg2rad()
    around = torch.stack([a.sin() * e.cos(), -a.cos() * e.cos(), e.sin().expand(frames)], -1)
    poses = look_at(CENTRE + radius * around, CENTRE, UP)
    return Cameras(poses, torch.tensor([100.0, 100.0, 64.0, 36.0]), (128, 72))


@pytest.mark.parametrize("degrees", [30, 140, 300])
def test_up_is_the_axis_of_the_arc(degrees):
    assert torch.dot(world_up(arc(degrees)), UP).acos().rad2deg() < 1.5


def test_up_of_a_still_camera_is_its_own():
    up = world_up(arc(0, elevation=15))
    assert torch.dot(up, UP).acos().rad2deg() < 15.1


@pytest.mark.parametrize("degrees", [10, 140, 360])
def test_the_centre_is_where_the_cameras_look(degrees):
    assert (scene_centre(arc(degrees)) - CENTRE).norm() < 1e-2


def test_one_camera_that_looks_elsewhere_does_not_move_the_centre():
    cameras = arc(140)
    poses = cameras.world_to_camera.clone()
    poses[3, :3] = rotation.from_vector(torch.tensor([0.0, 0.6, 0.0])) @ poses[3, :3]
    assert (scene_centre(Cameras(poses, cameras.intrinsics, cameras.size)) - CENTRE).norm() < 0.05


def test_without_a_common_centre_the_points_decide():
    poses = torch.eye(4).repeat(5, 1, 1)
    poses[:, 0, 3] = torch.linspace(-1, 1, 5)
    sideways = Cameras(poses, torch.ones(4), (4, 4))
    points = torch.tensor([[0.0, 0.0, 7.0], [0.1, 0.0, 8.0], [0.0, 0.2, 9.0]])
    assert torch.equal(scene_centre(sideways, points), torch.tensor([0.0, 0.0, 8.0]))
    assert scene_centre(sideways)[2] > 0, "a guess lies ahead of the cameras"


def test_cameras_that_look_outward_have_no_centre_behind_them():
    cameras = arc(140)
    outward = cameras.world_to_camera.clone()
    outward[:, :3] = torch.diag(torch.tensor([-1.0, 1.0, -1.0])) @ outward[:, :3]
    points = CENTRE - torch.tensor([0.0, 9.0, 0.0]) + torch.zeros(3, 3)
    assert torch.equal(scene_centre(Cameras(outward, cameras.intrinsics, cameras.size), points), points[0])


def test_azimuths_count_around_the_axis_without_jumps():
    cameras = arc(300, frames=31)
    around = azimuths(cameras, CENTRE, UP, cameras[15]).rad2deg()
    assert torch.allclose(around, torch.linspace(-150, 150, 31), atol=0.01)
