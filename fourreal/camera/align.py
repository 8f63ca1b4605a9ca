"""Similarities: bringing cameras that were estimated into the frame of others, and into the frame the fit runs in."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.camera import rotation
from fourreal.camera.cameras import Cameras
from fourreal.camera.layout import scene_centre


@dataclass(frozen=True)
class Similarity:
    """x -> scale * rotation @ x + translation.

    scale: > 0. rotation: (3, 3) float64. translation: (3,) float64.
    """

    scale: float
    rotation: Float[Tensor, "3 3"]
    translation: Float[Tensor, "3"]

    @classmethod
    def identity(cls) -> "Similarity":
        return cls(1.0, torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64))

    def apply_points(self, points: Float[Tensor, "P 3"]) -> Float[Tensor, "P 3"]:
        """Points moved into the new frame, in their own precision."""
        moved = self.scale * points.double().cpu() @ self.rotation.T + self.translation
        return moved.to(points)

    def apply_cameras(self, cameras: Cameras) -> Cameras:
        """The same cameras seen from the new frame: they show the same picture of points moved alike."""
        turned = cameras.world_to_camera[:, :3, :3].double().cpu() @ self.rotation.T
        moved = torch.eye(4, dtype=torch.float64).repeat(len(cameras), 1, 1)
        moved[:, :3, :3] = turned
        # x_cam = R x + t keeps its direction: R' (s Q x + q) + t' = s (R x + t).
        moved[:, :3, 3] = self.scale * cameras.world_to_camera[:, :3, 3].double().cpu() - turned @ self.translation
        return replace(cameras, world_to_camera=moved.to(cameras.world_to_camera))

    def inverse(self) -> "Similarity":
        back = self.rotation.T
        return Similarity(1 / self.scale, back, -(back @ self.translation) / self.scale)

    def compose(self, first: "Similarity") -> "Similarity":
        """The similarity that does `first` and then this one."""
        return Similarity(
            self.scale * first.scale,
            self.rotation @ first.rotation,
            self.scale * self.rotation @ first.translation + self.translation,
        )

    def to_dict(self) -> dict:
        """As plain numbers, for JSON."""
        return {"scale": self.scale, "rotation": self.rotation.tolist(), "translation": self.translation.tolist()}

    @classmethod
    def from_dict(cls, values: dict) -> "Similarity":
        """The inverse of `to_dict`. Raises ValueError where the numbers are no similarity."""
        try:
            scale = float(values["scale"])
            turn = torch.tensor(values["rotation"], dtype=torch.float64)
            shift = torch.tensor(values["translation"], dtype=torch.float64)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"not a similarity: {error}") from error
        proper = (
            (turn.shape, shift.shape) == ((3, 3), (3,))
            and 0 < scale < float("inf")
            and bool(shift.isfinite().all())
            and torch.allclose(turn @ turn.T, torch.eye(3, dtype=torch.float64), atol=1e-4)
            and float(torch.linalg.det(turn)) > 0
        )
        if not proper:
            raise ValueError("not a similarity: wanted are scale > 0, an orthonormal 3x3 rotation, 3 numbers to shift")
        return cls(scale, turn, shift)


def align(source: Cameras, target: Cameras, rounds: int = 10) -> Similarity:
    """The similarity that brings `source` cameras onto the `target` cameras of the same frames.

    Umeyama (1991) on the centres, joined by the orientations: the cameras of an arc lie in a plane and those of a
    short arc nearly on a line, about which the centres alone leave the rotation open. Frames that fit badly are
    weighed down (Cauchy weights about the median residual), so a few lost cameras do not bend the result. Where the
    cameras do not move the scale is 1. Raises ValueError where the numbers of cameras differ.
    """
    if len(source) != len(target):
        raise ValueError(f"{len(source)} cameras cannot be aligned with {len(target)}")
    turn_s, turn_t = (c.world_to_camera[:, :3, :3].double().cpu() for c in (source, target))
    at_s, at_t = (c.centres.double().cpu() for c in (source, target))
    between = turn_t.transpose(1, 2) @ turn_s  # (F, 3, 3) the world rotation each camera votes for
    weight = torch.ones(len(source), dtype=torch.float64)
    for _ in range(rounds):
        share = weight / weight.sum()
        mean_s, mean_t = share @ at_s, share @ at_t
        arm_s, arm_t = at_s - mean_s, at_t - mean_t
        spread_s, spread_t = ((share @ arm.square().sum(-1)).sqrt() for arm in (arm_s, arm_t))
        still = min(float(spread_s), float(spread_t)) < 1e-9
        # Both votes are free of units: centres in units of their spread, orientations as they are.
        votes = torch.einsum("f,fij->ij", share, between)
        if not still:
            votes = votes + torch.einsum("f,fi,fj->ij", share, arm_t / spread_t, arm_s / spread_s)
        turn = rotation.nearest(votes)
        scale = 1.0 if still else float((share @ (arm_t * (arm_s @ turn.T)).sum(-1)) / spread_s.square())
        if scale <= 0:  # the centres contradict the orientations; their spread is all that is left of them
            scale = float(spread_t / spread_s)
        residual = (turn - between).norm(dim=(1, 2))
        if not still:
            residual = residual + (arm_t - scale * arm_s @ turn.T).norm(dim=-1) / spread_t
        weight = 1 / (1 + (residual / (2 * residual.median() + 1e-9)).square())
    return Similarity(scale, turn, mean_t - scale * turn @ mean_s)


def pose_errors(estimated: Cameras, truth: Cameras) -> tuple[Float[Tensor, " F"], Float[Tensor, " F"]]:
    """How far estimated cameras are from the true ones of the same frames, once they are aligned.

    Returns rotation_deg (F,) in degrees, and position (F,) relative to the radius of the true arc: the median
    distance of the true cameras to the centre of their scene.
    """
    aligned = align(estimated, truth).apply_cameras(estimated)
    turned = rotation.degrees_between(aligned.world_to_camera[:, :3, :3], truth.world_to_camera[:, :3, :3])
    radius = (truth.centres - scene_centre(truth)).norm(dim=-1).median()
    return turned, (aligned.centres - truth.centres).norm(dim=-1) / radius


def normalise(cameras: Cameras, points: Float[Tensor, "P 3"] | None = None) -> Similarity:
    """The similarity into the frame the fit runs in.

    There the scene's centre (see `scene_centre`) is the origin and the median distance of `cameras` (the freeze-time
    ones) to it is 1. Axes keep their directions.
    """
    centre = scene_centre(cameras, points).double().cpu()
    distance = float((cameras.centres.double().cpu() - centre).norm(dim=-1).median())
    scale = 1 / distance if distance > 1e-9 else 1.0
    return Similarity(scale, torch.eye(3, dtype=torch.float64), -scale * centre)
