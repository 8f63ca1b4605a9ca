"""The chain rule through `project.py`, in its notation; d_a is the gradient of the loss with respect to a."""

import numpy as np
from numba import njit

from fourreal.splat.rasterize.kernels import KERNEL, f32
from fourreal.splat.rasterize.project import (
    CONIC_XX,
    CONIC_XY,
    CONIC_YY,
    DEPTH,
    camera_axes,
    clamp,
    exponential,
    frustum_limits,
    rotation,
    to_camera,
)
from fourreal.splat.rasterize.simd import LANES, both, select, square_root
from fourreal.splat.rasterize.simd_memory import load, load_columns, load_whole, store, store_columns, sums

# The gradient of a splat as blending leaves it, one row a splat: sums over its pixels, with d the pixel minus the
# centre and V the gradient with respect to the exponent -0.5 d^T conic d. In this order:
# V, V dx, V dy, V dx^2, V dx dy, V dy^2, red, green, blue, depth.
GRADIENT_FLOATS = 16


@njit(**KERNEL)
def covariance_gradient(conic_xx, conic_xy, conic_yy, v_xx, v_xy, v_yy):
    """conic (0.5 sum V d d^T) conic: xx, xy, yy of the gradient of the covariance, as a symmetric matrix."""
    e00, e01 = conic_xx * v_xx + conic_xy * v_xy, conic_xx * v_xy + conic_xy * v_yy
    e10, e11 = conic_xy * v_xx + conic_yy * v_xy, conic_xy * v_xy + conic_yy * v_yy
    half = f32(0.5)
    return (
        half * (e00 * conic_xx + e01 * conic_xy),
        half * (e00 * conic_xy + e01 * conic_yy),
        half * (e10 * conic_xy + e11 * conic_yy),
    )


@njit(**KERNEL)
def quaternion_gradient(w, x, y, z, norm, d00, d01, d02, d10, d11, d12, d20, d21, d22):
    """From d_Rq to the quaternion before its normalisation, which divided by 1 / norm."""
    two = f32(2)
    dw = two * (x * (d21 - d12) + y * (d02 - d20) + z * (d10 - d01))
    dx = two * (w * (d21 - d12) + y * (d01 + d10) + z * (d02 + d20) - two * x * (d11 + d22))
    dy = two * (w * (d02 - d20) + x * (d01 + d10) + z * (d12 + d21) - two * y * (d00 + d22))
    dz = two * (w * (d10 - d01) + x * (d02 + d20) + y * (d12 + d21) - two * z * (d00 + d11))
    along = dw * w + dx * x + dy * y + dz * z
    return (dw - along * w) * norm, (dx - along * x) * norm, (dy - along * y) * norm, (dz - along * z) * norm


@njit(**KERNEL)
def backproject_lanes(
    n,
    means,
    quats,
    scales,
    logits,
    pose,
    intrinsics,
    limits,
    splats,
    radii,
    part,
    d_means,
    d_quats,
    d_scales,
    d_logits,
    d_colors,
    d_screen,
    d_pose,
):
    """Gaussians n to n + LANES - 1, with `part` (N, 16) the sums over their pixels; adds to d_pose (16,)."""
    splat = load_columns(splats, n, 16)
    g = load_columns(part, n, 16)
    seen = load_whole(radii, n) > f32(0)
    nothing = f32(0)
    conic_xx, conic_xy, conic_yy = splat[CONIC_XX], splat[CONIC_XY], splat[CONIC_YY]
    inverse_z = f32(1) / splat[DEPTH]
    du = conic_xx * g[1] + conic_xy * g[2]
    dv = conic_xy * g[1] + conic_yy * g[2]
    # alpha = sigmoid(logit) exp(.), and g[0] sums alpha d_alpha.
    d_logit = g[0] / (f32(1) + exponential(load(logits, n)))
    store(d_logits, n, select(seen, d_logit, nothing))
    store_columns(d_colors, n, (g[6], g[7], g[8]))
    store_columns(d_screen, n, (select(seen, du, nothing), select(seen, dv, nothing)))
    cxx, cxy, cyy = covariance_gradient(conic_xx, conic_xy, conic_yy, g[3], g[4], g[5])
    # The forward quantities again.
    x, y, z = load_columns(means, n, 3)
    px, py, _pz = to_camera(pose, x, y, z)
    fx, fy, _cx, _cy = intrinsics
    left, right, top, bottom = limits
    ratio_x, ratio_y = px * inverse_z, py * inverse_z
    jx, jy = fx * inverse_z, fy * inverse_z
    jxz = f32(-1) * jx * clamp(ratio_x, left, right)
    jyz = f32(-1) * jy * clamp(ratio_y, top, bottom)
    qw, qx, qy, qz = load_columns(quats, n, 4)
    norm = f32(1) / square_root(qw * qw + qx * qx + qy * qy + qz * qz)
    qw, qx, qy, qz = qw * norm, qx * norm, qy * norm, qz * norm
    c00, c01, c02, c10, c11, c12, c20, c21, c22 = camera_axes(pose, qw, qx, qy, qz)
    log0, log1, log2_ = load_columns(scales, n, 3)
    s0, s1, s2 = exponential(log0), exponential(log1), exponential(log2_)
    u0, u1, u2 = (jx * c00 + jxz * c20) * s0, (jx * c01 + jxz * c21) * s1, (jx * c02 + jxz * c22) * s2
    v0, v1, v2 = (jy * c10 + jyz * c20) * s0, (jy * c11 + jyz * c21) * s1, (jy * c12 + jyz * c22) * s2
    # d_B = 2 d_covariance B; B d_B is the gradient of the log-scales, d_B diag(s) that of J C.
    two = f32(2)
    du0, du1, du2 = two * (cxx * u0 + cxy * v0), two * (cxx * u1 + cxy * v1), two * (cxx * u2 + cxy * v2)
    dv0, dv1, dv2 = two * (cxy * u0 + cyy * v0), two * (cxy * u1 + cyy * v1), two * (cxy * u2 + cyy * v2)
    store_columns(
        d_scales,
        n,
        (
            select(seen, du0 * u0 + dv0 * v0, nothing),
            select(seen, du1 * u1 + dv1 * v1, nothing),
            select(seen, du2 * u2 + dv2 * v2, nothing),
        ),
    )
    du0, du1, du2 = du0 * s0, du1 * s1, du2 * s2
    dv0, dv1, dv2 = dv0 * s0, dv1 * s1, dv2 * s2
    # d_J = d_(JC) C^T, and d_C = J^T d_(JC).
    d_jx = du0 * c00 + du1 * c01 + du2 * c02
    d_jxz = du0 * c20 + du1 * c21 + du2 * c22
    d_jy = dv0 * c10 + dv1 * c11 + dv2 * c12
    d_jyz = dv0 * c20 + dv1 * c21 + dv2 * c22
    w00, w01, w02 = jx * du0, jx * du1, jx * du2
    w10, w11, w12 = jy * dv0, jy * dv1, jy * dv2
    w20, w21, w22 = jxz * du0 + jyz * dv0, jxz * du1 + jyz * dv1, jxz * du2 + jyz * dv2
    # The centre in camera axes: through its place on screen, through depth, and through J unless that was clamped.
    dpx, dpy = jx * du, jy * dv
    dpz = g[9] - (dpx * ratio_x + dpy * ratio_y) - inverse_z * (jx * d_jx + jy * d_jy + jxz * d_jxz + jyz * d_jyz)
    slope_x = select(both(ratio_x >= left, ratio_x <= right), jx * inverse_z * d_jxz, nothing)
    slope_y = select(both(ratio_y >= top, ratio_y <= bottom), jy * inverse_z * d_jyz, nothing)
    dpx, dpy, dpz = dpx - slope_x, dpy - slope_y, dpz + slope_x * ratio_x + slope_y * ratio_y
    p00, p01, p02 = pose[0, 0], pose[0, 1], pose[0, 2]
    p10, p11, p12 = pose[1, 0], pose[1, 1], pose[1, 2]
    p20, p21, p22 = pose[2, 0], pose[2, 1], pose[2, 2]
    store_columns(
        d_means,
        n,
        (
            select(seen, p00 * dpx + p10 * dpy + p20 * dpz, nothing),
            select(seen, p01 * dpx + p11 * dpy + p21 * dpz, nothing),
            select(seen, p02 * dpx + p12 * dpy + p22 * dpz, nothing),
        ),
    )
    # d_R = d_p x^T + d_C Rq^T and d_t = d_p.
    r00, r01, r02, r10, r11, r12, r20, r21, r22 = rotation(qw, qx, qy, qz)
    store(
        d_pose,
        0,
        load(d_pose, 0)
        + sums(
            (
                select(seen, dpx * x + w00 * r00 + w01 * r01 + w02 * r02, nothing),
                select(seen, dpx * y + w00 * r10 + w01 * r11 + w02 * r12, nothing),
                select(seen, dpx * z + w00 * r20 + w01 * r21 + w02 * r22, nothing),
                select(seen, dpx, nothing),
                select(seen, dpy * x + w10 * r00 + w11 * r01 + w12 * r02, nothing),
                select(seen, dpy * y + w10 * r10 + w11 * r11 + w12 * r12, nothing),
                select(seen, dpy * z + w10 * r20 + w11 * r21 + w12 * r22, nothing),
                select(seen, dpy, nothing),
                select(seen, dpz * x + w20 * r00 + w21 * r01 + w22 * r02, nothing),
                select(seen, dpz * y + w20 * r10 + w21 * r11 + w22 * r12, nothing),
                select(seen, dpz * z + w20 * r20 + w21 * r21 + w22 * r22, nothing),
                select(seen, dpz, nothing),
            )
        ),
    )
    # d_Rq = R^T d_C.
    qw, qx, qy, qz = quaternion_gradient(
        qw,
        qx,
        qy,
        qz,
        norm,
        p00 * w00 + p10 * w10 + p20 * w20,
        p00 * w01 + p10 * w11 + p20 * w21,
        p00 * w02 + p10 * w12 + p20 * w22,
        p01 * w00 + p11 * w10 + p21 * w20,
        p01 * w01 + p11 * w11 + p21 * w21,
        p01 * w02 + p11 * w12 + p21 * w22,
        p02 * w00 + p12 * w10 + p22 * w20,
        p02 * w01 + p12 * w11 + p22 * w21,
        p02 * w02 + p12 * w12 + p22 * w22,
    )
    store_columns(
        d_quats,
        n,
        (select(seen, qw, nothing), select(seen, qx, nothing), select(seen, qy, nothing), select(seen, qz, nothing)),
    )


@njit(**KERNEL)
def backproject(
    p,
    parts,
    means,
    quats,
    scales,
    logits,
    pose,
    intrinsics,
    width,
    height,
    splats,
    radii,
    sums_of_parts,
    d_means,
    d_quats,
    d_scales,
    d_logits,
    d_colors,
    d_screen,
    d_poses,
):
    """Part p of the gradients of N Gaussians, N a multiple of LANES, from the P partial sums of blending.

    sums_of_parts: (P, N * 16), of which the first is overwritten. Writes d_* with the shapes of what they are
    gradients of, and d_poses (P, 16) float64, whose sum is the gradient of the pose's first three rows.
    """
    limits = frustum_limits(intrinsics, width, height)
    blocks = len(radii) // LANES
    share = (blocks + parts - 1) // parts
    whole = sums_of_parts[0]
    d_pose = np.zeros(LANES, np.float32)
    total = d_poses[p]
    total[:] = 0
    for block in range(p * share, min(blocks, (p + 1) * share)):
        n = block * LANES
        for q in range(1, len(sums_of_parts)):
            for at in range(n * GRADIENT_FLOATS, (n + LANES) * GRADIENT_FLOATS, LANES):
                store(whole, at, load(whole, at) + load(sums_of_parts[q], at))
        backproject_lanes(
            n,
            means,
            quats,
            scales,
            logits,
            pose,
            intrinsics,
            limits,
            splats,
            radii,
            whole,
            d_means,
            d_quats,
            d_scales,
            d_logits,
            d_colors,
            d_screen,
            d_pose,
        )
        if block % 64 == 63:  # long sums in double precision
            total += d_pose
            d_pose[:] = 0
    total += d_pose
