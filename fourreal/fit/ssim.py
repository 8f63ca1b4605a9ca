"""The photometric loss with its gradient, fused on a CPU.

SSIM (Wang et al. 2004) with an 11-tap Gaussian window of sigma 1.5 on [0, 1] values; at the border the window is
renormalised. The loss, and what the PSNR is made of, are plain torch on CUDA and on a CPU a pair of kernels that make
one pass over the image each (SSIM by matrix products was 12 of a step's 40 ms, the rest in torch 3 more).
"""

from dataclasses import dataclass
from functools import cache

import numba
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.splat.rasterize.kernels import KERNEL
from fourreal.splat.rasterize.threads import run_parts, thread_count

TAPS = 11
HALF = TAPS // 2
SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2
_WINDOW = np.exp(-((np.arange(TAPS) - HALF) ** 2) / (2 * SIGMA**2)).astype(np.float32)
_JIT = KERNEL | {"fastmath": True}


@dataclass(frozen=True)
class Target:
    """An image to come close to, with what SSIM needs of it computed once.

    image: (H, W, 3) in [0, 1]; planes: (3, H, W) the same; mean, square: (3, H, W) local means of it and of its square.
    """

    image: Float[Tensor, "H W 3"]
    planes: Float[Tensor, "3 H W"]
    mean: Float[Tensor, "3 H W"]
    square: Float[Tensor, "3 H W"]

    @classmethod
    def of(cls, image: Float[Tensor, "H W 3"]) -> "Target":
        planes = image.permute(2, 0, 1).contiguous()
        return cls(image.contiguous(), planes, blur(planes), blur(planes * planes))


@cache
def window(length: int, device: torch.device | str = "cpu") -> Float[Tensor, "L L"]:
    """The Gaussian window as a banded matrix whose rows sum to one."""
    i = torch.arange(length, device=device, dtype=torch.float32)
    distance = i[:, None] - i[None]
    weight = torch.exp(-distance.square() / (2 * SIGMA**2)) * (distance.abs() <= HALF)
    return weight / weight.sum(dim=1, keepdim=True)


def blur(planes: Float[Tensor, "C H W"]) -> Float[Tensor, "C H W"]:
    """Local means under the window."""
    _, height, width = planes.shape
    return window(height, planes.device) @ planes @ window(width, planes.device).T


def ssim_map(image: Float[Tensor, "H W 3"], target: Target) -> Float[Tensor, "3 H W"]:
    """SSIM at every pixel and channel, differentiable by plain torch: what the kernels are judged by."""
    x, y = image.permute(2, 0, 1), target.planes
    mx, xx, xy = blur(x), blur(x * x), blur(x * y)
    my, yy = target.mean, target.square
    luminance = (2 * mx * my + C1) / (mx * mx + my * my + C1)
    return luminance * (2 * (xy - mx * my) + C2) / (xx - mx * mx + yy - my * my + C2)


def photometric_terms(
    image: Float[Tensor, "H W 3"], target: Target, ssim_weight: float
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """(1 - w) L1 + w (1 - SSIM), and the mean squared error of the image cut to [0, 1], which has no gradient."""
    return (photometric_plain if image.is_cuda else _Photometric.apply)(image, target, ssim_weight)


def photometric_plain(image: Tensor, target: Target, ssim_weight: float) -> tuple[Tensor, Tensor]:
    loss = (1 - ssim_weight) * (image - target.image).abs().mean()
    if ssim_weight:
        loss = loss + ssim_weight * (1 - ssim_map(image, target).mean())
    return loss, (image.detach().clamp(0, 1) - target.image).square().mean()


class _Photometric(torch.autograd.Function):
    @staticmethod
    def forward(ctx, image, target, ssim_weight):
        height, width, _ = image.shape
        norms = _norms(height), _norms(width)
        maps = np.empty((3, 3, height, width), np.float32)
        x = np.ascontiguousarray(image.detach().permute(2, 0, 1).numpy())
        prepared = [t.numpy() for t in (target.planes, target.mean, target.square)]
        totals = np.zeros((thread_count(), 3))
        run_parts(_forward, len(totals), x, *prepared, _WINDOW, *norms, maps, totals)
        ctx.stored = x, prepared[0], maps, ssim_weight
        similarity, absolute, squared = totals.sum(0) / x.size
        loss = (1 - ssim_weight) * absolute + ssim_weight * (1 - similarity)
        results = image.new_tensor(loss), image.new_tensor(squared)
        ctx.mark_non_differentiable(results[1])
        return results

    @staticmethod
    def backward(ctx, upstream, _squared):
        x, y, maps, ssim_weight = ctx.stored
        gradient = np.empty((*x.shape[1:], 3), np.float32)
        scale = float(upstream) / x.size
        scales = np.float32(-ssim_weight * scale), np.float32((1 - ssim_weight) * scale)
        run_parts(_backward, thread_count(), x, y, maps, _WINDOW, *scales, gradient)
        return torch.from_numpy(gradient), None, None


def _norms(length: int) -> np.ndarray:
    """1 / (sum of the window's taps that lie inside), for every position."""
    taps = np.convolve(np.ones(length, np.float32), _WINDOW, mode="full")[HALF : HALF + length]
    return (1.0 / taps).astype(np.float32)


@numba.njit(inline="always")
def _horizontal(line, taps, out):
    """out[j] = sum_k taps[k] line[j + k]; `line` is padded by HALF zeros on both sides."""
    for j in range(out.shape[0]):
        s = np.float32(0)
        for k in range(TAPS):
            s += taps[k] * line[j + k]
        out[j] = s


@numba.njit(**_JIT)
def _forward(p, parts, x, y, mean, square, taps, norm_h, norm_w, maps, totals):
    """Every `parts`-th row: sums of SSIM, |x - y| and (x cut to [0, 1] - y)^2, and into `maps` (3, C, H, W) SSIM's
    derivatives by the window sums."""
    channels, height, width = x.shape
    for task in range(p, channels * height, parts):
        c, i = task // height, task % height
        lines = np.zeros((3, width + 2 * HALF), np.float32)
        sums = np.empty((3, width), np.float32)
        for k in range(max(i - HALF, 0), min(i + HALF + 1, height)):
            w = taps[k - i + HALF]
            for j in range(width):
                a = x[c, k, j]
                wa = w * a
                lines[0, j + HALF] += wa
                lines[1, j + HALF] += wa * a
                lines[2, j + HALF] += wa * y[c, k, j]
        for m in range(3):
            _horizontal(lines[m], taps, sums[m])
        total, absolute, squared = np.float32(0), np.float32(0), np.float32(0)
        for j in range(width):
            norm = norm_h[i] * norm_w[j]
            mx, my = sums[0, j] * norm, mean[c, i, j]
            a1 = 2 * mx * my + np.float32(C1)
            a2 = 2 * (sums[2, j] * norm - mx * my) + np.float32(C2)
            b1 = mx * mx + my * my + np.float32(C1)
            b2 = sums[1, j] * norm - mx * mx + square[c, i, j] - my * my + np.float32(C2)
            over = np.float32(1) / (b1 * b2)
            s = a1 * a2 * over
            total += s
            maps[0, c, i, j] = norm * 2 * (my * (a2 - a1) * over + s * mx * (1 / b2 - 1 / b1))
            maps[1, c, i, j] = -norm * s / b2
            maps[2, c, i, j] = norm * 2 * a1 * over
            absolute += abs(x[c, i, j] - y[c, i, j])
            squared += (min(max(x[c, i, j], np.float32(0)), np.float32(1)) - y[c, i, j]) ** 2
        totals[p, 0] += total
        totals[p, 1] += absolute
        totals[p, 2] += squared


@numba.njit(**_JIT)
def _backward(p, parts, x, y, maps, taps, ssim_scale, l1_scale, gradient):
    """gradient (H, W, C) of ssim_scale * sum(SSIM) + l1_scale * sum |x - y|.

    The window is symmetric, so its transpose is the same sweep.
    """
    channels, height, width = x.shape
    for task in range(p, channels * height, parts):
        c, i = task // height, task % height
        lines = np.zeros((3, width + 2 * HALF), np.float32)
        sums = np.empty((3, width), np.float32)
        for k in range(max(i - HALF, 0), min(i + HALF + 1, height)):
            w = taps[k - i + HALF]
            for m in range(3):
                for j in range(width):
                    lines[m, j + HALF] += w * maps[m, c, k, j]
        for m in range(3):
            _horizontal(lines[m], taps, sums[m])
        for j in range(width):
            similar = sums[0, j] + 2 * x[c, i, j] * sums[1, j] + y[c, i, j] * sums[2, j]
            gradient[i, j, c] = ssim_scale * similar + l1_scale * np.sign(x[c, i, j] - y[c, i, j])
