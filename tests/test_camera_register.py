"""Cameras of a file brought into a scene's frame by what they see."""

from dataclasses import replace

import pytest
import torch
from test_camera_align import project, some_similarity, turned
from test_camera_layout import CENTRE, arc

from fourreal.camera import rotation
from fourreal.camera.align import align
from fourreal.camera.cameras import Cameras
from fourreal.camera.register import Registration, register


def cloud(count: int = 400, spread: float = 0.4) -> torch.Tensor:
    return CENTRE + spread * torch.randn(count, 3, generator=torch.Generator().manual_seed(1))


def missed(source: Cameras, target: Cameras, points: torch.Tensor, into) -> float:
    """Root mean square distance, in image widths, between where both see the points."""
    here = into.apply_cameras(source)
    focal = [c.intrinsics[0] / c.size[0] for c in (here, target)]
    distance = focal[0] * project(here, points) - focal[1] * project(target, points)
    return float(distance.square().sum(-1).mean().sqrt())


def test_an_exact_similarity_is_found_again():
    cameras, similarity = arc(140, frames=33), some_similarity()
    registration = register(cameras, similarity.apply_cameras(cameras), similarity.apply_points(cloud()))
    assert registration.zoom == 1
    assert registration.similarity.scale == pytest.approx(2.5, rel=1e-3)
    assert rotation.degrees_between(registration.similarity.rotation, similarity.rotation) < 0.02
    assert torch.allclose(
        registration.similarity.apply_points(CENTRE[None]), similarity.apply_points(CENTRE[None]), atol=5e-3
    )


def test_cameras_that_all_look_too_high_see_the_scene_where_it_is():
    """Their orientations and their centres contradict each other, which comparing cameras cannot settle."""
    truth, points = arc(140, frames=33), cloud()
    estimated = truth
    for index in range(len(truth)):
        estimated = turned(estimated, index, [0.02, 0.0, 0.01])
    registration = register(truth, estimated, points)
    assert missed(truth, estimated, points, registration) < 0.5 * missed(
        truth, estimated, points, align(truth, estimated)
    )


def test_a_focal_length_that_was_estimated_too_short_is_taken_over():
    truth, points = arc(140, frames=33), cloud()
    estimated = replace(truth, intrinsics=truth.intrinsics * torch.tensor([0.95, 0.95, 1, 1]))
    registration = register(truth, estimated, points)
    assert registration.zoom == pytest.approx(0.95)
    assert missed(truth, estimated, points, registration) < 1e-3
    half = register(truth, estimated.resized((truth.size[0] // 2, truth.size[1] // 2)), points)
    assert half.zoom == pytest.approx(0.95)  # whatever the sizes of the pictures


def test_one_lost_camera_does_not_move_the_others():
    truth, points = arc(140, frames=33), cloud()
    registration = register(truth, turned(truth, 4, [0.0, 0.3, 0.0]), points)
    assert missed(truth, truth, points, registration) < 1e-3


@pytest.mark.parametrize("points", [cloud(0), cloud(3), cloud() - 1000 * arc(0, frames=1).forward[0]])
def test_without_points_in_sight_the_cameras_decide(points):
    cameras, similarity = arc(140), some_similarity()
    moved = similarity.apply_cameras(cameras)
    registration = register(cameras, moved, similarity.apply_points(points))
    assert torch.allclose(registration.similarity.rotation, align(cameras, moved).rotation, atol=1e-3)
    assert registration.similarity.scale == pytest.approx(2.5, rel=1e-3)


def test_given_cameras_stay_as_they_are():
    cameras = arc(60)
    same = Registration.identity().apply_cameras(cameras)
    assert torch.equal(same.world_to_camera, cameras.world_to_camera)
    assert torch.equal(same.intrinsics, cameras.intrinsics)
