"""From structure from motion down to the guess, and what a person is told where neither can work."""

import numpy as np
import pytest
from test_camera_match import canvas, film
from test_camera_orbit_prior import FRAMES, SIZE, Arc, seen_from

from fourreal.camera import estimate, sfm, sfm_process
from fourreal.errors import UserError
from fourreal.progress import CancelToken, ignore
from fourreal.settings import SfmSettings

PAN = film(canvas(), list(range(0, 168, 8)))


def run(frames: np.ndarray) -> estimate.Estimate:
    return estimate.estimate_cameras(frames, SfmSettings(), ignore, CancelToken())


def failing(monkeypatch, matches: sfm_process.Matches | None) -> None:
    def fail(*_):
        raise sfm.SfmFailed("no frames could be placed", matches)

    monkeypatch.setattr(sfm, "reconstruct", fail)


def test_a_still_camera_is_refused_before_any_work(monkeypatch):
    monkeypatch.setattr(sfm, "reconstruct", None)
    with pytest.raises(UserError, match="hardly moves"):
        run(film(canvas(), [40] * 8))


def test_a_handful_of_frames_is_refused():
    with pytest.raises(UserError, match="only 3 frames"):
        run(PAN[:3])


@pytest.mark.slow
def test_a_camera_that_only_pans_is_refused():
    with pytest.raises(UserError, match="turns on the spot"):
        run(PAN)


def test_frames_that_do_not_match_are_refused():
    noise = np.random.default_rng(0).integers(0, 255, (8, 144, 256, 3), dtype=np.uint8)
    with pytest.raises(UserError, match="could not be matched"):
        run(noise)


def test_a_machine_too_busy_to_compare_the_frames_does_not_call_them_wrong(monkeypatch):
    failing(monkeypatch, None)
    with pytest.raises(UserError, match="took longer than 240 seconds") as said:
        run(PAN)
    assert "blurred" not in str(said.value)


def test_the_guess_takes_over_and_says_so(monkeypatch):
    _, matches = seen_from(Arc(90.0, 10.0, 1.0))
    failing(monkeypatch, matches)
    frames = np.resize(PAN, (FRAMES, SIZE[1], SIZE[0], 3))
    estimate = run(frames)
    assert estimate.origin.method == "orbit prior"
    assert "no frames could be placed" in estimate.origin.note
    assert len(estimate.cameras) == FRAMES
    assert estimate.registered.tolist() == list(range(FRAMES))
    assert estimate.points.shape == (0, 3)
