"""What a set of cameras says about its scene: where the centre is, which way is up, and how far around they went."""

import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.camera.cameras import Cameras

# Below this spread of viewing directions the axes are as good as parallel and do not meet anywhere.
_PARALLEL_DEGREES = 2.0
# Strength of the cameras' own mean up against their sideways axes; a roll of 1 degree weighs 3e-4.
_OWN_UP = 1e-3


def world_up(cameras: Cameras) -> Float[Tensor, "3"]:
    """The unit vector that points up in the world, as far as the cameras tell.

    A camera without roll has its x axis level, so up is what is orthogonal to all of them. For a wide arc that is the
    axis of the arc. For a short one the x axes are nearly one line and say little; there the mean of the cameras' own
    up vectors decides (it is off by the elevation, so it counts only there).
    """
    rotation = cameras.world_to_camera[:, :3, :3].double()
    sideways = rotation[:, 0]
    mean = -rotation[:, 1].mean(0)
    mean = mean / mean.norm().clamp(min=1e-9)
    eye = torch.eye(3, dtype=mean.dtype, device=mean.device)
    cost = sideways.T @ sideways / len(cameras) + _OWN_UP * (eye - torch.outer(mean, mean))
    up = torch.linalg.eigh(cost).eigenvectors[:, 0]
    return (up if up @ mean >= 0 else -up).to(cameras.world_to_camera)


def scene_centre(cameras: Cameras, points: Float[Tensor, "P 3"] | None = None) -> Float[Tensor, "3"]:
    """The point the cameras look at: the one with the smallest sum of distances to all optical axes.

    (A sum, not a sum of squares: a stray camera is shrugged off.) Where the axes are parallel or meet behind the
    cameras it is the median of `points`; without points, a guess: ahead of the cameras by twice their spread, or by 1
    where they do not spread.
    """
    centres, forward = cameras.centres.double(), cameras.forward.double()
    meeting = _closest_to_lines(centres, forward)
    if meeting is not None:
        ahead = ((meeting - centres) * forward).sum(-1) > 0
        if ahead.double().mean() >= 0.8:
            return meeting.to(cameras.world_to_camera)
    if points is not None and len(points):
        return points.median(0).values.to(cameras.world_to_camera)
    spread = float((centres - centres.mean(0)).norm(dim=-1).max())
    return (centres.mean(0) + forward.mean(0) * (2 * spread or 1.0)).to(cameras.world_to_camera)


def _closest_to_lines(
    origins: Float[Tensor, "F 3"], directions: Float[Tensor, "F 3"], rounds: int = 20
) -> Float[Tensor, "3"] | None:
    """The point with the smallest sum of distances to lines, by reweighting; None where the lines are parallel."""
    mean = directions.mean(0)
    spread = torch.asin((directions - mean).norm(dim=-1).max().clamp(max=1)).rad2deg()
    if float(spread) < _PARALLEL_DEGREES:
        return None
    eye = torch.eye(3, dtype=origins.dtype, device=origins.device)
    across = eye - directions[:, :, None] * directions[:, None, :]  # (F, 3, 3) removes what lies along a line
    weight = torch.ones_like(origins[:, 0])
    for _ in range(rounds):
        weighted = weight[:, None, None] * across
        point = torch.linalg.solve(weighted.sum(0), (weighted @ origins[:, :, None]).sum(0)[:, 0])
        distance = (across @ (point - origins)[:, :, None]).norm(dim=(1, 2))
        weight = 1 / distance.clamp(min=float(distance.median()) * 1e-2 + 1e-9)
    return point


def azimuths(
    cameras: Cameras, centre: Float[Tensor, "3"], up: Float[Tensor, "3"], zero: Cameras
) -> Float[Tensor, " F"]:
    """How far each camera has gone around the axis `up` through `centre`, in radians, from the one camera `zero`.

    Counted right-handed about `up`, and without jumps from camera to camera, so that a path may exceed half a turn.
    """
    arm = torch.cat([zero.centres, cameras.centres]) - centre
    ahead = arm[0] - (arm[0] @ up) * up
    ahead = ahead / ahead.norm().clamp(min=1e-9)
    angle = torch.atan2(arm @ torch.linalg.cross(up, ahead), arm @ ahead)[1:]
    step = torch.diff(angle)
    turns = torch.cat([step.new_zeros(1), torch.round(step / (2 * torch.pi)).cumsum(0)])
    angle = angle - 2 * torch.pi * turns
    # The path as a whole is put where its camera nearest to `zero` is within half a turn.
    nearest = angle[(cameras.centres - zero.centres).norm(dim=-1).argmin()]
    return angle - 2 * torch.pi * torch.round(nearest / (2 * torch.pi))
