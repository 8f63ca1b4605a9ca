"""The CPU engine: numba kernels behind one autograd function."""

import logging
import threading
import time

import numba
import numpy as np
import torch
from torch import Tensor

from fourreal.splat.gaussians import Gaussians
from fourreal.splat.rasterize.blend import blend
from fourreal.splat.rasterize.blend_backward import blend_backward
from fourreal.splat.rasterize.project import GRADIENT_FLOATS, SPLAT_FLOATS, backproject, project
from fourreal.splat.rasterize.tiles import bin_tiles, share_tiles

log = logging.getLogger(__name__)

# numba's portable threading layer ends the process when two threads enter it at once.
_one_at_a_time = threading.Lock()


def rasterize_cpu(
    gaussians: Gaussians,
    world_to_camera: Tensor,
    intrinsics: Tensor,
    size: tuple[int, int],
    background: Tensor,
    screen_gradient: Tensor | None,
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
        gaussians, torch.eye(4), torch.tensor([8.0, 8.0, 4.0, 4.0]), (8, 8), torch.zeros(3), None
    )
    colour.sum().backward()
    seconds = time.perf_counter() - begin
    log.info("the CPU rasterizer is ready after %.1f s", seconds)
    return seconds


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().to(torch.float32).contiguous().numpy()


class _Rasterize(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx, means, quats, scales, opacities, colors, world_to_camera, screen_gradient, intrinsics, background, size
    ):
        width, height = size
        inputs = [_array(x) for x in (means, quats, scales, opacities, colors, world_to_camera, intrinsics)]
        count = len(means)
        splats, radii = np.empty((count, SPLAT_FLOATS), np.float32), np.empty(count, np.int32)
        colour = np.empty((height, width, 3), np.float32)
        depth, transmittance = np.empty((2, height, width), np.float32)
        with _one_at_a_time:
            project(*inputs, width, height, splats, radii)
            starts, pairs, spans = bin_tiles(splats, radii, width, height)
            ends = np.empty(len(starts) - 1, np.int64)
            cuts = share_tiles(np.diff(starts) + 8, numba.get_num_threads())
            outputs = colour, depth, transmittance
            blend(splats, starts, pairs, spans, cuts, width, height, _array(background), *outputs, ends)
        ctx.kept = inputs, size, splats, radii, starts, ends, pairs, spans, outputs
        tensors = [torch.from_numpy(x) for x in (colour, depth, 1 - transmittance, radii)]
        ctx.mark_non_differentiable(tensors[-1])
        return tuple(tensors)

    @staticmethod
    def backward(ctx, d_colour, d_depth, d_alpha, _d_radii):
        inputs, (width, height), splats, radii, starts, ends, pairs, spans, outputs = ctx.kept
        means, quats, scales, opacities, colors, pose, intrinsics = inputs
        threads = numba.get_num_threads()
        parts = np.empty((threads, len(means) * GRADIENT_FLOATS), np.float32)
        gradients = [np.empty_like(x) for x in (means, quats, scales, opacities, colors)]
        d_screen = np.empty((len(means), 2), np.float32)
        d_poses = np.zeros((threads, 4, 4), np.float64)
        with _one_at_a_time:
            cuts = share_tiles(ends - starts[:-1] + 8, threads)
            blend_backward(
                splats, starts, ends, pairs, spans, cuts, width, height, *outputs,
                _array(d_colour), _array(d_depth), _array(d_alpha), True, parts,
            )  # fmt: skip
            backproject(
                means, quats, scales, opacities, pose, intrinsics, width, height, splats, radii, parts,
                *gradients, d_screen, d_poses,
            )  # fmt: skip
        results = [*gradients, d_poses.sum(0).astype(np.float32), d_screen]
        asked = ctx.needs_input_grad
        return *(torch.from_numpy(x) if a else None for x, a in zip(results, asked, strict=False)), None, None, None
