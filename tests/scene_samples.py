"""Small synthetic scenes, made in code."""

import math

import torch

from fourreal.camera.align import Similarity, normalise
from fourreal.camera.cameras import Cameras, Origin
from fourreal.camera.rotation import from_vector
from fourreal.camera.trajectory import look_at
from fourreal.scene.scene4d import Scene4D
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.motion_bases import MotionBases

FRAMES, CANONICAL, FREEZE, FPS = 5, 2, 9, 12.0
SIZE = (96, 64)
INTRINSICS = torch.tensor([90.0, 90.0, 48.0, 32.0])


def arc_cameras(count: int = FREEZE, degrees: float = 120.0, distance: float = 3.0) -> Cameras:
    """Cameras on an arc around (4, -2, 1), a place and a size that are not the normalised frame's."""
    target, up = torch.tensor([4.0, -2.0, 1.0]), torch.tensor([0.0, 0.0, 1.0])
    angle = torch.linspace(-0.5, 0.5, count) * math.radians(degrees)
    offset = torch.stack([angle.sin(), -angle.cos(), torch.full_like(angle, 0.3)], -1) * distance
    return Cameras(look_at(target + offset, target, up), INTRINSICS.clone(), SIZE, Origin("given", 1.0, "from a file"))


def some_gaussians(count: int = 300, bases: int = 3) -> Gaussians:
    """Coloured splats within half a unit of the origin; every third one moves."""
    g = torch.Generator().manual_seed(0)
    rand = lambda *shape: torch.randn(*shape, generator=g)
    return Gaussians(
        means=rand(count, 3) * 0.2,
        quats=rand(count, 4),
        scales=-3.5 + 0.5 * rand(count, 3),
        opacities=1.0 + rand(count),
        colors=torch.rand(count, 3, generator=g),
        moves=torch.arange(count) % 3 == 0,
        motion=rand(count, bases + 1),
    )


def some_field(frames: int = FRAMES, bases: int = 3, reach: float = 0.3) -> MotionBases:
    """Motion that is plain to see."""
    g = torch.Generator().manual_seed(1)
    field = MotionBases(torch.randn(bases, 3, generator=g) * 0.2, torch.full((bases,), 0.5), frames, CANONICAL)
    with torch.no_grad():
        field.rotation += torch.randn(field.rotation.shape, generator=g) * reach
        field.translation += torch.randn(field.translation.shape, generator=g) * reach
    return field.requires_grad_(False)


def some_scene() -> Scene4D:
    """A moving scene, whose input frame is turned, shifted and larger than the normalised one."""
    given = arc_cameras()
    centred = normalise(given)
    turn = from_vector(torch.tensor([0.3, -0.5, 0.2], dtype=torch.float64))
    similarity = Similarity(1.0, turn, torch.zeros(3, dtype=torch.float64)).compose(centred)
    freeze = similarity.apply_cameras(given)
    return Scene4D(
        gaussians=some_gaussians(),
        field=some_field(),
        reference=freeze[FREEZE // 2],
        freeze=freeze,
        freeze_frames=tuple(range(FREEZE)),
        similarity=similarity,
        fps=FPS,
        background=torch.tensor([0.2, 0.3, 0.4]),
    )
