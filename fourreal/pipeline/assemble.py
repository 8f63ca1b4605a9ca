"""How what the stages make becomes a `Scene4D`."""

from copy import deepcopy
from dataclasses import dataclass, replace

import torch

from fourreal.camera.align import Similarity
from fourreal.camera.cameras import Cameras
from fourreal.fit.canonical import Canonical
from fourreal.fit.moving import Moving
from fourreal.scene.scene4d import Scene4D
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.lowpass import smoothed
from fourreal.splat.motion_bases import MotionBases

BACKGROUND = 0.5  # grey, where no splat is: what both stages are trained against


@dataclass(frozen=True)
class Setting:
    """What a scene has besides what the stages make of it.

    reference: F = 1. freeze: cameras of the freeze-time frames `freeze_frames`, numbers in the file. frames, canonical:
    how many reference frames there are, and which of them was frozen. similarity: from the input's frame to the fit's.
    moments: see `Scene4D`.
    """

    reference: Cameras
    freeze: Cameras
    freeze_frames: tuple[int, ...]
    frames: int
    canonical: int
    similarity: Similarity
    fps: float
    moments: tuple[float, ...] = ()


def assemble(result: Canonical | Moving, setting: Setting) -> Scene4D:
    """The scene of a result, on the CPU; of stage one it is one in which nothing moves yet. `setting.freeze` are
    the cameras that a `Moving` was fitted with; a `Canonical` has its own."""
    if isinstance(result, Canonical):
        cameras, moving = result.cameras, _still(result.gaussians, setting)
    else:
        cameras, moving = setting.freeze, result
    return Scene4D(
        gaussians=smoothed(moving.gaussians.detach(), cameras.centres, float(cameras.intrinsics[0])).finite().to("cpu"),
        field=deepcopy(moving.field).to("cpu").requires_grad_(False),  # the one in use is still being trained
        reference=setting.reference.to("cpu"),
        freeze=cameras.to("cpu"),
        freeze_frames=setting.freeze_frames,
        similarity=setting.similarity,
        fps=setting.fps,
        background=torch.full((3,), BACKGROUND),
        moments=setting.moments,
    )


def _still(gaussians: Gaussians, setting: Setting) -> Moving:
    """Canonical Gaussians as a scene in which nothing moves yet."""
    field = MotionBases(torch.zeros(1, 3), torch.ones(1), setting.frames, setting.canonical)
    still = torch.zeros(len(gaussians), dtype=torch.bool, device=gaussians.means.device)
    return Moving(replace(gaussians, moves=still, motion=gaussians.means.new_zeros(len(gaussians), 2)), field)
