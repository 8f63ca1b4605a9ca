"""A plain backdrop is found, and gets a wall behind everything."""

from dataclasses import replace

import fit_samples
import torch

from fourreal.fit.backdrop import PIECES, backdrop_colour, of_colour
from fourreal.fit.initialize import initial_gaussians
from fourreal.splat.rasterize import rasterize

WHITE = torch.tensor([0.98, 0.97, 0.99])


def on_white(frames: torch.Tensor) -> torch.Tensor:
    """What is in the middle of the pictures, in front of white that is not quite even."""
    out = WHITE + 0.01 * torch.randn(frames.shape, generator=torch.Generator().manual_seed(0))
    height, width = frames.shape[1:3]
    middle = slice(height // 3, None), slice(width // 3, 2 * width // 3)  # it stands on the picture's lower edge
    out[:, *middle] = frames[:, *middle]
    return out.clamp(0, 1)


def test_one_colour_around_the_subject_is_a_backdrop_and_a_scene_is_none():
    frames = torch.rand(6, 48, 80, 3, generator=torch.Generator().manual_seed(1))
    assert (backdrop_colour(on_white(frames)) - WHITE).abs().max() < 0.01
    assert backdrop_colour(frames) is None
    sky = frames.clone()
    sky[:, :20] = WHITE  # above alone
    assert backdrop_colour(sky) is None
    assert backdrop_colour(torch.zeros(6, 48, 80, 3)) is None  # there is nothing before it
    black = torch.zeros(6, 48, 80, 3)
    black[:, 16:32, 30:50] = frames[:, 16:32, 30:50]
    assert backdrop_colour(black).tolist() == [0, 0, 0]


def test_where_nothing_else_is_the_wall_is_seen():
    seen = fit_samples.observations()
    plain = replace(seen, freeze=on_white(seen.freeze))
    gaussians = initial_gaussians(plain, 800, seed=0)
    assert 700 < len(gaussians) <= 800
    camera = plain.freeze_cameras
    pieces = min(PIECES, 400)
    scene, wall = gaussians[:-pieces], gaussians[-pieces:]
    assert wall.means.norm(dim=1).min() > 5.9
    assert of_colour(wall.colors, WHITE).all()
    for pose in camera.world_to_camera:
        drawn = rasterize(wall, pose, camera.intrinsics, camera.size, torch.zeros(3))
        assert drawn.alpha.min() > 0.95
        assert (drawn.colour - WHITE).abs().mean() < 0.05
    assert not of_colour(scene.colors, WHITE).any()
