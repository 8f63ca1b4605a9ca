"""`Cameras`: where each frame of a clip was taken from."""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Origin:
    """How cameras were found, and how sure that is.

    method: "given", "incremental sfm", "global sfm", "orbit prior" or "path" (a trajectory of ours).
    confidence: 0 (a guess) to 1 (given).
    note: one sentence for people: what was registered, with what error, what was doubted.
    """

    method: str
    confidence: float
    note: str = ""


@dataclass(frozen=True)
class Cameras:
    """F pinhole cameras that share one set of intrinsics.

    world_to_camera: (F, 4, 4) float32 rigid transforms, OpenCV axes (x right, y down, z forward).
    intrinsics: (4,) float32 fx, fy, cx, cy in pixels; pixel centres lie at +0.5.
    size: (width, height) in pixels.
    """

    world_to_camera: Float[Tensor, "F 4 4"]
    intrinsics: Float[Tensor, "4"]
    size: tuple[int, int]
    origin: Origin = field(default=Origin("path", 1.0))

    def __len__(self) -> int:
        return self.world_to_camera.shape[0]

    def __getitem__(self, index) -> "Cameras":
        """Some of the cameras: a slice, a list of indices, or one index (which keeps F = 1)."""
        index = [index] if isinstance(index, int) else index
        return replace(self, world_to_camera=self.world_to_camera[index])

    def tensors(self) -> dict[str, Tensor]:
        return {"world_to_camera": self.world_to_camera, "intrinsics": self.intrinsics}

    @property
    def camera_to_world(self) -> Float[Tensor, "F 4 4"]:
        return invert_rigid(self.world_to_camera)

    @property
    def centres(self) -> Float[Tensor, "F 3"]:
        """Where the cameras stand, in world units."""
        return self.camera_to_world[:, :3, 3]

    @property
    def forward(self) -> Float[Tensor, "F 3"]:
        """Unit viewing directions in the world."""
        return self.world_to_camera[:, 2, :3]

    @property
    def matrix(self) -> Float[Tensor, "3 3"]:
        """The intrinsics as a 3x3 matrix."""
        return intrinsic_matrix(self.intrinsics)

    def resized(self, size: tuple[int, int]) -> "Cameras":
        """The same cameras for images resampled to `size` = (width, height)."""
        sx, sy = size[0] / self.size[0], size[1] / self.size[1]
        scale = self.intrinsics.new_tensor([sx, sy, sx, sy])
        return replace(self, intrinsics=self.intrinsics * scale, size=size)

    def cropped(self, left: int, top: int, size: tuple[int, int]) -> "Cameras":
        """The same cameras for the window of `size` whose upper left pixel is (left, top)."""
        shift = self.intrinsics.new_tensor([0, 0, left, top])
        return replace(self, intrinsics=self.intrinsics - shift, size=size)

    def to(self, device: torch.device | str) -> "Cameras":
        return replace(self, world_to_camera=self.world_to_camera.to(device), intrinsics=self.intrinsics.to(device))


def intrinsic_matrix(intrinsics: Float[Tensor, "4"]) -> Float[Tensor, "3 3"]:
    """fx, fy, cx, cy as the 3x3 matrix K."""
    fx, fy, cx, cy = intrinsics
    zero, one = torch.zeros_like(fx), torch.ones_like(fx)
    return torch.stack([fx, zero, cx, zero, fy, cy, zero, zero, one]).reshape(3, 3)


def invert_rigid(matrix: Float[Tensor, "*F 4 4"]) -> Float[Tensor, "*F 4 4"]:
    """The inverse of rigid transforms, exact where a general inverse would only be close."""
    rotation = matrix[..., :3, :3].transpose(-1, -2)
    out = torch.zeros_like(matrix)
    out[..., :3, :3] = rotation
    out[..., :3, 3] = -(rotation @ matrix[..., :3, 3:])[..., 0]
    out[..., 3, 3] = 1
    return out
