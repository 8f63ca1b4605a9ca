"""Pixels in the wrong place matched to where they belong: a pull on what moves many pixels from frame to frame.

The photometric loss pulls at what overlaps its place in the frame; of an arm that has swung past its own width it says
nothing. Here the pixels in which picture and frame differ are assigned to each other, one to one, by colour and
distance (discrete optimal transport, as in Xing et al. 2022, "Differentiable rendering using RGBXY derivatives and
optimal transport"), and the Gaussians that make up a pixel are pulled to where it belongs.
"""

import math

import torch
from jaxtyping import Float, Integer
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from fourreal.camera.cameras import Cameras
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.rasterize import rasterize

PIXELS = 2400  # of a picture that is matched, at most
DIFFERENT = 0.08  # mean absolute difference of pixels that do not agree, colours in [0, 1]
COVERED = 0.4  # least share of a pixel that moving Gaussians make up for it to be pulled
REACH = 0.22  # farthest match, in longer sides of the picture
ALIKE = 0.18  # largest difference of two colours that match, root mean square of the channels
NEAR = 1.5  # pixels that the photometric loss sees by itself
FEWEST = 4  # with fewer matches farther than that, nothing is pulled


def halvings_for(size: tuple[int, int]) -> int:
    """How often a picture of `size` is halved before its pixels are matched."""
    return max(0, math.ceil(math.log(size[0] * size[1] / PIXELS, 4)))


def assign(
    shown: Float[Tensor, "H W 3"], wanted: Float[Tensor, "H W 3"], cover: Float[Tensor, "H W"]
) -> tuple[Integer[Tensor, "M 2"], Float[Tensor, "M 2"]]:
    """Which pixels (row, column) of `shown` belong elsewhere in `wanted`, and how far to go, (x, y) in pixels.

    Args:
        cover: share of each pixel that what may be pulled makes up; others are not sources.
    """
    different = (shown - wanted).abs().mean(dim=-1) > DIFFERENT
    source, place = (different & (cover > COVERED)).nonzero(), different.nonzero()
    apart = torch.cdist(source.float(), place.float()) / (REACH * max(different.shape))
    unlike = torch.cdist(shown[tuple(source.T)], wanted[tuple(place.T)]) / (ALIKE * 3**0.5)
    cost = (apart.square() + unlike.square()).clamp(max=1).cpu().numpy()
    of, to = linear_sum_assignment(cost)
    near = cost[of, to] < 1
    of, to = (torch.from_numpy(x[near]).to(source.device) for x in (of, to))
    return source[of], (place[to] - source[of]).flip(1).float()


def pull(
    bent: Gaussians,
    free: Float[Tensor, " N"],
    camera: Cameras,
    shown: Float[Tensor, "H W 3"],
    wanted: Float[Tensor, "H W 3"],
    eps2d: float,
) -> Float[Tensor, ""] | None:
    """How far pixels are from where they belong, in longer sides of the picture: the sum over all, per pixel of it.

    Its gradient goes to the means of `bent` alone. None where hardly anything is far from its place.

    Args:
        free: how much each Gaussian follows the field, in [0, 1].
        camera: F = 1, as large as the picture; shown: what it sees of `bent`; wanted: what it should see.
        eps2d: see `rasterize`.
    """
    pose = camera.world_to_camera[0]
    fx, fy, cx, cy = camera.intrinsics
    x, y, z = (bent.means @ pose[:3, :3].T + pose[:3, 3]).unbind(dim=1)
    z = z.clamp(min=0.01)  # nothing nearer is drawn
    centres = torch.stack([fx * x / z + cx, fy * y / z + cy, torch.ones_like(z)], dim=1)
    # every pixel's mean of the centres of what makes it up, times how much of it they make up
    carried = Gaussians.static(
        bent.means.detach(), bent.quats.detach(), bent.scales.detach(), bent.opacities.detach(), centres * free[:, None]
    )
    made_of = rasterize(carried, pose, camera.intrinsics, camera.size, pose.new_zeros(3), None, eps2d).colour
    source, move = assign(shown.detach(), wanted, made_of[..., 2].detach())
    if int((move.norm(dim=1) > NEAR).sum()) < FEWEST:
        return None
    here = made_of[tuple(source.T)]
    place = here[:, :2] / here[:, 2:]
    away = (place - (place + move).detach()).norm(dim=1).sum()
    return away / (max(camera.size) * camera.size[0] * camera.size[1])
