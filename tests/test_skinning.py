"""Following rigid motions: the kernels agree with plain torch, in value and gradient."""

import pytest
import torch

from fourreal.splat import quaternion
from fourreal.splat.skinning import follow, follow_plain, near_weights, near_weights_plain


@pytest.mark.parametrize(("count", "pivots"), [(1, 1), (40, 5), (10_001, 64)])
def test_weights_by_distance_are_a_softmax(count, pivots):
    g = torch.Generator().manual_seed(0)
    means, centres = torch.randn(count, 3, generator=g), torch.randn(pivots, 3, generator=g)
    radius = 0.1 + torch.rand(pivots, generator=g)
    weights = near_weights(means.requires_grad_(), centres, radius)
    assert not weights.requires_grad
    torch.testing.assert_close(weights, near_weights_plain(means.detach(), centres, radius), rtol=1e-3, atol=2e-5)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(count))


def test_what_is_far_from_every_pivot_follows_the_nearest():
    means, centres = torch.tensor([[1e3, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    torch.testing.assert_close(near_weights(means, centres, torch.full((2,), 0.1)), torch.tensor([[0.0, 1.0]]))


@pytest.mark.parametrize("count", [1, 33, 10_001])
def test_following_agrees_with_plain_torch(count):
    g = torch.Generator().manual_seed(1)
    shapes = ((count, 16), (count, 3), (count, 4))
    given = [torch.randn(shape, generator=g, requires_grad=True) for shape in shapes]
    fused, plain = follow(*given), follow_plain(*given)
    upstream = [torch.randn(x.shape, generator=g) for x in plain]
    found, expected = (torch.autograd.grad(x, given, upstream) for x in (fused, plain))
    for a, b in zip((*fused, *found), (*plain, *expected), strict=True):
        assert float((a - b).detach().norm()) < 1e-5 * float(b.detach().norm())


def test_a_gradient_that_nobody_asks_for_is_nothing():
    given = [torch.randn(20, n, generator=torch.Generator().manual_seed(n), requires_grad=True) for n in (16, 3, 4)]
    dx, _ = follow(*given)
    dx.sum().backward()
    assert float(given[2].grad.abs().max()) == 0.0


def test_a_whole_turn_is_followed_rigidly():
    quat = quaternion.normalize(torch.tensor([[0.5, 0.3, -0.2, 0.7]]))
    still = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    shift = torch.tensor([[1.0, 2.0, 3.0]])
    blended = torch.cat([quaternion.turning(quat).flatten(1), shift, quat - still], dim=1)
    means = torch.tensor([[0.4, -0.5, 0.6]])
    dx, dq = follow(blended, means, still)
    torch.testing.assert_close(means + dx, means @ quaternion.to_matrix(quat)[0].T + shift)
    torch.testing.assert_close(still + dq, quat)
