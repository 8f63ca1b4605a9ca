"""Metrics against values computed by hand, and the truths that any such metric obeys."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d

from fourreal.evaluate.metrics import area_down, psnr, region, score_size, ssim


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_psnr_of_a_known_error():
    truth = torch.full((4, 6, 3), 0.5)
    assert psnr(truth + 0.1, truth) == pytest.approx(20.0, abs=1e-4)
    half = truth.clone()
    half[:2] += 0.1
    assert psnr(half, truth) == pytest.approx(20 + 10 * math.log10(2), abs=1e-4)


def test_psnr_of_a_region_counts_nothing_outside_it():
    truth = torch.full((4, 6, 3), 0.5)
    image = truth.clone()
    image[0, 0] += 0.01
    image[3, 5] += 0.4
    where = torch.zeros(4, 6, dtype=torch.bool)
    where[0, 0] = True
    assert psnr(image, truth, where) == pytest.approx(40.0, abs=1e-3)
    assert math.isnan(psnr(image, truth, torch.zeros(4, 6, dtype=torch.bool)))


def test_psnr_of_equal_pictures_is_finite():
    assert psnr(noise(4, 4, 3), noise(4, 4, 3)) == 100


def test_ssim_of_constants_is_the_luminance_term():
    dark, bright = torch.full((20, 30, 3), 0.2), torch.full((20, 30, 3), 0.8)
    expected = (2 * 0.2 * 0.8 + 1e-4) / (0.2**2 + 0.8**2 + 1e-4)
    assert ssim(dark, bright) == pytest.approx(expected, abs=1e-5)


def test_ssim_at_a_pixel_inside_by_hand():
    x, y = noise(11, 11, 3).double(), noise(11, 11, 3, seed=1).double()
    taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = torch.from_numpy(np.outer(taps, taps) / taps.sum() ** 2)
    mean = lambda a: (window[..., None] * a).sum((0, 1))
    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    by_hand = ((2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))).mean()
    centre = torch.zeros(11, 11, dtype=torch.bool)
    centre[5, 5] = True
    assert ssim(x.float(), y.float(), centre) == pytest.approx(float(by_hand), abs=1e-5)


def test_ssim_agrees_with_scipy_up_to_the_border():
    x, y = noise(24, 40, 3).double().numpy(), noise(24, 40, 3, seed=1).double().numpy() * 0.2
    weights = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    share = correlate1d(correlate1d(np.ones((24, 40, 1)), weights, 0, mode="constant"), weights, 1, mode="constant")
    mean = lambda a: correlate1d(correlate1d(a, weights, 0, mode="constant"), weights, 1, mode="constant") / share
    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    expected = ((2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))).mean()
    assert ssim(torch.from_numpy(x).float(), torch.from_numpy(y).float()) == pytest.approx(expected, abs=1e-5)


def test_ssim_falls_with_noise_and_is_one_for_equals():
    truth = noise(30, 30, 3)
    assert ssim(truth, truth) == pytest.approx(1, abs=1e-6)
    little, much = (ssim(truth + amount * noise(30, 30, 3, seed=1), truth) for amount in (0.02, 0.2))
    assert 1 > little > much


def test_area_average_of_whole_and_of_broken_factors(device):
    image = noise(6, 8, 3).to(device)
    blocks = image.unflatten(0, (3, 2)).unflatten(2, (4, 2)).mean(dim=(1, 3))
    torch.testing.assert_close(area_down(image, (4, 3)), blocks)
    row = torch.tensor([[0.0, 3.0, 6.0]])
    torch.testing.assert_close(area_down(row, (2, 1)), torch.tensor([[1.0, 5.0]]))  # 3 is shared by both
    assert float(area_down(image, (5, 4)).mean()) == pytest.approx(float(image.mean()), abs=1e-6)


def test_a_region_is_thresholded_then_grown_by_three_pixels():
    mask = torch.zeros(40, 40)
    mask[20:22, 20:22] = 1.0  # one pixel at half size, fully covered
    mask[4:6, 4:6] = 0.29  # one that is covered too little
    grown = region(mask, (20, 20))
    assert grown[7:14, 7:14].all()
    assert grown.sum() == 49


@pytest.mark.parametrize(
    ("size", "scored"),
    [((512, 288), (256, 144)), ((256, 144), (256, 144)), ((500, 400), (256, 205)), ((96, 64), (96, 64))],
)
def test_scores_are_taken_at_256_wide(size, scored):
    assert score_size(size) == scored
