"""A tiny scene with known motion, seen by two tiny videos: what the fitting tests fit."""

import json
import math
from dataclasses import replace
from pathlib import Path

import torch

from fourreal import clip
from fourreal.camera.cameras import Cameras, invert_rigid
from fourreal.clip import Clip
from fourreal.fit.observations import Observations
from fourreal.settings import CanonicalSettings, Growth, MotionPhase, MotionSettings
from fourreal.splat.gaussians import Gaussians, concatenate
from fourreal.splat.rasterize import rasterize

SIZE = (48, 32)
INTRINSICS = torch.tensor([48.0, 48.0, 24.0, 16.0])
GREY = torch.full((3,), 0.5)
FRAMES, CANONICAL, FREEZE, SHARED = 5, 2, 9, 4


def arc(count: int, degrees: float = 80.0) -> Cameras:
    """Cameras on a level arc of radius 1 that look at the origin; the middle one looks along +z."""
    poses = []
    for angle in torch.linspace(-degrees / 2, degrees / 2, count).tolist():
        s, c = math.sin(math.radians(angle)), math.cos(math.radians(angle))
        pose = torch.eye(4)
        pose[:3, :3] = torch.tensor([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
        pose[:3, 3] = pose[:3, :3] @ torch.tensor([0.0, 0.0, -1.0])
        poses.append(pose)
    return Cameras(invert_rigid(torch.stack(poses)), INTRINSICS, SIZE)


def true_scene(time: float) -> Gaussians:
    """A textured wall and, before it, a ball of splats that slides 0.24 to the right from time 0 to 1."""
    g = torch.Generator().manual_seed(0)
    wall = torch.cat([2.4 * torch.rand(500, 2, generator=g) - 1.2, torch.full((500, 1), 0.8)], dim=1)
    ball = torch.nn.functional.normalize(torch.randn(120, 3, generator=g), dim=1) * 0.12
    ball[:, 0] += 0.24 * (time - CANONICAL / (FRAMES - 1))
    make = lambda points, size: Gaussians.static(
        points,
        torch.tensor([[1.0, 0, 0, 0]]).repeat(len(points), 1),
        torch.full((len(points), 3), math.log(size)),
        torch.full((len(points),), 3.0),
        torch.rand(len(points), 3, generator=g),
    )
    return concatenate(make(wall, 0.06), make(ball, 0.03))


def see(scene: Gaussians, cameras: Cameras) -> torch.Tensor:
    """On the device of the scene, wherever the cameras are."""
    cameras, grey = cameras.to(scene.means.device), GREY.to(scene.means)
    draw = lambda pose: rasterize(scene, pose, cameras.intrinsics, cameras.size, grey).colour
    return torch.stack([draw(pose) for pose in cameras.world_to_camera]).clamp(0, 1)


def observations(held_out: tuple[int, ...] = ()) -> Observations:
    cameras = arc(FREEZE)
    times = torch.linspace(0, 1, FRAMES).tolist()
    return Observations(
        reference=torch.cat([see(true_scene(t), cameras[SHARED]) for t in times]),
        freeze=see(true_scene(times[CANONICAL]), cameras),
        reference_camera=cameras[SHARED],
        freeze_cameras=cameras,
        canonical=CANONICAL,
        freeze_reference=SHARED,
        held_out=held_out,
    )


STAGE_ONE = CanonicalSettings(
    steps=60, plain_steps=20, initial=900, growth=Growth(budget=1000, every=20), field_pivots=6
)
STAGE_TWO = MotionSettings(
    phases=(
        MotionPhase("field", 60, unfold=0.5, coarse=0.3, matched=10),
        MotionPhase("growth", 20, "new", growth=Growth(budget=1050, every=5, start=0.0, stop=0.5, fraction=0.05)),
        MotionPhase("joint", 20, "all", "both", field_scale=0.05),
    ),
    bases=4,
)
MLP_STAGE_TWO = replace(STAGE_TWO, deformation="mlp", phases=STAGE_TWO.phases[:1])


def write(frames: torch.Tensor, path: Path) -> Path:
    clip.write(Clip((frames * 255).round().byte().numpy(), 12.0), path)
    return path


def write_videos(folder: Path) -> None:
    """reference.mp4, freeze.mp4 and cameras.json of `observations`."""
    seen = observations()
    write(seen.reference, folder / "reference.mp4")
    write(seen.freeze, folder / "freeze.mp4")
    fx, fy, cx, cy = seen.freeze_cameras.intrinsics.tolist()
    # the file's frame is not the fit's: twice as large, and moved
    shift = lambda w2c: 2 * w2c[:3, 3:] - w2c[:3, :3].sum(1, keepdim=True)
    pose = lambda w2c: [*torch.cat([w2c[:3, :3], shift(w2c)], 1).tolist(), [0, 0, 0, 1]]
    cameras = {
        "intrinsics": {"fx": fx, "fy": fy, "cx": cx, "cy": cy, "w": SIZE[0], "h": SIZE[1]},
        "canonical_index": CANONICAL,
        "freeze_reference_index": SHARED,
        "freeze": [{"w2c": pose(w)} for w in seen.freeze_cameras.world_to_camera],
        "reference": [{"w2c": pose(seen.reference_camera.world_to_camera[0])}] * FRAMES,
    }
    (folder / "cameras.json").write_text(json.dumps(cameras))
