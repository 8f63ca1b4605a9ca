"""What a fit may look at."""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.camera.cameras import Cameras
from fourreal.fit.ssim import Target


@dataclass(frozen=True)
class Observations:
    """The two videos at the size they are fitted at, and the cameras in the normalised frame.

    reference: (T, H, W, 3) in [0, 1], seen from the one `reference_camera`.
    freeze: (F, H, W, 3) in [0, 1], seen from `freeze_cameras`.
    canonical: the frame of `reference` that was frozen.
    freeze_reference: the frame of `freeze` taken from the reference camera.
    held_out: freeze-time frames that nothing may be fitted to.
    points, point_colors: (P, 3) sparse points in the normalised frame and their RGB, P may be 0.
    """

    reference: Float[Tensor, "T H W 3"]
    freeze: Float[Tensor, "F H W 3"]
    reference_camera: Cameras
    freeze_cameras: Cameras
    canonical: int
    freeze_reference: int
    held_out: tuple[int, ...] = ()
    points: Float[Tensor, "P 3"] = field(default_factory=lambda: torch.zeros(0, 3))
    point_colors: Float[Tensor, "P 3"] = field(default_factory=lambda: torch.zeros(0, 3))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.freeze.shape[2], self.freeze.shape[1]

    @property
    def training_frames(self) -> list[int]:
        """The freeze-time frames that are fitted to."""
        return [i for i in range(len(self.freeze)) if i not in self.held_out]

    def to(self, device: torch.device | str) -> "Observations":
        moved = {
            name: getattr(self, name).to(device)
            for name in ("reference", "freeze", "reference_camera", "freeze_cameras", "points", "point_colors")
        }
        return replace(self, **moved)


def halved(image: Float[Tensor, "H W 3"], times: int) -> Float[Tensor, "h w 3"]:
    """The image at half its size, `times` over; an odd last row or column is dropped."""
    for _ in range(times):
        image = torch.nn.functional.avg_pool2d(image.permute(2, 0, 1), 2).permute(1, 2, 0)
    return image


class Targets:
    """The frames of a clip as targets of the loss, at full and reduced size, each prepared on first use.

    window: (left, top, width, height) in full pixels, the part of each frame that is looked at.
    """

    def __init__(self, frames: Float[Tensor, "F H W 3"], window: tuple[int, int, int, int] | None = None) -> None:
        left, top, width, height = window or (0, 0, frames.shape[2], frames.shape[1])
        self.frames = frames[:, top : top + height, left : left + width]
        self.size = (width, height)
        self._prepared: dict[tuple[int, int], Target] = {}

    def size_at(self, halvings: int) -> tuple[int, int]:
        """(width, height) after that many halvings, see `halved`."""
        width, height = self.size
        return width >> halvings, height >> halvings

    def get(self, frame: int, halvings: int = 0) -> Target:
        if (frame, halvings) not in self._prepared:
            self._prepared[frame, halvings] = Target.of(halved(self.frames[frame], halvings))
        return self._prepared[frame, halvings]

    def camera(self, cameras: Cameras, window_origin: tuple[int, int] = (0, 0), halvings: int = 0) -> Cameras:
        """`cameras` for what `get` returns: cropped to the window and reduced."""
        scale = 2.0**-halvings
        cropped = cameras.cropped(*window_origin, self.size)
        return replace(cropped, intrinsics=cropped.intrinsics * scale, size=self.size_at(halvings))
