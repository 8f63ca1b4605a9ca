"""From Gaussians in the world to ellipses on the screen (EWA splatting, Zwicker et al. 2001), and back for gradients.

Numba kernels over plain float32 arrays; `cpu.py` prepares them. Notation of the comments:

    p = R x + t          centre in camera axes; (R | t) is world_to_camera
    J                    Jacobian of the perspective map at p (2, 3), with p / z clamped to 1.3 times the frustum
    M = Rq diag(s)       rotation of the Gaussian times its standard deviations
    B = J R M            (2, 3); the covariance on screen is B B^T + 0.3 I, its inverse is the conic
"""

import math

import numpy as np
from numba import njit, prange

from fourreal.splat.rasterize.kernels import ALPHA_MIN, KERNEL, f32

NEAR, FAR = f32(0.01), f32(1e10)
TWO_LN2, LOG2_ALPHA_MIN = f32(2 * math.log(2)), f32(math.log2(ALPHA_MIN))
BLUR = f32(0.3)  # square pixels added to both variances on screen: no splat falls between pixels

# One row a splat, 16 floats: a cache line holds all that blending asks for.
X, Y, CONIC_XX, CONIC_XY, CONIC_YY, LOG2_OPACITY, DEPTH, RED, GREEN, BLUE = range(10)
# The ellipse on which alpha falls to 1/255: half extents, and the three numbers of `tiles.rows_within`.
RADIUS_X, RADIUS_Y, SLOPE, WIDTH2, TILT = range(10, 15)
SPLAT_FLOATS = 16

# The gradient of a splat as blending leaves it: sums over its pixels, with d the pixel minus the centre and v the
# gradient with respect to the exponent -0.5 d^T conic d.
V, V_DX, V_DY, V_DXX, V_DXY, V_DYY, V_RED, V_GREEN, V_BLUE, V_DEPTH = range(10)
GRADIENT_FLOATS = 16


@njit(**KERNEL)
def rotation(w, x, y, z):
    """The 3x3 rotation matrix, row by row, of a unit quaternion."""
    two = f32(2)
    one = f32(1)
    return (
        one - two * (y * y + z * z), two * (x * y - w * z), two * (x * z + w * y),
        two * (x * y + w * z), one - two * (x * x + z * z), two * (y * z - w * x),
        two * (x * z - w * y), two * (y * z + w * x), one - two * (x * x + y * y),
    )  # fmt: skip


@njit(**KERNEL)
def frustum_limits(intrinsics, width, height):
    """How far x / z and y / z may lie from the axis in the Jacobian: 0.15 image sizes beyond the border, as in 3DGS."""
    fx, fy, cx, cy = intrinsics
    margin_x = f32(0.15) * f32(width) / fx
    margin_y = f32(0.15) * f32(height) / fy
    return -cx / fx - margin_x, (f32(width) - cx) / fx + margin_x, -cy / fy - margin_y, (f32(height) - cy) / fy + margin_y


@njit(**KERNEL)
def project_one(n, means, quats, scales, logits, colors, pose, intrinsics, limits, width, height, splats, radii):
    """Fill `splats[n]` and `radii[n]`; a radius of 0 stays where the Gaussian cannot be seen.

    Conditions are phrased so that a NaN fails them: whatever is not a number is culled.
    """
    x, y, z = means[n]
    px = pose[0, 0] * x + pose[0, 1] * y + pose[0, 2] * z + pose[0, 3]
    py = pose[1, 0] * x + pose[1, 1] * y + pose[1, 2] * z + pose[1, 3]
    pz = pose[2, 0] * x + pose[2, 1] * y + pose[2, 2] * z + pose[2, 3]
    opacity = f32(1) / (f32(1) + math.exp(-logits[n]))
    if not (pz >= NEAR and pz <= FAR and opacity >= ALPHA_MIN):
        return
    fx, fy, cx, cy = intrinsics
    inverse_z = f32(1) / pz
    left, right, top, bottom = limits
    jx = fx * inverse_z
    jy = fy * inverse_z
    jxz = -jx * min(right, max(left, px * inverse_z))
    jyz = -jy * min(bottom, max(top, py * inverse_z))
    w, i, j, k = quats[n]
    norm = f32(1) / math.sqrt(w * w + i * i + j * j + k * k)
    r00, r01, r02, r10, r11, r12, r20, r21, r22 = rotation(w * norm, i * norm, j * norm, k * norm)
    # The rows of J R, then of B = J R M.
    a0 = jx * pose[0, 0] + jxz * pose[2, 0]
    a1 = jx * pose[0, 1] + jxz * pose[2, 1]
    a2 = jx * pose[0, 2] + jxz * pose[2, 2]
    b0 = jy * pose[1, 0] + jyz * pose[2, 0]
    b1 = jy * pose[1, 1] + jyz * pose[2, 1]
    b2 = jy * pose[1, 2] + jyz * pose[2, 2]
    s0, s1, s2 = math.exp(scales[n, 0]), math.exp(scales[n, 1]), math.exp(scales[n, 2])
    u0 = (a0 * r00 + a1 * r10 + a2 * r20) * s0
    u1 = (a0 * r01 + a1 * r11 + a2 * r21) * s1
    u2 = (a0 * r02 + a1 * r12 + a2 * r22) * s2
    v0 = (b0 * r00 + b1 * r10 + b2 * r20) * s0
    v1 = (b0 * r01 + b1 * r11 + b2 * r21) * s1
    v2 = (b0 * r02 + b1 * r12 + b2 * r22) * s2
    xx = u0 * u0 + u1 * u1 + u2 * u2 + BLUR
    xy = u0 * v0 + u1 * v1 + u2 * v2
    yy = v0 * v0 + v1 * v1 + v2 * v2 + BLUR
    # |u|^2 |v|^2 - (u v)^2 = |u x v|^2: as a cross product nothing cancels where a splat is a needle.
    cross0, cross1, cross2 = u1 * v2 - u2 * v1, u2 * v0 - u0 * v2, u0 * v1 - u1 * v0
    determinant = cross0 * cross0 + cross1 * cross1 + cross2 * cross2 + BLUR * (xx + yy - BLUR)
    if not (determinant > f32(0) and determinant < f32(1e30)):
        return
    # Opacity-aware extent (Radl et al. 2024, sec. B.2): opacity exp(-extent^2 / 2) = 1/255.
    log2_opacity = math.log2(opacity)
    extent = math.sqrt(TWO_LN2 * max(log2_opacity - LOG2_ALPHA_MIN, f32(0)))
    radius_x = extent * math.sqrt(xx)
    radius_y = extent * math.sqrt(yy)
    u = fx * px * inverse_z + cx
    v = fy * py * inverse_z + cy
    rx = math.ceil(radius_x)
    ry = math.ceil(radius_y)
    if not (max(rx, ry) > f32(0) and u + rx > f32(0) and u - rx < width and v + ry > f32(0) and v - ry < height):
        return
    splat = splats[n]
    splat[X] = u
    splat[Y] = v
    splat[CONIC_XX] = yy / determinant
    splat[CONIC_XY] = -xy / determinant
    splat[CONIC_YY] = xx / determinant
    splat[LOG2_OPACITY] = log2_opacity
    splat[DEPTH] = pz
    splat[RED], splat[GREEN], splat[BLUE] = colors[n]
    splat[RADIUS_X] = radius_x
    splat[RADIUS_Y] = radius_y
    splat[SLOPE] = xy / xx
    splat[WIDTH2] = determinant / (xx * xx)
    splat[TILT] = radius_y * xy / yy
    radii[n] = np.int32(min(max(rx, ry), f32(1e9)))


@njit(parallel=True, **KERNEL)
def project(means, quats, scales, logits, colors, pose, intrinsics, width, height, splats, radii):
    """Project N Gaussians.

    pose: (4, 4); intrinsics: (4,) fx, fy, cx, cy. Writes splats (N, 16), defined only where radii (N,) > 0.
    """
    limits = frustum_limits(intrinsics, width, height)
    for n in prange(len(means)):
        radii[n] = 0
        project_one(n, means, quats, scales, logits, colors, pose, intrinsics, limits, width, height, splats, radii)


@njit(**KERNEL)
def backproject_one(
    n, means, quats, scales, logits, pose, intrinsics, limits, splat, g,
    d_means, d_quats, d_scales, d_logits, d_colors, d_screen, d_pose,
):  # fmt: skip
    """The chain rule through `project_one`, given the sums `g` over the pixels of this splat."""
    fx, fy, _cx, _cy = intrinsics
    xx, xy, yy, pz = splat[CONIC_XX], splat[CONIC_XY], splat[CONIC_YY], splat[DEPTH]
    d_logits[n] = g[V] / (f32(1) + math.exp(logits[n]))  # alpha = sigmoid(l) exp(.): v sums alpha dL/dalpha
    d_colors[n, 0], d_colors[n, 1], d_colors[n, 2] = g[V_RED], g[V_GREEN], g[V_BLUE]
    du = xx * g[V_DX] + xy * g[V_DY]
    dv = xy * g[V_DX] + yy * g[V_DY]
    d_screen[n, 0], d_screen[n, 1] = du, dv
    # Gradient of the covariance: conic (0.5 sum v d d^T) conic.
    h = f32(0.5)
    e00 = h * (xx * g[V_DXX] + xy * g[V_DXY])
    e01 = h * (xx * g[V_DXY] + xy * g[V_DYY])
    e10 = h * (xy * g[V_DXX] + yy * g[V_DXY])
    e11 = h * (xy * g[V_DXY] + yy * g[V_DYY])
    cxx = e00 * xx + e01 * xy
    cxy = e00 * xy + e01 * yy
    cyy = e10 * xy + e11 * yy
    # The forward quantities again.
    x, y, z = means[n]
    px = pose[0, 0] * x + pose[0, 1] * y + pose[0, 2] * z + pose[0, 3]
    py = pose[1, 0] * x + pose[1, 1] * y + pose[1, 2] * z + pose[1, 3]
    inverse_z = f32(1) / pz
    left, right, top, bottom = limits
    ratio_x = px * inverse_z
    ratio_y = py * inverse_z
    tx = min(right, max(left, ratio_x))
    ty = min(bottom, max(top, ratio_y))
    jx = fx * inverse_z
    jy = fy * inverse_z
    jxz = -jx * tx
    jyz = -jy * ty
    w, i, j, k = quats[n]
    norm = f32(1) / math.sqrt(w * w + i * i + j * j + k * k)
    w, i, j, k = w * norm, i * norm, j * norm, k * norm
    r00, r01, r02, r10, r11, r12, r20, r21, r22 = rotation(w, i, j, k)
    p00, p01, p02 = pose[0, 0], pose[0, 1], pose[0, 2]
    p10, p11, p12 = pose[1, 0], pose[1, 1], pose[1, 2]
    p20, p21, p22 = pose[2, 0], pose[2, 1], pose[2, 2]
    s0, s1, s2 = math.exp(scales[n, 0]), math.exp(scales[n, 1]), math.exp(scales[n, 2])
    # C = R Rq: the axes of the Gaussian in camera axes; the rows of B = J C diag(s).
    c00, c01, c02 = p00 * r00 + p01 * r10 + p02 * r20, p00 * r01 + p01 * r11 + p02 * r21, p00 * r02 + p01 * r12 + p02 * r22
    c10, c11, c12 = p10 * r00 + p11 * r10 + p12 * r20, p10 * r01 + p11 * r11 + p12 * r21, p10 * r02 + p11 * r12 + p12 * r22
    c20, c21, c22 = p20 * r00 + p21 * r10 + p22 * r20, p20 * r01 + p21 * r11 + p22 * r21, p20 * r02 + p21 * r12 + p22 * r22
    u0, u1, u2 = (jx * c00 + jxz * c20) * s0, (jx * c01 + jxz * c21) * s1, (jx * c02 + jxz * c22) * s2
    v0, v1, v2 = (jy * c10 + jyz * c20) * s0, (jy * c11 + jyz * c21) * s1, (jy * c12 + jyz * c22) * s2
    # dB = 2 dcov B, times diag(s): the gradient of J C. Its product with B^T gives the log-scales at once.
    t = f32(2)
    du0, du1, du2 = t * (cxx * u0 + cxy * v0), t * (cxx * u1 + cxy * v1), t * (cxx * u2 + cxy * v2)
    dv0, dv1, dv2 = t * (cxy * u0 + cyy * v0), t * (cxy * u1 + cyy * v1), t * (cxy * u2 + cyy * v2)
    d_scales[n, 0] = du0 * u0 + dv0 * v0
    d_scales[n, 1] = du1 * u1 + dv1 * v1
    d_scales[n, 2] = du2 * u2 + dv2 * v2
    du0, du1, du2 = du0 * s0, du1 * s1, du2 * s2
    dv0, dv1, dv2 = dv0 * s0, dv1 * s1, dv2 * s2
    # dJ = d(JC) C^T
    djx = du0 * c00 + du1 * c01 + du2 * c02
    djxz = du0 * c20 + du1 * c21 + du2 * c22
    djy = dv0 * c10 + dv1 * c11 + dv2 * c12
    djyz = dv0 * c20 + dv1 * c21 + dv2 * c22
    # dC = J^T d(JC); its third row sees both rows of J.
    w00, w01, w02 = jx * du0, jx * du1, jx * du2
    w10, w11, w12 = jy * dv0, jy * dv1, jy * dv2
    w20, w21, w22 = jxz * du0 + jyz * dv0, jxz * du1 + jyz * dv1, jxz * du2 + jyz * dv2
    # The centre in camera axes: through (u, v), through depth, and through J = (f/z, -f/z clamp(p/z)).
    dpx = jx * du
    dpy = jy * dv
    dpz = g[V_DEPTH] - (dpx * ratio_x + dpy * ratio_y)
    dpz -= inverse_z * (jx * djx + jy * djy + jxz * djxz + jyz * djyz)
    slope_x = -jx * inverse_z * djxz
    slope_y = -jy * inverse_z * djyz
    if left <= ratio_x and ratio_x <= right:
        dpx += slope_x
        dpz -= slope_x * ratio_x
    if top <= ratio_y and ratio_y <= bottom:
        dpy += slope_y
        dpz -= slope_y * ratio_y
    d_means[n, 0] = p00 * dpx + p10 * dpy + p20 * dpz
    d_means[n, 1] = p01 * dpx + p11 * dpy + p21 * dpz
    d_means[n, 2] = p02 * dpx + p12 * dpy + p22 * dpz
    # Pose: dR = dp x^T + dC Rq^T, dt = dp.
    d_pose[0, 0] += dpx * x + w00 * r00 + w01 * r01 + w02 * r02
    d_pose[0, 1] += dpx * y + w00 * r10 + w01 * r11 + w02 * r12
    d_pose[0, 2] += dpx * z + w00 * r20 + w01 * r21 + w02 * r22
    d_pose[0, 3] += dpx
    d_pose[1, 0] += dpy * x + w10 * r00 + w11 * r01 + w12 * r02
    d_pose[1, 1] += dpy * y + w10 * r10 + w11 * r11 + w12 * r12
    d_pose[1, 2] += dpy * z + w10 * r20 + w11 * r21 + w12 * r22
    d_pose[1, 3] += dpy
    d_pose[2, 0] += dpz * x + w20 * r00 + w21 * r01 + w22 * r02
    d_pose[2, 1] += dpz * y + w20 * r10 + w21 * r11 + w22 * r12
    d_pose[2, 2] += dpz * z + w20 * r20 + w21 * r21 + w22 * r22
    d_pose[2, 3] += dpz
    # dRq = R^T dC, then to the quaternion, then through its normalisation.
    q00, q01, q02 = p00 * w00 + p10 * w10 + p20 * w20, p00 * w01 + p10 * w11 + p20 * w21, p00 * w02 + p10 * w12 + p20 * w22
    q10, q11, q12 = p01 * w00 + p11 * w10 + p21 * w20, p01 * w01 + p11 * w11 + p21 * w21, p01 * w02 + p11 * w12 + p21 * w22
    q20, q21, q22 = p02 * w00 + p12 * w10 + p22 * w20, p02 * w01 + p12 * w11 + p22 * w21, p02 * w02 + p12 * w12 + p22 * w22
    dw = t * (i * (q21 - q12) + j * (q02 - q20) + k * (q10 - q01))
    di = t * (w * (q21 - q12) + j * (q01 + q10) + k * (q02 + q20) - t * i * (q11 + q22))
    dj = t * (w * (q02 - q20) + i * (q01 + q10) + k * (q12 + q21) - t * j * (q00 + q22))
    dk = t * (w * (q10 - q01) + i * (q02 + q20) + j * (q12 + q21) - t * k * (q00 + q11))
    along = dw * w + di * i + dj * j + dk * k
    d_quats[n, 0], d_quats[n, 1] = (dw - along * w) * norm, (di - along * i) * norm
    d_quats[n, 2], d_quats[n, 3] = (dj - along * j) * norm, (dk - along * k) * norm


@njit(parallel=True, **KERNEL)
def backproject(
    means, quats, scales, logits, pose, intrinsics, width, height, splats, radii, parts,
    d_means, d_quats, d_scales, d_logits, d_colors, d_screen, d_poses,
):  # fmt: skip
    """Gradients of the N Gaussians from the P partial sums of blending.

    parts: (P, N * 16). Writes d_* with the shapes of what they are gradients of, and d_poses (P, 4, 4) float64,
    whose sum is the gradient of the pose.
    """
    limits = frustum_limits(intrinsics, width, height)
    count = len(parts)
    share = (len(means) + count - 1) // count
    for p in prange(count):
        d_pose = d_poses[p]
        d_pose[:] = 0
        g = np.empty(GRADIENT_FLOATS, np.float32)
        for n in range(p * share, min(len(means), (p + 1) * share)):
            if radii[n] == 0:
                d_means[n] = 0
                d_quats[n] = 0
                d_scales[n] = 0
                d_logits[n] = 0
                d_colors[n] = 0
                d_screen[n] = 0
                continue
            for f in range(GRADIENT_FLOATS):
                g[f] = parts[0, n * GRADIENT_FLOATS + f]
            for q in range(1, count):
                for f in range(GRADIENT_FLOATS):
                    g[f] += parts[q, n * GRADIENT_FLOATS + f]
            backproject_one(
                n, means, quats, scales, logits, pose, intrinsics, limits, splats[n], g,
                d_means, d_quats, d_scales, d_logits, d_colors, d_screen, d_pose,
            )  # fmt: skip
