"""The terms of both stages' losses (4Real app. C). Every one is a mean."""

import math

from jaxtyping import Float
from torch import Tensor

from fourreal.fit.ssim import Target, photometric_terms
from fourreal.splat.deform import Offsets


def photometric(image: Float[Tensor, "H W 3"], target: Target, ssim_weight: float) -> tuple[Float[Tensor, ""], float]:
    """(1 - w) L1 + w (1 - SSIM), as in 3DGS eq. 7; and the peak signal to noise ratio in dB."""
    loss, squared = photometric_terms(image, target, ssim_weight)
    return loss, -10 * math.log10(max(float(squared), 1e-10))


def small_motion(offsets: Offsets) -> Float[Tensor, ""]:
    """mean |dx|_1 + |dq|_1 (4Real app. C.1)."""
    return (offsets.dx.abs().sum() + offsets.dq.abs().sum()) / len(offsets.dx)
