"""The terms that keep neighbours together: what they cost, and that the kernel agrees with plain torch."""

import pytest
import torch

from fourreal.fit.rigidity import Neighbours, rigidity, rigidity_plain


def test_rigid_motion_costs_nothing_and_stretching_does():
    means = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    near = Neighbours.of(means, 5)
    turn = torch.tensor([[0.6**0.5, 0.0, 0.0, 0.4**0.5]]).repeat(40, 1)
    w, z = turn[0, 0], turn[0, 3]
    matrix = torch.tensor([[1 - 2 * z * z, -2 * w * z, 0], [2 * w * z, 1 - 2 * z * z, 0], [0, 0, 1]])
    still = torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(40, 1)
    stretch, twist = rigidity(means @ matrix.T + 3.0, still, turn - still, near, torch.arange(40))
    assert float(stretch) < 1e-5
    assert float(twist) < 1e-5
    stretch, _ = rigidity(1.5 * means @ matrix.T, still, turn - still, near, torch.arange(40))
    assert float(stretch) > 0.05


@pytest.mark.parametrize(("count", "rows"), [(9, 4), (3000, 2048)])
def test_the_kernel_agrees_with_plain_torch(count, rows):
    g = torch.Generator().manual_seed(2)
    canonical = torch.randn(count, 3, generator=g)
    means = (canonical + 0.05 * torch.randn(count, 3, generator=g)).requires_grad_()
    quats, dq = (x * torch.randn(count, 4, generator=g) for x in (1.0, 0.4))
    trained = means, quats.requires_grad_(), dq.requires_grad_()
    given = *trained, Neighbours.of(canonical, 8), torch.randperm(count, generator=g)[:rows]
    fused, plain = rigidity(*given), rigidity_plain(*given)
    for weights in ((1.0, 0.0), (0.0, 1.0), (0.3, 0.7)):
        found, expected = (
            torch.autograd.grad(weights[0] * a + weights[1] * b, trained, retain_graph=True)
            for a, b in (fused, plain)
        )
        for a, b in zip((*fused, *found), (*plain, *expected), strict=True):
            assert float((a - b).detach().norm()) <= 1e-5 * float(b.detach().norm()) + 1e-9


def test_what_may_move_holds_on_to_what_stays_put():
    means = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])  # the last stays put
    moves = torch.tensor([True, True, False])
    free, held = Neighbours.of(means, 2), Neighbours.of(means, 2, moves)
    torch.testing.assert_close(held.weight[0] / free.weight[0], torch.where(moves[held.index[0]], 1.0, 0.25))
    gone = means + moves[:, None] * torch.tensor([0.0, 0.5, 0.0])
    stretch, _ = rigidity(gone, torch.ones(3, 4), torch.zeros(3, 4), held, torch.tensor([0]))
    assert float(stretch) == pytest.approx(0.25 * 0.5 * float(free.weight[0, 0]) / 2, abs=1e-6)


def test_what_does_not_turn_is_not_taught_to_by_its_own_quaternion():
    means, quats = torch.randn(12, 3), torch.randn(12, 4, requires_grad=True)
    dq = torch.zeros(12, 4, requires_grad=True)
    _, twist = rigidity(means, quats, dq, Neighbours.of(means, 3), torch.arange(12))
    stretch, _ = rigidity(1.5 * means, quats, dq, Neighbours.of(means, 3), torch.arange(12))
    (stretch + twist).backward()
    assert float(quats.grad.abs().max()) == 0.0
    assert float(dq.grad.abs().max()) > 0
