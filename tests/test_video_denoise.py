"""The arithmetic of denoising, previews, and what is done to known frames, without any model."""

import numpy as np
import pytest
import torch

from fourreal.camera.cameras import Cameras
from fourreal.clip import Clip, read
from fourreal.video.capabilities import Capabilities
from fourreal.video.conditioning import Conditioning, fitted, settled
from fourreal.video.denoise import guided, noised, pixel_target
from fourreal.video.extend import How, alternating, extend
from fourreal.video.freeze_time import FreezeTime
from fourreal.video.preview import LatentPreview, RunningEstimate
from fourreal.video.registry import MODELS
from fourreal.video.until import far_enough, trouble


def test_a_model_that_knows_the_answer_gives_it_from_any_noise():
    clean, noise = torch.rand(1, 4, 3, 5, 5), torch.randn(1, 4, 3, 5, 5)
    for sigma in (0.02, 0.5, 0.98):
        velocity = noise - clean
        torch.testing.assert_close(noised(clean, noise, sigma) - sigma * velocity, clean, atol=1e-5, rtol=0)


def test_guidance_of_one_is_the_text_alone_and_more_goes_beyond():
    text, negative = torch.randn(1, 4, 3, 5, 5), torch.randn(1, 4, 3, 5, 5)
    torch.testing.assert_close(guided(text, negative, 1), text)
    torch.testing.assert_close(guided(text, negative, 3), negative + 3 * (text - negative))
    assert guided(text, negative, 7, rescale=1).std() == pytest.approx(float(text.std()), rel=1e-4)


def test_what_the_autoencoder_loses_does_not_show_in_the_target():
    video = torch.rand(1, 3, 9, 16, 16)
    pool = lambda x: torch.nn.functional.avg_pool3d(x, (1, 4, 4))
    grow = lambda x: torch.nn.functional.interpolate(x, scale_factor=(1, 4, 4))
    torch.testing.assert_close(pixel_target(video, pool, grow, lambda z: z), video)
    brighter = pixel_target(video, pool, grow, lambda z: z + 0.25)
    torch.testing.assert_close(brighter, video + 0.25)


def test_a_preview_shows_the_colours():
    """With an encoder that mixes means of cells into more channels, as real ones do."""
    mix = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))

    def encode(video):
        cells = torch.nn.functional.avg_pool3d(video, (1, 8, 8))[:, :, ::4]
        return torch.einsum("cd,bdfhw->bcfhw", mix, cells)

    preview = LatentPreview(encode, 16, 4, "cpu")
    video = torch.full((1, 3, 9, 64, 96), -0.8)
    video[:, 0, :, :, 48:] = 0.8
    image = preview(encode(video))
    assert image.shape[1] / image.shape[0] == 1.5
    left, right = image[:, : image.shape[1] // 3].mean((0, 1)), image[:, -(image.shape[1] // 3) :].mean((0, 1))
    assert (left < 60).all()
    assert right[0] > 180 > 60 > right[1:].max()


def test_two_steps_of_a_loop_tell_where_it_ends():
    clean, noise = torch.rand(1, 4, 3, 5, 5), torch.randn(1, 4, 3, 5, 5)
    estimate = RunningEstimate()
    assert estimate(noised(clean, noise, 0.9), 0.9) is None
    torch.testing.assert_close(estimate(noised(clean, noise, 0.6), 0.6), clean, atol=1e-5, rtol=0)


def test_settling_mends_a_tint_and_puts_the_known_frames_back():
    truth = np.random.default_rng(0).integers(40, 200, (9, 12, 16, 3)).astype(np.uint8)
    tinted = (truth / 255 * np.array([1.1, 0.9, 1.0]) + np.array([0.02, -0.03, 0.01])).astype(np.float32)
    conditioning = {0: truth[0], 1: truth[1]}
    out = settled(tinted, conditioning)
    np.testing.assert_array_equal(out[:2], truth[:2])
    assert np.abs(out.astype(int) - truth).max() <= 2
    np.testing.assert_array_equal(settled(truth.astype(np.float32) / 255, {}), truth)


def test_settling_does_not_repaint_a_picture_to_please_another():
    dark, bright = np.full((5, 12, 16, 3), 0.1, np.float32), np.full((12, 16, 3), 240, np.uint8)
    assert settled(dark, {0: bright})[1:].max() < 60


@pytest.mark.parametrize("size", [(96, 64), (64, 96), (33, 17), (300, 300)])
def test_a_picture_is_fitted_without_being_squeezed(size):
    """A disc stays a disc."""
    y, x = np.mgrid[:200, :320]
    disc = np.where((x - 160) ** 2 + (y - 100) ** 2 < 60**2, 255, 0).astype(np.uint8)
    out = fitted(disc[..., None].repeat(3, 2), size)
    assert out.shape == (size[1], size[0], 3)
    inside = out[..., 0] > 127
    assert np.ptp(np.nonzero(inside.any(0))[0]) == pytest.approx(np.ptp(np.nonzero(inside.any(1))[0]), abs=1.5)


def test_pictures_and_places_must_agree():
    clip = Clip(np.zeros((3, 8, 8, 3), np.uint8), 8.0)
    for places in ((0, 1), (0, 1, 1)):
        with pytest.raises(ValueError, match="3 pictures"):
            Conditioning(clip, places)


@pytest.mark.parametrize("able", [entry.capabilities for entry in MODELS.values()], ids=MODELS)
def test_the_nearest_on_the_grid_is_on_the_grid(able: Capabilities):
    for frames in (-5, 0, 1, 2, 7, 16, 17, 50, 10**9):
        able.check_frames(able.nearest_frames(frames))
    for size in ((0, 0), (1, 5000), (100, 60), (833, 479)):
        able.check_size(able.nearest_size(size))


# --- When an extension ends -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def orbit(request) -> Clip:
    return read(request.getfixturevalue("fox_yard") / "freeze.mp4", max_side=320)


@pytest.mark.slow
def test_a_window_that_is_as_the_rest_is_fine(orbit):
    assert trouble(FreezeTime(orbit[:25], None), FreezeTime(orbit, None), "right") == ""
    assert trouble(FreezeTime(orbit[8:], None), FreezeTime(orbit, None), "left") == ""


def test_a_blurred_or_jolting_window_is_found(orbit):
    from scipy.ndimage import gaussian_filter

    before = FreezeTime(orbit[8:], None)
    blurred = np.concatenate([gaussian_filter(orbit.frames[:8], (0, 3, 3, 0)), orbit.frames[8:]])
    assert "blurred" in trouble(before, FreezeTime(Clip(blurred, 8.0), None), "left")
    shaken = np.stack([np.roll(frame, (-1) ** n * 2, 1) for n, frame in enumerate(orbit.frames)])
    shaken = Clip(np.concatenate([orbit.frames[:16], shaken[16:]]), 8.0)
    assert "smoothly" in trouble(FreezeTime(orbit[:16], None), FreezeTime(shaken, None), "right")


def test_the_commanded_arc_ends_an_extension():
    class Turning:
        capabilities, identity = MODELS["sana-wm"].capabilities, "turning"

        def generate(self, prompt, *, frames, size, fps, cameras, **others):
            assert isinstance(cameras, Cameras)
            return Clip(np.zeros((frames, size[1], size[0], 3), np.uint8), fps)

        denoise_once = rest = release = generate

    start = FreezeTime(Clip(np.zeros((17, 64, 96, 3), np.uint8), 8.0), torch.linspace(0, 1.0, 17))
    out = extend(Turning(), start, How("a fox"), alternating(10), enough=far_enough(110))
    assert out.video.degrees == pytest.approx(np.degrees(2.0), abs=0.1)
    assert len(out.done) == 2
    assert "115 degrees" in out.reasons[0]
    torch.testing.assert_close(out.video.angles, torch.linspace(-0.5, 1.5, 33), atol=1e-5, rtol=0)
    assert far_enough(10)(FreezeTime(start.clip, None)) == ""
