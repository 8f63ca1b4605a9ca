"""Colours that drift while a camera films are evened; what moves, and a flicker, is let be."""

import pytest
import torch

from fourreal.fit.drift import drift, smoothed


def film(frames: int = 12) -> torch.Tensor:
    """A textured wall before which a dark square passes: (F, 64, 96, 3)."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 8, 12, generator=generator) * 0.5 + 0.2
    wall = torch.nn.functional.interpolate(coarse, size=(64, 96), mode="bilinear")[0].permute(1, 2, 0)
    whole = wall.repeat(frames, 1, 1, 1)
    for number, frame in enumerate(whole):
        frame[16:48, 4 * number : 4 * number + 32] = 0.1
    return whole


def test_a_drift_is_evened_to_within_a_percent(device):
    plain = film().to(device)
    ramp = torch.linspace(0.87, 1.13, 12, device=device)[:, None] * torch.tensor([1.0, 0.97, 1.0], device=device)
    frames = (plain * ramp[:, None, None]).clamp(0, 1)
    gains = drift(frames, frames.median(dim=0).values[None])
    level = gains * ramp
    assert float((level.amax(dim=0) / level.amin(dim=0)).max()) < 1.01
    torch.testing.assert_close(gains.log().mean(dim=0), torch.zeros(3, device=device), atol=1e-5, rtol=0)


def test_without_a_drift_nothing_is_changed(device):
    plain = film().to(device)
    assert drift(plain, plain.median(dim=0).values[None]) is None


def test_where_hardly_a_pixel_tells_nothing_is_said():
    """A white studio: the subject is all there is, and its light may well change."""
    plain = torch.ones(12, 64, 96, 3)
    plain[:, 20:44, 30:66] = torch.linspace(0.3, 0.6, 12)[:, None, None, None]
    assert drift(plain, plain.median(dim=0).values[None]) is None


def test_what_moves_all_over_has_no_drift():
    moves = torch.rand(12, 64, 96, 3, generator=torch.Generator().manual_seed(1)) * 0.5 + 0.2
    moves = torch.nn.functional.avg_pool2d(moves.permute(0, 3, 1, 2), 8).repeat_interleave(8, 2).repeat_interleave(8, 3)
    moves = moves.permute(0, 2, 3, 1) * torch.linspace(0.8, 1.2, 12)[:, None, None, None]
    assert drift(moves, moves.median(dim=0).values[None]) is None


def test_a_straight_drift_stays_and_a_flicker_goes():
    straight = torch.linspace(-0.2, 0.2, 20)[:, None]
    torch.testing.assert_close(smoothed(straight), straight, atol=1e-5, rtol=0)
    flicker = torch.tensor([0.1, -0.1] * 10)[:, None]
    assert float(smoothed(flicker).abs().max()) == pytest.approx(0, abs=0.03)
