"""How near clips are to the truth."""

from jaxtyping import Float
from torch import Tensor


def decibels(made: Float[Tensor, "N ..."], truth: Float[Tensor, "N ..."]) -> Float[Tensor, " N"]:
    """PSNR of each of N pictures or clips in [-1, 1]."""
    error = (made.clamp(-1, 1) - truth).div(2).square().flatten(1).mean(1)
    return -10 * error.clamp(min=1e-10).log10()
