"""Per-frame exposure and pose corrections: what differs between freeze-time frames besides the view."""

import numpy as np
import torch
from jaxtyping import Float
from numba import njit
from torch import Tensor

from fourreal.splat.rasterize.arrays import array
from fourreal.splat.rasterize.kernels import KERNEL


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
        gain, bias = 1 + self.gain[frame], self.bias[frame]
        return image * gain + bias if image.is_cuda else _Expose.apply(image, gain, bias)

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
        x, y, z = self.turn[frame]
        zero = torch.zeros_like(x)
        generator = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
        rigid = torch.eye(4, device=x.device)
        rigid = torch.cat(
            [torch.cat([torch.linalg.matrix_exp(generator), self.shift[frame][:, None]], dim=1), rigid[3:]]
        )
        return rigid @ world_to_camera


class _Expose(torch.autograd.Function):
    """image (H, W, 3) * gain (3,) + bias (3,): a pass over the picture each way, for five in torch."""

    @staticmethod
    def forward(ctx, image, gain, bias):
        pixels, gain = array(image), array(gain)
        ctx.kept = pixels, gain
        exposed = np.empty_like(pixels)
        _expose(pixels, gain, array(bias), exposed)
        return torch.from_numpy(exposed)

    @staticmethod
    def backward(ctx, upstream):
        pixels, gain = ctx.kept
        d_pixels, sums = np.empty_like(pixels), np.zeros((2, 3))
        _expose_backward(pixels, gain, array(upstream), d_pixels, sums)
        return torch.from_numpy(d_pixels), *(torch.from_numpy(x.astype(np.float32)) for x in sums)


@njit(**KERNEL)
def _expose(pixels, gain, bias, exposed):
    for i in range(pixels.shape[0]):
        for j in range(pixels.shape[1]):
            for c in range(3):
                exposed[i, j, c] = pixels[i, j, c] * gain[c] + bias[c]


@njit(**KERNEL)
def _expose_backward(pixels, gain, upstream, d_pixels, sums):
    """The gradient by the pixels, and the sums (2, 3) that are those by gain and bias."""
    for i in range(pixels.shape[0]):
        row = np.zeros((2, 3), np.float32)
        for j in range(pixels.shape[1]):
            for c in range(3):
                g = upstream[i, j, c]
                d_pixels[i, j, c] = g * gain[c]
                row[0, c] += g * pixels[i, j, c]
                row[1, c] += g
        sums += row
