"""Front-to-back alpha blending of sorted splats, tile by tile (3DGS, sec. 6)."""

import math

import numpy as np
from numba import njit

from fourreal.splat.rasterize.kernels import ALPHA_MAX, ALPHA_MIN, KERNEL, TRANSMITTANCE_MIN, f32
from fourreal.splat.rasterize.project import BLUE, CONIC_XX, CONIC_XY, CONIC_YY, DEPTH, GREEN, LOG2_OPACITY, RED, X, Y
from fourreal.splat.rasterize.simd import any_of, both, exp2, minimum, minus_absolute, ramp, select
from fourreal.splat.rasterize.simd_memory import load, store
from fourreal.splat.rasterize.tiles import TILE_HEIGHT, TILE_WIDTH

PIXELS = TILE_WIDTH * TILE_HEIGHT
LOG2_E = f32(math.log2(math.e))
LOG2_ALPHA_MIN = f32(math.log2(ALPHA_MIN))
CHECK_EVERY = 8  # splats between two looks at which rows still see anything

# Planes of a tile's working memory while blending. The transmittance of a pixel that is done carries a minus sign.
THROUGH, R, G, B, Z = (i * PIXELS for i in range(5))


@njit(**KERNEL)
def planes(count):
    """Working memory for `count` values a pixel of a tile, aligned so that no row straddles a cache line."""
    memory = np.empty(count * PIXELS + 16, np.float32)
    skip = (64 - memory.ctypes.data % 64) % 64 // 4
    return memory[skip : skip + count * PIXELS]


@njit(**KERNEL)
def exponent_terms(splat, left, top):
    """Pieces of log2(alpha) over the rows of the tile at (left, top).

    Returns dx (lanes), cy, constant (lanes), linear (lanes), square, with
    log2(alpha) = constant + dy (linear + dy square) at dy = row - cy.
    """
    dx = ramp() - (splat[X] - f32(left) - f32(0.5))
    cy = splat[Y] - f32(top) - f32(0.5)
    half = f32(-0.5) * LOG2_E
    constant = (half * splat[CONIC_XX]) * dx * dx + splat[LOG2_OPACITY]
    linear = (-LOG2_E * splat[CONIC_XY]) * dx
    return dx, cy, constant, linear, half * splat[CONIC_YY]


@njit(**KERNEL)
def open_rows(state, first, last):
    """Narrow the rows [first, last) of a tile to those that still see anything."""
    while first < last and not any_of(load(state, THROUGH + first * TILE_WIDTH) > f32(0)):
        first += 1
    while first < last and not any_of(load(state, THROUGH + (last - 1) * TILE_WIDTH) > f32(0)):
        last -= 1
    return first, last


@njit(**KERNEL)
def blend_tile(splats, pairs, spans, start, end, left, top, state, rows):
    """Blend pairs[start:end] into `state`; narrows `spans` to the rows they changed. Returns where it could stop."""
    open_first, open_last = 0, rows
    for k in range(start, end):
        if (k - start) % CHECK_EVERY == CHECK_EVERY - 1:
            open_first, open_last = open_rows(state, open_first, open_last)
            if open_first == open_last:
                return k
        splat = splats[pairs[k]]
        _dx, cy, constant, linear, square = exponent_terms(splat, left, top)
        red, green, blue, depth = splat[RED], splat[GREEN], splat[BLUE], splat[DEPTH]
        first, last = max(np.int64(spans[k]) & 255, open_first), min(np.int64(spans[k]) >> 8, open_last)
        hit_first, hit_last = 255, 0
        for row in range(first, last):
            dy = f32(row) - cy
            power = constant + dy * (linear + dy * square)
            at = row * TILE_WIDTH
            before = load(state, THROUGH + at)
            seen = both(power >= LOG2_ALPHA_MIN, before > f32(0))
            if any_of(seen):
                hit_first = min(hit_first, row)
                hit_last = row + 1
                alpha = select(seen, minimum(exp2(power), ALPHA_MAX), f32(0))
                weight = alpha * before
                after = before - weight
                goes_on = after > TRANSMITTANCE_MIN
                weight = select(goes_on, weight, f32(0))
                store(state, THROUGH + at, select(goes_on, after, minus_absolute(before)))
                store(state, R + at, load(state, R + at) + weight * red)
                store(state, G + at, load(state, G + at) + weight * green)
                store(state, B + at, load(state, B + at) + weight * blue)
                store(state, Z + at, load(state, Z + at) + weight * depth)
        spans[k] = hit_first + 256 * hit_last
    return end


@njit(**KERNEL)
def blend(p, parts, splats, starts, ends, pairs, spans, cuts, width, height, background, colour, depth, transmittance):
    """Part p, the tiles from cuts[p] on.

    Writes colour (H, W, 3), depth (H, W), transmittance (H, W), and ends (tiles,): where in `pairs` work stopped.
    """
    across = (width + TILE_WIDTH - 1) // TILE_WIDTH
    state = planes(5)
    for t in range(cuts[p], cuts[p + 1]):
        left, top = (t % across) * TILE_WIDTH, (t // across) * TILE_HEIGHT
        columns, rows = min(TILE_WIDTH, width - left), min(TILE_HEIGHT, height - top)
        state[:PIXELS] = 1
        state[PIXELS:] = 0
        for i in range(rows):
            state[THROUGH + i * TILE_WIDTH + columns : THROUGH + (i + 1) * TILE_WIDTH] = -1
        ends[t] = blend_tile(splats, pairs, spans, starts[t], starts[t + 1], left, top, state, rows)
        for i in range(rows):
            for c in range(columns):
                j, y, x = i * TILE_WIDTH + c, top + i, left + c
                rest = abs(state[THROUGH + j])
                transmittance[y, x] = rest
                colour[y, x, 0] = state[R + j] + rest * background[0]
                colour[y, x, 1] = state[G + j] + rest * background[1]
                colour[y, x, 2] = state[B + j] + rest * background[2]
                depth[y, x] = state[Z + j]
