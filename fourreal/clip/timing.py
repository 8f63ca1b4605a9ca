"""Uneven frame rates onto a constant one."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from jaxtyping import Int

FALLBACK_FPS = 25.0  # what decoders assume of a stream without timestamps


def constant_rate(
    times: Sequence[float | None], nominal: Fraction | None, max_frames: int
) -> tuple[Int[np.ndarray, " K"], float]:
    """Which of F frames to show at each tick of a constant rate, and that rate in frames a second.

    times: when each frame is shown, in seconds. nominal: the rate that the file states.

    Frames that lie within a quarter of a step of even spacing are taken once each (containers round to milliseconds).
    Otherwise the rate is that of the usual step, so that most frames appear once, and each tick takes the frame
    nearest in time: a pause becomes repeats, a burst loses frames. Beyond `max_frames` ticks counting stops at
    `max_frames` + 1, for the caller to refuse.
    """
    stated = float(nominal or 0)
    every = np.arange(len(times))
    at = np.array([time for time in times if time is not None])
    if len(times) < 2 or len(at) < len(times) or np.any(np.diff(at) <= 0):
        return every, stated or FALLBACK_FPS
    at = at - at[0]
    even = (len(at) - 1) / at[-1]
    if np.abs(at * even - every).max() < 0.25:
        return every, stated if abs(stated - even) < 0.01 * even else float(even)
    steps = np.diff(at)
    usual = np.median(steps)
    step = float(steps[np.abs(steps - usual) < 0.25 * usual].mean())
    ticks = np.arange(min(int(at[-1] / step + 0.5), max_frames) + 1) * step
    return np.searchsorted((at[1:] + at[:-1]) / 2, ticks), 1 / step
