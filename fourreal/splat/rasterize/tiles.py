"""Which splats touch which tile of the screen, and which rows of it, in depth order."""

import math

import numpy as np
from numba import njit

from fourreal.splat.rasterize.kernels import KERNEL, f32
from fourreal.splat.rasterize.project import RADIUS_X, SLACK, SLOPE, TILT, WIDTH2, X, Y
from fourreal.splat.rasterize.simd import LANES
from fourreal.splat.rasterize.threads import run_parts

TILE_WIDTH = LANES  # one row of a tile is one vector
TILE_HEIGHT = 16


@njit(**KERNEL)
def depth_order(depths, radii):
    """Indices of the visible splats from near to far: a radix sort on the bits of the depth, which is positive."""
    order = np.empty(len(radii), np.int32)
    keys = np.empty(len(radii), np.int32)
    counts = np.zeros((3, 2048), np.int32)
    count = 0
    for n in range(len(radii)):
        if radii[n] > 0:
            key = f32(depths[n]).view(np.int32)
            order[count] = n
            keys[count] = key
            for digit in range(3):
                counts[digit, (key >> (11 * digit)) & 2047] += 1
            count += 1
    order, keys = order[:count], keys[:count]
    order_out, keys_out = np.empty_like(order), np.empty_like(keys)
    for digit in range(3):
        starts = counts[digit]
        total = 0
        for bucket in range(2048):
            size = starts[bucket]
            starts[bucket] = total
            total += size
        for i in range(count):
            bucket = (keys[i] >> (11 * digit)) & 2047
            place = starts[bucket]
            starts[bucket] = place + 1
            order_out[place] = order[i]
            keys_out[place] = keys[i]
        order, order_out = order_out, order
        keys, keys_out = keys_out, keys
    return order


@njit(**KERNEL)
def pixel(value, size):
    """`value` cut to [0, size] and rounded down: the first pixel, or one past the last, of a range."""
    return np.int64(min(max(value, f32(0)), f32(size)))


@njit(**KERNEL)
def rows_within(splat, left, height):
    """First and one past the last row that a splat's ellipse covers over the columns of pixels from `left` on.

    The ellipse is y = SLOPE x +- sqrt(WIDTH2 (RADIUS_X^2 - x^2)) about its centre, lowest at x = TILT.
    """
    near = left + f32(0.5) - splat[X]
    far = near + f32(TILE_WIDTH - 1)
    reach = splat[RADIUS_X] * splat[RADIUS_X]
    x_low = min(max(splat[TILT], near), far)
    x_high = min(max(-splat[TILT], near), far)
    low = splat[SLOPE] * x_low + math.sqrt(max(splat[WIDTH2] * (reach - x_low * x_low), f32(0)))
    high = splat[SLOPE] * x_high - math.sqrt(max(splat[WIDTH2] * (reach - x_high * x_high), f32(0)))
    y = splat[Y] + f32(0.5)
    return pixel(y + high - SLACK, height), pixel(y + low + SLACK, height)


@njit(**KERNEL)
def list_tiles(splats, boxes, order, height, across, tiles, members, rows, sizes):
    """The pairs of tile and splat for the splats of `order`, in that order; counts them by tile in `sizes`."""
    count = 0
    for n in order:
        box = boxes[n]
        x0, x1, y0, y1 = np.int64(box[0]), np.int64(box[1]), np.int64(box[2]), np.int64(box[3])
        if x1 <= x0 or y1 <= y0:
            continue
        first, last = x0 // TILE_WIDTH, (x1 - 1) // TILE_WIDTH
        for column in range(first, last + 1):
            if first < last:
                y0, y1 = rows_within(splats[n], f32(column * TILE_WIDTH), height)
                if y1 <= y0:
                    continue
            for row in range(y0 // TILE_HEIGHT, (y1 - 1) // TILE_HEIGHT + 1):
                top = row * TILE_HEIGHT
                tile = row * across + column
                tiles[count] = tile
                members[count] = n
                rows[count] = max(y0 - top, 0) + 256 * min(y1 - top, TILE_HEIGHT)
                sizes[tile] += 1
                count += 1
    return count


@njit(**KERNEL)
def room_needed(boxes, order):
    """At least as many pairs as `list_tiles` will find."""
    room = 0
    for n in order:
        box = boxes[n]
        x0, x1, y0, y1 = np.int64(box[0]), np.int64(box[1]), np.int64(box[2]), np.int64(box[3])
        if x1 > x0 and y1 > y0:
            room += ((x1 - 1) // TILE_WIDTH - x0 // TILE_WIDTH + 1) * ((y1 - 1) // TILE_HEIGHT - y0 // TILE_HEIGHT + 1)
    return room


@njit(**KERNEL)
def list_part(p, parts, splats, boxes, order, rooms, height, across, tiles, members, rows, sizes, counts):
    """Part p of the depth order: its pairs into the room it has from rooms[p] on, how many into counts[p]."""
    share = (len(order) + parts - 1) // parts
    mine = slice(rooms[p], rooms[p + 1])
    part = order[p * share : (p + 1) * share]
    counts[p] = list_tiles(splats, boxes, part, height, across, tiles[mine], members[mine], rows[mine], sizes[p])


@njit(**KERNEL)
def make_room(boxes, depths, radii, parts):
    """The depth order, and where each part's room for pairs starts: (parts + 1,)."""
    order = depth_order(depths, radii)
    share = (len(order) + parts - 1) // parts
    rooms = np.zeros(parts + 1, np.int64)
    for p in range(parts):
        rooms[p + 1] = rooms[p] + room_needed(boxes, order[p * share : (p + 1) * share])
    return order, rooms


@njit(**KERNEL)
def start_tiles(places):
    """Where each tile's list starts; turns the sizes in `places` (P, tiles) into where each part's share of it does."""
    starts = np.empty(places.shape[1] + 1, np.int64)
    total = 0
    for t in range(places.shape[1]):
        starts[t] = total
        for p in range(len(places)):
            size = places[p, t]
            places[p, t] = total
            total += size
    starts[-1] = total
    return starts


@njit(**KERNEL)
def place_part(p, parts, rooms, counts, tiles, members, rows, places, pairs, spans):
    """Part p: its pairs to their places in the tiles' lists."""
    next_place = places[p]
    for i in range(rooms[p], rooms[p] + counts[p]):
        place = next_place[tiles[i]]
        next_place[tiles[i]] = place + 1
        pairs[place] = members[i]
        spans[place] = rows[i]


def bin_tiles(splats, boxes, depths, radii, width, height, parts):
    """Lists of splats by tile, made by threads that each take a part of the depth order.

    Returns (starts, pairs, spans): the splats of tile t, counted row by row over the screen, are
    pairs[starts[t]:starts[t + 1]] from near to far, and each covers the rows first to last - 1 of the tile,
    with spans = first + 256 last.
    """
    across = (width + TILE_WIDTH - 1) // TILE_WIDTH
    down = (height + TILE_HEIGHT - 1) // TILE_HEIGHT
    order, rooms = make_room(boxes, depths, radii, parts)
    tiles, members = np.empty(rooms[-1], np.int32), np.empty(rooms[-1], np.int32)
    rows = np.empty(rooms[-1], np.uint16)
    places, counts = np.zeros((parts, across * down), np.int64), np.zeros(parts, np.int64)
    run_parts(list_part, parts, splats, boxes, order, rooms, height, across, tiles, members, rows, places, counts)
    starts = start_tiles(places)
    pairs, spans = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.uint16)
    run_parts(place_part, parts, rooms, counts, tiles, members, rows, places, pairs, spans)
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
