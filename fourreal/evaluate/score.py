"""A run's score against ground truth: what `fourreal evaluate` prints."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from fourreal.camera.align import pose_errors
from fourreal.camera.cameras import Cameras
from fourreal.camera.layout import scene_centre
from fourreal.camera.register import Registration
from fourreal.camera.rotation import degrees_between
from fourreal.errors import UserError
from fourreal.evaluate.ground_truth import REFERENCE_TIME, GroundTruth
from fourreal.evaluate.metrics import area_down, psnr, region, score_size, ssim_map
from fourreal.progress import CancelToken, Event, ignore
from fourreal.scene.bundle import read_manifest
from fourreal.scene.scene4d import Scene4D
from fourreal.scene.views import draw, into_scene, placed

SAME_DEGREES, SAME_POSITION = 5.0, 0.1  # given cameras further from the file's are those of another scene
DIGITS = 4


@dataclass
class Tally:
    """Scores of one contender, gathered view by view."""

    values: dict[str, list[float]] = field(
        default_factory=lambda: {
            name: []
            for name in ("psnr", "ssim", "psnr_moving", "ssim_moving", "psnr_static", "psnr_moving_reference_times")
        }
    )

    def add(
        self,
        image: Float[Tensor, "H W 3"],
        truth: Float[Tensor, "H W 3"],
        moving: Bool[Tensor, "H W"] | None,
        reference_time: bool,
    ) -> None:
        """Score one view. moving: where the subject is, None where that is not known."""
        similarity = ssim_map(image, truth)
        self.values["psnr"].append(psnr(image, truth))
        self.values["ssim"].append(float(similarity.mean()))
        if moving is None:
            return
        if not moving.all():
            self.values["psnr_static"].append(psnr(image, truth, ~moving))
        if moving.any():
            self.values["psnr_moving"].append(psnr(image, truth, moving))
            self.values["ssim_moving"].append(float(similarity[moving].mean()))
            if reference_time:
                self.values["psnr_moving_reference_times"].append(self.values["psnr_moving"][-1])

    def means(self) -> dict[str, float | None]:
        return {name: mean(values) for name, values in self.values.items()}


def score(
    run: Path,
    scene: Scene4D,
    truth: GroundTruth,
    progress: Callable[[Event], None] = ignore,
    cancel: CancelToken | None = None,
) -> dict:
    """The JSON object of the commands' contract: dB, SSIM in [-1, 1], degrees, seconds, megabytes; null where unknown.

    Args:
        run: the folder that `scene` was loaded from, for what its manifest remembers.

    Raises:
        UserError: the run was not made from this scene's videos. Cancelled: on request.
    """
    manifest = read_manifest(run)
    belong_together(manifest, scene, truth)
    cancel = cancel or CancelToken()
    into = into_scene(truth.cameras, scene)
    static = scene.static()
    ours, still, copied, full = Tally(), Tally(), Tally(), Tally()
    for number, true in enumerate(truth.views):
        cancel.check()
        camera, t = into.apply_cameras(true.view.camera), true.view.time
        size = score_size(camera.size)
        large, mask = true.colours(), true.moving()
        small, moving = area_down(large, size), None if mask is None else region(mask, size)
        picture = to_unit(draw(scene, camera, t))
        at_reference_time = true.kind == REFERENCE_TIME
        for tally, image in (
            (ours, picture),
            (still, to_unit(draw(static, camera, t))),
            (copied, to_unit(nearest_in_time(truth.reference.frames, t))),
        ):
            tally.add(area_down(image, size), small, moving, at_reference_time)
        full.add(picture, large, None, at_reference_time)
        progress(Event("evaluate", number + 1, len(truth.views)))
    seconds = manifest.get("seconds")
    seconds = seconds if isinstance(seconds, dict) else {}
    return {
        "views": len(truth.views),
        **ours.means(),
        "baseline_static": still.means(),
        "baseline_copy": copied.means(),
        "psnr_freeze_left_out": left_out(manifest, scene, truth, into),
        "pose": pose(scene, truth),
        "seconds": {stage: seconds.get(stage) for stage in ("poses", "canonical", "motion", "total")},
        "splats": len(scene.gaussians),
        "moving_splats": int(scene.gaussians.moves.sum()),
        "peak_memory_mb": manifest.get("peak_memory_mb"),
        "full_size": {name: full.means()[name] for name in ("psnr", "ssim")},
    }


def belong_together(manifest: dict, scene: Scene4D, truth: GroundTruth) -> None:
    """Check that a run was made from the videos of a ground-truth scene, or from noisy ones of the same cameras.

    Raises:
        UserError: it was not; says by what that shows.
    """
    inputs = manifest.get("inputs")
    for video, true in (("reference", truth.reference), ("freeze", truth.freeze)):
        made_from = inputs.get(video) if isinstance(inputs, dict) else None
        frames = made_from.get("frames") if isinstance(made_from, dict) else None
        if frames is not None and frames != len(true):
            raise UserError(
                f"The run was made from a {video} video of {frames} frames, but {video}.mp4 of the ground truth has "
                f"{len(true)}: they do not belong together. Give the scene that the run was made from."
            )
    named = truth.cameras.freeze
    if named is None or len(truth.freeze) != len(named):
        raise UserError(
            f"The ground truth's cameras.json lists {len(named or ())} freeze-time cameras, but its freeze.mp4 "
            f"has {len(truth.freeze)} frames. Copy the scene again."
        )
    cameras = placed(truth.cameras, scene)
    if scene.freeze.origin.method == "given":
        ours = scene.outward(scene.freeze)
        degrees = degrees_between(ours.world_to_camera[:, :3, :3], cameras.world_to_camera[:, :3, :3]).median()
        radius = (cameras.centres - scene_centre(cameras)).norm(dim=-1).median()
        distance = (ours.centres - cameras.centres).norm(dim=-1).median() / radius
        if degrees > SAME_DEGREES or distance > SAME_POSITION:
            raise UserError(
                f"The run's cameras are not those of the ground truth (off by {degrees:.0f} degrees): they do not "
                "belong together. Give the scene that the run was made from."
            )


def left_out(manifest: dict, scene: Scene4D, truth: GroundTruth, into: Registration) -> float | None:
    """PSNR over the freeze-time frames that the fit did not see, None where it saw all."""
    frames = manifest.get("held_out_freeze") or []
    values = []
    for frame in frames:
        if not isinstance(frame, int) or not 0 <= frame < len(truth.freeze):
            raise UserError(f"The run left out freeze-time frame {frame}, which the ground truth does not have.")
        camera = freeze_camera(frame, scene, truth, into).resized(truth.freeze.size)
        size = score_size(camera.size)
        image = to_unit(draw(scene, camera, scene.canonical_time))
        values.append(psnr(area_down(image, size), area_down(to_unit(truth.freeze.frames[frame]), size)))
    return mean(values)


def freeze_camera(frame: int, scene: Scene4D, truth: GroundTruth, into: Registration) -> Cameras:
    """The camera of a freeze-time frame in the input's frame: the run's own, or the file's if it has none."""
    if frame in scene.freeze_frames:
        return scene.camera(frame)
    assert truth.cameras.freeze is not None  # as `belong_together` has seen
    return into.apply_cameras(truth.cameras.freeze[frame])


def pose(scene: Scene4D, truth: GroundTruth) -> dict:
    """How far the estimated freeze-time cameras are from the true ones, medians after alignment."""
    origin = scene.freeze.origin.method
    if origin == "given":
        return {"origin": origin, "rotation_deg": None, "position": None}
    degrees, distance = pose_errors(scene.freeze, placed(truth.cameras, scene))
    return {
        "origin": origin,
        "rotation_deg": round(float(degrees.median()), DIGITS),
        "position": round(float(distance.median()), DIGITS),
    }


def nearest_in_time(frames: UInt8[np.ndarray, "T H W 3"], t: float) -> UInt8[np.ndarray, "H W 3"]:
    """The frame of a video from time 0 to 1 that was taken closest to t."""
    return frames[round(t * (len(frames) - 1))]


def to_unit(picture: UInt8[np.ndarray, "H W 3"]) -> Float[Tensor, "H W 3"]:
    return torch.from_numpy(picture.astype(np.float32)) / 255


def mean(values: Iterable[float]) -> float | None:
    """The mean, rounded for print; None of nothing."""
    values = [value for value in values if not math.isnan(value)]
    return round(sum(values) / len(values), DIGITS) if values else None
