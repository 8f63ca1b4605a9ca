"""Per-frame exposure and pose corrections: what differs between freeze-time frames besides the view."""

import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.camera import rotation


class Exposure(torch.nn.Module):
    """A gain and a bias a channel for each of F frames; the identity at `fixed`, which ties the brightness down."""

    def __init__(self, frames: int, fixed: int) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.zeros(frames, 3))
        self.bias = torch.nn.Parameter(torch.zeros(frames, 3))
        self.fixed = fixed

    def forward(self, image: Float[Tensor, "H W 3"], frame: int) -> Float[Tensor, "H W 3"]:
        if frame == self.fixed:
            return image
        return image * (1 + self.gain[frame]) + self.bias[frame]

    def size(self, frame: int) -> Float[Tensor, ""]:
        """Mean |gain - 1| + |bias| of a frame: how much there is of it."""
        return (self.gain[frame].abs() + self.bias[frame].abs()).mean()


class PoseCorrection(torch.nn.Module):
    """A small rigid motion in camera axes for each of F frames; the identity at `fixed`, which ties the gauge down."""

    def __init__(self, frames: int, fixed: int) -> None:
        super().__init__()
        self.turn = torch.nn.Parameter(torch.zeros(frames, 3))  # rotation vectors, radians
        self.shift = torch.nn.Parameter(torch.zeros(frames, 3))  # world units
        self.fixed = fixed

    def forward(self, world_to_camera: Float[Tensor, "4 4"], frame: int) -> Float[Tensor, "4 4"]:
        if frame == self.fixed:
            return world_to_camera
        above = torch.cat([rotation.from_vector(self.turn[frame]), self.shift[frame][:, None]], dim=1)
        rigid = torch.cat([above, torch.eye(4, device=above.device)[3:]])
        return rigid @ world_to_camera
