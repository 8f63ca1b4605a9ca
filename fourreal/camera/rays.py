"""Rays through the pixels of a camera."""

import torch
from jaxtyping import Float
from torch import Tensor


def pixel_rays(intrinsics: Float[Tensor, "4"], width: int, height: int) -> Float[Tensor, "P 3"]:
    """Directions with z = 1 through all pixel centres, row by row, in camera axes."""
    fx, fy, cx, cy = intrinsics
    y, x = torch.meshgrid(
        torch.arange(height, device=fx.device) + 0.5, torch.arange(width, device=fx.device) + 0.5, indexing="ij"
    )
    return torch.stack([(x - cx) / fx, (y - cy) / fy, torch.ones_like(x)], dim=-1).reshape(-1, 3)
