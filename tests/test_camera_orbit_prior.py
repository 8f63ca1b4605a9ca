"""The arc that is guessed goes the right way and about as far as the camera did."""

import numpy as np
import pytest
import torch

from fourreal.camera.align import pose_errors
from fourreal.camera.cameras import Cameras
from fourreal.camera.orbit_prior import Arc, misfit, orbit_prior
from fourreal.camera.sfm_process import Matches

FRAMES, SIZE = 21, (512, 288)


def seen_from(arc: Arc, wrong: float = 0.3, noise: float = 1.0) -> tuple[Cameras, Matches]:
    """Cameras on an arc and noisy matches of a cloud of points, of which a share is wrong altogether."""
    rng = np.random.default_rng(0)
    poses = arc.poses(torch.linspace(0, 1, FRAMES, dtype=torch.float64))
    points = rng.normal(size=(40, 3)) * 0.25
    seen = np.einsum("fij,pj->fpi", poses[:, :3, :3].numpy(), points) + poses[:, None, :3, 3].numpy()
    pixels = seen[..., :2] / seen[..., 2:] * arc.focal * SIZE[0] + np.array(SIZE) / 2
    pixels = pixels + rng.normal(size=pixels.shape) * noise
    pairs = np.array([(a, b) for a in range(FRAMES) for b in range(a + 1, min(a + 5, FRAMES))])
    links = np.repeat(pairs, len(points), axis=0)
    first, second = (np.concatenate([pixels[i] for i in side]) for side in pairs.T)
    lost = rng.random(len(links)) < wrong
    second[lost] = rng.random((lost.sum(), 2)) * SIZE
    focal = arc.focal * SIZE[0]
    cameras = Cameras(poses.float(), torch.tensor([focal, focal, SIZE[0] / 2, SIZE[1] / 2]), SIZE)
    return cameras, Matches(links, first, second, SIZE, 0.0)


@pytest.mark.parametrize("angle", [-150.0, -60.0, 60.0, 150.0])
def test_the_arc_is_found_with_its_direction(angle):
    truth, matches = seen_from(Arc(angle, 12.0, 1.05))
    guess = orbit_prior(matches, FRAMES, SIZE)
    degrees, position = pose_errors(guess, truth)
    assert degrees.median() < 5
    assert position.median() < 0.1
    assert guess.origin.method == "orbit prior"
    assert guess.origin.confidence <= 0.2


def test_an_arc_the_wrong_way_round_fits_worse():
    _, matches = seen_from(Arc(90.0, 10.0, 1.0))
    assert misfit(Arc(90.0, 10.0, 1.0), matches, FRAMES) + 0.2 < misfit(Arc(-90.0, 10.0, 1.0), matches, FRAMES)


def test_the_camera_of_a_positive_arc_goes_to_its_right():
    poses = Arc(40.0, 0.0, 1.0).poses(torch.tensor([0.0, 1.0]))
    first, last = Cameras(poses, torch.ones(4), SIZE).centres
    assert poses[0, 0, :3] @ (last - first) > 0
