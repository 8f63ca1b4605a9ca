"""Front-to-back alpha blending of sorted splats, tile by tile, and its gradient (3DGS, sec. 6)."""

import math

import numpy as np
from numba import njit, prange

from fourreal.splat.rasterize.kernels import ALPHA_MAX, ALPHA_MIN, KERNEL, TRANSMITTANCE_MIN, f32
from fourreal.splat.rasterize.project import (
    BLUE, CONIC_XX, CONIC_XY, CONIC_YY, DEPTH, GREEN, OPACITY, RADIUS_Y, RED, V, V_BLUE, V_DEPTH, V_DX, V_DXX,
    V_DXY, V_DY, V_DYY, V_GREEN, V_RED, X, Y,
)  # fmt: skip
from fourreal.splat.rasterize.tiles import TILE_HEIGHT, TILE_WIDTH, pixel_range

PIXELS = TILE_WIDTH * TILE_HEIGHT
LOG2_E = f32(math.log2(math.e))


@njit(inline="always")
def exp(x):
    """e**x for x <= 0 to 2e-7, without a branch or a call so that loops over it become vector code."""
    y = max(x * LOG2_E, f32(-126))
    whole = np.int32(y - f32(0.5))
    part = y - f32(whole)
    p = f32(1.5403530e-4) * part + f32(1.3333558e-3)
    p = p * part + f32(9.6181291e-3)
    p = p * part + f32(5.5504109e-2)
    p = p * part + f32(2.4022651e-1)
    p = p * part + f32(6.9314718e-1)
    p = p * part + f32(1)
    return p * np.int32((whole + np.int32(127)) << np.int32(23)).view(np.float32)


@njit(**KERNEL)
def tile_alive(transmittance):
    alive = False
    for j in range(PIXELS):
        alive |= transmittance[j] > 0
    return alive


@njit(parallel=True, **KERNEL)
def blend(splats, starts, pairs, cuts, width, height, background, colour, depth, transmittance, ends):
    """Writes colour (H, W, 3), depth (H, W), transmittance (H, W), and ends (tiles,): where in `pairs` work stopped."""
    across = (width + TILE_WIDTH - 1) // TILE_WIDTH
    for p in prange(len(cuts) - 1):
        # The transmittance of a pixel that is done carries a minus sign.
        through = np.empty(PIXELS, np.float32)
        red, green, blue, z = np.empty((4, PIXELS), np.float32)
        for t in range(cuts[p], cuts[p + 1]):
            left, top = (t % across) * TILE_WIDTH, (t // across) * TILE_HEIGHT
            columns, rows = min(TILE_WIDTH, width - left), min(TILE_HEIGHT, height - top)
            red[:] = 0
            green[:] = 0
            blue[:] = 0
            z[:] = 0
            for j in range(PIXELS):
                through[j] = f32(1) if j % TILE_WIDTH < columns and j // TILE_WIDTH < rows else f32(-1)
            end = starts[t + 1]
            for k in range(starts[t], end):
                splat = splats[pairs[k]]
                first, last = pixel_range(splat[Y] - f32(top), splat[RADIUS_Y], rows)
                cx, cy = splat[X] - f32(left) - f32(0.5), splat[Y] - f32(top) - f32(0.5)
                xx, xy, yy = f32(-0.5) * splat[CONIC_XX], -splat[CONIC_XY], f32(-0.5) * splat[CONIC_YY]
                opacity = splat[OPACITY]
                r, g, b, d = splat[RED], splat[GREEN], splat[BLUE], splat[DEPTH]
                for j in range(first * TILE_WIDTH, last * TILE_WIDTH):
                    dx, dy = f32(np.int32(j) & 15) - cx, f32(np.int32(j) >> 4) - cy
                    alpha = min(ALPHA_MAX, opacity * exp((xx * dx + xy * dy) * dx + yy * dy * dy))
                    before = through[j]
                    alpha = alpha if alpha >= ALPHA_MIN else f32(0)
                    weight = alpha * before
                    after = before - weight
                    goes_on = after > TRANSMITTANCE_MIN
                    weight = weight if goes_on else f32(0)
                    through[j] = after if goes_on else -abs(before)
                    red[j] += weight * r
                    green[j] += weight * g
                    blue[j] += weight * b
                    z[j] += weight * d
                if (k - starts[t]) % 16 == 15 and not tile_alive(through):
                    end = k + 1
                    break
            ends[t] = end
            for i in range(rows):
                for c in range(columns):
                    j = i * TILE_WIDTH + c
                    rest = abs(through[j])
                    transmittance[top + i, left + c] = rest
                    colour[top + i, left + c, 0] = red[j] + rest * background[0]
                    colour[top + i, left + c, 1] = green[j] + rest * background[1]
                    colour[top + i, left + c, 2] = blue[j] + rest * background[2]
                    depth[top + i, left + c] = z[j]


@njit(parallel=True, **KERNEL)
def blend_backward(
    splats, starts, ends, pairs, cuts, width, height, colour, depth, transmittance, d_colour, d_depth, d_alpha, parts
):
    """Adds to parts (P, N, 16), one slice a run of tiles, the sums over pixels that `project.V...` name.

    With u the product of a splat's (colour, depth) and the pixel's gradient, and `behind` the same product summed,
    weighted, over everything that lies behind it (background and alpha included):
    dL/dalpha = transmittance * u - behind / (1 - alpha). Going front to back, `behind` starts as the pixel's total.
    """
    across = (width + TILE_WIDTH - 1) // TILE_WIDTH
    for p in prange(len(cuts) - 1):
        through = np.empty(PIXELS, np.float32)
        behind = np.empty(PIXELS, np.float32)
        gr, gg, gb, gz = np.empty((4, PIXELS), np.float32)
        for t in range(cuts[p], cuts[p + 1]):
            left, top = (t % across) * TILE_WIDTH, (t // across) * TILE_HEIGHT
            columns, rows = min(TILE_WIDTH, width - left), min(TILE_HEIGHT, height - top)
            through[:] = -1
            behind[:] = 0
            gr[:] = 0
            gg[:] = 0
            gb[:] = 0
            gz[:] = 0
            for i in range(rows):
                for c in range(columns):
                    j, y, x = i * TILE_WIDTH + c, top + i, left + c
                    gr[j], gg[j], gb[j], gz[j] = d_colour[y, x, 0], d_colour[y, x, 1], d_colour[y, x, 2], d_depth[y, x]
                    through[j] = 1
                    behind[j] = (
                        colour[y, x, 0] * gr[j] + colour[y, x, 1] * gg[j] + colour[y, x, 2] * gb[j]
                        + depth[y, x] * gz[j] - transmittance[y, x] * d_alpha[y, x]
                    )  # fmt: skip
            for k in range(starts[t], ends[t]):
                splat = splats[pairs[k]]
                first, last = pixel_range(splat[Y] - f32(top), splat[RADIUS_Y], rows)
                cx, cy = splat[X] - f32(left) - f32(0.5), splat[Y] - f32(top) - f32(0.5)
                xx, xy, yy = f32(-0.5) * splat[CONIC_XX], -splat[CONIC_XY], f32(-0.5) * splat[CONIC_YY]
                opacity = splat[OPACITY]
                r, g, b, d = splat[RED], splat[GREEN], splat[BLUE], splat[DEPTH]
                s = sx = sy = sxx = sxy = syy = sr = sg = sb = sz = f32(0)
                for j in range(first * TILE_WIDTH, last * TILE_WIDTH):
                    dx, dy = f32(np.int32(j) & 15) - cx, f32(np.int32(j) >> 4) - cy
                    free = opacity * exp((xx * dx + xy * dy) * dx + yy * dy * dy)
                    before = through[j]
                    alpha = min(ALPHA_MAX, free)
                    alpha = alpha if alpha >= ALPHA_MIN else f32(0)
                    weight = alpha * before
                    after = before - weight
                    goes_on = after > TRANSMITTANCE_MIN
                    weight = weight if goes_on else f32(0)
                    through[j] = after if goes_on else -abs(before)
                    u = r * gr[j] + g * gg[j] + b * gb[j] + d * gz[j]
                    rest = behind[j] - weight * u
                    behind[j] = rest
                    v = alpha * (before * u - rest / (f32(1) - alpha))
                    v = v if goes_on and free <= ALPHA_MAX else f32(0)
                    s += v
                    sx += v * dx
                    sy += v * dy
                    sxx += v * dx * dx
                    sxy += v * dx * dy
                    syy += v * dy * dy
                    sr += weight * gr[j]
                    sg += weight * gg[j]
                    sb += weight * gb[j]
                    sz += weight * gz[j]
                part = parts[p, pairs[k]]
                part[V] += s
                part[V_DX] += sx
                part[V_DY] += sy
                part[V_DXX] += sxx
                part[V_DXY] += sxy
                part[V_DYY] += syy
                part[V_RED] += sr
                part[V_GREEN] += sg
                part[V_BLUE] += sb
                part[V_DEPTH] += sz
