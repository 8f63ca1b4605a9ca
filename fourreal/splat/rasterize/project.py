"""From Gaussians in the world to ellipses on the screen: EWA splatting (Zwicker et al. 2001), LANES of them at a time.

Notation here and in `project_backward.py`:

    p = R x + t          centre in camera axes; (R | t) is world_to_camera
    J                    Jacobian of the perspective map at p, (2, 3), rows (jx, 0, jxz) and (0, jy, jyz), with p / z
                         clamped to a little more than the image
    C = R Rq             the axes of the Gaussian, whose own rotation is Rq, in camera axes
    B = J C diag(s)      (2, 3) with rows u, v; the covariance on screen is B B^T + blur I, its inverse is the conic
"""

import math

from numba import njit

from fourreal.splat.rasterize.kernels import ALPHA_MIN, KERNEL, f32
from fourreal.splat.rasterize.simd import (
    LANES,
    both,
    ceiling,
    exp2,
    log2,
    maximum,
    minimum,
    select,
    spread,
    square_root,
)
from fourreal.splat.rasterize.simd_memory import load, load_columns, store, store_columns, store_whole

NEAR, FAR = f32(0.2), f32(1e10)
SLACK = f32(0.01)  # pixels by which ellipses are widened when tiles are chosen, against rounding
LOG2_E, LOG2_ALPHA_MIN = f32(math.log2(math.e)), f32(math.log2(ALPHA_MIN))
TWO_LN2 = f32(2 * math.log(2))

# One row a splat, 16 floats: a cache line holds all that blending asks for.
X, Y, CONIC_XX, CONIC_XY, CONIC_YY, LOG2_OPACITY, DEPTH, RED, GREEN, BLUE = range(10)
# The ellipse on which alpha falls to 1/255: half extents, and the three numbers of `tiles.rows_within`.
RADIUS_X, RADIUS_Y, SLOPE, WIDTH2, TILT = range(10, 15)
SPLAT_FLOATS = 16


@njit(**KERNEL)
def clamp(x, low, high):
    return minimum(maximum(x, low), high)


@njit(**KERNEL)
def exponential(x):
    """e**x of lanes, held within what a float can be."""
    return exp2(clamp(x * LOG2_E, f32(-125), f32(125)))


@njit(**KERNEL)
def rotation(w, x, y, z):
    """The 3x3 rotation matrix, row by row, of unit quaternions."""
    two = f32(2)
    one = f32(1)
    return (
        one - two * (y * y + z * z),
        two * (x * y - w * z),
        two * (x * z + w * y),
        two * (x * y + w * z),
        one - two * (x * x + z * z),
        two * (y * z - w * x),
        two * (x * z - w * y),
        two * (y * z + w * x),
        one - two * (x * x + y * y),
    )


@njit(**KERNEL)
def to_camera(pose, x, y, z):
    """R x + t."""
    return (
        pose[0, 0] * x + pose[0, 1] * y + pose[0, 2] * z + pose[0, 3],
        pose[1, 0] * x + pose[1, 1] * y + pose[1, 2] * z + pose[1, 3],
        pose[2, 0] * x + pose[2, 1] * y + pose[2, 2] * z + pose[2, 3],
    )


@njit(**KERNEL)
def camera_axes(pose, w, x, y, z):
    """C = R Rq, row by row."""
    r00, r01, r02, r10, r11, r12, r20, r21, r22 = rotation(w, x, y, z)
    a, b, c = pose[0, 0], pose[0, 1], pose[0, 2]
    d, e, f = pose[1, 0], pose[1, 1], pose[1, 2]
    g, h, i = pose[2, 0], pose[2, 1], pose[2, 2]
    return (
        a * r00 + b * r10 + c * r20,
        a * r01 + b * r11 + c * r21,
        a * r02 + b * r12 + c * r22,
        d * r00 + e * r10 + f * r20,
        d * r01 + e * r11 + f * r21,
        d * r02 + e * r12 + f * r22,
        g * r00 + h * r10 + i * r20,
        g * r01 + h * r11 + i * r21,
        g * r02 + h * r12 + i * r22,
    )


@njit(**KERNEL)
def frustum_limits(intrinsics, width, height):
    """How far x / z and y / z may lie from the axis in the Jacobian: 0.15 image sizes beyond the border, as in 3DGS."""
    fx, fy, cx, cy = intrinsics
    margin_x = f32(0.15) * f32(width)
    margin_y = f32(0.15) * f32(height)
    return (
        (-cx - margin_x) / fx,
        (f32(width) - cx + margin_x) / fx,
        (-cy - margin_y) / fy,
        (f32(height) - cy + margin_y) / fy,
    )


@njit(**KERNEL)
def project_lanes(
    n, means, quats, scales, logits, colors, pose, intrinsics, limits, width, height, blur, splats, boxes, depths, radii
):
    """Gaussians n to n + LANES - 1. Whatever is not a number fails a comparison, and is culled by that."""
    x, y, z = load_columns(means, n, 3)
    px, py, pz = to_camera(pose, x, y, z)
    logit = load(logits, n)
    opacity = f32(1) / (f32(1) + exponential(f32(-1) * logit))
    fx, fy, cx, cy = intrinsics
    left, right, top, bottom = limits
    inverse_z = f32(1) / pz
    jx, jy = fx * inverse_z, fy * inverse_z
    jxz = f32(-1) * jx * clamp(px * inverse_z, left, right)
    jyz = f32(-1) * jy * clamp(py * inverse_z, top, bottom)
    w, i, j, k = load_columns(quats, n, 4)
    norm = f32(1) / square_root(w * w + i * i + j * j + k * k)
    c00, c01, c02, c10, c11, c12, c20, c21, c22 = camera_axes(pose, w * norm, i * norm, j * norm, k * norm)
    log0, log1, log2_ = load_columns(scales, n, 3)
    s0, s1, s2 = exponential(log0), exponential(log1), exponential(log2_)
    u0, u1, u2 = (jx * c00 + jxz * c20) * s0, (jx * c01 + jxz * c21) * s1, (jx * c02 + jxz * c22) * s2
    v0, v1, v2 = (jy * c10 + jyz * c20) * s0, (jy * c11 + jyz * c21) * s1, (jy * c12 + jyz * c22) * s2
    xx = u0 * u0 + u1 * u1 + u2 * u2 + blur
    xy = u0 * v0 + u1 * v1 + u2 * v2
    yy = v0 * v0 + v1 * v1 + v2 * v2 + blur
    # |u|^2 |v|^2 - (u v)^2 = |u x v|^2: as a cross product nothing cancels where a splat is a needle.
    cross0, cross1, cross2 = u1 * v2 - u2 * v1, u2 * v0 - u0 * v2, u0 * v1 - u1 * v0
    determinant = cross0 * cross0 + cross1 * cross1 + cross2 * cross2 + blur * (xx + yy - blur)
    inverse = f32(1) / determinant
    # Opacity-aware extent (Radl et al. 2024, sec. B.2): opacity exp(-extent^2 / 2) = 1/255.
    log2_opacity = log2(opacity)
    extent2 = TWO_LN2 * maximum(log2_opacity - LOG2_ALPHA_MIN, f32(0))
    radius_x, radius_y = square_root(extent2 * xx), square_root(extent2 * yy)
    u, v = px * jx + cx, py * jy + cy
    # A whole number of pixels, rounded up: gsplat's measure of what is on screen.
    reach_x, reach_y = ceiling(radius_x), ceiling(radius_y)
    seen = both(both(pz >= NEAR, pz <= FAR), both(opacity >= ALPHA_MIN, determinant < f32(1e30)))
    seen = both(seen, both(u + reach_x > f32(0), u - reach_x < f32(width)))
    seen = both(seen, both(v + reach_y > f32(0), v - reach_y < f32(height)))
    # `exponential` turns NaN into a number, and a norm of 0 is a quaternion too long to square.
    seen = both(seen, both(logit >= f32(-1e30), log0 + log1 + log2_ <= f32(1e30)))
    seen = both(seen, norm > f32(0))
    larger = minimum(maximum(reach_x, reach_y), f32(1e9))
    store_whole(radii, n, select(seen, larger, f32(0)))
    store(depths, n, pz)
    # Pixels whose centres lie within the extent, as first and one past the last when rounded down.
    half, slack_x, slack_y = f32(0.5), radius_x + SLACK, radius_y + SLACK
    store_columns(
        boxes,
        n,
        (
            clamp(u + half - slack_x, f32(0), f32(width)),
            clamp(u + half + slack_x, f32(0), f32(width)),
            clamp(v + half - slack_y, f32(0), f32(height)),
            clamp(v + half + slack_y, f32(0), f32(height)),
        ),
    )
    red, green, blue = load_columns(colors, n, 3)
    store_columns(
        splats,
        n,
        (
            u,
            v,
            yy * inverse,
            f32(-1) * xy * inverse,
            xx * inverse,
            log2_opacity,
            pz,
            red,
            green,
            blue,
            radius_x,
            radius_y,
            xy / xx,
            determinant / (xx * xx),
            radius_y * xy / yy,
            spread(f32(0)),
        ),
    )


@njit(**KERNEL)
def project(
    p, parts, means, quats, scales, logits, colors, pose, intrinsics, width, height, blur, splats, boxes, depths, radii
):
    """Project part p of N Gaussians, N a multiple of LANES.

    pose: (4, 4); intrinsics: (4,) fx, fy, cx, cy; blur: square pixels added to both variances on screen. Writes radii
    (N,), 0 where nothing can be seen, and, nonsense there, splats (N, 16), boxes (N, 4) in pixels as x0, x1, y0, y1,
    and depths (N,).
    """
    limits = frustum_limits(intrinsics, width, height)
    blocks = len(radii) // LANES
    share = (blocks + parts - 1) // parts
    for block in range(p * share, min(blocks, (p + 1) * share)):
        n = block * LANES
        project_lanes(
            n,
            means,
            quats,
            scales,
            logits,
            colors,
            pose,
            intrinsics,
            limits,
            width,
            height,
            blur,
            splats,
            boxes,
            depths,
            radii,
        )
