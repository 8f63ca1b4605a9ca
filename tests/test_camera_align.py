"""Similarities between camera sets, and the frame of the fit."""

import json

import pytest
import torch
from test_camera_layout import CENTRE, arc

from fourreal.camera import rotation
from fourreal.camera.align import Similarity, align, normalise, pose_errors
from fourreal.camera.cameras import Cameras
from fourreal.camera.layout import scene_centre


def some_similarity() -> Similarity:
    turn = rotation.from_vector(torch.tensor([0.3, -1.2, 2.0], dtype=torch.float64))
    return Similarity(2.5, turn, torch.tensor([3.0, -1.0, 7.0], dtype=torch.float64))


def project(cameras: Cameras, points: torch.Tensor) -> torch.Tensor:
    poses = cameras.world_to_camera
    seen = torch.einsum("fij,pj->fpi", poses[:, :3, :3], points) + poses[:, None, :3, 3]
    return seen[..., :2] / seen[..., 2:]


def turned(cameras: Cameras, index: int, vector: list[float]) -> Cameras:
    """The cameras, one of them looking elsewhere."""
    poses = cameras.world_to_camera.clone()
    poses[index, :3] = rotation.from_vector(torch.tensor(vector)) @ poses[index, :3]
    return Cameras(poses, cameras.intrinsics, cameras.size)


def test_moved_cameras_see_moved_points_in_the_same_place():
    cameras, points = arc(140), CENTRE + torch.randn(20, 3, generator=torch.Generator().manual_seed(0)) * 0.3
    similarity = some_similarity()
    moved = project(similarity.apply_cameras(cameras), similarity.apply_points(points))
    assert torch.allclose(moved, project(cameras, points), atol=1e-5)


def test_inverse_compose_and_json():
    similarity, points = some_similarity(), torch.randn(5, 3)
    back = similarity.inverse().compose(similarity)
    assert torch.allclose(back.apply_points(points), points, atol=1e-5)
    again = Similarity.from_dict(json.loads(json.dumps(similarity.to_dict())))
    assert torch.allclose(again.apply_points(points), similarity.apply_points(points))


@pytest.mark.parametrize(
    "change",
    [
        {"scale": -1.0},
        {"scale": None},
        {"rotation": [[1, 0], [0, 1]]},
        {"rotation": [[1, 0, 0], [0, 1, 0], [0, 0, -1]]},
        {"translation": [0, 0, float("nan")]},
    ],
)
def test_what_is_no_similarity_is_refused(change):
    with pytest.raises(ValueError, match="not a similarity"):
        Similarity.from_dict(Similarity.identity().to_dict() | change)


@pytest.mark.parametrize("degrees", [2, 20, 140])
def test_alignment_finds_the_similarity_again_even_for_cameras_nearly_on_a_line(degrees):
    cameras, similarity = arc(degrees), some_similarity()
    similar = align(cameras, similarity.apply_cameras(cameras))
    assert similar.scale == pytest.approx(2.5, rel=1e-3)
    assert rotation.degrees_between(similar.rotation, similarity.rotation) < 0.02
    assert torch.allclose(similar.apply_points(CENTRE[None]), similarity.apply_points(CENTRE[None]), atol=1e-2)


def test_a_few_lost_cameras_do_not_bend_the_alignment():
    truth = arc(140, frames=33)
    lost = turned(turned(truth, 4, [0.0, 1.5, 0.0]), 30, [0.0, -2.0, 0.5])
    poses = some_similarity().apply_cameras(lost)
    degrees, position = pose_errors(poses, truth)
    assert degrees.median() < 0.1
    assert position[5:29].max() < 1e-2
    assert degrees[4] == pytest.approx(torch.tensor(1.5).rad2deg().item(), abs=1)


def test_pose_errors_are_relative_to_the_radius():
    truth = arc(140, radius=3.0)
    poses = truth.world_to_camera.clone()
    poses[10, :3, 3] += torch.tensor([0.3, 0.0, 0.0])
    _, position = pose_errors(Cameras(poses, truth.intrinsics, truth.size), truth)
    assert position[10] == pytest.approx(0.1, abs=0.01)
    assert position.median() < 0.01


def test_cameras_that_stand_still_align_by_their_orientation():
    still = arc(0, frames=3)
    similar = align(still, some_similarity().apply_cameras(still))
    assert similar.scale == 1.0
    assert rotation.degrees_between(similar.rotation, some_similarity().rotation) < 0.01


def test_alignment_wants_the_same_frames():
    with pytest.raises(ValueError, match="21 cameras"):
        align(arc(30), arc(30, frames=3))


def test_the_normalised_frame_has_the_centre_at_zero_and_cameras_at_distance_one():
    cameras = some_similarity().apply_cameras(arc(140))
    normalised = normalise(cameras).apply_cameras(cameras)
    assert scene_centre(normalised).norm() < 1e-3
    assert normalised.centres.norm(dim=-1).median() == pytest.approx(1, abs=1e-3)
