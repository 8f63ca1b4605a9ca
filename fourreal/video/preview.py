"""Rough pictures of latents, for whoever waits: a linear map from a latent's channels to red, green and blue."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

_CELLS, _RIDGE, _LONG_SIDE = 16, 1e-2, 320


class LatentPreview:
    """Learnt once a model by encoding blurred colours and fitting their means over each cell (ridge regression).

    A decoder would show more, but would have to be fetched back into graphics memory at every picture.
    """

    def __init__(self, encode: Callable[[Tensor], Tensor], size_step: int, frame_step: int, device: torch.device | str):
        """encode: (1, 3, F, H, W) in [-1, 1] to latents (1, C, f, h, w)."""
        side, frames = _CELLS * size_step, frame_step + 1
        random = torch.Generator().manual_seed(0)
        coarse = torch.rand(1, 3, 4, 4, generator=random) + torch.nn.functional.interpolate(
            torch.rand(1, 3, 2, 2, generator=random) - 0.5, size=4
        )
        colours = torch.nn.functional.interpolate(coarse, size=side, mode="bicubic").clamp(0, 1) * 2 - 1
        latents = encode(colours[:, :, None].repeat(1, 1, frames, 1, 1).to(device))[0].float().cpu()  # (C, f, h, w)
        cells = torch.nn.functional.adaptive_avg_pool2d(colours, (latents.shape[-2], latents.shape[-1]))[0]  # (3, h, w)
        inputs = torch.cat([latents, torch.ones_like(latents[:1])]).flatten(1).T.double()  # (f*h*w, C + 1)
        wanted = cells[:, None].expand(-1, latents.shape[1], -1, -1).flatten(1).T.double()
        gram = inputs.T @ inputs / len(inputs)
        ridge = _RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
        self._map = torch.linalg.solve(gram + ridge, inputs.T @ wanted / len(inputs)).float()  # (C + 1, 3)

    def __call__(self, latents: Float[Tensor, "1 C f h w"]) -> UInt8[np.ndarray, "H W 3"]:
        """The middle latent frame as a picture of about 320 pixels."""
        frame = latents[0, :, latents.shape[2] // 2].float().cpu()  # (C, h, w)
        values = torch.cat([frame, torch.ones_like(frame[:1])]).flatten(1).T @ self._map
        picture = ((values.T.reshape(3, *frame.shape[1:]) + 1) / 2).clamp(0, 1)
        scale = max(1, _LONG_SIDE // max(frame.shape[1:]))
        picture = torch.nn.functional.interpolate(picture[None], scale_factor=scale, mode="bilinear")[0].clamp(0, 1)
        return (picture.permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)


class RunningEstimate:
    """Where a sampling loop is heading, from its latents alone.

    Between two steps the latents move along the velocity, so two of them tell where they would end: at noise level
    zero. (Exact for Euler's method, close for others.)
    """

    def __init__(self) -> None:
        self._last: tuple[Tensor, float] | None = None

    def __call__(self, latents: Tensor, sigma: float) -> Tensor | None:
        """The estimate of the clean latents, given those at noise level `sigma`; None at the first."""
        last, self._last = self._last, (latents, sigma)
        if last is None or abs(sigma - last[1]) < 1e-6:
            return None
        return latents - sigma * (latents - last[0]) / (sigma - last[1])
