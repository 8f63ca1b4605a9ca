"""Local rigidity and relative rotation towards the canonical frame (Luiten et al. 2023, eq. 1-2; 4Real app. C.2).

`rigidity_plain` is what CUDA runs and what the kernel is judged by; on a CPU one pass over the edges gives both terms
and their gradients (with torch they were a third of a step of stage two).
"""

from typing import NamedTuple

import numpy as np
import torch
from numba import njit
from scipy.spatial import cKDTree
from torch import Tensor

from fourreal.splat import quaternion
from fourreal.splat.rasterize.arrays import array
from fourreal.splat.rasterize.kernels import KERNEL, f32
from fourreal.splat.rasterize.threads import parts_for, run_parts

ANCHOR = 0.25  # share of its weight that an edge has to what stays put
TINY = 1e-12  # keeps the gradient of a length finite where an edge is met exactly


class Neighbours(NamedTuple):
    """The k nearest neighbours in the canonical scene, whether they move or not.

    What may move takes in pieces of the walls and the floor beside the subject; that they hold on to the rest of
    it keeps them from being dragged along.

    index: (N, k) int64; weight: (N, k) exp(-lambda d^2) with lambda by the median distance, less where the neighbour
    stays put; edge: (N, k, 3) vectors to them.
    """

    index: Tensor  # type: ignore[assignment]  # instead of a tuple's method of this name
    weight: Tensor
    edge: Tensor

    @classmethod
    def of(cls, means: Tensor, k: int, moves: Tensor | None = None, spread: float = 2.0) -> "Neighbours":
        """means: (N, 3); moves: (N,) bool, all of them unless given; spread: distance, in medians of all neighbour
        distances, at which the weight is exp(-1)."""
        k = min(k, len(means) - 1)
        points = means.detach().cpu().numpy()
        distance, index = cKDTree(points).query(points, k + 1, workers=-1)
        index = torch.from_numpy(index[:, 1:]).to(means.device)
        distance = torch.from_numpy(distance[:, 1:]).to(means)
        weight = torch.exp(-(distance / (spread * distance.median())).square())
        if moves is not None:
            weight = weight * torch.where(moves[index], 1.0, ANCHOR)
        return cls(index, weight, means.detach()[index] - means.detach()[:, None])


def rigidity(means: Tensor, quats: Tensor, dq: Tensor, neighbours: Neighbours, rows: Tensor) -> tuple[Tensor, Tensor]:
    """How far neighbours are from moving as one.

    Args:
        means: (N, 3) bent positions.
        quats, dq: (N, 4) canonical quaternions, and what is added to them: together how each Gaussian has turned.
        rows: (R,) int64, the Gaussians to look at, a sample of all.

    Returns:
        mean over neighbours of w |bent edge - turned canonical edge|, and of w |difference of the turns|.
    """
    return (rigidity_plain if means.is_cuda else _Rigidity.apply)(means, quats, dq, neighbours, rows)


def rigidity_plain(
    means: Tensor, quats: Tensor, dq: Tensor, neighbours: Neighbours, rows: Tensor
) -> tuple[Tensor, Tensor]:
    before = quaternion.normalize(quats)
    turn = quaternion.multiply(quaternion.normalize(quats + dq), before * before.new_tensor([1, -1, -1, -1]))
    near = neighbours.index[rows]
    edge = means[near] - means[rows][:, None]
    expected = (quaternion.to_matrix(turn[rows])[:, None] @ neighbours.edge[rows][..., None])[..., 0]
    weight = neighbours.weight[rows]
    stretch = ((edge - expected).square().sum(dim=-1) + TINY).sqrt()
    twist = ((turn[near] - turn[rows][:, None]).square().sum(dim=-1) + TINY).sqrt()
    return (weight * stretch).mean(), (weight * twist).mean()


class _Rigidity(torch.autograd.Function):
    @staticmethod
    def forward(ctx, means, quats, dq, neighbours, rows):
        parts, edges = parts_for(neighbours.index.shape[1] * len(rows)), max(len(rows) * neighbours.index.shape[1], 1)
        turns = array(quats), array(dq), np.empty((len(means), 4), np.float32)
        run_parts(_turns, parts, *turns)
        totals = np.zeros((parts, 2))
        # of the first term by positions and turns, of the second by turns; a slice for each part, as parts share rows
        gradients = np.zeros((parts, len(means), 11), np.float32)
        near = neighbours.index.numpy(), array(neighbours.weight), array(neighbours.edge)
        run_parts(_rigidity, parts, array(means), turns[2], *near, rows.numpy(), totals, gradients)
        ctx.stored = turns, gradients, edges
        stretch, twist = totals.sum(0) / edges
        return means.new_tensor(stretch), means.new_tensor(twist)

    @staticmethod
    def backward(ctx, d_stretch, d_twist):
        turns, gradients, edges = ctx.stored
        scales = f32(float(d_stretch) / edges), f32(float(d_twist) / edges)
        results = [np.empty((len(turns[0]), columns), np.float32) for columns in (3, 4, 4)]
        run_parts(_gather_gradients, len(gradients), *turns, gradients, *scales, *results)
        return *map(torch.from_numpy, results), None, None


@njit(**KERNEL)
def _turns(p, parts, quats, dq, turn):
    """Part p of the unit rotations (N, 4) from q to q + dq; exactly none where dq is nothing."""
    share = (len(quats) + parts - 1) // parts
    for n in range(p * share, min(len(quats), (p + 1) * share)):
        a, b, c, d = quats[n, 0], quats[n, 1], quats[n, 2], quats[n, 3]
        e, f, g, h = dq[n, 0], dq[n, 1], dq[n, 2], dq[n, 3]
        turn[n, 0], turn[n, 1], turn[n, 2], turn[n, 3] = f32(1), f32(0), f32(0), f32(0)
        if e != 0 or f != 0 or g != 0 or h != 0:
            e, f, g, h = e + a, f + b, g + c, h + d
            both = (a * a + b * b + c * c + d * d) * (e * e + f * f + g * g + h * h)
            scale = f32(1) / np.sqrt(both)
            turn[n, 0] = (e * a + f * b + g * c + h * d) * scale
            turn[n, 1] = (f * a - e * b + h * c - g * d) * scale
            turn[n, 2] = (g * a - e * c + f * d - h * b) * scale
            turn[n, 3] = (h * a - e * d + g * b - f * c) * scale


@njit(**KERNEL)
def _gather_gradients(p, parts, quats, dq, turn, gradients, stretch, twist, d_means, d_quats, d_dq):
    """For part p of the rows: the sum of all parts' gradients, those by turns led on to `quats` and `dq`."""
    share = (len(quats) + parts - 1) // parts
    for n in range(p * share, min(len(quats), (p + 1) * share)):
        a, b, c, d = quats[n, 0], quats[n, 1], quats[n, 2], quats[n, 3]
        e, f, g, h = dq[n, 0] + a, dq[n, 1] + b, dq[n, 2] + c, dq[n, 3] + d
        before, after = a * a + b * b + c * c + d * d, e * e + f * f + g * g + h * h
        u0, u1, u2, u3 = f32(0), f32(0), f32(0), f32(0)
        d_means[n, 0], d_means[n, 1], d_means[n, 2] = f32(0), f32(0), f32(0)
        for part in range(len(gradients)):
            for k in range(3):
                d_means[n, k] += stretch * gradients[part, n, k]
            u0 += stretch * gradients[part, n, 3] + twist * gradients[part, n, 7]
            u1 += stretch * gradients[part, n, 4] + twist * gradients[part, n, 8]
            u2 += stretch * gradients[part, n, 5] + twist * gradients[part, n, 9]
            u3 += stretch * gradients[part, n, 6] + twist * gradients[part, n, 10]
        # what lies along the turn changes its length alone, which is normalised away
        along = u0 * turn[n, 0] + u1 * turn[n, 1] + u2 * turn[n, 2] + u3 * turn[n, 3]
        scale = f32(1) / np.sqrt(before * after)
        u0, u1 = (u0 - along * turn[n, 0]) * scale, (u1 - along * turn[n, 1]) * scale
        u2, u3 = (u2 - along * turn[n, 2]) * scale, (u3 - along * turn[n, 3]) * scale
        # turn = r q*: by r it is u q, by q it is u* r; r is q + dq
        d_dq[n, 0] = u0 * a - u1 * b - u2 * c - u3 * d
        d_dq[n, 1] = u0 * b + u1 * a + u2 * d - u3 * c
        d_dq[n, 2] = u0 * c - u1 * d + u2 * a + u3 * b
        d_dq[n, 3] = u0 * d + u1 * c - u2 * b + u3 * a
        for k in range(4):
            d_quats[n, k] = 0
        if dq[n, 0] == 0 and dq[n, 1] == 0 and dq[n, 2] == 0 and dq[n, 3] == 0:
            continue  # who does not turn does not turn whatever its quaternion is
        d_quats[n, 0] = d_dq[n, 0] + u0 * e + u1 * f + u2 * g + u3 * h
        d_quats[n, 1] = d_dq[n, 1] + u0 * f - u1 * e - u2 * h + u3 * g
        d_quats[n, 2] = d_dq[n, 2] + u0 * g + u1 * h - u2 * e - u3 * f
        d_quats[n, 3] = d_dq[n, 3] + u0 * h - u1 * g + u2 * f - u3 * e


@njit(**KERNEL)
def _rigidity(p, parts, means, turn, index, weights, edges, rows, totals, gradients):
    """Every `parts`-th of the rows: both sums into totals[p], and their gradients into gradients[p] (N, 11)."""
    tiny, two = f32(TINY), f32(2)
    by = gradients[p]
    stretches, twists = 0.0, 0.0
    g = np.empty(9, np.float32)
    for place in range(p, len(rows), parts):
        r = rows[place]
        w, x, y, z = turn[r, 0], turn[r, 1], turn[r, 2], turn[r, 3]
        g[:] = 0
        for j in range(index.shape[1]):
            n, weight = index[r, j], weights[r, j]
            a, b, c = edges[r, j, 0], edges[r, j, 1], edges[r, j, 2]
            d0 = means[n, 0] - means[r, 0] - a + two * ((y * y + z * z) * a - (x * y - w * z) * b - (x * z + w * y) * c)
            d1 = means[n, 1] - means[r, 1] - b + two * ((x * x + z * z) * b - (x * y + w * z) * a - (y * z - w * x) * c)
            d2 = means[n, 2] - means[r, 2] - c + two * ((x * x + y * y) * c - (x * z - w * y) * a - (y * z + w * x) * b)
            length = np.sqrt(d0 * d0 + d1 * d1 + d2 * d2 + tiny)
            stretches += weight * length
            share = weight / length
            d0, d1, d2 = d0 * share, d1 * share, d2 * share
            by[n, 0] += d0
            by[n, 1] += d1
            by[n, 2] += d2
            by[r, 0] -= d0
            by[r, 1] -= d1
            by[r, 2] -= d2
            g[0] -= d0 * a
            g[1] -= d0 * b
            g[2] -= d0 * c
            g[3] -= d1 * a
            g[4] -= d1 * b
            g[5] -= d1 * c
            g[6] -= d2 * a
            g[7] -= d2 * b
            g[8] -= d2 * c
            length = tiny
            for k in range(4):
                length += (turn[n, k] - turn[r, k]) ** 2
            length = np.sqrt(length)
            twists += weight * length
            share = weight / length
            for k in range(4):
                pull = share * (turn[n, k] - turn[r, k])
                by[n, 7 + k] += pull
                by[r, 7 + k] -= pull
        # the gradient by the rotation matrix, g, becomes one by the quaternion
        by[r, 3] += two * (y * (g[2] - g[6]) + z * (g[3] - g[1]) + x * (g[7] - g[5]))
        by[r, 4] += two * (y * (g[1] + g[3]) + z * (g[2] + g[6]) + w * (g[7] - g[5]) - two * x * (g[4] + g[8]))
        by[r, 5] += two * (x * (g[1] + g[3]) + z * (g[5] + g[7]) + w * (g[2] - g[6]) - two * y * (g[0] + g[8]))
        by[r, 6] += two * (x * (g[2] + g[6]) + y * (g[5] + g[7]) + w * (g[3] - g[1]) - two * z * (g[0] + g[4]))
    totals[p, 0], totals[p, 1] = stretches, twists
