"""Hard cuts: frames that have nothing in common with the one before, in a clip whose other frames do."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from scipy.ndimage import gaussian_filter

_SIZE = 64, 36
_LEVELS = 4  # of each colour in a histogram
# Two scenes had 0.47 to 0.62 of their colours apart and correlated by 0.47 at most; of one scene neighbours had 0.22 at
# most, but for scattered cameras, where no step stands out.
_APART, _ALIKE, _OUTSTANDING = 0.27, 0.65, 2.5
_REACH = 2  # frames on either side that must differ from each other: a flash is no cut
_MOST = 0.15  # share of the steps that may be cuts: with more of them the cameras stand far apart, and nothing is cut


def cuts(frames: UInt8[np.ndarray, "F H W 3"]) -> list[int]:
    """The first frame of each scene but the first; none where the frames have nothing in common anyway."""
    if len(frames) < 3:
        return []
    small = [Image.fromarray(np.ascontiguousarray(frame)).resize(_SIZE, Image.Resampling.BOX) for frame in frames]
    pictures = np.stack([np.asarray(picture) for picture in small])
    colours = _histograms(pictures)
    steps = _distance(colours[:-1], colours[1:])
    detail = gaussian_filter(pictures.mean(-1), (0, 1, 1)).reshape(len(frames), -1)
    places = []
    for step in np.flatnonzero(steps > _APART).tolist():
        others = np.sort(np.delete(steps, step))
        usual = others[int(0.8 * (len(others) - 1))]  # below the few that may be cuts as well
        before = range(max(0, step + 1 - _REACH), step + 1)
        after = range(step + 1, min(len(frames), step + 1 + _REACH))
        apart = min(float(_distance(colours[a], colours[b])) for a in before for b in after)
        if steps[step] > _OUTSTANDING * usual and apart > _APART and _likeness(detail[step], detail[step + 1]) < _ALIKE:
            places.append(int(step) + 1)
    return places if len(places) <= max(1, _MOST * len(steps)) else []


def longest(total: int, shots: Sequence[int]) -> tuple[int, int]:
    """The first and the last frame of the longest part between cuts."""
    ends = [0, *shots, total]
    first, stop = max(pairwise(ends), key=lambda part: part[1] - part[0])
    return first, stop - 1


def _histograms(pictures: UInt8[np.ndarray, "F h w 3"]) -> Float[np.ndarray, "F B"]:
    bins = pictures // (256 // _LEVELS) @ np.array([_LEVELS**2, _LEVELS, 1])
    counts = np.stack([np.bincount(picture.ravel(), minlength=_LEVELS**3) for picture in bins])
    return counts / counts.sum(1, keepdims=True)


def _distance(one: Float[np.ndarray, "*F B"], other: Float[np.ndarray, "*F B"]) -> Any:
    """The share of the colours that two pictures do not have in common: (*F), or a number for one pair."""
    return 1 - np.minimum(one, other).sum(-1)


def _likeness(one: Float[np.ndarray, " P"], other: Float[np.ndarray, " P"]) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float(one @ other / max(np.linalg.norm(one) * np.linalg.norm(other), 1e-9))
