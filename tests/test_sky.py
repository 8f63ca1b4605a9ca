"""What stands behind a scene where it has no splat."""

from dataclasses import replace

import pytest
import torch
from scene_samples import some_scene

from fourreal.scene.r4d import r4d_bytes, read_r4d
from fourreal.scene.sky import fitted, harmonics, over_sky, rays, sky_of
from fourreal.scene.views import draw


@pytest.fixture(scope="module")
def scene():
    return some_scene()


def looked_through(scene, colour_of):
    """Pictures in which nothing is but a sky of that colour, a function of directions."""
    cameras = scene.freeze.resized((48, 27))
    return [(cameras[k], colour_of(rays(cameras[k])), torch.zeros(27, 48)) for k in range(len(cameras))]


def test_a_sky_that_was_seen_comes_back(scene):
    up = torch.tensor([0.0, -1.0, 0.0])
    blue_above = lambda rays: torch.stack([0.5 - 0.2 * (rays @ up)] * 2 + [0.6 + 0.2 * (rays @ up)], -1)
    pictures = looked_through(scene, blue_above)
    sky = fitted(pictures)
    for camera, colour, _ in pictures:
        assert (harmonics(rays(camera)) @ sky - colour).abs().max() < 0.1  # of colours that differ by 0.4


def test_where_nobody_looked_it_stays_a_colour_that_was_seen(scene):
    striped = lambda rays: (torch.sin(40 * rays) > 0).float() * 0.4 + 0.3
    sky = fitted(looked_through(scene, striped))
    everywhere = torch.nn.functional.normalize(torch.randn(500, 3, generator=torch.Generator().manual_seed(1)), dim=1)
    assert (harmonics(everywhere) @ sky).min() > 0.2
    assert (harmonics(everywhere) @ sky).max() < 0.8


def test_it_stands_behind_the_splats_in_films_and_files_and_not_in_scores(scene):
    camera, sky = scene.camera(), sky_of(scene)
    seen = scene.render(camera, 0.5)
    empty = replace(seen, colour=torch.zeros_like(seen.colour), alpha=torch.ones_like(seen.alpha))
    assert over_sky(empty, scene.inward(camera), sky, scene.background).equal(empty.colour)
    plain = draw(scene, camera, 0.5)
    assert (plain == (seen.colour.clamp(0, 1) * 255).round().byte().numpy()).all()
    behind = draw(scene, camera, 0.5, sky)
    through = (seen.alpha < 0.5).numpy()
    assert through.any()
    assert (plain[through] != behind[through]).any()
    assert read_r4d(r4d_bytes(scene)).header["sky"] == [pytest.approx(colour, abs=1e-4) for colour in sky.tolist()]
