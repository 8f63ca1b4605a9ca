"""`Clip`: a video in memory, and how it is thinned out, shrunk and cut."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image
from scipy.sparse import csr_matrix

ASPECT_TOLERANCE = 0.02  # videos whose shapes differ by no more are taken as of one shape


@dataclass(frozen=True, eq=False)
class Clip:
    """F pictures taken at a constant rate.

    frames: (F, H, W, 3) uint8 RGB, 0-255 as shown on a screen (gamma-encoded); row 0 on top.
    fps: pictures a second, positive.
    """

    frames: UInt8[np.ndarray, "F H W 3"]
    fps: float

    def __post_init__(self):
        if self.frames.ndim != 4 or self.frames.shape[-1] != 3 or self.frames.dtype != np.uint8 or not self.frames.size:
            raise ValueError(f"frames must be (F, H, W, 3) uint8, not {self.frames.shape} {self.frames.dtype}")
        if not 0 < self.fps < math.inf:
            raise ValueError(f"fps must be positive and finite, not {self.fps}")

    def __len__(self) -> int:
        return self.frames.shape[0]

    def __getitem__(self, index) -> "Clip":
        """Some of the frames at the same fps: a slice, a list of indices, or one index (which keeps F = 1)."""
        index = [index] if isinstance(index, int) else index
        return replace(self, frames=self.frames[index])

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.frames.shape[2], self.frames.shape[1]

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self) / self.fps

    def sampled(self, count: int, keep: Sequence[int] = ()) -> "Clip":
        """At most `count` of the frames, evenly spread, those of `keep` among them; the speed stays what it was."""
        picks = sample_indices(len(self), count, keep)
        if len(picks) == len(self):
            return self
        fps = self.fps * max(len(picks) - 1, 1) / (len(self) - 1)
        return Clip(self.frames[picks], fps)

    def resized(self, size: tuple[int, int]) -> "Clip":
        """The same pictures at `size` = (width, height): averaged by area when smaller, interpolated when larger."""
        if size == self.size:
            return self
        return replace(self, frames=np.stack([resize_picture(frame, size) for frame in self.frames]))

    def cropped(self, left: int, top: int, size: tuple[int, int]) -> "Clip":
        """The window of `size` = (width, height) whose upper left pixel is (left, top); it must lie inside."""
        width, height = size
        if not (0 <= left < left + width <= self.size[0] and 0 <= top < top + height <= self.size[1]):
            raise ValueError(f"the window {width}x{height} at ({left}, {top}) is not inside {self.size}")
        return replace(self, frames=self.frames[:, top : top + height, left : left + width])


def sample_indices(total: int, count: int, keep: Sequence[int] = ()) -> Int[np.ndarray, " K"]:
    """Which frames to take of `total`: K = min(count, total) increasing indices, evenly spread, with those of `keep`.

    A frame to keep replaces the sample nearest to it, so the others stay where they were.
    """
    keep = sorted(set(keep))
    if count < 1 or len(keep) > count:
        raise ValueError(f"cannot keep {len(keep)} frames among {count}")
    if keep and not 0 <= keep[0] <= keep[-1] < total:
        raise ValueError(f"frames {keep} are not all within 0..{total - 1}")
    if count >= total:
        return np.arange(total)
    picks = set(np.linspace(0, total - 1, count).round().astype(int).tolist())
    for index in keep:
        if index not in picks:
            picks.remove(min(picks.difference(keep), key=lambda pick: abs(pick - index)))
            picks.add(index)
    return np.array(sorted(picks))


def aspect_ratio(first: tuple[int, int], other: tuple[int, int]) -> float:
    """How much wider for its height the other (width, height) is: 1 where both have the same shape."""
    return other[0] / other[1] / (first[0] / first[1])


def resize_picture(picture: UInt8[np.ndarray, "H W 3"], size: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    """One picture at `size` = (width, height).

    Smaller is the mean over the area that each new pixel covers, rounded once (halving is exactly the mean of 2x2).
    Where an axis grows, covered area would show blocks, so it is interpolated (bicubic).
    """
    height, width = picture.shape[:2]
    if size == (width, height):
        return picture
    if size[0] > width or size[1] > height:
        return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
    if width % size[0] == 0 and height % size[1] == 0:  # the common case, and ten times as fast
        return np.asarray(Image.fromarray(picture).reduce((width // size[0], height // size[1])))
    rows = area_weights(height, size[1]) @ picture.reshape(height, -1).astype(np.float32)  # (h, W * 3)
    columns = rows.reshape(size[1], width, 3).swapaxes(0, 1).reshape(width, -1)
    mean = (area_weights(width, size[0]) @ columns).reshape(*size, 3).swapaxes(0, 1)
    return np.ascontiguousarray(mean + 0.5).astype(np.uint8)


@lru_cache
def area_weights(old: int, new: int) -> csr_matrix:
    """(new, old): how much of each new pixel every old one covers; a row sums to 1. Nearly all are 0."""
    edges, pixels = np.linspace(0, old, new + 1), np.arange(old)
    cover = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return csr_matrix((cover.clip(0) * (new / old)).astype(np.float32))
