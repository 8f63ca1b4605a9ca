"""PSNR and SSIM of a picture against the truth, over the whole of it or over a region."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import max_pool2d

from fourreal.clip.value import area_weights
from fourreal.fit import ssim as fit_ssim

SCORE_WIDTH = 256  # scores are taken at this width
MASK_THRESHOLD = 0.3  # of a mask that was averaged down
DILATION = 3  # pixels, square: the masks are off by one or two at the edges
PERFECT = 100.0  # dB given to pictures without any error, so that means over views stay finite


def score_size(size: tuple[int, int]) -> tuple[int, int]:
    """The (width, height) at which pictures of `size` are scored: 256 wide; smaller ones as they are."""
    width, height = size
    if width <= SCORE_WIDTH:
        return size
    return SCORE_WIDTH, max(1, round(height * SCORE_WIDTH / width))


def area_down(image: Float[Tensor, "H W *C"], size: tuple[int, int]) -> Float[Tensor, "h w *C"]:
    """Average an image or a mask down to `size` = (width, height), each pixel weighted by the area it covers."""
    rows, columns = (
        torch.from_numpy(area_weights(old, new).toarray()).to(image.device)
        for old, new in zip(image.shape[:2], (size[1], size[0]), strict=True)
    )
    return torch.einsum("yr,rc...,xc->yx...", rows, image, columns)


def region(mask: Float[Tensor, "H W"], size: tuple[int, int]) -> Bool[Tensor, "h w"]:
    """Where the moving subject is at `size` = (width, height), with a margin. mask: coverage in [0, 1]."""
    small = area_down(mask, size) > MASK_THRESHOLD
    window = 2 * DILATION + 1
    return max_pool2d(small[None, None].float(), window, stride=1, padding=DILATION)[0, 0] > 0.5


def psnr(
    image: Float[Tensor, "H W 3"], truth: Float[Tensor, "H W 3"], where: Bool[Tensor, "H W"] | None = None
) -> float:
    """Peak signal to noise ratio in dB of images in [0, 1], over `where` if given; nan where that is empty."""
    error = (image - truth).square().mean(dim=-1)
    mean = float((error if where is None else error[where]).double().mean())
    return -10 * math.log10(max(mean, 10 ** (-PERFECT / 10))) if mean == mean else math.nan


def ssim_map(image: Float[Tensor, "H W 3"], truth: Float[Tensor, "H W 3"]) -> Float[Tensor, "H W"]:
    """Structural similarity at each pixel of images in [0, 1], the mean of the three channels.

    The Gaussian window (11 taps, sigma 1.5) is cut off at the border and its weights sum to one again there.
    """
    return fit_ssim.ssim_map(image, fit_ssim.Target.of(truth)).mean(dim=0)


def ssim(
    image: Float[Tensor, "H W 3"], truth: Float[Tensor, "H W 3"], where: Bool[Tensor, "H W"] | None = None
) -> float:
    """The mean of `ssim_map`, over `where` if given; nan where that is empty."""
    values = ssim_map(image, truth)
    return float((values if where is None else values[where]).double().mean())
