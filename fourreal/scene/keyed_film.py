"""A film along keyframes: the cameras of a `CameraPath`, in the input's frame of a scene."""

import math

import torch

from fourreal.camera.cameras import Cameras, Origin, invert_rigid
from fourreal.camera.keyframes import CameraPath
from fourreal.scene.scene4d import Scene4D

RATE = 30.0  # frames a second, where nobody says otherwise
CROP = 1.6  # how much of the reference picture may be cut off to fill another shape; as in the viewer's panes


def keyed_shots(
    scene: Scene4D, path: CameraPath, fps: float, size: tuple[int, int]
) -> tuple[list[Cameras], list[float]]:
    """One camera (F = 1) for each picture of the film, and the time in [0, 1] that it shows."""
    (_, reference_height), (width, height) = scene.reference.size, size
    once = max(scene.frames - 1, 1) / scene.fps  # seconds that the scene takes
    cameras, times = [], []
    for frame in range(round(path.seconds * fps) + 1):
        pose, fov, time = path.shot(frame / fps)
        focal = reference_height / 2 / math.tan(math.radians(fov) / 2)
        focal = lens(focal, scene.reference.size, size)
        camera = Cameras(
            invert_rigid(torch.from_numpy(pose)[None]).float(),
            torch.tensor([focal, focal, width / 2, height / 2], dtype=torch.float32),
            size,
            Origin("path", 1.0),
        )
        if path.clock == "plays":
            phase = (path.keys[0].time + frame / fps / once) % 2
            time = min(1.0, max(0.0, min(phase, 2 - phase)))
        cameras.append(scene.outward(camera))
        times.append(time)
    return cameras, times


def lens(focal: float, made_for: tuple[int, int], size: tuple[int, int]) -> float:
    """The focal length, in pixels, with which pictures of `size` show what `focal` shows in those it was made for.

    They are filled and the rest is cut off, up to the share `CROP`.
    """
    by_width, by_height = focal * size[0] / made_for[0], focal * size[1] / made_for[1]
    return min(max(by_width, by_height), CROP * min(by_width, by_height))
