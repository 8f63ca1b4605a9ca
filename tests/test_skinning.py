"""Following rigid motions: what a device computes agrees with plain torch on a CPU, in value and gradient."""

import pytest
import torch
from devices import copied

from fourreal.splat import quaternion, skinning
from fourreal.splat.skinning import follow_learned, follow_near, near_weights


def draw(*shape: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    return (scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))).requires_grad_()


def agree(ours, by, plain, given) -> None:
    """The values, and the gradients by all of `by`, and `given`, for some upstream."""
    upstream = [torch.randn(x.shape, generator=torch.Generator().manual_seed(9)) for x in plain]
    gradients = torch.autograd.grad(ours, by, [x.to(ours[0]) for x in upstream])
    expected = torch.autograd.grad(plain, given, upstream)
    tolerance = 1e-4 if ours[0].is_cuda else 2e-5  # distances multiplied out lose digits, on each device others
    for a, b in zip((*ours, *gradients), (*plain, *expected), strict=True):
        assert float((a.cpu() - b).detach().norm()) < tolerance * float(b.detach().norm())


@pytest.mark.parametrize(("count", "bases"), [(1, 1), (40, 5), (10_001, 64)])
def test_following_what_is_near_agrees_with_plain_torch(count, bases, device):
    given = draw(bases, 3, seed=1), draw(bases, 3, seed=2), draw(count, 3, seed=3), draw(count, 4, seed=4)
    around = draw(bases, 3, seed=5).detach(), 0.2 + draw(bases, seed=6).detach().abs()
    by = copied(device, given)
    ours = follow_near(*by[:2], *copied(device, around), *by[2:])
    agree(ours, by, skinning.follow_near_plain(*given[:2], *around, *given[2:], torch.arange(count)), given)


@pytest.mark.parametrize(("count", "bases", "some"), [(1, 1, 1), (40, 5, 17), (10_001, 24, 9_000)])
def test_following_as_learned_agrees_with_plain_torch(count, bases, some, device):
    given = (
        draw(bases, 3, seed=1),
        draw(bases, 3, seed=2),
        draw(count, bases + 1, seed=3, scale=3),
        draw(count, 3, seed=4),
        draw(count, 4, seed=5),
    )
    where = torch.randperm(count, generator=torch.Generator().manual_seed(6))[:some]
    pivots = draw(bases, 3, seed=7).detach()
    by = copied(device, given)
    ours = follow_learned(*by[:2], pivots.to(device), *by[2:], where.to(device))
    agree(ours, by, skinning.follow_learned_plain(*given[:2], pivots, *given[2:], where), given)
    left = torch.ones(count, dtype=torch.bool).index_fill(0, where, False)
    assert all(bool((x.cpu()[left] == 0).all()) for x in ours)


def test_weights_by_distance_sum_to_one(device):
    means, pivots, radius = copied(device, (draw(50, 3).detach(), draw(7, 3, seed=1).detach(), torch.full((7,), 0.3)))
    torch.testing.assert_close(near_weights(means, pivots, radius).sum(dim=1), means.new_ones(50))


def test_what_is_far_from_every_pivot_follows_the_nearest(device):
    means, pivots = torch.tensor([[1e3, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    shift = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    given = torch.zeros(2, 3), shift, pivots, torch.full((2,), 0.1), means, torch.ones(1, 4)
    dx, _ = follow_near(*copied(device, given))
    torch.testing.assert_close(dx.cpu(), shift[1:])


def test_only_what_is_asked_for_has_a_gradient(device):
    rotation, translation, logits = copied(device, (draw(3, 3), draw(3, 3, seed=1), draw(20, 4, seed=2)))
    means, quats = copied(device, (draw(20, 3, seed=3).detach(), draw(20, 4, seed=4).detach()))
    where, pivots = torch.arange(0, 20, 2, device=device), torch.zeros(3, 3, device=device)
    dx, _ = follow_learned(rotation, translation, pivots, logits, means, quats, where)
    dx.sum().backward()
    assert float(translation.grad.abs().max()) > 0
    assert bool((logits.grad.abs().sum(1) > 0)[where].all())
    assert float(logits.grad[1::2].abs().max()) == 0.0


def test_a_whole_turn_is_followed_rigidly(device):
    half = torch.tensor([[0.3, -0.2, 0.7]])
    quat, shift = quaternion.from_vector(half), torch.tensor([[1.0, 2.0, 3.0]])
    means, still = torch.tensor([[0.4, -0.5, 0.6]]), torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    pivot = torch.tensor([[0.1, 0.2, -0.3]])
    given = half, shift, pivot, torch.ones(1), means, still
    dx, dq = (x.cpu() for x in follow_near(*copied(device, given)))
    torch.testing.assert_close(means + dx, (means - pivot) @ quaternion.to_matrix(quat)[0].T + pivot + shift)
    torch.testing.assert_close(still + dq, quat)


@pytest.mark.parametrize("columns", [3, 5])
def test_logits_that_do_not_go_with_the_bases_are_refused(columns):
    with pytest.raises(ValueError, match="3 bases do not go with logits"):
        follow_learned(
            torch.zeros(3, 3),
            torch.zeros(3, 3),
            torch.zeros(3, 3),
            torch.zeros(9, columns),
            torch.zeros(9, 3),
            torch.ones(9, 4),
            torch.arange(9),
        )
