"""Bars beside the picture: of one colour, or a blurred copy of it, that end at a straight edge in all frames."""

import numpy as np
from jaxtyping import Float, UInt8

from fourreal.clip.flaws.blurred import blurred_bars
from fourreal.clip.flaws.looks import spread

Box = tuple[int, int, int, int]  # left, top, width, height in pixels

_SAMPLE = 16  # frames that are looked at
_ACROSS = 512  # pixels of a line that are looked at
_DARK = 32  # grey levels of the brightest channel: video black, and what compression makes of it
_EVEN = 8  # levels by which compression lets a bar differ from its median
_PURE, _OVERLAID = 0.99, 0.4  # share of a line that is bar: subtitles may stand within it
_EDGE = 10  # levels by which the picture differs from the bar
_STRAIGHT = 0.5  # share of the picture's edge that does: a dark scene has a line of such an end only by chance
_SOFT = 2  # pixels that scaling and compression blur over the edge
_MOST = 0.45  # of a side
_EVENLY = 0.02  # of a side, by which bars that are not black may differ: a sky or a wall has no twin


def picture_box(frames: UInt8[np.ndarray, "F H W 3"]) -> Box:
    """(left, top, width, height) of the picture without the bars around it: all of it where there are none."""
    height, width = frames.shape[1:3]
    some = frames[spread(len(frames), _SAMPLE)]
    brightness = some.mean((1, 2, 3))
    some = some[brightness >= 0.5 * np.median(brightness)]  # those that are not faded
    top = bottom = left = right = 0
    for _ in range(2):  # bars on all sides hide each other's straightness at first
        top, bottom = _bars(some[:, :, left : width - right])
        left, right = _bars(some[:, top : height - bottom].swapaxes(1, 2))
    if not (top or bottom or left or right):
        top, bottom = blurred_bars(some)
        left, right = (0, 0) if top else blurred_bars(some.swapaxes(1, 2))
    return left, top, width - left - right, height - top - bottom


def _bars(lines: UInt8[np.ndarray, "F L N 3"]) -> tuple[int, int]:
    """How many lines from the first and from the last one on are bar.

    Black may be on one side alone; of another colour are only two alike.
    """
    lines = lines[:, :, :: max(1, lines.shape[2] // _ACROSS)]
    colours = [np.median(lines[:, edge], axis=(0, 1)) for edge in (0, -1)]
    black = [bool(colour.max() <= _DARK) for colour in colours]
    first, last = (
        _bar(_off(lines[:, ::order], colour, dark)) for order, colour, dark in zip((1, -1), colours, black, strict=True)
    )
    even = abs(first - last) <= max(_SOFT, _EVENLY * lines.shape[1]) and min(first, last) > 0
    twins = even and np.abs(colours[0] - colours[1]).max() <= _EVEN
    return first if black[0] or twins else 0, last if black[1] or twins else 0


def _off(
    lines: UInt8[np.ndarray, "F L N 3"], colour: Float[np.ndarray, "3"], black: bool
) -> UInt8[np.ndarray, "F l N"]:
    """By how many levels the lines that may be bar are off the bar's colour; nothing is blacker than black."""
    outer = lines[:, : int(lines.shape[1] * _MOST) + 1 + _SOFT]
    if black:
        return np.maximum(outer.max(-1), np.uint8(colour.max())) - np.uint8(colour.max())
    return np.abs(outer.astype(np.int16) - colour.astype(np.int16)).max(-1).astype(np.uint8)


def _bar(off: UInt8[np.ndarray, "F l N"]) -> int:
    """How many lines from the first one on are bar, by how far they are off its colour."""
    most = off.shape[1] - 1 - _SOFT
    share = (off[:, :most] <= _EVEN).mean((0, 2))
    inside = np.logical_and.accumulate(share >= _OVERLAID)
    pure = np.flatnonzero(inside & (share >= _PURE))
    if not len(pure):
        return 0
    ends = int(pure[-1]) + 1
    beyond = off[:, ends : ends + 1 + _SOFT].max(1)  # (F, N)
    ever = off.max((0, 1)) > _EDGE  # columns within another bar say nothing
    if not ever.any() or (beyond > _EDGE)[:, ever].mean() < _STRAIGHT:
        return 0
    clear = np.median(off[:, ends + _SOFT].astype(float))
    soft = [np.median(off[:, ends + step].astype(float)) < 0.8 * clear for step in range(_SOFT)]
    return ends + max((step + 1 for step in range(_SOFT) if soft[step]), default=0)
