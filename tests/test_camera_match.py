"""Which frames meet, and whether a camera stands still: found by looking."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, shift
from test_camera_sfm import decode

from fourreal.camera import match
from fourreal.camera.trajectory import Path
from fourreal.errors import UserError
from research.world.solo import make_solo
from research.world.world import cameras_at


@pytest.fixture(scope="module")
def fox(assets) -> dict[str, np.ndarray]:
    folder = assets / "examples" / "fox_yard"
    return {name: decode(folder / f"{name}.mp4") for name in ("reference", "freeze", "freeze_noisy")}


@pytest.fixture(scope="module")
def robot(assets) -> dict[str, np.ndarray]:
    folder = assets / "examples" / "robot_dance"
    return {name: decode(folder / f"{name}.mp4") for name in ("reference", "freeze")}


def worn(frames: np.ndarray) -> np.ndarray:
    """Darker, blurred, noisy and a pixel off, as a video model may return what it was given."""
    noise = np.random.default_rng(0).normal(0, 6, frames.shape)
    moved = shift(gaussian_filter(frames.astype(float), (0, 1.5, 1.5, 0)), (0, 1, 1, 0), order=1, mode="nearest")
    return (moved * 0.75 + 12 + noise).clip(0, 255).astype(np.uint8)


def canvas(height: int = 200, width: int = 500) -> np.ndarray:
    """A textured grey picture."""
    texture = gaussian_filter(np.random.default_rng(3).normal(size=(height, width)), 2)
    return (128 + 250 * texture).clip(0, 255)


def film(picture: np.ndarray, offsets: list[int], gain: float = 0.0) -> np.ndarray:
    """(F, 144, 256, 3) windows of a picture, moved right by pixels a frame; brightness drifts by `gain` a frame."""
    views = [picture[20:164, x : x + 256] * (1 + gain * i) for i, x in enumerate(offsets)]
    return np.repeat(np.stack(views)[..., None], 3, -1).clip(0, 255).astype(np.uint8)


def standing() -> Path:
    """A camera that stands while time passes."""
    return Path(cameras_at(torch.zeros(12), (256, 144), elevation=16.0), torch.linspace(0, 1, 12))


@pytest.mark.parametrize("clip", ["freeze", "freeze_noisy"])
def test_the_frozen_frame_is_found(fox, clip):
    meeting = match.find_frozen_frame(fox["reference"], fox[clip])
    assert (meeting.canonical_index, meeting.freeze_reference_index) == (11, 16)
    assert meeting.score > 0.95
    assert meeting.margin > 0.2


def test_the_frozen_frame_of_the_dancing_robot_is_found(robot):
    meeting = match.find_frozen_frame(robot["reference"], robot["freeze"])
    assert (meeting.canonical_index, meeting.freeze_reference_index) == (10, 16)


def test_where_one_of_the_frames_is_known_the_other_alone_is_looked_for(fox):
    pair = lambda *indices: match.find_frozen_frame(fox["reference"], fox["freeze"], *indices)
    met = lambda *indices: (pair(*indices).canonical_index, pair(*indices).freeze_reference_index)
    assert met(9) == (9, 16)
    assert met(None, 16) == met(11, 16) == (11, 16)
    with pytest.raises(UserError, match="same scene"):
        pair(11, 3)


def test_the_frozen_frame_is_found_in_worn_and_smaller_frames(fox):
    meeting = match.find_frozen_frame(fox["reference"], worn(fox["freeze"])[:, ::2, ::2])
    assert meeting.freeze_reference_index == 16
    assert abs(meeting.canonical_index - 11) <= 1


@pytest.mark.parametrize("swap", [False, True])
def test_videos_of_different_scenes_are_refused(fox, robot, swap):
    reference, freeze = (robot, fox) if swap else (fox, robot)
    with pytest.raises(UserError, match="do not show the same scene"):
        match.find_frozen_frame(reference["reference"], freeze["freeze"])


def test_a_freeze_video_without_the_reference_view_is_refused(fox):
    with pytest.raises(UserError, match="common viewpoint"):
        match.find_frozen_frame(fox["reference"], fox["freeze"][20:])


def test_fixed_cameras_are_seen_to_stand_still_however_the_subject_moves(fox, robot):
    for clip in (fox, robot):
        verdict = match.moving_camera(clip["reference"])
        assert not verdict.moves
        assert verdict.put > 0.6


def test_circling_cameras_are_seen_to_move(fox, robot):
    for frames in (fox["freeze"], fox["freeze_noisy"], robot["freeze"]):
        assert match.still_camera(frames).moves
        verdict = match.moving_camera(frames)
        assert verdict.moves
        assert "found frame by frame" in verdict.sentence


def test_a_slow_drift_is_motion_and_flicker_is_not():
    picture = canvas()
    assert match.camera_motion(film(picture, list(range(0, 48, 4)))).moves
    assert not match.camera_motion(film(picture, [40] * 12, gain=-0.03)).moves


def test_on_a_plain_floor_under_grain_with_a_large_subject_a_still_camera_is_seen_to_stand():
    frames = make_solo(3).view(standing()).colour.clamp(0, 1).numpy() * 255
    grain = np.random.default_rng(1).normal(0, 4, frames.shape)
    assert not match.camera_motion((frames + grain).clip(0, 255).astype(np.uint8)).moves


def test_a_subject_that_holds_all_the_texture_may_move_before_a_still_camera():
    frames = np.full((12, 144, 256, 3), 120, np.uint8)
    for number, frame in enumerate(frames):
        frame[30:110, 40 + 9 * number : 120 + 9 * number] = canvas()[:80, :80, None]
    verdict = match.camera_motion(frames)
    assert not verdict.moves
    assert verdict.put > 0.65


def test_a_camera_that_pans_under_a_plain_sky_is_seen_to_move():
    frames = film(canvas(), list(range(0, 96, 8)))
    frames[:, :64] = 128
    assert match.camera_motion(frames).moves


def test_a_cut_to_another_scene_is_motion(fox, robot):
    assert match.camera_motion(np.concatenate([fox["reference"][:8], robot["reference"][:8]])).moves


def test_a_still_freeze_time_video_is_told_what_to_do():
    verdict = match.still_camera(film(canvas(), [40] * 6))
    assert not verdict.moves
    assert "hardly moves" in verdict.sentence
    assert "Pick a video in which the camera circles" in verdict.sentence


def test_without_texture_nothing_is_claimed():
    verdict = match.camera_motion(np.full((5, 144, 256, 3), 90, np.uint8))
    assert not verdict.moves
    assert "too little texture" in verdict.sentence
