"""Cameras of a freeze-time video that nobody knows: structure from motion, and a guess where that fails."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from fourreal.camera import sfm, sfm_process
from fourreal.camera.cameras import Cameras, Origin
from fourreal.camera.match import CameraMotion, still_camera
from fourreal.camera.orbit_prior import orbit_prior
from fourreal.errors import UserError
from fourreal.progress import CancelToken, Event, Progress
from fourreal.settings import SfmSettings

_FEWEST_FRAMES = 6


@dataclass(frozen=True)
class Estimate:
    """Cameras found from the pictures alone, in a frame and scale of their own.

    cameras: one a frame; those of frames that were not placed are interpolated. Its `origin` says how they were found.
    points: (P, 3) and colours: (P, 3) RGB in [0, 1], a sparse picture of the scene; P is 0 for the orbit prior.
    registered: (R,) rising numbers of the frames whose cameras come from their own picture. A fit should use these.
    """

    cameras: Cameras
    points: Float[Tensor, "P 3"]
    colours: Float[Tensor, "P 3"]
    registered: Int[Tensor, " R"]

    @property
    def origin(self) -> Origin:
        return self.cameras.origin


def estimate_cameras(
    frames: UInt8[np.ndarray, "F H W 3"],
    settings: SfmSettings,
    progress: Progress,
    cancel: CancelToken,
    beside: UInt8[np.ndarray, "B h w 3"] | None = None,
    motion: CameraMotion | None = None,
) -> Estimate:
    """Cameras for all frames of a freeze-time video.

    beside: pictures of the same scene from elsewhere, in which something else may have moved. motion: how the
    camera moves, where that was seen before (`match.still_camera`).

    Raises UserError where the video cannot serve (too short, the camera hardly moves or only turns, frames that cannot
    be matched) and Cancelled where the person stops. Takes about a minute for 33 frames on two cores.
    """
    if len(frames) < _FEWEST_FRAMES:
        raise UserError(
            f"The freeze-time video has only {len(frames)} frames; at least {_FEWEST_FRAMES} are needed to find out "
            "where the camera was, and 30 are good."
        )
    motion = still_camera(frames) if motion is None else motion
    if not motion.moves:
        raise UserError(motion.sentence)
    try:
        reconstruction = sfm.reconstruct(frames, settings, progress, cancel, beside)
        return Estimate(reconstruction.cameras, reconstruction.points, reconstruction.colours, reconstruction.placed)
    except sfm.SfmFailed as failure:
        reason, matches = str(failure), failure.matches
    cancel.check()
    if matches is None:  # it says nothing of the video: a crowded machine must not make it wrong
        raise UserError(
            "Finding where the freeze-time video was filmed from took longer than "
            f"{settings.timeout_seconds:g} seconds, the limit. Try again when this machine has less to do, or give the "
            "cameras in a cameras.json."
        )
    if len(matches.links) < sfm_process.FEWEST_MATCHES:
        raise UserError(
            "The frames of the freeze-time video could not be matched to each other: too dark, too blurred, or too "
            "different from frame to frame. Pick a sharper video or one with a slower camera, or give the cameras in a "
            "cameras.json."
        )
    if matches.without_depth > sfm_process.NO_DEPTH:
        raise UserError(
            "The camera of the freeze-time video turns on the spot or zooms, so nothing can be learnt about the "
            "scene's depth. Pick a video in which the camera circles around the frozen subject."
        )
    progress(Event("cameras", message="No reliable cameras found; guessing an arc."))
    cameras = orbit_prior(matches, len(frames), (frames.shape[2], frames.shape[1]))
    origin = Origin(cameras.origin.method, cameras.origin.confidence, f"{cameras.origin.note} ({reason}.)")
    cameras = Cameras(cameras.world_to_camera, cameras.intrinsics, cameras.size, origin)
    return Estimate(cameras, torch.zeros(0, 3), torch.zeros(0, 3), torch.arange(len(frames)))
