"""A procedural world as the files of a ground-truth scene: both videos, cameras.json, held-out views with masks."""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fourreal import clip
from fourreal.camera.cameras import Cameras
from fourreal.camera.trajectory import Path as Shot
from fourreal.clip import Clip
from fourreal.evaluate.ground_truth import REFERENCE_TIME
from research.world.world import DYNAMIC, ELEVATION, FROZEN, World, cameras_at, shot
from research.world.worlds import caption

FPS = 12.0
REACH = 50.0  # degrees from the reference camera within which held-out cameras stand


def held_out(
    world: World,
    frames: int,
    size: tuple[int, int],
    count: int = 12,
    between: int = 2,
    canonical: int = 2,
    seed: int = 0,
) -> tuple[Shot, list[str]]:
    """(cameras and times, kinds) of views that no video shows.

    frames: of the reference video. count, between, canonical: how many views there are at times of its frames, at
    times between them, and at the canonical time.
    """
    random = np.random.default_rng([world.seed, seed, 19])
    at = round(world.still * (frames - 1))
    others = [t for t in range(frames) if t != at]
    spread = np.array(others)[np.linspace(0, len(others) - 1, count).round().astype(int)]
    gaps = random.choice(frames - 1, between, replace=False) + 0.5
    kinds = [REFERENCE_TIME] * count + ["novel view, between reference times"] * between
    kinds += ["novel view, canonical time"] * canonical
    times = torch.tensor([*spread, *gaps, *([at] * canonical)], dtype=torch.float32) / (frames - 1)
    sides = np.where(np.arange(len(kinds)) % 2, 1, -1) * random.uniform(0.2, 1, len(kinds)) * REACH
    poses = [
        cameras_at(torch.tensor([world.azimuth + side], dtype=torch.float32), size, elevation=ELEVATION + up)
        for side, up in zip(sides.tolist(), random.uniform(-5, 8, len(kinds)).tolist(), strict=True)
    ]
    cameras = Cameras(torch.cat([pose.world_to_camera for pose in poses]), poses[0].intrinsics, size)
    return Shot(cameras, times), kinds


def write_scene(
    world: World,
    folder: Path,
    size: tuple[int, int] = (256, 144),
    frames: int = 24,
    freeze_frames: int = 33,
    arc: float | int = 150.0,
    views: int = 12,
    supersample: int = 3,
    prompt: str | None = None,
) -> Path:
    """Write `world` as a scene folder that `reconstruct` and `evaluate` read; returns it.

    size: (width, height) of everything, even numbers. views: held-out views at times of reference frames.
    prompt: what it shows; the words of `worlds` if None.
    """
    at, middle = round(world.still * (frames - 1)), freeze_frames // 2
    reference = shot(world, DYNAMIC, frames, size)
    freeze = shot(
        world, FROZEN, freeze_frames, size, arc=arc * (freeze_frames - 1) / (2 * middle or 1), still=at / (frames - 1)
    )
    hidden, kinds = held_out(world, frames, size, views)
    (folder / "heldout").mkdir(parents=True, exist_ok=True)
    for name, path in (("reference", reference), ("freeze", freeze)):
        clip.write(Clip(to_bytes(world.view(path, supersample).colour), FPS), folder / f"{name}.mp4")
    seen = world.view(hidden, supersample)
    entries = []
    for number, kind in enumerate(kinds):
        file, mask = f"{number:03d}.png", f"heldout/{number:03d}_mask.png"
        Image.fromarray(to_bytes(seen.colour[number])).save(folder / "heldout" / file)
        Image.fromarray(to_bytes(seen.moving[number])).save(folder / mask)
        entries.append(
            {
                "file": f"heldout/{file}",
                "mask": mask,
                "kind": kind,
                "time": float(hidden.times[number]),
                "w2c": hidden.cameras.world_to_camera[number].tolist(),
            }
        )
    fx, fy, cx, cy = reference.cameras.intrinsics.tolist()
    poses = lambda path: [
        {"index": i, "time": float(t), "w2c": w2c.tolist()}
        for i, (t, w2c) in enumerate(zip(path.times, path.cameras.world_to_camera, strict=True))
    ]
    (folder / "cameras.json").write_text(
        json.dumps(
            {
                "prompt": prompt or caption(world),
                "convention": "w2c: world to camera, OpenCV axes (x right, y down, z forward)",
                "intrinsics": {"fx": fx, "fy": fy, "cx": cx, "cy": cy, "w": size[0], "h": size[1]},
                "canonical_index": at,
                "canonical_time": at / (frames - 1),
                "freeze_reference_index": middle,
                "reference": poses(reference),
                "freeze": poses(freeze),
                "heldout": entries,
                "credits": "procedural",
            }
        ),
        encoding="utf-8",
    )
    return folder


def to_bytes(picture: Tensor) -> np.ndarray:
    """[0, 1] as 0 to 255."""
    return (picture.clamp(0, 1) * 255).round().byte().cpu().numpy()
