"""Frames that show the one before again, as conversions from one rate to another leave them."""

from itertools import pairwise

import numpy as np
from jaxtyping import UInt8

from fourreal.clip.flaws.looks import grey

_WIDTH = 128
_PEAK = 0.995  # quantile over the picture by which a step's change is measured: even where little moves, something does
# Repeated frames changed by 1.5 levels at most, or by a hundredth of their neighbours' change; the least of real steps
# between moving ones was 4.
_SAME, _SAME_SHARE = 1.5, 0.015
_AMONG = 0.2  # of the change of the steps around
_PAUSE = 5  # frames in a row that are alike because nothing moves for a while
_FEWEST = 6  # frames that must remain


def repeats(frames: UInt8[np.ndarray, "F H W 3"], moving_camera: bool) -> list[int]:
    """The frames, rising, that add nothing to the one before.

    moving_camera: what a longer pause is: the camera's, whose frames are all alike, or the scene's, which is left.
    """
    if len(frames) < 3:
        return []
    pictures = grey(frames, _WIDTH)
    steps = np.array([np.quantile(np.abs(before - after), _PEAK) for before, after in pairwise(pictures)])
    still = steps <= np.maximum(_SAME, _SAME_SHARE * np.quantile(steps, 0.9))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], still, [False]]).astype(int)))
    copies: list[int] = []
    within = False
    for start, stop in edges.reshape(-1, 2):
        around = np.concatenate([steps[max(0, start - 1) : start], steps[stop : stop + 1]])
        if not len(around) or (not moving_camera and stop - start > _PAUSE):
            continue
        if steps[start:stop].max() <= _AMONG * around.min():  # slowing down is no repetition
            copies += range(start + 1, stop + 1)
            within |= start > 0 and stop < len(steps)
    if len(frames) - len(copies) < _FEWEST or not (within or moving_camera):  # at an end alone it is a pause, too
        return []
    return [int(frame) for frame in copies]
