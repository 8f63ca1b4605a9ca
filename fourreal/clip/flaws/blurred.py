"""Bars filled with a blurred copy of the picture, as programs put them beside an upright film."""

import numpy as np
from jaxtyping import Float, UInt8

_LINES = 1024  # of the picture that are looked at, and of each line so many pixels
_LEAST, _MOST = 0.04, 0.4  # share of a side that such a bar takes
_BLURRED = 0.3  # of the picture's detail, that a bar has at most
_EVENLY = 0.02  # of a side, by which the two bars may differ
_APART = 4.0  # levels by which the picture differs from the bar along its edge
_STRAIGHT = 0.5  # share of that edge over which it does
_SOFT = 3  # lines over which scaling and compression blur the edge


def blurred_bars(frames: UInt8[np.ndarray, "F L N 3"]) -> tuple[int, int]:
    """How many lines from the first and from the last one on are a blurred copy; (0, 0) where there are no two alike.

    A lens may blur what is around a subject, but not up to two straight lines across the whole picture.
    """
    total, step = frames.shape[1], 1 + frames.shape[1] // _LINES
    grey = frames[:, ::step, :: 1 + frames.shape[2] // _LINES, 1].astype(np.float32)  # (F, l, n), of the green alone
    detail = np.abs(np.diff(grey, 2, axis=2)).mean((0, 2))  # along each line, which says nothing of the edge
    count = len(detail)
    inner = float(np.median(detail[int(_MOST * count) : count - int(_MOST * count)]))
    ends = [_end(detail[::order], inner) for order in (1, -1)]
    if min(ends) < _LEAST * count or max(ends) > _MOST * count or abs(ends[0] - ends[1]) > max(2, _EVENLY * count):
        return 0, 0
    if not all(_straight(grey[:, ::order], end) for order, end in zip((1, -1), ends, strict=True)):
        return 0, 0
    first, last = (min(total // 2 - 1, (end + 1) * step) for end in ends)
    return first, last


def _end(detail: Float[np.ndarray, " l"], inner: float) -> int:
    """The first line with detail like that of the picture's middle."""
    sharp = detail > _BLURRED * inner
    return int(sharp.argmax()) if sharp.any() else len(detail)


def _straight(grey: Float[np.ndarray, "F l n"], end: int) -> bool:
    """Whether the picture begins at that line all along it: it differs from the bar by more than the bar's lines do."""
    if end < 2 * _SOFT or end + _SOFT > grey.shape[1]:
        return False
    before, after = grey[:, end - _SOFT], grey[:, end + _SOFT - 1]
    usual = np.abs(before - grey[:, end - 2 * _SOFT]).mean()
    return bool((np.abs(after - before) > _APART + 2 * usual).mean() > _STRAIGHT)
