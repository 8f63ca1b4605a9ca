"""Training goes on from a saved state as if it had not stopped, on whichever device that was."""

import pytest
import torch
from devices import copied
from fit_samples import true_scene

from fourreal.splat.densify import remove
from fourreal.splat.optimizer import SplatOptimizer, adam_state, restore_adam

RATES = {"means": 1e-3, "scales": 1e-3, "quats": 1e-3, "opacities": 1e-2, "colors": 1e-2}


def train(splats: SplatOptimizer, steps: int) -> None:
    """Towards zero: every gradient is of one element, so that no device has sums to take."""
    for _ in range(steps):
        sum(p.square().sum() for p in splats.params.values() if p.requires_grad).backward()
        splats.step()


@pytest.mark.parametrize("saved_on", ["cpu", "device"])
def test_splats_go_on_from_a_saved_state(device, saved_on):
    scene = true_scene(0.5).to(device)
    whole, again = SplatOptimizer(scene, RATES), SplatOptimizer(true_scene(0.1).to(device), RATES)
    train(whole, 3)
    remove(whole, torch.arange(len(whole), device=device) < 20)
    there = device if saved_on == "device" else "cpu"
    state = {name: tensor.clone().to(there) for name, tensor in whole.state().items()}
    again.restore(state)
    train(whole, 4)
    train(again, 4)
    for name, tensor in whole.state().items():
        assert torch.equal(again.state()[name], tensor), name
        assert again.state()[name].device == tensor.device, name


def test_a_joint_optimizer_goes_on_from_its_moments(device):
    draw = torch.Generator().manual_seed(0)
    start = copied(device, [torch.randn(size, generator=draw, requires_grad=True) for size in (3, 5)])
    make = lambda parameters: torch.optim.Adam(parameters, lr=1e-2, eps=1e-15, fused=True)

    def step(optimizer, parameters) -> None:
        sum(p.square().sum() for p in parameters).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    optimizer = make(start)
    step(optimizer, start)
    parameters, state = copied(device, start), {k: v.cpu() for k, v in adam_state(optimizer, start).items()}
    again = make(parameters)
    restore_adam(again, parameters, state)
    step(optimizer, start)
    step(again, parameters)
    assert all(map(torch.equal, parameters, start))
