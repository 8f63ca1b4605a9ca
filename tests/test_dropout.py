"""Gaussians left out of a step: a share of them, others more opaque, and nothing else changed."""

from dataclasses import replace

import torch
from fit_samples import true_scene

from fourreal.fit.dropout import dropped
from fourreal.fit.sampling import generator


def test_the_share_is_left_out_and_the_others_make_up_for_it(device):
    gaussians = true_scene(0.5).to(device)
    survivors = gaussians.opacities.sigmoid()
    opacities = dropped(gaussians, 0.2, generator(0, 4, 1)).opacities.sigmoid()
    left = opacities > 1e-6
    assert abs(float((~left).float().mean()) - 0.2) < 0.06  # 620 draws: four standard deviations
    torch.testing.assert_close(opacities[left], (survivors[left] / 0.8).clamp(max=0.999))


def test_every_step_leaves_out_others_and_a_step_made_again_the_same(device):
    gaussians = true_scene(0.5).to(device)
    first, again, second = (dropped(gaussians, 0.2, generator(0, 4, step)).opacities for step in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


def test_only_those_that_are_left_learn(device):
    gaussians = true_scene(0.5).to(device)
    opacities = torch.full_like(gaussians.opacities, -1.0).requires_grad_()
    some = dropped(replace(gaussians, opacities=opacities), 0.5, generator(0, 4, 1))
    some.opacities.sigmoid().sum().backward()
    assert torch.equal(opacities.grad != 0, some.opacities > -10)
    assert some.means is gaussians.means


def test_without_a_share_nothing_is_done(device):
    gaussians = true_scene(0.5).to(device)
    assert dropped(gaussians, 0.0, generator(0, 4, 1)) is gaussians
