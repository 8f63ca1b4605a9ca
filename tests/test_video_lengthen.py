"""A picked freeze-time candidate made longer, window by window."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from candidate_samples import Models, Paper

from fourreal import clip
from fourreal.clip import Clip
from fourreal.settings import ClipLimits
from fourreal.video import lengthen, registry, shelf
from fourreal.video.extend import How
from fourreal.video.freeze_time import FreezeTime
from fourreal.video.lengthen import Goal
from fourreal.video.one_model import Choice
from fourreal.video.score import Score

HOW = How("A fox", steps=2)


@pytest.fixture
def picked(tmp_path, tiny_clip):
    """A freeze-time candidate of 8 frames whose camera goes 7 degrees around."""
    (tmp_path / "c").mkdir()
    angles = torch.linspace(0, 7, 8).deg2rad()
    stored = shelf.StoredCandidate(tmp_path / "c" / "freeze-0.mp4", "freeze", 0, "", {}, "paper")
    return shelf.keep(FreezeTime(Clip(tiny_clip.frames.repeat(2, 1).repeat(2, 2), 12.0), angles), stored)


@pytest.fixture
def calm(monkeypatch):
    monkeypatch.setattr(lengthen, "trouble", lambda before, after, side: "")


def test_windows_are_added_until_the_camera_goes_far_enough(picked, tmp_path, calm):
    path, sana, model = tmp_path / "inputs" / "freeze.mp4", Choice("sana-wm"), Paper("sana-wm")
    video, why = lengthen.lengthen(picked, Goal(20, 5), HOW, sana, Models(model), path)
    assert (len(video.clip), video.canonical) == (24, 8)  # one on the right, one on the left: 23 degrees
    assert "23 degrees" in why[-1]
    again, reasons = lengthen.lengthen(picked, Goal(20, 5), HOW, sana, Models(), path)
    np.testing.assert_array_equal(again.clip.frames, video.clip.frames)
    torch.testing.assert_close(again.angles, video.angles)
    assert (again.canonical, reasons) == (8, why)
    more, _ = lengthen.lengthen(picked, Goal(30, 5), HOW, sana, Models(model), path)
    assert len(more.clip) == 32


def test_without_windows_the_file_is_the_same_to_the_bit(picked, tmp_path):
    path = tmp_path / "freeze.mp4"
    video, why = lengthen.lengthen(picked, Goal(180, 0), HOW, Choice("sana-wm"), Models(), path)
    assert path.read_bytes() == picked.path.read_bytes()
    assert video.degrees == pytest.approx(7)
    assert why == ("No windows were asked for.",)


@pytest.mark.parametrize(("degrees", "frames"), [(0.0, 8), (7.0, 24), (30.0, 8)])
def test_without_a_command_the_arc_is_measured(picked, tmp_path, calm, monkeypatch, degrees, frames):
    """7 degrees in 8 frames, so 8 more for each window: two for 20."""
    scores = (Score("coverage", degrees, 1.0, 1.0, f"It goes {degrees} degrees."),)
    monkeypatch.setattr(lengthen, "coverage", lambda clip, cancel: scores)
    model = Models(Paper("wan-vace-1.3b")) if frames > 8 else Models()
    free = replace(picked, angles=None)
    video, why = lengthen.lengthen(free, Goal(20, 5), HOW, Choice(), model, tmp_path / "freeze.mp4")
    assert len(video.clip) == frames
    assert why[0] == f"It goes {degrees} degrees."


def test_a_size_that_the_model_does_not_make_is_left_alone(picked, tmp_path, tiny_clip):
    clip.write(Clip(tiny_clip.frames[:, :40, :50], 12.0), picked.path)
    video, why = lengthen.lengthen(picked, Goal(), HOW, Choice(), Models(), tmp_path / "freeze.mp4")
    assert len(video.clip) == 8
    assert "50x40" in why[0]


def test_no_video_gets_longer_than_can_be_read_again():
    most = ClipLimits().max_frames
    for name in registry.MODELS:
        for frames in (17, 161, 257, 299, 300):
            room = Goal(180, 60).room(Choice(name), frames)
            assert frames + 8 * room <= most
            assert room == 60 or frames + 8 * (room + 1) > most


def test_the_first_arc_leaves_the_rest_to_the_windows():
    goal = Goal(180, 12)
    first = goal.first_arc(Choice("sana-wm"), 161)
    assert first + 12 * 8 * first / 160 == pytest.approx(180)
    assert Goal(180, 0).first_arc(Choice("sana-wm"), None) == 180
