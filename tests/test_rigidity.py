"""The terms that keep neighbours together: what they cost, and that every device agrees with plain torch on a CPU."""

import pytest
import torch
from devices import copied

from fourreal.fit.rigidity import Neighbours, rigidity, rigidity_plain


def test_rigid_motion_costs_nothing_and_stretching_does(device):
    means = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)).to(device)
    near = Neighbours.of(means, 5)
    w, z = 0.6**0.5, 0.4**0.5
    turn = means.new_tensor([[w, 0.0, 0.0, z]]).repeat(40, 1)
    matrix = means.new_tensor([[1 - 2 * z * z, -2 * w * z, 0], [2 * w * z, 1 - 2 * z * z, 0], [0, 0, 1]])
    still = means.new_tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(40, 1)
    rows = torch.arange(40, device=device)
    stretch, twist = rigidity(means @ matrix.T + 3.0, still, turn - still, near, rows)
    assert float(stretch) < 1e-5
    assert float(twist) < 1e-5
    stretch, _ = rigidity(1.5 * means @ matrix.T, still, turn - still, near, rows)
    assert float(stretch) > 0.05


@pytest.mark.parametrize(("count", "rows"), [(9, 4), (3000, 2048)])
def test_what_a_device_computes_agrees_with_plain_torch(count, rows, device):
    g = torch.Generator().manual_seed(2)
    canonical = torch.randn(count, 3, generator=g)
    means = (canonical + 0.05 * torch.randn(count, 3, generator=g)).requires_grad_()
    quats, dq = (x * torch.randn(count, 4, generator=g) for x in (1.0, 0.4))
    trained = means, quats.requires_grad_(), dq.requires_grad_()
    sample, by = torch.randperm(count, generator=g)[:rows], copied(device, trained)
    ours = rigidity(*by, Neighbours.of(canonical.to(device), 8), sample.to(device))
    plain = rigidity_plain(*trained, Neighbours.of(canonical, 8), sample)
    close = 1e-5 if device == "cpu" else 1e-4
    for weights in ((1.0, 0.0), (0.0, 1.0), (0.3, 0.7)):
        gradient, expected = (
            torch.autograd.grad(weights[0] * a + weights[1] * b, leaves, retain_graph=True)
            for (a, b), leaves in ((ours, by), (plain, trained))
        )
        for a, b in zip((*ours, *gradient), (*plain, *expected), strict=True):
            assert float((a.cpu() - b).detach().norm()) <= close * float(b.detach().norm()) + 1e-9


def test_what_may_move_holds_on_to_what_stays_put(device):
    means = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]], device=device)  # the last stays put
    moves = torch.tensor([True, True, False], device=device)
    free, held = Neighbours.of(means, 2), Neighbours.of(means, 2, moves)
    torch.testing.assert_close(held.weight[0] / free.weight[0], torch.where(moves[held.index[0]], 1.0, 0.25))
    gone = means + moves[:, None] * means.new_tensor([0.0, 0.5, 0.0])
    rows = torch.zeros(1, dtype=torch.int64, device=device)
    stretch, _ = rigidity(gone, means.new_ones(3, 4), means.new_zeros(3, 4), held, rows)
    assert float(stretch) == pytest.approx(0.25 * 0.5 * float(free.weight[0, 0]) / 2, abs=1e-6)


def test_what_does_not_turn_is_not_taught_to_by_its_own_quaternion(device):
    means, quats = torch.randn(12, 3).to(device), torch.randn(12, 4).to(device).requires_grad_()
    dq, rows = torch.zeros(12, 4, device=device, requires_grad=True), torch.arange(12, device=device)
    _, twist = rigidity(means, quats, dq, Neighbours.of(means, 3), rows)
    stretch, _ = rigidity(1.5 * means, quats, dq, Neighbours.of(means, 3), rows)
    (stretch + twist).backward()
    # in plain torch the two ways to a turn cancel out but for rounding
    assert float(quats.grad.abs().max()) <= (0.0 if device == "cpu" else 1e-5 * float(dq.grad.abs().max()))
    assert float(dq.grad.abs().max()) > 0
