"""Gaussians that follow a blend of rigid motions, and the gradient of it; fused on a CPU.

Two ways to weigh the motions, by distance or as learned. Each is plain torch on CUDA, which is also what the kernels
are judged by, and one kernel on a CPU: in torch it was a third of a step of stage one, most of it many small calls.
"""

import math

import numpy as np
import torch
from torch import Tensor

from fourreal.splat import quaternion, skinning_kernels
from fourreal.splat.rasterize.arrays import array
from fourreal.splat.rasterize.simd import LANES
from fourreal.splat.rasterize.threads import parts_for, run_parts

COST = 4  # of a row here, in rows of other kernels


def follow_near(
    rotation: Tensor,
    translation: Tensor,
    pivots: Tensor,
    radius: Tensor,
    means: Tensor,
    quats: Tensor,
    where: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """How far Gaussians come, each basis weighed by the distance to its pivot (that has no gradient).

    Args:
        rotation, translation: (B, 3) of each basis: half a rotation vector, turned about its pivot, and world units.
        pivots: (B, 3); radius: (B,) standard deviation of each one's influence; world units.
        means: (N, 3); quats: (N, 4).
        where: (M,) int64, different rows of these, all of them unless given; the others do not move.

    Returns:
        (N, 3) x' - x, and (N, 4) q' - q, where q' is q turned by the blended quaternion, normalised.
    """
    where = torch.arange(len(means), device=means.device) if where is None else where
    if means.is_cuda:
        return follow_near_plain(rotation, translation, pivots, radius, means, quats, where)
    return _Follow.apply(rotation, translation, means, quats, means.new_empty(0, 0), pivots, radius, where)


def follow_learned(
    rotation: Tensor, translation: Tensor, pivots: Tensor, logits: Tensor, means: Tensor, quats: Tensor, where: Tensor
) -> tuple[Tensor, Tensor]:
    """The same, each basis weighed by the softmax of `logits` (N, B + 1), the last one for staying put.

    Raises:
        ValueError: there is not a logit for every basis and one more.
    """
    if logits.shape != (len(means), len(rotation) + 1):
        raise ValueError(f"{len(means)} Gaussians and {len(rotation)} bases do not go with logits {[*logits.shape]}")
    if means.is_cuda:
        return follow_learned_plain(rotation, translation, pivots, logits, means, quats, where)
    return _Follow.apply(rotation, translation, means, quats, logits, pivots, pivots.new_ones(0), where)


# --- In plain torch --------------------------------------------------------------------------------------------------


def follow_near_plain(rotation, translation, pivots, radius, means, quats, where) -> tuple[Tensor, Tensor]:
    weights = near_weights(means.detach().index_select(0, where), pivots, radius)
    return _follow_weighted(weights, rotation, translation, pivots, means, quats, where)


def follow_learned_plain(rotation, translation, pivots, logits, means, quats, where) -> tuple[Tensor, Tensor]:
    weights = torch.softmax(logits.index_select(0, where), dim=1)[:, :-1]
    return _follow_weighted(weights, rotation, translation, pivots, means, quats, where)


def near_weights(means: Tensor, pivots: Tensor, radius: Tensor) -> Tensor:
    """(N, B) softmax over the pivots of -|x - p|^2 / (2 r^2)."""
    precision = -0.5 / radius.square()
    # multiplied out, so that the (N, B) part is one product
    logits = means.square().sum(dim=1, keepdim=True) * precision
    logits.addmm_(means, -2 * (pivots * precision[:, None]).T)
    logits += pivots.square().sum(dim=1) * precision
    return torch.softmax(logits, dim=1)


def _follow_weighted(weights, rotation, translation, pivots, means, quats, where) -> tuple[Tensor, Tensor]:
    """With weights (M, B) for the rows `where`; what they lack of a sum of 1 stays put."""
    turns = quaternion.from_vector(rotation)  # (B, 4)
    turning = quaternion.turning(turns)  # (B, 3, 3)
    # x' - x = R (x - p) + p + t - x = (R - I) x + t - (R - I) p; what is not weighted does not move
    shift = translation - (turning @ pivots[:, :, None])[..., 0]
    still = turns.new_tensor([1.0, 0.0, 0.0, 0.0])
    blended = weights @ torch.cat([turning.flatten(1), shift, turns - still], dim=1)  # (M, 16)
    x, q = means.index_select(0, where), quats.index_select(0, where)
    dx = (blended[:, :9].unflatten(1, (3, 3)) @ x[:, :, None])[..., 0] + blended[:, 9:12]
    dq = quaternion.multiply(quaternion.normalize(blended[:, 12:] + still), q) - q
    return tuple(d.new_zeros(len(means), d.shape[1]).index_copy(0, where, d) for d in (dx, dq))


# --- As kernels ------------------------------------------------------------------------------------------------------


class _Follow(torch.autograd.Function):
    """Weights are learned where there are logits. Kernels check no bounds: shapes are right when they come here."""

    @staticmethod
    def forward(ctx, rotation, translation, means, quats, logits, pivots, radius, where):
        given = [array(x) for x in (means, quats)]
        poses = array(rotation), array(translation), array(pivots)
        rows, bases = where.contiguous().numpy(), len(rotation)
        table = np.empty((bases, skinning_kernels.COLUMNS), np.float32)
        skinning_kernels.make_table(*poses, table)
        sharpness = array(math.log2(math.e) / (2 * radius.square()))
        blends = np.empty((-(-len(rows) // LANES), (bases + 1 + skinning_kernels.COLUMNS) * LANES), np.float32)
        make = np.empty if len(rows) == len(means) else np.zeros
        moved = [make(x.shape, np.float32) for x in given]
        weighed = array(logits), poses[2], sharpness
        run_parts(skinning_kernels.follow, parts_for(COST * len(rows)), rows, *given, *weighed, table, blends, *moved)
        ctx.stored = rows, given, table, blends, poses, logits.shape
        return tuple(torch.from_numpy(x) for x in moved)

    @staticmethod
    def backward(ctx, d_dx, d_dq):
        rows, given, table, blends, poses, logits = ctx.stored
        parts = parts_for(COST * len(rows))
        shapes = given[0].shape, given[1].shape, logits
        needed = ctx.needs_input_grad[2:5]
        rest = [np.zeros(s if a else (0, s[1]), np.float32) for s, a in zip(shapes, needed, strict=True)]
        d_tables = np.empty((parts, *table.shape), np.float32)
        upstream = array(d_dx), array(d_dq)
        run_parts(skinning_kernels.follow_backward, parts, rows, *given, table, blends, *upstream, d_tables, *rest)
        d_rotation, d_translation = np.empty_like(poses[0]), np.empty_like(poses[1])
        skinning_kernels.table_backward(poses[0], poses[2], d_tables.sum(0), d_rotation, d_translation)
        results = [torch.from_numpy(x) for x in (d_rotation, d_translation)]
        results += [torch.from_numpy(x) if a else None for x, a in zip(rest, needed, strict=True)]
        return *results, None, None, None
