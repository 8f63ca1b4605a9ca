"""What was fitted at one size looks the same at another."""

import torch
from fit_samples import GREY, arc, true_scene

from fourreal.splat.lowpass import eps2d_at, smoothed
from fourreal.splat.rasterize import EPS2D, rasterize


def test_twice_the_size_averaged_back_is_nearer_to_what_was_fitted(device):
    fine = true_scene(0.5).to(device)
    fine = type(fine)(**(fine.tensors() | {"scales": fine.scales - 1.5}))  # splats of about a pixel
    cameras, grey = arc(1).to(device), GREY.to(device)
    width, height = cameras.size

    def drawn(gaussians, factor):
        camera = cameras.resized((factor * width, factor * height))
        image = rasterize(gaussians, camera.world_to_camera[0], camera.intrinsics, camera.size, grey).colour
        return image.reshape(height, factor, width, factor, 3).mean((1, 3))

    fitted = drawn(fine, 1)
    wide = smoothed(fine, cameras.centres, float(cameras.intrinsics[0]))
    for factor in (2, 4):
        before = (drawn(fine, factor) - fitted).abs().mean()
        after = (drawn(wide, factor) - fitted).abs().mean()
        assert float(after) < 0.5 * float(before)
    assert torch.equal(wide.means, fine.means)


def test_half_the_size_is_most_like_the_whole_averaged(device):
    scene = true_scene(0.5).to(device)
    scene = type(scene)(**(scene.tensors() | {"scales": scene.scales - 1.0}))
    cameras, grey = arc(1).to(device), GREY.to(device)
    width, height = cameras.size

    def drawn(size, **how):
        camera = cameras.resized(size)
        return rasterize(scene, camera.world_to_camera[0], camera.intrinsics, camera.size, grey, **how).colour

    whole = drawn((2 * width, 2 * height)).reshape(height, 2, width, 2, 3).mean((1, 3))
    missed = [float((drawn((width, height), **how) - whole).square().mean()) for how in ({}, {"eps2d": eps2d_at(1)})]
    assert missed[1] < 0.5 * missed[0]
    assert eps2d_at(0) == EPS2D
