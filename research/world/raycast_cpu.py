"""The ray caster for CPUs: that of `raycast_torch`, ray by ray in numba. What each line means is said there."""

import math

import numba
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.camera.cameras import Cameras
from fourreal.splat.rasterize.kernels import KERNEL
from fourreal.splat.rasterize.threads import run_parts, thread_count
from research.world.solids import AMBIENT, DOME, FAR, PENUMBRA, Solids, View

f32 = np.float32
_FAR, _DOME2, _AMBIENT, _PENUMBRA = f32(FAR), f32(DOME**2), f32(AMBIENT), f32(PENUMBRA)
_TINY, _LEAST, _UP, _SKIN = f32(1e-7), f32(1e-9), f32(-1e-6), f32(1e-3)
_0, _1, _HALF, _NEAR, _STEEP = f32(0), f32(1), f32(0.5), f32(1e-4), f32(4)


def cast(solids: Solids, cameras: Cameras, light: Float[Tensor, "3"], supersample: int = 2) -> View:
    """See `raycast.cast`."""
    width, height = cameras.size
    frames = len(cameras)
    colour = np.empty((frames, height, width, 3), np.float32)
    moving, depth = (np.empty((frames, height, width), np.float32) for _ in range(2))
    as_array = lambda tensor: np.ascontiguousarray(tensor.detach().float().numpy())
    run_parts(
        _draw,
        max(1, min(frames, thread_count())),
        solids.kind.numpy().astype(np.int64),
        as_array(solids.half),
        as_array(solids.rotation),
        as_array(solids.centre),
        as_array(solids.colours),
        as_array(solids.waves),
        as_array(solids.contrast),
        as_array(solids.moving),
        as_array(cameras.camera_to_world),
        as_array(cameras.intrinsics),
        as_array(light),
        int(supersample),
        colour,
        moving,
        depth,
    )
    return View(*map(torch.from_numpy, (colour, moving, depth)))


@numba.njit(**KERNEL)
def _round(a, b, c):
    """Entry and exit of a t^2 + 2 b t + c = 0; what misses has its ends swapped."""
    a = max(a, _LEAST)
    inside = b * b - a * c
    reach = math.sqrt(abs(inside)) / a
    if inside < _0:
        reach = -reach
    return -b / a - reach, -b / a + reach


@numba.njit(**KERNEL)
def _slab(o, d):
    """Between -1 and 1 along one axis."""
    if abs(d) < _TINY:
        d = _TINY
    one, other = (-_1 - o) / d, (_1 - o) / d
    return min(one, other), max(one, other)


@numba.njit(**KERNEL)
def _chord(kind, o, d):
    """Where a ray in the solid's own frame enters and leaves it; where it misses, the exit comes first."""
    if kind == 0:
        return _round(
            d[0] * d[0] + d[1] * d[1] + d[2] * d[2],
            o[0] * d[0] + o[1] * d[1] + o[2] * d[2],
            o[0] * o[0] + o[1] * o[1] + o[2] * o[2] - _1,
        )
    enter, leave = _slab(o[2], d[2])
    if kind == 1:
        for axis in range(2):
            near, far = _slab(o[axis], d[axis])
            enter, leave = max(enter, near), min(leave, far)
        return enter, leave
    near, far = _round(d[0] * d[0] + d[1] * d[1], o[0] * d[0] + o[1] * d[1], o[0] * o[0] + o[1] * o[1] - _1)
    return max(enter, near), min(leave, far)


@numba.njit(**KERNEL)
def _into(rotation, half, centre, x, y, z, place, out):
    """A point (place 1) or direction (place 0) in the frame where a solid has half width 1."""
    x, y, z = x - place * centre[0], y - place * centre[1], z - place * centre[2]
    for axis in range(3):
        out[axis] = (x * rotation[0, axis] + y * rotation[1, axis] + z * rotation[2, axis]) / half[axis]


@numba.njit(**KERNEL)
def _normal(kind, scaled, half, rotation, out):
    """The outward unit normal in the world at a point of a solid's surface, `scaled` in its own frame."""
    x, y, z = abs(scaled[0]), abs(scaled[1]), abs(scaled[2])
    n0, n1, n2 = scaled[0], scaled[1], scaled[2]
    if kind == 1:
        first = x >= y and x >= z
        second = not first and y >= z
        n0 = np.sign(scaled[0]) if first else _0
        n1 = np.sign(scaled[1]) if second else _0
        n2 = _0 if first or second else np.sign(scaled[2])
    elif kind == 2:
        if z * z > x * x + y * y:
            n0, n1 = _0, _0
        else:
            n2 = _0
    n0, n1, n2 = n0 / half[0], n1 / half[1], n2 / half[2]
    length = _0
    for axis in range(3):
        out[axis] = rotation[axis, 0] * n0 + rotation[axis, 1] * n1 + rotation[axis, 2] * n2
        length += out[axis] * out[axis]
    length = max(math.sqrt(length), f32(1e-12))
    for axis in range(3):
        out[axis] /= length


@numba.njit(**KERNEL)
def _light_left(kind, half, rotation, centre, x, y, z, light, own, o, d):
    """The share of the light at a point that gets past all solids but its own, which shades itself."""
    left = _1
    for i in range(len(kind)):
        if i == own:
            continue
        _into(rotation[i], half[i], centre[i], x, y, z, _1, o)
        _into(rotation[i], half[i], centre[i], light[0], light[1], light[2], _0, d)
        enter, leave = _chord(kind[i], o, d)
        if leave > _0:
            away = max((enter + leave) * _HALF, f32(0.05))
            left *= _1 - _1 / (_1 + math.exp(-_STEEP * (leave - enter) / (_PENUMBRA * away)))
    return left


@numba.njit(**KERNEL)
def _draw(
    part,
    parts,
    kind,
    half,
    rotation,
    centre,
    colours,
    waves,
    contrast,
    moves,
    poses,
    intrinsics,
    light,
    fine,
    colour,
    moving,
    depth,
):
    """The frames part, part + parts, part + 2 parts, ..."""
    frames, height, width = depth.shape
    number = len(kind)
    o, d, normal, place = np.empty(3, f32), np.empty(3, f32), np.empty(3, f32), np.empty(3, f32)
    share = _1 / f32(fine * fine)
    for frame in range(part, frames, parts):
        pose = poses[frame]
        ox, oy, oz = pose[0, 3], pose[1, 3], pose[2, 3]
        for row in range(height):
            for column in range(width):
                red, green, blue, mover, least = _0, _0, _0, _0, _FAR
                for sub in range(fine * fine):
                    u = ((f32(column * fine + sub % fine) + _HALF) / f32(fine) - intrinsics[2]) / intrinsics[0]
                    v = ((f32(row * fine + sub // fine) + _HALF) / f32(fine) - intrinsics[3]) / intrinsics[1]
                    dx = pose[0, 0] * u + pose[0, 1] * v + pose[0, 2]
                    dy = pose[1, 0] * u + pose[1, 1] * v + pose[1, 2]
                    dz = pose[2, 0] * u + pose[2, 1] * v + pose[2, 2]

                    t, hit = _FAR, number
                    for i in range(number):
                        _into(rotation[frame, i], half[i], centre[frame, i], ox, oy, oz, _1, o)
                        _into(rotation[frame, i], half[i], centre[frame, i], dx, dy, dz, _0, d)
                        enter, leave = _chord(kind[i], o, d)
                        if leave > enter and enter > _NEAR and enter < t:
                            t, hit = enter, i
                    if dz < _UP and -oz / dz < t:
                        t, hit = -oz / dz, number
                    a, b = dx * dx + dy * dy + dz * dz, ox * dx + oy * dy + oz * dz
                    dome = (math.sqrt(max(b * b - a * (ox * ox + oy * oy + oz * oz - _DOME2), _0)) - b) / a
                    if dome < t:
                        t, hit = dome, number + 1
                    px, py, pz = ox + t * dx, oy + t * dy, oz + t * dz

                    if hit < number:
                        _into(rotation[frame, hit], half[hit], centre[frame, hit], px, py, pz, _1, place)
                        _normal(kind[hit], place, half[hit], rotation[frame, hit], normal)
                        for axis in range(3):
                            place[axis] *= half[hit, axis]
                    else:
                        normal[0], normal[1], normal[2] = _0, _0, _1
                        place[0], place[1], place[2] = px, py, pz

                    strength = _1
                    if hit <= number:
                        lit = max(normal[0] * light[0] + normal[1] * light[1] + normal[2] * light[2], _0)
                        sx, sy, sz = px + _SKIN * normal[0], py + _SKIN * normal[1], pz + _SKIN * normal[2]
                        lit *= _light_left(kind, half, rotation[frame], centre[frame], sx, sy, sz, light, hit, o, d)
                        strength = _AMBIENT + (_1 - _AMBIENT) * lit

                    level = contrast[hit]
                    if level != _0:
                        for axis in range(3):
                            level *= math.sin(waves[hit, 0, axis] * place[axis] + waves[hit, 1, axis])
                    mix = _HALF + _HALF * math.tanh(level)
                    red += strength * (mix * colours[hit, 0, 0] + (_1 - mix) * colours[hit, 1, 0])
                    green += strength * (mix * colours[hit, 0, 1] + (_1 - mix) * colours[hit, 1, 1])
                    blue += strength * (mix * colours[hit, 0, 2] + (_1 - mix) * colours[hit, 1, 2])
                    mover += moves[hit] if hit < number else _0
                    least = min(least, t)
                colour[frame, row, column, 0] = red * share
                colour[frame, row, column, 1] = green * share
                colour[frame, row, column, 2] = blue * share
                moving[frame, row, column] = mover * share
                depth[frame, row, column] = least
