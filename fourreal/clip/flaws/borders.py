"""Bars: dark rows or columns along the border, with a hard straight edge."""

import numpy as np
from jaxtyping import Float, UInt8

DARK = 26  # grey levels that a bar does not exceed, compression included
ALL = 0.995  # share of its pixels that are so dark
STEP = 8  # grey levels between the bar and the picture beside it ...
ALONG = 0.5  # ... at this share of the edge
LEAST, MOST = 2, 0.4  # pixels, and share of the picture, of one bar
BLEED = 2  # pixels beside a bar that compression darkens
FRAMES = 16  # that are looked at


def crop_of(frames: UInt8[np.ndarray, "F H W 3"]) -> tuple[int, int, int, int]:
    """(left, top, width, height) of what lies within the bars: all of the picture where there are none.

    A night sky is no bar: it has no straight edge that goes right across.
    """
    some = frames[np.unique(np.linspace(0, len(frames) - 1, FRAMES).round().astype(int))]
    lit = some[some.reshape(len(some), -1).mean(1) > DARK / 2]  # black frames say nothing
    grey = (lit if len(lit) else some).max(axis=-1).astype(np.float32)
    height, width = grey.shape[1:]
    top, bottom = (_bar(rows) for rows in (grey, grey[:, ::-1]))
    left, right = (_bar(columns) for columns in (grey.transpose(0, 2, 1), grey.transpose(0, 2, 1)[:, ::-1]))
    left, top = left + left % 2, top + top % 2
    return left, top, (width - left - right) // 2 * 2, (height - top - bottom) // 2 * 2 if top + bottom else height


def _bar(rows: Float[np.ndarray, "F N L"]) -> int:
    """How many of the first rows are to be cut off."""
    dark = (rows <= DARK).mean(axis=(0, 2)) >= ALL
    count = int(np.argmin(dark)) if not dark.all() else 0
    if not LEAST <= count <= MOST * rows.shape[1]:
        return 0
    inside = min(count + 1, rows.shape[1] - 1)  # past the row that compression has mixed
    step = np.abs(rows[:, inside] - rows[:, max(count - 2, 0)])
    return count + BLEED if (step > STEP).mean() > ALONG else 0
