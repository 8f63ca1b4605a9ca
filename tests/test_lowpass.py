"""What was fitted at one size looks the same at another."""

import torch
from fit_samples import GREY, arc, true_scene

from fourreal.splat.lowpass import smoothed
from fourreal.splat.rasterize import rasterize


def test_twice_the_size_averaged_back_is_nearer_to_what_was_fitted():
    fine = true_scene(0.5)
    fine = type(fine)(**(fine.tensors() | {"scales": fine.scales - 1.5}))  # splats of about a pixel
    cameras = arc(1)
    width, height = cameras.size

    def drawn(gaussians, factor):
        camera = cameras.resized((factor * width, factor * height))
        image = rasterize(gaussians, camera.world_to_camera[0], camera.intrinsics, camera.size, GREY).colour
        return image.reshape(height, factor, width, factor, 3).mean((1, 3))

    fitted = drawn(fine, 1)
    wide = smoothed(fine, cameras.centres, float(cameras.intrinsics[0]))
    for factor in (2, 4):
        before = (drawn(fine, factor) - fitted).abs().mean()
        after = (drawn(wide, factor) - fitted).abs().mean()
        assert float(after) < 0.5 * float(before)
    assert torch.equal(wide.means, fine.means)
