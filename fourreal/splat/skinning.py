"""What following rigid motions does to Gaussians, with its gradient; fused on a CPU.

Two functions in plain torch, which is what CUDA runs and what the kernels are judged by, and the same as kernels, which
make one pass over the Gaussians each: in torch the two were a third of a step of stage one.
"""

import math

import numpy as np
import torch
from numba import njit
from torch import Tensor

from fourreal.splat import quaternion
from fourreal.splat.rasterize.arrays import array, rows
from fourreal.splat.rasterize.kernels import KERNEL, f32
from fourreal.splat.rasterize.simd import LANES, exp2, maximum, spread, square_root
from fourreal.splat.rasterize.simd_memory import load, load_columns, store, store_columns
from fourreal.splat.rasterize.threads import parts_for, run_parts

LOWEST = f32(-120)  # of the binary logarithm of a weight: below, it is nothing


def near_weights(means: Tensor, pivots: Tensor, radius: Tensor) -> Tensor:
    """(N, B) softmax over the pivots of -|x - p|^2 / (2 r^2); without a gradient.

    Args:
        means: (N, 3); pivots: (B, 3); radius: (B,); world units.
    """
    with torch.no_grad():
        if means.is_cuda:
            return near_weights_plain(means, pivots, radius)
        columns = rows(means)
        weights = np.empty((len(pivots), len(columns)), np.float32)
        sharpness = array(math.log2(math.e) / (2 * radius.square()))
        run_parts(_near_weights, parts_for(len(means)), columns, array(pivots), sharpness, weights)
        return torch.from_numpy(weights).T[: len(means)]


def near_weights_plain(means: Tensor, pivots: Tensor, radius: Tensor) -> Tensor:
    precision = -0.5 / radius.square()
    # multiplied out, so that the (N, B) part is one product
    logits = means.square().sum(dim=1, keepdim=True) * precision
    logits.addmm_(means, -2 * (pivots * precision[:, None]).T)
    logits += pivots.square().sum(dim=1) * precision
    return torch.softmax(logits, dim=1)


def follow(blended: Tensor, means: Tensor, quats: Tensor) -> tuple[Tensor, Tensor]:
    """How far Gaussians come that follow a blend of rigid motions x' = R x + s.

    Args:
        blended: (N, 16) the weighted sums of R - I row by row, of s, and of the rotation's unit quaternion - 1.
        means: (N, 3); quats: (N, 4).

    Returns:
        (N, 3) x' - x, and (N, 4) q' - q, where q' is q turned by the blended quaternion, normalised.
    """
    return (follow_plain if means.is_cuda else _Follow.apply)(blended, means, quats)


def follow_plain(blended: Tensor, means: Tensor, quats: Tensor) -> tuple[Tensor, Tensor]:
    dx = (blended[:, :9].unflatten(1, (3, 3)) @ means[:, :, None])[..., 0] + blended[:, 9:12]
    turn = quaternion.normalize(blended[:, 12:] + blended.new_tensor([1.0, 0.0, 0.0, 0.0]))
    return dx, quaternion.multiply(turn, quats) - quats


class _Follow(torch.autograd.Function):
    @staticmethod
    def forward(ctx, blended, means, quats):
        given = [rows(x) for x in (blended, means, quats)]
        dx, dq = (np.empty_like(x) for x in given[1:])
        run_parts(_follow, parts_for(len(means)), *given, dx, dq)
        ctx.given, ctx.count = given, len(means)
        return torch.from_numpy(dx)[: len(means)], torch.from_numpy(dq)[: len(means)]

    @staticmethod
    def backward(ctx, d_dx, d_dq):
        gradients = [np.empty_like(x) for x in ctx.given]
        run_parts(_follow_backward, parts_for(ctx.count), *ctx.given, rows(d_dx), rows(d_dq), *gradients)
        return tuple(torch.from_numpy(x)[: ctx.count] for x in gradients)


@njit(**KERNEL)
def _near_weights(p, parts, means, pivots, sharpness, weights):
    """Part p of weights (B, N), N a multiple of LANES."""
    blocks = len(means) // LANES
    share = (blocks + parts - 1) // parts
    count = len(means)
    for block in range(p * share, min(blocks, (p + 1) * share)):
        n = block * LANES
        x, y, z = load_columns(means, n, 3)
        best = spread(f32(-3e38))
        for b in range(len(pivots)):
            dx, dy, dz = x - pivots[b, 0], y - pivots[b, 1], z - pivots[b, 2]
            logit = (dx * dx + dy * dy + dz * dz) * (f32(-1) * sharpness[b])
            best = maximum(logit, best)
            store(weights, b * count + n, logit)
        total = spread(f32(0))
        for b in range(len(pivots)):
            weight = exp2(maximum(load(weights, b * count + n) - best, LOWEST))
            total += weight
            store(weights, b * count + n, weight)
        inverse = f32(1) / total
        for b in range(len(pivots)):
            store(weights, b * count + n, load(weights, b * count + n) * inverse)


@njit(**KERNEL)
def _product(a, b, c, d, w, x, y, z):
    """The Hamilton product (a, b, c, d) (w, x, y, z)."""
    return (
        a * w - b * x - c * y - d * z, a * x + b * w + c * z - d * y,
        a * y - b * z + c * w + d * x, a * z + b * y - c * x + d * w,
    )  # fmt: skip


@njit(**KERNEL)
def _follow(p, parts, blended, means, quats, dx, dq):
    blocks = len(means) // LANES
    share = (blocks + parts - 1) // parts
    for block in range(p * share, min(blocks, (p + 1) * share)):
        n = block * LANES
        m00, m01, m02, m10, m11, m12, m20, m21, m22, s0, s1, s2, a, b, c, d = load_columns(blended, n, 16)
        x, y, z = load_columns(means, n, 3)
        store_columns(dx, n, (
            m00 * x + m01 * y + m02 * z + s0, m10 * x + m11 * y + m12 * z + s1, m20 * x + m21 * y + m22 * z + s2,
        ))  # fmt: skip
        a = a + f32(1)
        inverse = f32(1) / square_root(a * a + b * b + c * c + d * d)
        q0, q1, q2, q3 = load_columns(quats, n, 4)
        t0, t1, t2, t3 = _product(a * inverse, b * inverse, c * inverse, d * inverse, q0, q1, q2, q3)
        store_columns(dq, n, (t0 - q0, t1 - q1, t2 - q2, t3 - q3))


@njit(**KERNEL)
def _follow_backward(p, parts, blended, means, quats, d_dx, d_dq, d_blended, d_means, d_quats):
    blocks = len(means) // LANES
    share = (blocks + parts - 1) // parts
    minus = f32(-1)
    for block in range(p * share, min(blocks, (p + 1) * share)):
        n = block * LANES
        m00, m01, m02, m10, m11, m12, m20, m21, m22, _, _, _, a, b, c, d = load_columns(blended, n, 16)
        x, y, z = load_columns(means, n, 3)
        g0, g1, g2 = load_columns(d_dx, n, 3)
        store_columns(d_means, n, (
            m00 * g0 + m10 * g1 + m20 * g2, m01 * g0 + m11 * g1 + m21 * g2, m02 * g0 + m12 * g1 + m22 * g2,
        ))  # fmt: skip
        a = a + f32(1)
        inverse = f32(1) / square_root(a * a + b * b + c * c + d * d)
        a, b, c, d = a * inverse, b * inverse, c * inverse, d * inverse
        q0, q1, q2, q3 = load_columns(quats, n, 4)
        h0, h1, h2, h3 = load_columns(d_dq, n, 4)
        # of a product t q: by q it is t* h, by t it is h q*; of a length that is normalised away nothing is left
        k0, k1, k2, k3 = _product(a, minus * b, minus * c, minus * d, h0, h1, h2, h3)
        store_columns(d_quats, n, (k0 - h0, k1 - h1, k2 - h2, k3 - h3))
        t0, t1, t2, t3 = _product(h0, h1, h2, h3, q0, minus * q1, minus * q2, minus * q3)
        along = a * t0 + b * t1 + c * t2 + d * t3
        store_columns(d_blended, n, (
            g0 * x, g0 * y, g0 * z, g1 * x, g1 * y, g1 * z, g2 * x, g2 * y, g2 * z, g0, g1, g2,
            (t0 - a * along) * inverse, (t1 - b * along) * inverse,
            (t2 - c * along) * inverse, (t3 - d * along) * inverse,
        ))  # fmt: skip
