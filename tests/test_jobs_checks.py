"""The look at two videos before a run, where it needs no video: how far known cameras go around, what is told."""

import numpy as np
import pytest

from fourreal.clip import Clip
from fourreal.clip.flaws import Cleaned, Finding
from fourreal.jobs.checks import arc, flaws


def cameras(azimuths, elevation=10.0, trembling=0.0) -> dict:
    """Cameras that look at the origin from a circle, in degrees."""
    noise = np.random.default_rng(0).normal(0, trembling, (len(azimuths), 2))
    a, e = np.radians(np.stack([azimuths, np.full(len(azimuths), elevation)]) + noise.T)
    forward = -np.stack([np.cos(e) * np.cos(a), np.sin(e), np.cos(e) * np.sin(a)], -1)
    right = np.stack([-np.sin(a), 0 * a, np.cos(a)], -1)
    rotations = np.stack([right, np.cross(forward, right), forward], 1)
    poses = np.concatenate([rotations, np.tile([[[0.0], [0.0], [4.0]]], (len(a), 1, 1))], -1)
    return {"freeze": [{"w2c": [*pose.tolist(), [0, 0, 0, 1]]} for pose in poses]}


THERE = np.linspace(0, 138, 33)
BACK = THERE[::-1]


@pytest.mark.parametrize(
    ("azimuths", "degrees", "says"),
    [
        (THERE, 138, "through 13"),
        (np.concatenate([THERE, BACK, THERE, BACK]), 138, "through 13"),
        (np.linspace(-69, 69, 33)[np.argsort(np.sin(np.arange(33)))], 138, "through 13"),
        (np.linspace(0, 350, 36), 350, "all around"),
        (np.linspace(0, 720, 72), 360, "all around"),
        (np.linspace(0, 8, 20), 8, "only 8 degrees"),
        (np.zeros(5), 0, "only 0 degrees"),
        (np.zeros(1), 0, "only 0 degrees"),
    ],
)
def test_what_is_seen_is_the_angle_that_is_covered(azimuths, degrees, says):
    span = arc(cameras(azimuths))
    assert span["value"] == pytest.approx(degrees, abs=4)
    assert says in span["sentence"]


@pytest.mark.parametrize("elevation", [-30.0, 0.0, 40.0])
def test_all_around_is_all_around_from_any_height_and_with_a_trembling_hand(elevation):
    assert arc(cameras(np.linspace(0, 350, 36), elevation, 0.5))["value"] == pytest.approx(350, abs=3)
    assert arc(cameras(np.linspace(0, 20, 40), elevation, 0.1))["value"] == pytest.approx(
        20 * np.cos(np.radians(elevation)), abs=1.5
    )


@pytest.mark.parametrize(("role", "said"), [("freeze", "Freeze-time video: it has bars."), ("", "It has bars.")])
def test_what_follows_a_colon_goes_on_in_lower_case(role, said):
    clip = Clip(np.zeros((1, 2, 2, 3), np.uint8), 1.0)
    (told,) = flaws(role, Cleaned(clip, [0], (0, 0, 2, 2), None, (Finding("bars", "It has bars."),)))
    assert told["sentence"] == said
