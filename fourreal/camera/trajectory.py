"""Camera paths through a scene: around it, within what the videos saw, and the one of the paper's user study.

Every path starts from a `Stage`, so that all of them are called alike and stand in one table, `PATHS`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import pi, radians

import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.camera import rotation
from fourreal.camera.cameras import Cameras, Origin, invert_rigid
from fourreal.camera.layout import azimuths, scene_centre, world_up


@dataclass(frozen=True)
class Path:
    """F cameras, and the time in [0, 1] that each of them shows."""

    cameras: Cameras
    times: Float[Tensor, " F"]

    def __len__(self) -> int:
        return len(self.cameras)


@dataclass(frozen=True)
class Stage:
    """What a path needs to know of a scene.

    reference: one camera, the pose that paths start from and whose intrinsics they keep.
    centre: (3,) the point they go around.
    up: (3,) unit vector, their axis.
    seen: the azimuths (radians, relative to the reference) between which the videos saw the scene.
    """

    reference: Cameras
    centre: Float[Tensor, "3"]
    up: Float[Tensor, "3"]
    seen: tuple[float, float]

    @classmethod
    def of(cls, freeze: Cameras, reference: Cameras, points: Float[Tensor, "P 3"] | None = None) -> "Stage":
        """The stage that freeze-time cameras (and one reference camera) span; `points` as in `scene_centre`."""
        centre, up = scene_centre(freeze, points), world_up(freeze)
        around = azimuths(freeze, centre, up, reference)
        return cls(reference, centre, up, (min(0.0, float(around.min())), max(0.0, float(around.max()))))

    def at(self, angles: Float[Tensor, " F"]) -> Cameras:
        """The reference camera carried around the axis by `angles` (F,) in radians, right-handed about `up`."""
        back = rotation.from_vector(-angles[:, None] * self.up)  # carrying the camera on = turning the world back
        turn = torch.eye(4).to(back).repeat(len(angles), 1, 1)
        turn[:, :3, :3] = back
        turn[:, :3, 3] = self.centre - back @ self.centre
        return _on_path(self.reference, self.reference.world_to_camera @ turn)


def orbit(stage: Stage, frames: int, time: float | None = None) -> Path:
    """A full circle from the reference camera. `time`: the moment shown, in [0, 1]; None lets it run from 0 to 1."""
    return Path(stage.at(_steps(stage, frames + 1)[:-1] * 2 * pi), _times(stage, frames, time))


def arc(stage: Stage, frames: int, time: float | None = None, degrees: tuple[float, float] = (-30.0, 30.0)) -> Path:
    """From one azimuth to another, in degrees from the reference camera. `time` as in `orbit`."""
    start, end = map(radians, degrees)
    return Path(stage.at(start + (end - start) * _steps(stage, frames)), _times(stage, frames, time))


def swing(stage: Stage, frames: int, time: float | None = None, reach: float = 0.9) -> Path:
    """Once back and forth, within the share `reach` of the arc the videos saw. `time` as in `orbit`.

    Starts and ends at the reference camera, if that lies within the reach, and so may be looped.
    """
    low, high = _within(stage.seen, reach)
    start = max(-1.0, min(1.0, -(low + high) / max(high - low, 1e-9)))
    phase = torch.asin(torch.tensor(start)).to(stage.up) + 2 * pi * _steps(stage, frames + 1)[:-1]
    return Path(stage.at((low + high) / 2 + (high - low) / 2 * torch.sin(phase)), _times(stage, frames, time))


def spiral(stage: Stage, frames: int, time: float | None = None, turns: float = 2.0, radius: float = 0.1) -> Path:
    """Small circles of a camera that keeps looking at the centre, moving in and out. `time` as in `orbit`.

    radius: of the circles, relative to the distance from the centre.
    """
    pose = stage.reference.camera_to_world[0]
    reach = radius * (pose[:3, 3] - stage.centre).norm()
    phase = 2 * pi * turns * _steps(stage, frames + 1)[:-1]
    offset = torch.stack([torch.sin(phase), torch.cos(phase) - 1, torch.sin(phase / 2)], -1) * reach  # starts at zero
    poses = look_at(pose[:3, 3] + offset @ pose[:3, :3].T, stage.centre, stage.up)
    return Path(_on_path(stage.reference, poses), _times(stage, frames, time))


def study(stage: Stage, frames: int, time: float | None = None, halts: int = 4, reach: float = 0.9) -> Path:
    """The path of the paper's user study (4Real sec. 4): along a circle, halting at fixed poses to show the motion.

    At each halt the camera stands still while time runs from 0 to 1; on the way to the next one time winds back, so
    nothing ever jumps. The halts are spread evenly over the seen arc; halts take three quarters of the frames.
    `time`: shows that moment throughout.
    """
    low, high = _within(stage.seen, reach)
    # Halts and moves in turn, as knots of two piecewise linear curves over the frames.
    spans = torch.tensor([3.0 / halts, 1.0 / max(halts - 1, 1)] * halts, dtype=torch.float64)[: 2 * halts - 1]
    knots = torch.cat([spans.new_zeros(1), spans.cumsum(0)]) / spans.sum()
    place = torch.arange(halts, dtype=torch.float64).repeat_interleave(2)
    clock = torch.tensor([0.0, 1.0], dtype=torch.float64).repeat(halts)
    at = torch.linspace(0, 1, frames, dtype=torch.float64)
    where = _piecewise(at, knots, place)
    whole, part = where.floor(), where.frac()
    where = whole + part**2 * (3 - 2 * part)  # gently off and on
    share = (where / max(halts - 1, 1)).to(stage.up)
    times = _piecewise(at, knots, clock).to(stage.up) if time is None else _times(stage, frames, time)
    return Path(stage.at(low + (high - low) * share), times)


def fixed(stage: Stage, frames: int, time: float | None = None) -> Path:
    """The reference camera, standing still. `time` as in `orbit`."""
    return Path(stage.at(torch.zeros(frames).to(stage.up)), _times(stage, frames, time))


PATHS: dict[str, Callable[..., Path]] = {
    "orbit": orbit,
    "arc": arc,
    "swing": swing,
    "spiral": spiral,
    "study": study,
    "fixed": fixed,
}


def look_at(
    centres: Float[Tensor, "F 3"], target: Float[Tensor, "3"], up: Float[Tensor, "3"]
) -> Float[Tensor, "F 4 4"]:
    """World-to-camera transforms of level cameras at `centres` that look at `target`.

    A camera straight above or below its target takes some level direction for its right.
    """
    forward = torch.nn.functional.normalize(target - centres, dim=-1)
    right = torch.linalg.cross(forward, up.expand_as(forward))
    spare = torch.linalg.cross(up, torch.eye(3).to(up)[up.abs().argmin()])
    right = torch.where(right.norm(dim=-1, keepdim=True) > 1e-6, right, spare)
    right = torch.nn.functional.normalize(right, dim=-1)
    down = torch.linalg.cross(forward, right)
    pose = torch.zeros(len(centres), 4, 4).to(centres)
    pose[:, :3, :3] = torch.stack([right, down, forward], -1)
    pose[:, :3, 3] = centres
    pose[:, 3, 3] = 1
    return invert_rigid(pose)


def interpolate(
    start: Float[Tensor, "4 4"], end: Float[Tensor, "4 4"], weight: Float[Tensor, " F"]
) -> Float[Tensor, "F 4 4"]:
    """World-to-camera transforms between two: the orientation turns evenly (slerp), the centre moves straight.

    weight: (F,) 0 gives `start`, 1 gives `end`.
    """
    a, b = invert_rigid(start), invert_rigid(end)
    turn = rotation.to_vector(a[:3, :3].T @ b[:3, :3])
    pose = torch.zeros(len(weight), 4, 4).to(start)
    pose[:, :3, :3] = a[:3, :3] @ rotation.from_vector(weight[:, None] * turn)
    pose[:, :3, 3] = torch.lerp(a[:3, 3].expand(len(weight), 3), b[:3, 3].expand(len(weight), 3), weight[:, None])
    pose[:, 3, 3] = 1
    return invert_rigid(pose)


def _on_path(reference: Cameras, world_to_camera: Float[Tensor, "F 4 4"]) -> Cameras:
    return replace(reference, world_to_camera=world_to_camera, origin=Origin("path", 1.0))


def _steps(stage: Stage, frames: int) -> Float[Tensor, " F"]:
    return torch.linspace(0, 1, frames).to(stage.up)


def _times(stage: Stage, frames: int, time: float | None) -> Float[Tensor, " F"]:
    return _steps(stage, frames) if time is None else torch.full((frames,), float(time)).to(stage.up)


def _within(seen: tuple[float, float], reach: float) -> tuple[float, float]:
    """The middle share of a range."""
    middle, half = sum(seen) / 2, (seen[1] - seen[0]) / 2 * reach
    return middle - half, middle + half


def _piecewise(at: Float[Tensor, " F"], knots: Float[Tensor, " K"], values: Float[Tensor, " K"]) -> Float[Tensor, " F"]:
    """Linear interpolation of `values` at rising `knots`."""
    right = torch.searchsorted(knots, at, right=True).clamp(1, len(knots) - 1)
    share = (at - knots[right - 1]) / (knots[right] - knots[right - 1])
    return torch.lerp(values[right - 1], values[right], share.clamp(0, 1))
