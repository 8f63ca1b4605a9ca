"""The terms of both stages' losses (4Real app. C). Every one is a mean."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Integer
from scipy.spatial import cKDTree
from torch import Tensor

from fourreal.fit.ssim import Target, mean_ssim
from fourreal.splat import quaternion
from fourreal.splat.deform import Offsets


def photometric(image: Float[Tensor, "H W 3"], target: Target, ssim_weight: float) -> Float[Tensor, ""]:
    """(1 - w) L1 + w (1 - SSIM), as in 3DGS eq. 7."""
    loss = (1 - ssim_weight) * (image - target.image).abs().mean()
    return loss + ssim_weight * (1 - mean_ssim(image, target)) if ssim_weight else loss


def psnr(image: Float[Tensor, "*S 3"], truth: Float[Tensor, "*S 3"]) -> float:
    """Peak signal to noise ratio in dB of images in [0, 1]."""
    error = (image.detach().clamp(0, 1) - truth).square().mean().clamp(min=1e-10)
    return float(-10 * torch.log10(error))


def small_motion(offsets: Offsets) -> Float[Tensor, ""]:
    """mean |dx|_1 + |dq|_1 (4Real app. C.1)."""
    return offsets.dx.abs().sum(dim=1).mean() + offsets.dq.abs().sum(dim=1).mean()


class Neighbours(NamedTuple):
    """The k nearest neighbours in the canonical scene.

    index: (N, k); weight: (N, k) exp(-lambda d^2) with lambda by the median distance; edge: (N, k, 3) vectors to them.
    """

    index: Integer[Tensor, "N k"]
    weight: Float[Tensor, "N k"]
    edge: Float[Tensor, "N k 3"]

    @classmethod
    def of(cls, means: Float[Tensor, "N 3"], k: int, spread: float = 2.0) -> "Neighbours":
        """spread: distance, in medians of all neighbour distances, at which the weight has fallen to exp(-1)."""
        k = min(k, len(means) - 1)
        points = means.detach().cpu().numpy()
        distance, index = cKDTree(points).query(points, k + 1, workers=-1)
        index = torch.from_numpy(index[:, 1:]).to(means.device)
        distance = torch.from_numpy(distance[:, 1:]).to(means)
        weight = torch.exp(-(distance / (spread * distance.median())).square())
        return cls(index, weight, means.detach()[index] - means.detach()[:, None])


def rigidity(
    means: Float[Tensor, "N 3"],
    turn: Float[Tensor, "N 4"],
    neighbours: Neighbours,
    rows: Integer[Tensor, " R"],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Local rigidity and relative rotation towards the canonical frame (Luiten et al. 2023, eq. 1-2).

    Args:
        means: (N, 3) bent positions.
        turn: (N, 4) unit rotations from the canonical frame to this one.
        rows: the Gaussians to look at, a sample of all.

    Returns:
        mean over neighbours of w |bent edge - turned canonical edge|, and of w |difference of the turns|.
    """
    near = neighbours.index[rows]
    edge = means[near] - means[rows][:, None]
    expected = (quaternion.to_matrix(turn[rows])[:, None] @ neighbours.edge[rows][..., None])[..., 0]
    weight = neighbours.weight[rows]
    # a tiny constant keeps the gradient of the length finite where the edge is met exactly
    stretch = ((edge - expected).square().sum(dim=-1) + 1e-12).sqrt()
    twist = ((turn[near] - turn[rows][:, None]).square().sum(dim=-1) + 1e-12).sqrt()
    return (weight * stretch).mean(), (weight * twist).mean()
