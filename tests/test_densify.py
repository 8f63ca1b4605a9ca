"""Growth keeps to its budget, removes what is transparent and leaves frozen Gaussians alone."""

import math

import pytest
import torch
from fit_samples import true_scene

from fourreal.settings import Growth
from fourreal.splat.densify import ScreenStatistics, grow, reset_opacities
from fourreal.splat.optimizer import SplatOptimizer

RATES = {"means": 1e-3, "scales": 1e-3, "quats": 1e-3, "opacities": 1e-2, "colors": 1e-2}


@pytest.fixture
def grown(device):
    return lambda *given, **more: grown_on(device, *given, **more)


def grown_on(device: str, policy: Growth, frozen=None, opacities=None):
    gaussians = true_scene(0.5).to(device)
    splats = SplatOptimizer(gaussians, RATES)
    sum(p.square().sum() for p in splats.params.values() if p.requires_grad).backward()
    splats.step()
    if opacities is not None:
        splats.params["opacities"].data[:] = opacities.to(device)
    before = splats.gaussians.detach().map(torch.clone)
    statistics = ScreenStatistics(len(gaussians), device)
    statistics.add(torch.arange(2.0 * len(gaussians), device=device).reshape(-1, 2), (48, 32))
    return before, splats, grow(splats, statistics, policy, seed=1, frozen=frozen)


def test_never_more_than_the_budget(grown):
    before, splats, _ = grown(Growth(budget=640, fraction=0.5))
    assert len(before) == 620
    assert len(splats) == 640


def test_those_that_the_image_pulls_most_are_split_and_lose_size(grown):
    before, splats, _ = grown(Growth(budget=10_000, fraction=0.1))
    assert len(splats) == 620 + 62
    # the statistics grow with the index, so the last 62 were split; the others are where they were
    torch.testing.assert_close(splats.gaussians.means[: 620 - 62].detach(), before.means[: 620 - 62])
    smaller = splats.gaussians.scales[620 - 62 :].detach()
    torch.testing.assert_close(smaller[:62], before.scales[-62:] - math.log(1.6))


def test_a_split_leaves_finite_values_however_opaque_or_thin_the_gaussian_was(device):
    for opacity, scale in ((40.0, -3.0), (-40.0, -3.0), (0.0, -200.0)):
        gaussians = true_scene(0.5).to(device)
        gaussians.scales[:, 1] = scale
        gaussians.opacities[:] = opacity
        splats = SplatOptimizer(gaussians, RATES)
        sum(p.square().sum() for p in splats.params.values() if p.requires_grad).backward()
        splats.step()
        statistics = ScreenStatistics(len(gaussians), device)
        statistics.add(torch.ones(len(gaussians), 2, device=device), (48, 32))
        grow(splats, statistics, Growth(budget=1240, fraction=1.0, prune_opacity=0.0), seed=1)
        assert len(splats) == 1240
        after = splats.gaussians.detach()
        assert all(bool(torch.isfinite(tensor).all()) for tensor in after.tensors().values())
        if opacity == 40.0:  # two that are nearly opaque in place of one
            assert float(after.opacities.sigmoid().min()) > 0.999


def test_small_ones_are_cloned_where_they_are(grown):
    before, splats, _ = grown(Growth(budget=10_000, fraction=0.1, clone_below=10.0))
    torch.testing.assert_close(splats.gaussians.means[:620].detach(), before.means)
    torch.testing.assert_close(splats.gaussians.means[620:].detach(), before.means[-62:])


def test_a_threshold_can_forbid_growth(grown):
    _, splats, _ = grown(Growth(budget=10_000, fraction=1.0, threshold=1e9))
    assert len(splats) == 620


def test_transparent_ones_are_removed_and_the_moments_follow(grown):
    opacities = torch.full((620,), 2.0)
    opacities[:100] = -9.0
    before, splats, _ = grown(Growth(budget=100), opacities=opacities)
    torch.testing.assert_close(splats.gaussians.means.detach(), before.means[100:])
    for name, optimizer in splats.optimizers.items():
        assert optimizer.state[splats.params[name]]["exp_avg"].shape == splats.params[name].shape
    sum(p.square().sum() for p in splats.params.values() if p.requires_grad).backward()
    splats.step()  # would fail were parameters and moments out of step


def test_frozen_ones_are_neither_split_nor_removed_but_may_be_cloned(device, grown):
    frozen = torch.ones(620, dtype=torch.bool, device=device)
    before, splats, now = grown(Growth(budget=10_000, fraction=0.1), frozen, torch.full((620,), -9.0))
    torch.testing.assert_close(splats.gaussians.means[:620].detach(), before.means)
    assert bool(now[:620].all())
    assert float(splats.gaussians.opacities[620:].detach().sigmoid().max()) < 0.06  # not seen before they are trained
    assert not bool(now[620:].any())
    assert len(splats) == 620 + 62


def test_reset_lowers_opacities(grown):
    _, splats, _ = grown(Growth(budget=100))
    reset_opacities(splats, Growth(budget=100, prune_opacity=0.01))
    assert float(splats.gaussians.opacities.detach().sigmoid().max()) <= 0.0201
