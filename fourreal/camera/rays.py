"""Rays through the pixels of a camera."""

import torch
from jaxtyping import Float
from torch import Tensor


def pixel_rays(intrinsics: Float[Tensor, "*B 4"], width: int, height: int) -> Float[Tensor, "*B P 3"]:
    """Directions with z = 1 through all pixel centres, row by row, in camera axes."""
    fx, fy, cx, cy = intrinsics[..., None, None].unbind(-3)  # (*B, 1, 1) each
    y, x = torch.meshgrid(
        torch.arange(height, device=fx.device) + 0.5, torch.arange(width, device=fx.device) + 0.5, indexing="ij"
    )
    x, y = (x - cx) / fx, (y - cy) / fy
    return torch.stack([x, y, torch.ones_like(x)], dim=-1).flatten(-3, -2)
