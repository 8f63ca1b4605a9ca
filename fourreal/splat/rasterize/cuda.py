"""The CUDA engine: gsplat's kernels (Ye et al. 2024), in the order in which `gsplat.rasterization` calls them.

Called one by one, so that `screen_gradient` can join the graph where the projected centres are known; the high-level
call hides them behind its result, and a hook there would fill `.grad` but stay invisible to `torch.autograd.grad`.
"""

import math

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from fourreal.camera.cameras import intrinsic_matrix
from fourreal.splat.gaussians import Gaussians

TILE = 16  # pixels; the only size gsplat tests


def rasterize_cuda(
    gaussians: Gaussians,
    world_to_camera: Float[Tensor, "4 4"],
    intrinsics: Float[Tensor, "4"],
    size: tuple[int, int],
    background: Float[Tensor, "3"],
    screen_gradient: Float[Tensor, "N 2"] | None,
    eps2d: float,
) -> tuple[Float[Tensor, "H W 3"], Float[Tensor, "H W"], Float[Tensor, "H W"], Integer[Tensor, " N"]]:
    """Colour (H, W, 3), accumulated depth (H, W), alpha (H, W) and radii (N,); see `rasterize`.

    Equals `gsplat.rasterization(..., packed=False, rasterize_mode="classic", render_mode="RGB+D")`: depth is a fourth
    colour over a background of 0, and so accumulated, not divided by alpha.
    """
    from gsplat import fully_fused_projection, isect_offset_encode, isect_tiles, rasterize_to_pixels

    width, height = size
    opacities = torch.sigmoid(gaussians.opacities)
    radii, centres, depths, conics, _ = fully_fused_projection(
        gaussians.means,
        None,
        gaussians.quats,
        torch.exp(gaussians.scales),
        world_to_camera[None],
        intrinsic_matrix(intrinsics)[None],
        width,
        height,
        eps2d=eps2d,
        near_plane=0.2,
        far_plane=1e10,
        packed=False,
        opacities=opacities,
    )  # radii (1, N, 2), centres (1, N, 2), depths (1, N), conics (1, N, 3); all but radii undefined where culled
    if screen_gradient is not None:
        centres = centres + screen_gradient[None]
    across, down = math.ceil(width / TILE), math.ceil(height / TILE)
    with torch.no_grad():
        _, keys, members = isect_tiles(centres, radii, depths, TILE, across, down)
        starts = isect_offset_encode(keys, 1, across, down)
    image, alpha = rasterize_to_pixels(
        centres,
        conics,
        torch.cat([gaussians.colors[None], depths[..., None]], dim=-1),
        opacities[None],
        width,
        height,
        TILE,
        starts,
        members,
        backgrounds=torch.cat([background, background.new_zeros(1)])[None],
    )  # (1, H, W, 4), (1, H, W, 1)
    return image[0, ..., :3], image[0, ..., 3], alpha[0, ..., 0], _extent(radii[0])


def _extent(radii: Integer[Tensor, "N 2"]) -> Integer[Tensor, " N"]:
    """The larger half extent; 0 unless both are positive, which is how gsplat marks what it culled."""
    return torch.where((radii > 0).all(-1), radii.amax(-1), 0)
