"""Freeze-time videos: one picked frame, and a camera that goes around it while nothing moves (4Real sec. 3.2)."""

from dataclasses import dataclass
from math import cos, radians, sin
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from fourreal.camera.cameras import Cameras, Origin
from fourreal.camera.trajectory import Stage
from fourreal.clip.value import Clip
from fourreal.errors import UserError
from fourreal.progress import CancelToken, Progress, ignore
from fourreal.video.capabilities import USUAL_RIG, Rig
from fourreal.video.conditioning import fitted
from fourreal.video.model import VideoModel
from fourreal.video.prompt import NEGATIVE


@dataclass(frozen=True, eq=False)
class FreezeTime:
    """A freeze-time video as it was made.

    angles: (F,) radians around the subject from the picked frame, right-handed about up, where the camera was
    commanded; else None. canonical: the number of the picked frame. rig: the camera that goes there.
    """

    clip: Clip
    angles: Float[Tensor, " F"] | None
    canonical: int = 0
    rig: Rig = USUAL_RIG

    @property
    def cameras(self) -> Cameras | None:
        """The commanded cameras, to start a reconstruction from; None where there was no command."""
        return None if self.angles is None else around(self.angles, self.clip.size, self.rig)

    def commanded(self, canonical: int) -> dict[str, Any] | None:
        """The content of a cameras.json for a reconstruction that is to improve them; None where nothing was commanded.

        canonical: the reference video's frame that was picked.
        """
        cameras = self.cameras
        if cameras is None:
            return None
        poses = [{"w2c": pose} for pose in cameras.world_to_camera.tolist()]
        fx, fy, cx, cy = cameras.intrinsics.tolist()
        return {
            "intrinsics": {"fx": fx, "fy": fy, "cx": cx, "cy": cy, "w": cameras.size[0], "h": cameras.size[1]},
            "freeze": poses,
            "reference": [poses[self.canonical]],
            "canonical_index": canonical,
            "freeze_reference_index": self.canonical,
        }

    @property
    def degrees(self) -> float | None:
        """The commanded arc."""
        return None if self.angles is None else float((self.angles.max() - self.angles.min()).rad2deg())


def freeze_time(
    model: VideoModel,
    prompt: str,
    picked: UInt8[np.ndarray, "_ _ 3"],
    *,
    arc: float | int = 45.0,
    negative: str = NEGATIVE,
    frames: int | None = None,
    size: tuple[int, int] | None = None,
    seed: int = 0,
    steps: int | None = None,
    guidance: float | int | None = None,
    progress: Progress = ignore,
    cancel: CancelToken | None = None,
    preview: bool = False,
) -> FreezeTime:
    """A freeze-time video that starts at `picked`.

    prompt: as `prompt.freeze_prompt` makes it of the reference video's, edited or not. picked: any size; its middle is
    fitted to the video's. arc: degrees to go, for models that follow a camera path; others go as far as they please.

    Raises UserError for what the model cannot do.
    """
    frames, size = frames or model.capabilities.native_frames, size or model.capabilities.native_size
    model.capabilities.check_frames(frames)
    model.capabilities.check_size(size)
    rig = model.capabilities.rig
    angles = torch.linspace(0, radians(arc), frames) if model.capabilities.cameras else None
    clip = model.generate(
        prompt,
        negative=negative,
        conditioning={0: fitted(picked, size)},
        frames=frames,
        size=size,
        seed=seed,
        steps=steps,
        guidance=guidance,
        cameras=None if angles is None else around(angles, size, rig),
        progress=progress,
        cancel=cancel,
        preview=preview,
    )
    return FreezeTime(clip, angles, rig=rig)


def pick_frame(reference: Clip, index: int) -> UInt8[np.ndarray, "H W 3"]:
    """The frame of a reference video that is to be frozen; UserError where it has none of this number."""
    if not 0 <= index < len(reference):
        raise UserError(f"The reference video has frames 0 to {len(reference) - 1}, so not {index}. Pick one of those.")
    return reference.frames[index]


def around(angles: Float[Tensor, " F"], size: tuple[int, int], rig: Rig = USUAL_RIG) -> Cameras:
    """Cameras on a level circle around a point ahead of the first; the camera at angle zero is the identity."""
    width, height = size
    intrinsics = torch.tensor([rig.focal * width, rig.focal * width, width / 2, height / 2])
    start = Cameras(torch.eye(4)[None], intrinsics, size, Origin("path", 1.0))
    down = radians(rig.elevation)
    up = torch.tensor([0.0, -cos(down), -sin(down)])
    return Stage(start, torch.tensor([0.0, 0.0, rig.distance]), up, (0.0, 0.0)).at(angles.float())
