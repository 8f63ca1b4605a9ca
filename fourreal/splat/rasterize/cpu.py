"""The CPU engine: numba kernels behind one autograd function."""

import logging
import time

import numpy as np
import torch
from torch import Tensor

from fourreal.splat.gaussians import Gaussians
from fourreal.splat.rasterize.arrays import array, rows
from fourreal.splat.rasterize.blend import blend
from fourreal.splat.rasterize.blend_backward import blend_backward
from fourreal.splat.rasterize.kernels import f32
from fourreal.splat.rasterize.project import SPLAT_FLOATS, project
from fourreal.splat.rasterize.project_backward import GRADIENT_FLOATS, backproject
from fourreal.splat.rasterize.threads import run_parts, thread_count
from fourreal.splat.rasterize.tiles import bin_tiles, share_tiles

log = logging.getLogger(__name__)

TILE_COST = 8  # what a tile costs beside its splats, in splats


def rasterize_cpu(
    gaussians: Gaussians,
    world_to_camera: Tensor,
    intrinsics: Tensor,
    size: tuple[int, int],
    background: Tensor,
    screen_gradient: Tensor | None,
    eps2d: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Colour (H, W, 3), accumulated depth (H, W), alpha (H, W) and radii (N,); see `rasterize`."""
    return _Rasterize.apply(
        gaussians.means,
        gaussians.quats,
        gaussians.scales,
        gaussians.opacities,
        gaussians.colors,
        world_to_camera,
        screen_gradient,
        intrinsics,
        background,
        size,
        eps2d,
    )


def warm_up() -> float:
    """Compile the kernels, or load them from numba's cache, on a scene of one splat. Returns the seconds it took.

    The first call on a machine compiles for some seconds; any later process only loads what that call left on disk.
    """
    log.info("preparing the CPU rasterizer; the first time on a machine this compiles for a while")
    begin = time.perf_counter()
    gaussians = Gaussians.static(
        torch.tensor([[0.0, 0.0, 1.0]]),
        torch.tensor([[1.0, 0.0, 0.0, 0.0]]),
        torch.full((1, 3), -2.0),
        torch.zeros(1),
        torch.ones(1, 3),
    )
    gaussians.means.requires_grad_()
    colour, *_ = rasterize_cpu(
        gaussians, torch.eye(4), torch.tensor([8.0, 8.0, 4.0, 4.0]), (8, 8), torch.zeros(3), None, 0.3
    )
    colour.sum().backward()
    seconds = time.perf_counter() - begin
    log.info("the CPU rasterizer is ready after %.1f s", seconds)
    return seconds


class _Rasterize(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx, means, quats, scales, opacities, colors, pose, screen_gradient, intrinsics, background, size, eps2d
    ):
        width, height = size
        splat_rows = [rows(x) for x in (means, quats, scales, opacities, colors)]  # a quaternion of 0 is culled
        camera = array(pose), array(intrinsics), width, height
        count, threads = len(splat_rows[0]), thread_count()
        splats, radii = np.empty((count, SPLAT_FLOATS), np.float32), np.empty(count, np.int32)
        boxes, depths = np.empty((count, 4), np.float32), np.empty(count, np.float32)
        colour = np.empty((height, width, 3), np.float32)
        depth, transmittance = np.empty((height, width), np.float32), np.empty((height, width), np.float32)
        run_parts(project, threads, *splat_rows, *camera, f32(eps2d), splats, boxes, depths, radii)
        starts, pairs, spans = bin_tiles(splats, boxes, depths, radii, width, height, threads)
        ends = np.empty(len(starts) - 1, np.int64)
        cuts = share_tiles(np.diff(starts) + TILE_COST, threads)
        lists, images = (starts, ends, pairs, spans), (colour, depth, transmittance)
        run_parts(blend, threads, splats, *lists, cuts, width, height, array(background), *images)
        ctx.stored = splat_rows, camera, splats, radii, lists, images
        ctx.count = len(means)
        ctx.set_materialize_grads(False)
        tensors = [torch.from_numpy(x) for x in (colour, depth, 1 - transmittance, radii[: len(means)])]
        ctx.mark_non_differentiable(tensors[-1])
        return tuple(tensors)

    @staticmethod
    def backward(ctx, d_colour, d_depth, d_alpha, _d_radii):
        splat_rows, camera, splats, radii, lists, images = ctx.stored
        width, height = camera[2:]
        threads = thread_count()
        starts, ends, _pairs, _spans = lists
        nothing = np.zeros((height, width), np.float32)
        d_images = (
            np.zeros((height, width, 3), np.float32) if d_colour is None else array(d_colour),
            nothing if d_depth is None else array(d_depth),
            nothing if d_alpha is None else array(d_alpha),
        )
        parts = np.empty((threads, len(radii) * GRADIENT_FLOATS), np.float32)
        d_rows = [np.empty_like(x) for x in splat_rows]
        d_screen = np.empty((len(radii), 2), np.float32)
        d_poses = np.empty((threads, 16))
        cuts = share_tiles(ends - starts[:-1] + TILE_COST, threads)
        colours = (*images, *d_images, d_depth is not None)
        run_parts(blend_backward, threads, splats, *lists, cuts, width, height, *colours, parts)
        run_parts(backproject, threads, *splat_rows[:4], *camera, splats, radii, parts, *d_rows, d_screen, d_poses)
        d_pose = np.zeros((4, 4), np.float32)
        d_pose[:3] = d_poses[:, :12].sum(0).reshape(3, 4)
        results = [*(x[: ctx.count] for x in d_rows), d_pose, d_screen[: ctx.count]]
        needed = ctx.needs_input_grad
        gradients = [torch.from_numpy(x) if a else None for x, a in zip(results, needed, strict=False)]
        return *gradients, None, None, None, None
