"""`Scene4D`: a dynamic scene that can be seen from any camera at any time."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.camera.align import Similarity
from fourreal.camera.cameras import Cameras
from fourreal.errors import UserError
from fourreal.scene.export import export, format_of
from fourreal.scene.film import Film
from fourreal.splat.deform import DeformationField, bend
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.rasterize import Render, rasterize

SNAP = 1e-4  # of a frame: times written in decimals mean the frame they are closest to


def moments_of(frames: Sequence[int]) -> tuple[float, ...]:
    """When these frames of a video were taken, from 0 at the first to 1 at the last; () where that is even anyway."""
    if len(frames) < 3:
        return ()
    moments = (np.array(frames) - frames[0]) / (frames[-1] - frames[0])
    return () if np.allclose(moments, np.linspace(0, 1, len(frames)), atol=1e-6) else tuple(moments.tolist())


@dataclass(frozen=True)
class Scene4D:
    """Canonical Gaussians, the motion that bends them, and the cameras of both videos.

    gaussians, field, reference and freeze are in the normalised frame that the fit ran in; whoever looks from outside
    (`render`, the exports) speaks the input's frame: that of the cameras file, or of the estimated cameras.

    gaussians: the canonical splats.
    field: the temporal field; its T codes are the reference frames.
    reference: the F = 1 camera of the reference video.
    freeze: cameras of the freeze-time frames `freeze_frames`.
    freeze_frames: which frames of the freeze-time video could be placed, ascending, as many as `freeze` has.
    similarity: from the input's frame to the normalised one.
    fps: frames of the T a second, > 0.
    background: (3,) RGB in [0, 1] seen where there is no splat.
    moments: when each of the T was taken, rising from 0 to 1; () for evenly. Of 64 frames of which 32 are taken some
        are two apart and one is three: drawn evenly, what moves fast was up to half a frame beside the truth.
    """

    gaussians: Gaussians
    field: DeformationField
    reference: Cameras
    freeze: Cameras
    freeze_frames: tuple[int, ...]
    similarity: Similarity
    fps: float
    background: Float[Tensor, "3"]
    moments: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.moments) not in (0, self.frames):
            raise ValueError(f"{len(self.moments)} moments for {self.frames} frames")
        if not 0 < len(self.freeze) == len(self.freeze_frames):
            raise ValueError(f"{len(self.freeze)} freeze-time cameras for {len(self.freeze_frames)} frames")
        if len(self.reference) != 1:
            raise ValueError(f"the reference video has one camera, not {len(self.reference)}")

    @property
    def frames(self) -> int:
        """T, the number of reference frames."""
        return self.field.frames

    @property
    def times(self) -> Float[Tensor, " T"]:
        """When the reference frames were taken: T values from 0 to 1."""
        return torch.tensor(self.moments or np.linspace(0, 1, self.frames).tolist(), dtype=torch.float64)

    @property
    def canonical_time(self) -> float:
        """When the freeze-time video was frozen, in [0, 1]."""
        return float(self.times[self.field.canonical])

    def code(self, t: float) -> float:
        """The field's code at time t in [0, 1]: a fractional frame number.

        Raises:
            ValueError: t lies outside.
        """
        if not 0 <= t <= 1:
            raise ValueError(f"time {t} is outside [0, 1]")
        code = float(np.interp(t, self.times, range(self.frames)))
        return float(round(code)) if abs(code - round(code)) < SNAP else code

    @torch.no_grad()
    def at(self, t: float) -> Gaussians:
        """The Gaussians at time t in [0, 1], bent, in the normalised frame; between frames they are interpolated."""
        return bend(self.gaussians, self.field.offsets(self.gaussians, self.code(t)))

    def static(self) -> "Scene4D":
        """The scene without motion: the canonical splats at every time."""
        return replace(self, gaussians=replace(self.gaussians, moves=torch.zeros_like(self.gaussians.moves)))

    def to(self, device: torch.device | str) -> "Scene4D":
        """The scene with what is drawn on another device; its cameras are few numbers and stay on the CPU."""
        return replace(
            self,
            gaussians=self.gaussians.to(device),
            field=deepcopy(self.field).to(device),  # a copy, as modules move in place
            reference=self.reference.to("cpu"),
            freeze=self.freeze.to("cpu"),
            background=self.background.to(device),
        )

    @torch.no_grad()
    def render(self, camera: Cameras, t: float, size: tuple[int, int] | None = None) -> Render:
        """What `camera` sees at time t in [0, 1].

        Args:
            camera: one camera (F = 1) in the input's frame.
            size: (width, height) of the picture, the camera's own if None.

        Returns:
            colour not clamped; depth in units of the input's frame.
        """
        if len(camera) != 1:
            raise ValueError(f"one camera at a time, not {len(camera)}")
        camera = self.inward(camera if size is None else camera.resized(size)).to(self.background.device)
        seen = rasterize(self.at(t), camera.world_to_camera[0], camera.intrinsics, camera.size, self.background)
        return replace(seen, depth=seen.depth / self.similarity.scale)  # the fit's units to the input's

    def camera(self, freeze_frame: int | None = None) -> Cameras:
        """One of the scene's own cameras (F = 1, the input's frame): the reference video's, or that of a frame of the
        freeze-time video, as its file counts them.

        Raises:
            UserError: the frame was not placed, or there is none of that number.
        """
        if freeze_frame is None:
            return self.outward(self.reference)
        if freeze_frame not in self.freeze_frames:
            first, last = self.freeze_frames[0], self.freeze_frames[-1]
            raise UserError(
                f"Freeze-time frame {freeze_frame} has no camera in this scene: name one of the "
                f"{len(self.freeze_frames)} that were placed, from {first} to {last}."
            )
        return self.outward(self.freeze[self.freeze_frames.index(freeze_frame)])

    def export(self, file: Path | str, format: str | None = None, *, upright: bool = False, **film: Any) -> None:
        """Write a file for other programs.

        Args:
            file: what to write.
            format: a name of `export.FORMATS`; None for what the file's name says.
            upright: for ply, turned, centred and with all properties, as other programs count on.
            film: for mp4, what `Film` takes: trajectory or path, frames, fps, size.

        Raises:
            UserError: what is asked for cannot be made, or the file cannot be written; there is no half file.
        """
        file = Path(file)
        export(self, file, format or format_of(file), Film(**film) if film else None, file.stem, upright=upright)

    def inward(self, cameras: Cameras) -> Cameras:
        """Cameras of the input's frame, in the normalised one."""
        return self.similarity.apply_cameras(cameras)

    def outward(self, cameras: Cameras) -> Cameras:
        """Cameras of the normalised frame, in the input's."""
        return self.similarity.inverse().apply_cameras(cameras)
