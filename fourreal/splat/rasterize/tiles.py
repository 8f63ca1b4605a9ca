"""Which splats touch which tile of the screen, and which rows of it, in depth order."""

import math

import numpy as np
from numba import njit

from fourreal.splat.rasterize.kernels import KERNEL, f32
from fourreal.splat.rasterize.project import DEPTH, RADIUS_X, RADIUS_Y, SLOPE, TILT, WIDTH2, X, Y
from fourreal.splat.rasterize.simd import LANES

TILE_WIDTH = LANES  # one row of a tile is one vector
TILE_HEIGHT = 16
SLACK = f32(0.01)  # pixels by which ellipses are widened here, against rounding; blending decides exactly


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
def pixels_between(low, high, size):
    """First and one past the last pixel whose centre lies in [low, high], cut to [0, size]."""
    first = min(max(math.ceil(low - SLACK - f32(0.5)), f32(0)), f32(size))
    last = min(max(math.floor(high + SLACK + f32(0.5)), f32(0)), f32(size))
    return np.int64(first), np.int64(last)


@njit(**KERNEL)
def rows_within(splat, left, height):
    """Rows that the part of a splat's ellipse over the columns of pixels from `left` covers.

    The ellipse is y = SLOPE x +- sqrt(WIDTH2 (RADIUS_X^2 - x^2)) about its centre, lowest at x = TILT.
    """
    near = left + f32(0.5) - splat[X]
    far = near + f32(TILE_WIDTH - 1)
    reach = splat[RADIUS_X] * splat[RADIUS_X]
    x_low = min(max(splat[TILT], near), far)
    x_high = min(max(-splat[TILT], near), far)
    low = splat[SLOPE] * x_low + math.sqrt(max(splat[WIDTH2] * (reach - x_low * x_low), f32(0)))
    high = splat[SLOPE] * x_high - math.sqrt(max(splat[WIDTH2] * (reach - x_high * x_high), f32(0)))
    return pixels_between(splat[Y] + high, splat[Y] + low, height)


@njit(**KERNEL)
def bin_tiles(splats, radii, width, height):
    """Lists of splats by tile.

    Returns (starts, pairs, spans): the splats of tile t, counted row by row over the screen, are
    pairs[starts[t]:starts[t + 1]] from near to far, and each covers the rows first to last - 1 of the tile,
    with spans = first + 256 last.
    """
    across = (width + TILE_WIDTH - 1) // TILE_WIDTH
    down = (height + TILE_HEIGHT - 1) // TILE_HEIGHT
    order = depth_order(splats, radii)
    columns = np.empty((len(order), 2), np.int32)
    room = 0
    for i in range(len(order)):
        splat = splats[order[i]]
        x0, x1 = pixels_between(splat[X] - splat[RADIUS_X], splat[X] + splat[RADIUS_X], width)
        y0, y1 = pixels_between(splat[Y] - splat[RADIUS_Y], splat[Y] + splat[RADIUS_Y], height)
        c0, c1 = x0 // TILE_WIDTH, (x1 + TILE_WIDTH - 1) // TILE_WIDTH
        if x1 <= x0 or y1 <= y0:
            c1 = c0
        columns[i, 0], columns[i, 1] = c0, c1
        room += (c1 - c0) * ((y1 + TILE_HEIGHT - 1) // TILE_HEIGHT - y0 // TILE_HEIGHT)
    # In depth order first, then (stably) by tile.
    tiles, members, rows = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.uint16)
    starts = np.zeros(across * down + 1, np.int64)
    count = 0
    for i in range(len(order)):
        splat = splats[order[i]]
        for column in range(columns[i, 0], columns[i, 1]):
            y0, y1 = rows_within(splat, f32(column * TILE_WIDTH), height)
            for row in range(y0 // TILE_HEIGHT, (y1 + TILE_HEIGHT - 1) // TILE_HEIGHT if y1 > y0 else 0):
                top = row * TILE_HEIGHT
                tiles[count] = row * across + column
                members[count] = order[i]
                rows[count] = max(y0 - top, 0) + 256 * min(y1 - top, TILE_HEIGHT)
                starts[tiles[count] + 1] += 1
                count += 1
    for t in range(across * down):
        starts[t + 1] += starts[t]
    pairs, spans = np.empty(count, np.int32), np.empty(count, np.uint16)
    ends = starts.copy()
    for i in range(count):
        place = ends[tiles[i]]
        ends[tiles[i]] += 1
        pairs[place] = members[i]
        spans[place] = rows[i]
    return starts, pairs, spans


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
