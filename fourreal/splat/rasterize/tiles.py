"""Which splats touch which tile of the screen, in depth order."""

import math

import numpy as np
from numba import njit

from fourreal.splat.rasterize.kernels import KERNEL, f32
from fourreal.splat.rasterize.project import DEPTH, RADIUS_X, RADIUS_Y, X, Y

TILE_WIDTH = 16
TILE_HEIGHT = 16


@njit(**KERNEL)
def depth_order(splats, radii):
    """Indices of the visible splats from near to far: a radix sort on the bits of the depth, which is positive."""
    order = np.empty(len(radii), np.int32)
    keys = np.empty(len(radii), np.int32)
    count = 0
    for n in range(len(radii)):
        if radii[n] > 0:
            order[count] = n
            keys[count] = f32(splats[n, DEPTH]).view(np.int32)
            count += 1
    order, keys = order[:count], keys[:count]
    order_out, keys_out = np.empty_like(order), np.empty_like(keys)
    starts = np.empty(2048, np.int64)
    for shift in (0, 11, 22):
        starts[:] = 0
        for i in range(count):
            starts[(keys[i] >> shift) & 2047] += 1
        total = 0
        for bucket in range(2048):
            size = starts[bucket]
            starts[bucket] = total
            total += size
        for i in range(count):
            bucket = (keys[i] >> shift) & 2047
            order_out[starts[bucket]] = order[i]
            keys_out[starts[bucket]] = keys[i]
            starts[bucket] += 1
        order, order_out = order_out, order
        keys, keys_out = keys_out, keys
    return order


@njit(**KERNEL)
def pixel_range(centre, radius, size):
    """First and one past the last pixel whose centre lies within `radius`, cut to [0, size]."""
    first = min(max(math.ceil(centre - radius - f32(0.5)), f32(0)), f32(size))
    last = min(max(math.floor(centre + radius + f32(0.5)), f32(0)), f32(size))
    return np.int64(first), np.int64(last)


@njit(**KERNEL)
def bin_tiles(splats, radii, width, height):
    """Lists of splats by tile.

    Returns (starts, pairs): the splats of tile t, row by row over the screen, are pairs[starts[t]:starts[t + 1]],
    from near to far.
    """
    across = (width + TILE_WIDTH - 1) // TILE_WIDTH
    down = (height + TILE_HEIGHT - 1) // TILE_HEIGHT
    order = depth_order(splats, radii)
    starts = np.zeros(across * down + 1, np.int64)
    boxes = np.empty((len(order), 4), np.int32)
    for i in range(len(order)):
        splat = splats[order[i]]
        x0, x1 = pixel_range(splat[X], splat[RADIUS_X], width)
        y0, y1 = pixel_range(splat[Y], splat[RADIUS_Y], height)
        box = boxes[i]
        box[0], box[1] = x0 // TILE_WIDTH, (x1 + TILE_WIDTH - 1) // TILE_WIDTH
        box[2], box[3] = y0 // TILE_HEIGHT, (y1 + TILE_HEIGHT - 1) // TILE_HEIGHT
        if x1 <= x0 or y1 <= y0:
            box[:] = 0
        for row in range(box[2], box[3]):
            for column in range(box[0], box[1]):
                starts[row * across + column + 1] += 1
    for t in range(across * down):
        starts[t + 1] += starts[t]
    pairs = np.empty(starts[-1], np.int32)
    ends = starts.copy()
    for i in range(len(order)):
        box = boxes[i]
        for row in range(box[2], box[3]):
            for column in range(box[0], box[1]):
                t = row * across + column
                pairs[ends[t]] = order[i]
                ends[t] += 1
    return starts, pairs


@njit(**KERNEL)
def share_tiles(costs, count):
    """Cut the tiles into `count` runs of about equal cost; run p is tiles[cuts[p]:cuts[p + 1]].

    Runs are fixed by the scene alone, so that sums do not depend on which thread was quicker.
    """
    cuts = np.zeros(count + 1, np.int64)
    total = costs.sum()
    done = 0
    p = 1
    for t in range(len(costs)):
        while p < count and done * count >= total * p:
            cuts[p] = t
            p += 1
        done += costs[t]
    cuts[p:] = len(costs)
    return cuts
