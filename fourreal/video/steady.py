"""How evenly a video moves and is lit, whatever its camera does: corners followed through four frames.

A camera on a path has hardly any third difference of positions, and what it looks at hardly any second difference of
brightness. Pictures that a model made anew for each frame have both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from fourreal.camera.tracks import Pyramid, corners, follow, pyramid

_WIDTH, _WINDOWS, _CORNERS, _FEWEST, _REACH = 320, 8, 120, 15, 4


@dataclass(frozen=True)
class Steadiness:
    """jerk: third difference of positions, in pixels of 320. flicker: second one of brightness, in grey levels."""

    jerk: float
    flicker: float


def steadiness(frames: UInt8[np.ndarray, "F H W 3"]) -> Steadiness | None:
    """None where too little can be followed, or there are fewer than four frames."""
    at: Callable[[int], Pyramid] = cache(lambda frame: pyramid(_grey(frames[frame])))
    jerks, flickers = [], []
    if len(frames) < 4:
        return None
    for now in np.unique(np.linspace(1, len(frames) - 3, _WINDOWS).astype(int)).tolist():
        here = corners(at(now)[0], _CORNERS)
        if len(here) < _FEWEST:
            continue
        before, seen = follow(at(now), at(now - 1), here)
        after, still = follow(at(now), at(now + 1), here)
        last, yet = follow(at(now + 1), at(now + 2), after)
        where = seen & still & yet
        if where.sum() < _FEWEST:
            continue
        third = (last - 3 * after + 3 * here - before)[where]
        jerks.append(float(np.median(np.hypot(*third.T))))
        light = [_brightness(at(now + step)[0], place[where]) for step, place in ((-1, before), (0, here), (1, after))]
        flickers.append(abs(float(np.median(light[0] - 2 * light[1] + light[2]))))
    return Steadiness(float(np.mean(jerks)), float(np.mean(flickers))) if jerks else None


def _brightness(grey: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Means around points."""
    offsets = np.arange(-_REACH, _REACH + 1)
    x = (points[:, :1].round().astype(int) + offsets).clip(0, grey.shape[1] - 1)
    y = (points[:, 1:].round().astype(int) + offsets).clip(0, grey.shape[0] - 1)
    return grey[y[:, :, None], x[:, None, :]].mean((1, 2))


def _grey(frame: UInt8[np.ndarray, "H W 3"]) -> np.ndarray:
    height = max(48, round(frame.shape[0] * _WIDTH / frame.shape[1]))
    return np.asarray(Image.fromarray(frame).convert("L").resize((_WIDTH, height), Image.Resampling.BOX), np.float64)
