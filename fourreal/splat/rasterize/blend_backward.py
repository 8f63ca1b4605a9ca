"""The gradient of blending, front to back like blending itself.

With u the product of a splat's (colour, depth) and the gradient of the pixel, and `behind` the same product summed over
everything behind the splat, weighted as blended (background and alpha included),

    dL/dalpha = transmittance * u - behind / (1 - alpha).

`behind` starts as the pixel's own total and loses weight * u at every splat, so nothing need be kept from blending.
"""

import numpy as np
from numba import njit

from fourreal.splat.rasterize.blend import LOG2_ALPHA_MIN, PIXELS, exponent_terms, planes
from fourreal.splat.rasterize.kernels import ALPHA_MAX, KERNEL, TRANSMITTANCE_MIN, f32
from fourreal.splat.rasterize.project import BLUE, DEPTH, GREEN, RED
from fourreal.splat.rasterize.simd import both, exp2, minimum, minus_absolute, select, spread
from fourreal.splat.rasterize.simd_memory import load, store, sums
from fourreal.splat.rasterize.tiles import TILE_HEIGHT, TILE_WIDTH

# Planes of a tile's working memory: transmittance, `behind`, and the gradient of the pixel's colour and depth.
THROUGH, BEHIND, GR, GG, GB, GZ = (i * PIXELS for i in range(6))


@njit(**KERNEL)
def blend_tile_backward(splats, pairs, spans, start, end, left, top, state, with_depth, part):
    """Adds to part (N * 16,) the sums over this tile that `project.V...` name."""
    for k in range(start, end):
        first, last = np.int64(spans[k]) & 255, np.int64(spans[k]) >> 8
        if last <= first:
            continue
        splat = splats[pairs[k]]
        dx, cy, constant, linear, square = exponent_terms(splat, left, top)
        red, green, blue, depth = splat[RED], splat[GREEN], splat[BLUE], splat[DEPTH]
        s = s_dy = s_dyy = s_red = s_green = s_blue = s_depth = spread(f32(0))
        for row in range(first, last):
            dy = f32(row) - cy
            power = constant + dy * (linear + dy * square)
            at = row * TILE_WIDTH
            before = load(state, THROUGH + at)
            free = exp2(power)
            alpha = select(both(power >= LOG2_ALPHA_MIN, before > f32(0)), minimum(free, ALPHA_MAX), f32(0))
            weight = alpha * before
            after = before - weight
            goes_on = after > TRANSMITTANCE_MIN
            weight = select(goes_on, weight, f32(0))
            store(state, THROUGH + at, select(goes_on, after, minus_absolute(before)))
            gr, gg, gb = load(state, GR + at), load(state, GG + at), load(state, GB + at)
            u = gr * red + gg * green + gb * blue
            s_red += weight * gr
            s_green += weight * gg
            s_blue += weight * gb
            if with_depth:
                gz = load(state, GZ + at)
                u += gz * depth
                s_depth += weight * gz
            behind = load(state, BEHIND + at) - weight * u
            store(state, BEHIND + at, behind)
            v = alpha * (before * u - behind / (f32(1) - alpha))
            v = select(both(goes_on, free <= ALPHA_MAX), v, f32(0))
            s += v
            s_dy += v * dy
            s_dyy += v * (dy * dy)
        place = np.int64(pairs[k]) * 16
        moments = sums((s, s * dx, s_dy, s * dx * dx, s_dy * dx, s_dyy, s_red, s_green, s_blue, s_depth))
        store(part, place, load(part, place) + moments)


@njit(**KERNEL)
def blend_backward(
    p,
    parts,
    splats,
    starts,
    ends,
    pairs,
    spans,
    cuts,
    width,
    height,
    colour,
    depth,
    transmittance,
    d_colour,
    d_depth,
    d_alpha,
    with_depth,
    sums_of_parts,
):
    """Part p, the tiles from cuts[p] on. Fills sums_of_parts[p] of (P, N * 16). d_depth is read only `with_depth`."""
    across = (width + TILE_WIDTH - 1) // TILE_WIDTH
    part = sums_of_parts[p]
    part[:] = 0
    state = planes(6)
    for t in range(cuts[p], cuts[p + 1]):
        left, top = (t % across) * TILE_WIDTH, (t // across) * TILE_HEIGHT
        columns, rows = min(TILE_WIDTH, width - left), min(TILE_HEIGHT, height - top)
        state[:PIXELS] = -1
        state[PIXELS:] = 0
        for i in range(rows):
            for c in range(columns):
                j, y, x = i * TILE_WIDTH + c, top + i, left + c
                red, green, blue = d_colour[y, x]
                behind = colour[y, x, 0] * red + colour[y, x, 1] * green + colour[y, x, 2] * blue
                behind -= transmittance[y, x] * d_alpha[y, x]
                if with_depth:
                    state[GZ + j] = d_depth[y, x]
                    behind += depth[y, x] * d_depth[y, x]
                state[THROUGH + j] = 1
                state[BEHIND + j] = behind
                state[GR + j], state[GG + j], state[GB + j] = red, green, blue
        blend_tile_backward(splats, pairs, spans, starts[t], ends[t], left, top, state, with_depth, part)
