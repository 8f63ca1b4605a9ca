"""Scores of candidates: the better video comes first, and it is said why."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from fourreal.camera.cameras import Origin
from fourreal.camera.estimate import Estimate
from fourreal.clip import Clip, read
from fourreal.video.freeze_time import around
from fourreal.video.score import Candidate, Score, agreement, coverage, judge, order, rank, sharpness


@pytest.fixture(scope="module")
def yard(request) -> dict[str, Clip]:
    folder = request.getfixturevalue("fox_yard")
    return {name: read(folder / f"{name}.mp4", max_side=320) for name in ("freeze", "freeze_noisy", "reference")}


@pytest.fixture(scope="module")
def judged(yard) -> list[tuple[Score, ...]]:
    """The three as freeze-time videos of the reference video's frame 11."""
    return [judge(Candidate(clip, yard["reference"].frames[11]), "freeze") for clip in yard.values()]


def test_a_clean_freeze_time_video_comes_before_a_warped_one_and_that_before_a_moving_one(yard, judged):
    ranked = order(judged)
    assert [list(yard)[scored.index] for scored in ranked] == ["freeze", "freeze_noisy", "reference"]
    assert ranked[0].total > ranked[1].total + 0.03
    assert ranked[2].total < 0.5
    assert "hardly moves" in ranked[2].reasons[0]
    assert ranked[0].scores == judged[0]


def test_it_does_without_the_picked_frame(judged):
    alone = [tuple(score for score in scores if score.name != "agreement") for scores in judged]
    assert [scored.index for scored in order(alone)] == [0, 1, 2]


def test_a_camera_that_stands_makes_the_better_reference_video(yard):
    ranked = rank([Candidate(clip[:17]) for clip in yard.values()], "reference")
    assert ranked[0].index == 2
    assert ranked[0].total > 0.9 > 0.5 > ranked[1].total


def test_a_reference_video_in_which_nothing_moves_is_worth_less(yard):
    still = Clip(yard["reference"].frames[:1].repeat(24, 0), 12.0)
    ranked = rank([Candidate(still), Candidate(yard["reference"])], "reference")
    assert [scored.index for scored in ranked] == [1, 0]
    assert any("Hardly anything moves" in reason for reason in ranked[1].reasons)


def test_a_commanded_camera_that_cannot_be_seen_to_go_is_doubted_but_not_refused(yard):
    scores = {arc: judge(Candidate(yard["reference"], arc=arc), "freeze")[0] for arc in (None, 90.0)}
    assert scores[None].good == 0.0
    assert scores[90.0].good == 0.5
    assert "told to go 90 degrees" in scores[90.0].sentence
    assert judge(Candidate(yard["freeze"], arc=90.0), "freeze")[0].good == 1.0


def test_what_is_too_plain_to_be_seen_is_not_judged(yard):
    plain = Clip(np.full((16, 72, 128, 3), 120, np.uint8), 8.0)
    (ranked,) = rank([Candidate(plain)], "reference")
    assert not ranked.judged
    assert any("Too plain" in reason for reason in ranked.reasons)
    (ranked,) = rank([Candidate(yard["freeze"], yard["reference"].frames[11])], "freeze")
    assert ranked.judged
    assert not rank([Candidate(yard["reference"], arc=90.0)], "freeze")[0].judged


def test_blur_costs(yard):
    picked, frames = yard["reference"].frames[11], yard["freeze"].frames
    blurred = gaussian_filter(frames, (0, 2, 2, 0))
    assert sharpness(blurred, picked).good < sharpness(frames, picked).good - 0.3


def test_the_picked_frame_is_found_again_or_missed(yard):
    picked, frames = yard["reference"].frames[11], yard["freeze"].frames
    assert agreement(frames, picked).good > 0.9
    assert agreement(np.ascontiguousarray(frames[:, :, ::-1]), picked).good == 0


def test_scores_found_elsewhere_count_along(yard):
    far = Score("coverage", 170.0, 1.0, 3.0, "It goes 170 degrees around.")
    near = Score("coverage", 20.0, 0.1, 3.0, "It goes 20 degrees around.")
    clip = yard["freeze"][:9]
    ranked = rank([Candidate(clip, extra=(near,)), Candidate(clip, extra=(far,))], "freeze")
    assert [scored.index for scored in ranked] == [1, 0]
    assert ranked[1].reasons[0] == near.sentence


def test_a_short_or_blank_video_is_judged_too():
    for frames in (np.zeros((3, 64, 96, 3), np.uint8), np.full((9, 64, 96, 3), 200, np.uint8)):
        for role in ("reference", "freeze"):
            (scored,) = rank([Candidate(Clip(frames, 8.0))], role)
            assert 0 <= scored.total < 0.85
            assert all(reason for reason in scored.reasons)


def test_coverage_tells_how_far_the_camera_goes(yard, monkeypatch):
    angles = torch.linspace(0, 2.0, 33)
    cameras = replace(around(angles, (320, 180)), origin=Origin("incremental sfm", 0.9, "All found."))
    estimate = Estimate(cameras, torch.zeros(0, 3), torch.zeros(0, 3), torch.arange(30))
    monkeypatch.setattr("fourreal.camera.estimate.estimate_cameras", lambda *args: estimate)
    scores = {score.name: score for score in coverage(yard["freeze"])}
    assert scores["coverage"].value == pytest.approx(np.degrees(2), abs=1)
    assert scores["placed"].value == pytest.approx(30 / 33)
    assert "All found." in scores["placed"].sentence


def test_coverage_of_a_camera_that_stands_is_none(yard):
    (score,) = coverage(yard["reference"])
    assert (score.good, score.value) == (0, 0)
    assert "cannot be found" in score.sentence
