"""Noise, its scales and the sampling loop: EDM (Karras et al. 2022) behind the flow convention of the protocol.

x_s = (1 - s) x0 + s eps is (1 - s) times a picture under noise of sigma = s / (1 - s), which is EDM's form.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from fourreal.video import denoise
from fourreal.video.mini.network import SIGMA_DATA, MiniNetwork

SIGMA_MIN, SIGMA_MAX, RHO = 0.02, 50.0, 7.0
# Where sampling ends: below it so small a network leaves more grain than it takes off.
LAST_SIGMA = 0.2


class Conditions(NamedTuple):
    """What a clip is conditioned on; see `MiniNetwork.forward`. given: in [-1, 1], zero where no frame is given."""

    given: Float[Tensor, "B F 3 H W"]
    mask: Bool[Tensor, "B F"]
    rays: Float[Tensor, "B F 12 h w"]
    slots: Integer[Tensor, "B S"]
    frozen: Bool[Tensor, " B"]


def scales(sigma: Float[Tensor, " B"]) -> tuple[Tensor, Tensor, Tensor]:
    """c_skip, c_out, c_in of EDM's table 1, each (B, 1, 1, 1, 1)."""
    sigma = sigma[:, None, None, None, None]
    total = (sigma.square() + SIGMA_DATA**2).sqrt()
    return SIGMA_DATA**2 / total.square(), sigma * SIGMA_DATA / total, 1 / total


def predicted(
    network: MiniNetwork, noisy: Float[Tensor, "B F 3 H W"], sigma: Float[Tensor, " B"], conditions: Conditions
) -> Float[Tensor, "B F 3 H W"]:
    """The network's raw answer, for a picture in [-1, 1] under noise of spread sigma."""
    _, _, c_in = scales(sigma)
    free = (~conditions.mask)[:, :, None, None, None]
    asking = (
        noisy * c_in * free,
        conditions.given / SIGMA_DATA,
        conditions.mask,
        conditions.rays,
        conditions.slots,
        conditions.frozen,
        sigma.log() / 4,
    )
    # on CPUs, products at two bytes take longer than at four (measured 1.7 times on one with AVX-512 and bf16)
    return network.at_two_bytes(*asking) if noisy.is_cuda else network(*asking)


def denoised(
    network: MiniNetwork, noisy: Float[Tensor, "B F 3 H W"], sigma: Float[Tensor, " B"], conditions: Conditions
) -> Float[Tensor, "B F 3 H W"]:
    """x0_hat, given frames as they are."""
    c_skip, c_out, _ = scales(sigma)
    out = c_skip * noisy + c_out * predicted(network, noisy, sigma, conditions)
    fixed = conditions.mask[:, :, None, None, None]
    return torch.where(fixed, conditions.given, out)


@torch.no_grad()
def guided(
    network: MiniNetwork,
    noisy: Float[Tensor, "B F 3 H W"],
    sigma: float,
    conditions: Conditions,
    guidance: float | int,
    rescale: float | int = 0.0,
) -> Float[Tensor, "B F 3 H W"]:
    """x0_hat with classifier-free guidance away from saying nothing, on velocities as in `denoise.guided`."""
    level = noisy.new_full((len(noisy),), sigma)
    if guidance == 1 or not conditions.slots.any():
        return denoised(network, noisy, level, conditions)
    both = Conditions(*(torch.cat([value, value]) for value in conditions))
    both.slots[len(noisy) :] = 0
    answers = denoised(network, torch.cat([noisy, noisy]), torch.cat([level, level]), both)
    text, without = ((torch.cat([noisy, noisy]) - answers) / sigma).chunk(2)
    return noisy - sigma * denoise.guided(text, without, guidance, rescale)


def levels(steps: int) -> list[float]:
    """Falling noise levels of EDM's equation 5, then zero: steps + 1 of them."""
    share = torch.linspace(0, 1, steps, dtype=torch.float64)
    most, least = SIGMA_MAX ** (1 / RHO), LAST_SIGMA ** (1 / RHO)
    return [*((most + share * (least - most)) ** RHO).tolist(), 0.0]


@torch.no_grad()
def sample(
    network: MiniNetwork,
    conditions: Conditions,
    steps: int,
    guidance: float | int,
    noise: Float[Tensor, "B F 3 H W"],
    watch: Callable[[int, Tensor], None] = lambda step, clean: None,
) -> Float[Tensor, "B F 3 H W"]:
    """Clips in about [-1, 1] by Euler's steps along EDM's noise levels.

    noise: of spread one. watch: hears after each step of the newest x0_hat.
    """
    path = levels(steps)
    x = noise * path[0]
    for number, (sigma, following) in enumerate(itertools.pairwise(path)):
        clean = guided(network, x, sigma, conditions, guidance)
        x = clean + (x - clean) * (following / sigma)
        watch(number + 1, clean)
    return torch.where(conditions.mask[:, :, None, None, None], conditions.given, x)
