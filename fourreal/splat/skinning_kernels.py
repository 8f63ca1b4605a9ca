"""Following a blend of rigid motions on a CPU: one pass over the Gaussians forward, one back.

LANES Gaussians at a time, gathered by row and scattered again, so that a few among many cost what a few do. What the
way back needs of each block is kept in `kept`: the weight of every basis, that of staying put, the 16 blended numbers.
"""

import math

import numpy as np
from numba import njit

from fourreal.splat.rasterize.kernels import KERNEL, f32
from fourreal.splat.rasterize.project_backward import quaternion_gradient
from fourreal.splat.rasterize.simd import LANES, exp2, maximum, spread, square_root
from fourreal.splat.rasterize.simd_memory import load, store

COLUMNS = 16  # of a rigid motion: R - I row by row, s, unit quaternion - 1
LOWEST = f32(-120)  # of the binary logarithm of a weight: below, it is nothing
LOG2E = f32(math.log2(math.e))
MINUS = f32(-1)


@njit(**KERNEL)
def make_table(rotation, translation, pivots, table):
    """Row b: what basis b, turned about its pivot by the half rotation vector, does to a point: x' = R x + s."""
    for b in range(len(table)):
        x, y, z = rotation[b, 0], rotation[b, 1], rotation[b, 2]
        w = f32(1) / np.sqrt(f32(1) + x * x + y * y + z * z)
        x, y, z = x * w, y * w, z * w
        row = table[b]
        row[0], row[1], row[2] = f32(-2) * (y * y + z * z), f32(2) * (x * y - w * z), f32(2) * (x * z + w * y)
        row[3], row[4], row[5] = f32(2) * (x * y + w * z), f32(-2) * (x * x + z * z), f32(2) * (y * z - w * x)
        row[6], row[7], row[8] = f32(2) * (x * z - w * y), f32(2) * (y * z + w * x), f32(-2) * (x * x + y * y)
        for i in range(3):
            row[9 + i] = translation[b, i]
            for j in range(3):
                row[9 + i] -= row[3 * i + j] * pivots[b, j]
        row[12], row[13], row[14], row[15] = w - f32(1), x, y, z


@njit(**KERNEL)
def table_backward(rotation, pivots, d_table, d_rotation, d_translation):
    g = np.empty(9, np.float32)
    for b in range(len(d_table)):
        x, y, z = rotation[b, 0], rotation[b, 1], rotation[b, 2]
        w = f32(1) / np.sqrt(f32(1) + x * x + y * y + z * z)
        x, y, z = x * w, y * w, z * w
        d = d_table[b]
        for i in range(3):
            d_translation[b, i] = d[9 + i]
            for j in range(3):
                g[3 * i + j] = d[3 * i + j] - d[9 + i] * pivots[b, j]
        _, dx, dy, dz = quaternion_gradient(w, x, y, z, w, g[0], g[1], g[2], g[3], g[4], g[5], g[6], g[7], g[8])
        along = w * d[12] + x * d[13] + y * d[14] + z * d[15]  # of a length that is normalised away nothing is left
        d_rotation[b, 0], d_rotation[b, 1] = dx + (d[13] - x * along) * w, dy + (d[14] - y * along) * w
        d_rotation[b, 2] = dz + (d[15] - z * along) * w


@njit(**KERNEL)
def _gather(where, first, source, scratch, place):
    """Rows where[first : first + LANES] of source, column by column; past the end the last one again."""
    for i in range(LANES):
        row = where[min(first + i, len(where) - 1)]
        for k in range(source.shape[1]):
            scratch[(place + k) * LANES + i] = source[row, k]


@njit(**KERNEL)
def _scatter(where, first, scratch, place, result):
    """The reverse of `_gather`."""
    for i in range(min(LANES, len(where) - first)):
        row = where[first + i]
        for k in range(result.shape[1]):
            result[row, k] = scratch[(place + k) * LANES + i]


@njit(**KERNEL)
def _near_weights(x, y, z, pivots, sharpness, here):
    """A softmax over the pivots of -|x - p|^2 / (2 r^2); sharpness: log2(e) / (2 r^2)."""
    best = spread(f32(-3e38))
    for b in range(len(pivots)):
        dx, dy, dz = x - pivots[b, 0], y - pivots[b, 1], z - pivots[b, 2]
        logit = (dx * dx + dy * dy + dz * dz) * (MINUS * sharpness[b])
        best = maximum(logit, best)
        store(here, b * LANES, logit)
    _softmax(len(pivots), best, here)


@njit(**KERNEL)
def _learned_weights(where, first, logits, here):
    """A softmax of each row; its last entry is for staying put."""
    _gather(where, first, logits, here, 0)
    best = spread(f32(-3e38))
    for b in range(logits.shape[1]):
        logit = load(here, b * LANES) * LOG2E
        best = maximum(logit, best)
        store(here, b * LANES, logit)
    _softmax(logits.shape[1], best, here)


@njit(**KERNEL)
def _softmax(count, best, here):
    total = spread(f32(0))
    for b in range(count):
        weight = exp2(maximum(load(here, b * LANES) - best, LOWEST))
        total += weight
        store(here, b * LANES, weight)
    inverse = f32(1) / total
    for b in range(count):
        store(here, b * LANES, load(here, b * LANES) * inverse)


@njit(**KERNEL)
def _product(a, b, c, d, w, x, y, z):
    """The Hamilton product (a, b, c, d) (w, x, y, z)."""
    return (
        a * w - b * x - c * y - d * z,
        a * x + b * w + c * z - d * y,
        a * y - b * z + c * w + d * x,
        a * z + b * y - c * x + d * w,
    )


@njit(**KERNEL)
def follow(p, parts, where, means, quats, logits, pivots, sharpness, table, blends, dx, dq):
    """Part p of how far the Gaussians `where` come, into their rows of dx (N, 3) and dq (N, 4).

    Weights are learned where there are logits (N, B + 1), else they go by the distance to the pivots.
    """
    bases = len(table)
    share = (len(blends) + parts - 1) // parts
    scratch = np.empty(7 * LANES, np.float32)
    for block in range(p * share, min(len(blends), (p + 1) * share)):
        first, here = block * LANES, blends[block]
        _gather(where, first, means, scratch, 0)
        _gather(where, first, quats, scratch, 3)
        x, y, z = load(scratch, 0), load(scratch, LANES), load(scratch, 2 * LANES)
        if logits.shape[1]:
            _learned_weights(where, first, logits, here)
        else:
            _near_weights(x, y, z, pivots, sharpness, here)
        blend = (bases + 1) * LANES
        for k in range(0, COLUMNS, 4):
            t0, t1, t2, t3 = spread(f32(0)), spread(f32(0)), spread(f32(0)), spread(f32(0))
            for b in range(bases):
                weight = load(here, b * LANES)
                t0 += weight * table[b, k]
                t1 += weight * table[b, k + 1]
                t2 += weight * table[b, k + 2]
                t3 += weight * table[b, k + 3]
            store(here, blend + k * LANES, t0)
            store(here, blend + (k + 1) * LANES, t1)
            store(here, blend + (k + 2) * LANES, t2)
            store(here, blend + (k + 3) * LANES, t3)
        q0, q1 = load(scratch, 3 * LANES), load(scratch, 4 * LANES)
        q2, q3 = load(scratch, 5 * LANES), load(scratch, 6 * LANES)
        for i in range(3):
            m = blend + 3 * i * LANES
            turned = load(here, m) * x + load(here, m + LANES) * y + load(here, m + 2 * LANES) * z
            store(scratch, i * LANES, turned + load(here, blend + (9 + i) * LANES))
        a, b_, c, d, _ = _unit(here, blend)
        t0, t1, t2, t3 = _product(a, b_, c, d, q0, q1, q2, q3)
        store(scratch, 3 * LANES, t0 - q0)
        store(scratch, 4 * LANES, t1 - q1)
        store(scratch, 5 * LANES, t2 - q2)
        store(scratch, 6 * LANES, t3 - q3)
        _scatter(where, first, scratch, 0, dx)
        _scatter(where, first, scratch, 3, dq)


@njit(**KERNEL)
def _unit(here, blend):
    """The blended quaternion at length one, and what it was multiplied by."""
    a, b = load(here, blend + 12 * LANES) + f32(1), load(here, blend + 13 * LANES)
    c, d = load(here, blend + 14 * LANES), load(here, blend + 15 * LANES)
    inverse = f32(1) / square_root(a * a + b * b + c * c + d * d)
    return a * inverse, b * inverse, c * inverse, d * inverse, inverse


@njit(**KERNEL)
def follow_backward(p, parts, where, means, quats, table, blends, d_dx, d_dq, d_tables, d_means, d_quats, d_logits):
    """Part p of the gradients: rows `where` of the last three, which may be empty, and d_tables[p] (B, 16)."""
    bases = len(table)
    share = (len(blends) + parts - 1) // parts
    scratch = np.zeros(14 * LANES, np.float32)  # x, q, then the upstream of both
    by = np.empty(COLUMNS * LANES, np.float32)
    pull = np.empty((bases + 1) * LANES, np.float32)
    sums = np.zeros(bases * COLUMNS * LANES, np.float32)
    blend = (bases + 1) * LANES
    for block in range(p * share, min(len(blends), (p + 1) * share)):
        first, here = block * LANES, blends[block]
        _gather(where, first, means, scratch, 0)
        _gather(where, first, quats, scratch, 3)
        _gather(where, first, d_dx, scratch, 7)
        _gather(where, first, d_dq, scratch, 10)
        for i in range(len(where) - first, LANES):
            for k in range(7, 14):
                scratch[k * LANES + i] = 0
        x, y, z = load(scratch, 0), load(scratch, LANES), load(scratch, 2 * LANES)
        q0, q1 = load(scratch, 3 * LANES), load(scratch, 4 * LANES)
        q2, q3 = load(scratch, 5 * LANES), load(scratch, 6 * LANES)
        g0, g1, g2 = load(scratch, 7 * LANES), load(scratch, 8 * LANES), load(scratch, 9 * LANES)
        h0, h1 = load(scratch, 10 * LANES), load(scratch, 11 * LANES)
        h2, h3 = load(scratch, 12 * LANES), load(scratch, 13 * LANES)
        a, b_, c, d, inverse = _unit(here, blend)
        if len(d_means):
            for j in range(3):
                m = blend + j * LANES
                column = load(here, m) * g0 + load(here, m + 3 * LANES) * g1 + load(here, m + 6 * LANES) * g2
                store(scratch, j * LANES, column)
            _scatter(where, first, scratch, 0, d_means)
        if len(d_quats):
            # of a product t q: by q it is t* h, by t it is h q*
            k0, k1, k2, k3 = _product(a, MINUS * b_, MINUS * c, MINUS * d, h0, h1, h2, h3)
            store(scratch, 3 * LANES, k0 - h0)
            store(scratch, 4 * LANES, k1 - h1)
            store(scratch, 5 * LANES, k2 - h2)
            store(scratch, 6 * LANES, k3 - h3)
            _scatter(where, first, scratch, 3, d_quats)
        t0, t1, t2, t3 = _product(h0, h1, h2, h3, q0, MINUS * q1, MINUS * q2, MINUS * q3)
        along = a * t0 + b_ * t1 + c * t2 + d * t3  # of a length that is normalised away nothing is left
        store(by, 0, g0 * x)
        store(by, LANES, g0 * y)
        store(by, 2 * LANES, g0 * z)
        store(by, 3 * LANES, g1 * x)
        store(by, 4 * LANES, g1 * y)
        store(by, 5 * LANES, g1 * z)
        store(by, 6 * LANES, g2 * x)
        store(by, 7 * LANES, g2 * y)
        store(by, 8 * LANES, g2 * z)
        store(by, 9 * LANES, g0)
        store(by, 10 * LANES, g1)
        store(by, 11 * LANES, g2)
        store(by, 12 * LANES, (t0 - a * along) * inverse)
        store(by, 13 * LANES, (t1 - b_ * along) * inverse)
        store(by, 14 * LANES, (t2 - c * along) * inverse)
        store(by, 15 * LANES, (t3 - d * along) * inverse)
        for b in range(bases):
            weight = load(here, b * LANES)
            row = b * COLUMNS * LANES
            for k in range(COLUMNS):
                store(sums, row + k * LANES, load(sums, row + k * LANES) + weight * load(by, k * LANES))
        if len(d_logits):
            total = spread(f32(0))
            for b in range(bases):
                even, odd = spread(f32(0)), spread(f32(0))
                for k in range(0, COLUMNS, 2):
                    even += load(by, k * LANES) * table[b, k]
                    odd += load(by, (k + 1) * LANES) * table[b, k + 1]
                even += odd
                total += load(here, b * LANES) * even
                store(pull, b * LANES, even)
            store(pull, bases * LANES, spread(f32(0)))
            for b in range(bases + 1):
                store(pull, b * LANES, load(here, b * LANES) * (load(pull, b * LANES) - total))
            _scatter(where, first, pull, 0, d_logits)
    for b in range(bases):
        for k in range(COLUMNS):
            total_ = f32(0)
            for i in range(LANES):
                total_ += sums[(b * COLUMNS + k) * LANES + i]
            d_tables[p, b, k] = total_
