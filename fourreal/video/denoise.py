"""The arithmetic of flow matching, the same in every model here.

z_s = (1 - s) z + s eps        v = eps - z        z0_hat = z_s - s v_hat
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


def noised(clean: Float[Tensor, "*n"], noise: Float[Tensor, "*n"], sigma: float | int) -> Float[Tensor, "*n"]:
    """z_s: the clean latents under noise of level sigma in [0, 1]."""
    return (1 - sigma) * clean + sigma * noise


def guided(
    text: Float[Tensor, "*video"], negative: Float[Tensor, "*video"], guidance: float | int, rescale: float | int = 0.0
) -> Float[Tensor, "*video"]:
    """Classifier-free guidance on velocities: negative + guidance * (text - negative).

    rescale: 0 to 1, how far its spread is brought back to that of `text`, as much guidance overexposes (Lin et al.
    2023, sec. 3.4).
    """
    out = negative + guidance * (text - negative)
    if rescale:
        axes = tuple(range(1, out.ndim))
        level = text.std(axes, keepdim=True) / out.std(axes, keepdim=True).clamp(min=1e-8)
        out = rescale * out * level + (1 - rescale) * out
    return out


def pixel_target(
    video: Float[Tensor, "1 ..."],
    encode: Callable[[Tensor], Tensor],
    decode: Callable[[Tensor], Tensor],
    predict: Callable[[Tensor], Tensor],
) -> Float[Tensor, "1 ..."]:
    """video + D(z0_hat) - D(z), z = E(video), z0_hat = predict(z); in the range that encode and decode use.

    A model that predicts just what it was shown gives back the video itself, however much its autoencoder loses.
    """
    with torch.no_grad():
        latents = encode(video)
        return video + (decode(predict(latents)) - decode(latents)).to(video)
