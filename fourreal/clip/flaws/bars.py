"""Black bars: what is dark and even at a border in all frames, and ends at a straight edge."""

import numpy as np
from jaxtyping import Bool, UInt8

from fourreal.clip.flaws.looks import spread

Box = tuple[int, int, int, int]  # left, top, width, height in pixels

_SAMPLE = 16  # frames that are looked at
_DARK = 32  # grey levels of the brightest channel: video black, and what compression makes of it
_EVEN = 8  # levels by which compression lets a bar differ from its median
_PURE, _OVERLAID = 0.99, 0.4  # share of a line that is bar: subtitles may stand within it
_EDGE = 10  # levels by which the picture is brighter than the bar
_STRAIGHT = 0.5  # share of the picture's edge that is: a dark scene has a line of such an end only by chance
_SOFT = 2  # pixels that scaling and compression blur over the edge
_MOST = 0.45  # of a side


def picture_box(frames: UInt8[np.ndarray, "F H W 3"]) -> Box:
    """(left, top, width, height) of the picture without the bars around it: all of it where there are none."""
    height, width = frames.shape[1:3]
    levels = frames[spread(len(frames), _SAMPLE)].max(-1)  # (F, H, W)
    levels = levels[levels.mean((1, 2)) >= 0.5 * np.median(levels.mean((1, 2)))]  # those that are not faded
    top = bottom = left = right = 0
    for _ in range(2):  # bars on all sides hide each other's straightness at first
        inner = levels[:, :, left : width - right]
        top, bottom = _bar(inner), _bar(inner[:, ::-1])
        inner = levels[:, top : height - bottom].swapaxes(1, 2)
        left, right = _bar(inner), _bar(inner[:, ::-1])
    return left, top, width - left - right, height - top - bottom


def _bar(levels: UInt8[np.ndarray, "F L N"]) -> int:
    """How many lines from the first one on are bar."""
    most = int(levels.shape[1] * _MOST)
    outer = levels[:, :most]
    level = np.median(outer[:, 0])
    if not most or level > _DARK:
        return 0
    black: Bool[np.ndarray, "F L N"] = outer <= min(level + _EVEN, _DARK)
    share = black.mean((0, 2))
    inside = np.logical_and.accumulate(share >= _OVERLAID)
    pure = np.flatnonzero(inside & (share >= _PURE))
    if not len(pure):
        return 0
    ends = int(pure[-1]) + 1
    beyond = levels[:, ends : ends + 1 + _SOFT].max(1).astype(int)  # (F, N)
    ever = levels.max((0, 1)) > level + _EDGE  # columns within another bar say nothing
    if not ever.any() or (beyond > level + _EDGE)[:, ever].mean() < _STRAIGHT:
        return 0
    bright = np.median(levels[:, ends + _SOFT].astype(float))
    soft = [np.median(levels[:, ends + step].astype(float)) < 0.8 * bright for step in range(_SOFT)]
    return ends + max((step + 1 for step in range(_SOFT) if soft[step]), default=0)
