"""A scene shows what its parts say, at any time and from any camera."""

from dataclasses import replace

import pytest
import torch
from devices import same
from scene_samples import CANONICAL, FRAMES, SIZE, arc_cameras, some_scene

from fourreal.scene.scene4d import moments_of
from fourreal.splat.deform import bend
from fourreal.splat.rasterize import rasterize


def test_canonical_splats_at_the_canonical_time(device):
    scene = some_scene().to(device)
    assert scene.canonical_time == CANONICAL / (FRAMES - 1)
    at = scene.at(scene.canonical_time)
    assert torch.equal(at.means, scene.gaussians.means)
    assert torch.equal(at.scales, scene.gaussians.scales)


def test_reference_times_are_the_frames_of_the_field_even_when_written_in_decimals(device):
    scene = some_scene().to(device)
    for frame, t in enumerate(scene.times.tolist()):
        expected = bend(scene.gaussians, scene.field.offsets(scene.gaussians, frame))
        assert same(scene.at(round(t, 5)).means, expected.means)


def test_between_frames_splats_are_between(device):
    scene = some_scene().to(device)
    first, middle, second = (scene.at(code / (FRAMES - 1)).means for code in (3.0, 3.5, 4.0))
    moved = (second - first).norm(dim=-1)
    assert moved.max() > 0.05
    assert ((middle - first).norm(dim=-1) <= moved + 1e-4).all()
    off = (middle - (first + second) / 2).norm(dim=-1)  # rotations are followed along their arcs
    assert off.mean() < 0.2 * moved.mean()


def test_what_does_not_move_stays_put_and_the_static_scene_does_not_move_at_all(device):
    scene = some_scene().to(device)
    still = ~scene.gaussians.moves
    assert torch.equal(scene.at(0.0).means[still], scene.gaussians.means[still])
    assert torch.equal(scene.static().at(0.0).means, scene.gaussians.means)


@pytest.mark.parametrize("t", [-0.01, 1.01, float("nan")])
def test_times_outside_the_scene_are_refused(t):
    with pytest.raises(ValueError, match="outside"):
        some_scene().at(t)


def test_a_camera_of_the_input_sees_the_picture_of_the_same_camera_in_the_fit(device):
    scene, given = some_scene().to(device), arc_cameras()
    seen = scene.freeze.to(device)
    inner = rasterize(scene.at(0.25), seen.world_to_camera[1], seen.intrinsics, SIZE, scene.background)
    outer = scene.render(given[1], 0.25)
    torch.testing.assert_close(outer.colour, inner.colour, atol=1e-3, rtol=0)
    assert outer.alpha.max() > 0.9
    # Depth is measured in the input's units: the same splat, further off by the scale.
    torch.testing.assert_close(outer.depth * scene.similarity.scale, inner.depth, atol=1e-3, rtol=1e-3)
    assert scene.similarity.scale < 0.5


def test_a_picture_of_another_size_shows_the_same(device):
    scene = some_scene().to(device)
    small = scene.render(arc_cameras()[4], 1.0, (SIZE[0] // 2, SIZE[1] // 2)).colour
    large = scene.render(arc_cameras()[4], 1.0).colour
    assert small.shape == (32, 48, 3)
    averaged = large.unflatten(0, (32, 2)).unflatten(2, (48, 2)).mean(dim=(1, 3))
    assert (averaged - small).abs().mean() < 0.02


def test_cameras_go_out_as_they_came_in():
    scene = some_scene()
    back = scene.outward(scene.freeze).world_to_camera
    torch.testing.assert_close(back, arc_cameras().world_to_camera, atol=1e-5, rtol=1e-5)


def test_a_frame_of_the_video_is_drawn_as_it_was_taken_however_frames_were_picked():
    frames = (0, *range(2, FRAMES + 1))  # the second of the video is left out
    scene = replace(some_scene(), moments=moments_of(frames))
    assert [scene.code(frame / FRAMES) for frame in frames] == list(range(FRAMES))
    assert scene.code(1 / FRAMES) == pytest.approx(0.5)
    assert scene.canonical_time == frames[CANONICAL] / FRAMES
    assert moments_of(range(0, 3 * FRAMES, 3)) == ()
