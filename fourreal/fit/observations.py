"""What a fit may look at."""

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fourreal.camera.cameras import Cameras
from fourreal.fit.ssim import Target


@dataclass(frozen=True)
class Take:
    """A further video: from another camera, or frozen at another moment.

    frames: (F, H, W, 3) in [0, 1], of a size of its own.
    cameras: one of each frame, or a single one that stands still, in the normalised frame.
    codes: for each frame the reference frame in whose moment it was taken.
    mask: (H, W) what of the picture is scene; None for all of it.
    trust: in (0, 1], how far it is believed: a factor on its loss. 1 for what was filmed.
    part: in (0, 1], the share of the camera's whole picture that the frames show, where they were cut out of it.
    """

    frames: Float[Tensor, "F H W 3"]
    cameras: Cameras
    codes: tuple[int, ...]
    mask: Bool[Tensor, "H W"] | None = None
    trust: float = 1.0
    part: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.trust <= 1:
            raise ValueError(f"a take is believed to a share in (0, 1], not {self.trust}; without trust it is none")

    def to(self, device: torch.device | str) -> "Take":
        mask = None if self.mask is None else self.mask.to(device)
        return replace(self, frames=self.frames.to(device), cameras=self.cameras.to(device), mask=mask)


@dataclass(frozen=True)
class Observations:
    """The videos at the sizes they are fitted at, and the cameras in the normalised frame.

    reference: (T, H, W, 3) in [0, 1], seen from `reference_camera`.
    freeze: (F, h, w, 3) in [0, 1], seen from `freeze_cameras`.
    reference_camera: F = 1, that of the canonical moment where it moves.
    canonical: the frame of `reference` that was frozen.
    freeze_reference: the frame of `freeze` taken from the reference camera, or from nearest to it; the standard of
        brightness and colour.
    held_out: freeze-time frames that nothing may be fitted to.
    points, point_colors: (P, 3) sparse points in the normalised frame and their RGB, P may be 0.
    reference_path: T cameras, where the reference camera moves.
    reference_mask, freeze_mask: what of these pictures is scene; None for all of it.
    others: further takes, whose frames each have a moment of the reference video.
    frozen: places among `others` of those that show the canonical moment itself, which stage one fits, too.
    """

    reference: Float[Tensor, "T H W 3"]
    freeze: Float[Tensor, "F h w 3"]
    reference_camera: Cameras
    freeze_cameras: Cameras
    canonical: int
    freeze_reference: int
    held_out: tuple[int, ...] = ()
    points: Float[Tensor, "P 3"] = field(default_factory=lambda: torch.zeros(0, 3))
    point_colors: Float[Tensor, "P 3"] = field(default_factory=lambda: torch.zeros(0, 3))
    reference_path: Cameras | None = None
    reference_mask: Bool[Tensor, "H W"] | None = None
    freeze_mask: Bool[Tensor, "h w"] | None = None
    others: tuple[Take, ...] = ()
    frozen: tuple[int, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the freeze-time frames, in pixels."""
        return self.freeze.shape[2], self.freeze.shape[1]

    def reference_at(self, code: int) -> Cameras:
        """The camera (F = 1) of a reference frame."""
        return self.reference_camera if self.reference_path is None else self.reference_path[int(code)]

    @property
    def training_frames(self) -> list[int]:
        """The freeze-time frames that are fitted to."""
        return [i for i in range(len(self.freeze)) if i not in self.held_out]

    @property
    def frozen_takes(self) -> list[Take]:
        """The further takes of the canonical moment."""
        return [self.others[place] for place in self.frozen]

    def to(self, device: torch.device | str) -> "Observations":
        moved: dict[str, Any] = {
            name: value.to(device) for name, value in vars(self).items() if isinstance(value, Tensor | Cameras)
        }
        return replace(self, **moved, others=tuple(take.to(device) for take in self.others))


def halved(image: Float[Tensor, "H W C"], times: int) -> Float[Tensor, "h w C"]:
    """The image at half its size, `times` over; an odd last row or column is dropped."""
    for _ in range(times):
        image = torch.nn.functional.avg_pool2d(image.permute(2, 0, 1), 2).permute(1, 2, 0)
    return image


class Targets:
    """The frames of a clip as targets of the loss, at full and reduced size, each prepared on first use.

    window: (left, top, width, height) in full pixels, the part of each frame that is looked at.
    mask: (H, W) what of the frames counts; None for all of it.
    """

    def __init__(
        self,
        frames: Float[Tensor, "F H W 3"],
        window: tuple[int, int, int, int] | None = None,
        mask: Bool[Tensor, "H W"] | None = None,
    ) -> None:
        left, top, width, height = window or (0, 0, frames.shape[2], frames.shape[1])
        cut = slice(top, top + height), slice(left, left + width)
        self.frames = frames[:, *cut]
        self.mask = None if mask is None or bool(mask[cut].all()) else mask[cut]
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

    def counted(self, colour: Float[Tensor, "h w 3"], target: Target, halvings: int = 0) -> Float[Tensor, "h w 3"]:
        """What was drawn, and where the mask says that it does not count what should be there."""
        if self.mask is None:
            return colour
        counts = halved(self.mask[..., None].to(colour), halvings) > 0.99
        return torch.where(counts, colour, target.image)

    def camera(self, cameras: Cameras, window_origin: tuple[int, int] = (0, 0), halvings: int = 0) -> Cameras:
        """`cameras` for what `get` returns: cropped to the window and reduced."""
        scale = 2.0**-halvings
        cropped = cameras.cropped(*window_origin, self.size)
        return replace(cropped, intrinsics=cropped.intrinsics * scale, size=self.size_at(halvings))
