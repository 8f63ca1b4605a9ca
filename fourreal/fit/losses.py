"""The terms of both stages' losses (4Real app. C). Every one is a mean."""

import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.fit.ssim import Target, mean_ssim
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
