"""The ray caster in torch, for any device: the rule that the compiled one for CPUs is held against.

A solid is a ball, a cube or an upright cylinder of half width 1, stretched by `half`, turned and put somewhere. A ray
is brought into that frame, where each kind has an entry and an exit in closed form; how long the chord between them is
tells a hit from a miss, and softly so for shadows.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d, normalize

from fourreal.camera.cameras import Cameras
from fourreal.camera.rays import pixel_rays
from research.world.solids import AMBIENT, DOME, FAR, KINDS, PENUMBRA, Solids, View

RAYS_AT_ONCE = 1 << 18


def cast(solids: Solids, cameras: Cameras, light: Float[Tensor, "3"], supersample: int = 2) -> View:
    """F cameras look at the solids, each at its own moment, with `supersample` squared rays a pixel.

    light: unit vector towards the light.
    """
    width, height = (side * supersample for side in cameras.size)
    rays = pixel_rays(cameras.intrinsics * supersample, width, height)  # (P, 3)
    rows = max(1, RAYS_AT_ONCE // len(rays))
    parts = []
    for first in range(0, len(cameras), rows):
        here = slice(first, first + rows)
        some = solids._replace(rotation=solids.rotation[here], centre=solids.centre[here])
        pose = cameras.camera_to_world[here]
        directions = rays @ pose[:, :3, :3].transpose(1, 2)  # (f, P, 3), z = 1 in camera axes
        parts.append(_shade(some, pose[:, None, :3, 3], directions, light))
    colour, moving, depth = (torch.cat(column) for column in zip(*parts, strict=True))
    planes = torch.cat([colour, moving[..., None]], dim=-1).unflatten(1, (height, width)).permute(0, 3, 1, 2)
    small = avg_pool2d(planes, supersample).permute(0, 2, 3, 1)
    nearest = -max_pool2d(-depth.unflatten(1, (height, width))[:, None], supersample)[:, 0]
    return View(small[..., :3].contiguous(), small[..., 3], nearest)


def _shade(solids: Solids, origin: Tensor, direction: Tensor, light: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Colour (f, P, 3), whether it moves (f, P) and depth (f, P) along rays from (f, 1, 3) in directions (f, P, 3)."""
    number = len(solids.kind)
    enter, leave = chords(solids, origin.expand_as(direction), direction)
    near = torch.where((leave > enter) & (enter > 1e-4), enter, FAR)  # (f, N, P)
    floor = torch.where(direction[..., 2] < -1e-6, -origin[..., 2] / direction[..., 2].clamp(max=-1e-6), FAR)
    a, b = direction.square().sum(-1), (origin * direction).sum(-1)
    dome = (-b + (b.square() - a * (origin.square().sum(-1) - DOME**2)).clamp(min=0).sqrt()) / a
    depth, hit = torch.cat([near, floor[:, None], dome[:, None]], dim=1).min(dim=1)  # (f, P)
    point = origin + depth[..., None] * direction

    solid = hit.clamp(max=number - 1)
    at = torch.arange(len(hit), device=hit.device)[:, None].expand_as(hit)
    rotation, half, kind = solids.rotation[at, solid], solids.half[solid], solids.kind[solid]
    local = ((point - solids.centre[at, solid])[..., None, :] @ rotation)[..., 0, :]  # R^T (x - c)
    scaled = local / half
    normal = (rotation @ (_normals(scaled, kind) / half)[..., None])[..., 0]
    up = normal.new_tensor([0.0, 0.0, 1.0])
    on_solid, on_dome = (hit < number)[..., None], (hit == number + 1)[..., None]
    normal = torch.where(on_solid, normalize(normal, dim=-1), up)
    place = torch.where(on_solid, local, point)

    lit = (normal @ light).clamp(min=0)
    start = point + 1e-3 * normal
    lit = lit * _light_left(solids, start, light, hit)
    strength = torch.where(on_dome[..., 0], torch.ones_like(lit), AMBIENT + (1 - AMBIENT) * lit)
    moves = torch.cat([solids.moving, solids.moving.new_zeros(2)])[hit]
    return _texture(solids, hit, place) * strength[..., None], moves, depth


def chords(
    solids: Solids, origin: Float[Tensor, "F P 3"], direction: Float[Tensor, "F P 3"]
) -> tuple[Float[Tensor, "F N P"], Float[Tensor, "F N P"]]:
    """Where each ray enters and leaves each solid, in lengths of `direction`; where it misses, the exit comes first."""
    into = solids.rotation / solids.half[:, None]  # R diag(1 / half), so that x @ into is in the solid's own frame
    o = torch.einsum("fpi,fnij->fnjp", origin, into) - (solids.centre[..., None, :] @ into).transpose(2, 3)
    d = torch.einsum("fpi,fnij->fnjp", direction, into)  # (F, N, 3, P)
    enter, leave = torch.empty_like(d[:, :, 0]), torch.empty_like(d[:, :, 0])
    for index, kind in enumerate(KINDS):
        which = (solids.kind == index).nonzero()[:, 0]
        if len(which):
            enter[:, which], leave[:, which] = _CHORDS[kind](o[:, which], d[:, which])
    return enter, leave


def _round(o: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    """Through x^2 + y^2 (+ z^2) = 1; what misses has its ends swapped, the further the wider it misses."""
    a, b = d.square().sum(2).clamp(min=1e-9), (o * d).sum(2)
    inside = b.square() - a * (o.square().sum(2) - 1)
    reach = inside.sign() * inside.abs().sqrt() / a
    return -b / a - reach, -b / a + reach


def _slabs(o: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    """Through |x| <= 1 along every axis."""
    d = torch.where(d.abs() < 1e-7, 1e-7, d)
    one, other = (-1 - o) / d, (1 - o) / d
    return torch.minimum(one, other).amax(2), torch.maximum(one, other).amin(2)


def _drum(o: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    side, ends = _round(o[:, :, :2], d[:, :, :2]), _slabs(o[:, :, 2:], d[:, :, 2:])
    return torch.maximum(side[0], ends[0]), torch.minimum(side[1], ends[1])


_CHORDS = {"ball": _round, "box": _slabs, "drum": _drum}


def _normals(scaled: Tensor, kind: Tensor) -> Tensor:
    """Outward normals (..., 3) in the frame where each solid has half width 1, at points (..., 3) of its surface."""
    largest = torch.nn.functional.one_hot(scaled.abs().argmax(-1), 3).to(scaled)
    box = largest * scaled.sign()
    flat = scaled.new_tensor([0.0, 0.0, 1.0]) * scaled
    around = scaled.new_tensor([1.0, 1.0, 0.0]) * scaled
    on_end = (scaled[..., 2:].abs() > around.norm(dim=-1, keepdim=True)).to(scaled)
    drum = on_end * flat + (1 - on_end) * around
    kind = kind[..., None]
    return torch.where(kind == 0, scaled, torch.where(kind == 1, box, drum))


def _light_left(solids: Solids, start: Tensor, light: Tensor, hit: Tensor) -> Tensor:
    """The share of the light (f, P) that gets past all solids but the one that was hit, which shades itself."""
    enter, leave = chords(solids, start, light.expand_as(start))
    away = ((enter + leave) / 2).clamp(min=0.05)
    dark = torch.sigmoid(4 * (leave - enter) / (PENUMBRA * away)) * (leave > 0)
    own = hit[:, None] == torch.arange(len(solids.kind), device=hit.device)[:, None]
    return (1 - torch.where(own, 0.0, dark)).prod(dim=1)


def _texture(solids: Solids, which: Tensor, place: Tensor) -> Tensor:
    """RGB (f, P, 3) of the texture number `which` (f, P) at points (f, P, 3) of its own frame."""
    wave, phase = solids.waves[which].unbind(-2)
    level = torch.sin(wave * place + phase).prod(-1) * solids.contrast[which]
    mix = (0.5 + 0.5 * torch.tanh(level))[..., None]
    one, other = solids.colours[which].unbind(-2)
    return mix * one + (1 - mix) * other
