"""The oracle: exact about the clips it knows, silent about others."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from fourreal.fit.moving import Moving
from fourreal.fit.trajectories import Shots
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.motion_bases import MotionBases
from fourreal.video.model import VideoModel
from research.oracle import Oracle, posterior_mean
from research.world.worlds import make_world, other_motion, other_shape
from research.world_trial import Trial, observed

SIZE = (64, 36)


@pytest.fixture(scope="module")
def world():
    return make_world(3)


@pytest.fixture(scope="module")
def seen(world):
    return observed(world, SIZE, frames=12, freeze_frames=9)


def question(oracle: Oracle, seen, kind: str, number: int):
    shot = Shots(seen, oracle.capabilities, 4, 12.0, 0.05).draw(kind, np.random.default_rng(number), True)
    return shot, list(range(len(shot)))


def test_the_mean_is_that_of_the_posterior():
    """Against Bayes' rule summed by hand, pixel by pixel, at a noise level where both clips stay likely."""
    g = torch.Generator().manual_seed(0)
    clips = torch.rand(2, 1, 3, 2, 2, generator=g)
    video, sigma = clips[0] + 0.1, 0.9
    noise = torch.randn(video.shape, generator=torch.Generator().manual_seed(5))
    likely = []
    for clip in clips:
        wrong = (1 - sigma) * video + sigma * noise - (1 - sigma) * clip
        likely.append(math.exp(-sum(float(x) ** 2 for x in wrong.flatten()) / (2 * sigma**2)))
    share = likely[0] / sum(likely)
    assert 0.05 < share < 0.95
    expected = share * clips[0] + (1 - share) * clips[1]
    torch.testing.assert_close(posterior_mean(video, clips, sigma, 5), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(posterior_mean(clips[1], clips, 0.02, 5), clips[1], atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["views", "times"])
def test_it_says_the_truth_where_the_true_clip_is_among_its_own(kind, world, seen, device):
    observations, similarity = seen[0].to(device), seen[1]
    oracle = Oracle([world, other_motion(world, 1), other_shape(world, 1)], similarity, 12, SIZE, tolerance=0.02)
    assert isinstance(oracle, VideoModel)
    for number in range(4):
        shot, places = question(oracle, observations, kind, number)
        truth = oracle.clip(world, shot, places)
        oracle.tell(shot)
        answer = oracle.denoise_once(0.8 * truth + 0.1, 0.4, "", conditioning=dict(shot.conditioning), seed=1)
        free = [place for place in places if place not in shot.conditioning]
        torch.testing.assert_close(answer[free], truth[free], atol=1e-4, rtol=0)
        for place, picture in shot.conditioning.items():
            torch.testing.assert_close(answer[place].cpu(), torch.from_numpy(picture.copy()).permute(2, 0, 1) / 255)


def test_where_no_clip_agrees_with_the_known_frame_the_input_comes_back(world, seen):
    observations, similarity = seen
    oracle = Oracle([other_shape(world, 1)], similarity, 12, SIZE)
    shot, places = question(oracle, observations, "times", 0)
    video = torch.rand(4, 3, SIZE[1], SIZE[0])
    oracle.tell(shot)
    answer = oracle.denoise_once(video, 0.5, "", conditioning=dict(shot.conditioning))
    free = [place for place in places if place not in shot.conditioning]
    assert torch.equal(answer[free], video[free])
    assert oracle.agreements == [0]
    with pytest.raises(ValueError, match="told"):
        oracle.denoise_once(video, 0.5, "")


def test_motion_decoys_pass_at_the_canonical_time_alone(world, seen):
    observations, similarity = seen
    oracle = Oracle([other_motion(world, 1)], similarity, 12, SIZE)
    for kind, expected in (("times", 1), ("views", 0)):
        for number in range(20):
            shot, _ = question(oracle, observations, kind, number)
            if shot.codes[0] == observations.canonical and kind == "views":
                continue
            oracle.tell(shot)
            oracle.denoise_once(torch.rand(4, 3, SIZE[1], SIZE[0]), 0.5, "", conditioning=dict(shot.conditioning))
            assert oracle.agreements[-1] == expected
            break


def test_a_trial_scores_what_moves(world, seen, device):
    """Nothing at all scores badly, and a fit is scored by the views it gives."""
    observations, similarity = seen
    trial = Trial(world, similarity, SIZE, frames=12)
    zero = torch.zeros
    speck = Gaussians.static(zero(1, 3), torch.tensor([[1.0, 0, 0, 0]]), zero(1, 3) - 9, zero(1) - 9, zero(1, 3))
    field = MotionBases(zero(1, 3), torch.ones(1), 12, observations.canonical)
    nothing = Moving(replace(speck, motion=zero(1, 2)), field).to(device)
    assert trial.moving_psnr(nothing) < 15
    assert bool((trial.pictures(nothing) == 0.5).all())
