"""When an extension has gone far enough, and when it had better stop: for `extend.extend`."""

from collections.abc import Callable

import numpy as np

from fourreal.camera.subject import frozen_subject
from fourreal.video.freeze_time import FreezeTime
from fourreal.video.score import coverage, detail
from fourreal.video.steady import steadiness

# A camera that goes around shows less or more detail as it goes; the sharpest and the least sharp frames of rendered
# orbits differed by 0.55 to 0.76.
_BLURRED = 0.4
_JOLTED = 1.6  # pixels of 320; warped clips had 0.9 at most
_TAIL = 17  # frames at the grown end that are looked at


def trouble(before: FreezeTime, after: FreezeTime, side: str) -> str:
    """What is wrong with the window that was added on `side`, in words; "" if nothing is."""
    frames = after.clip.frames if side == "right" else after.clip.frames[::-1]
    tail = np.ascontiguousarray(frames[-_TAIL:])
    new = len(after.clip) - len(before.clip)
    levels, usual = detail(tail[-new:]), float(np.median(detail(before.clip.frames)))
    if float(np.median(levels)) < _BLURRED * usual:
        return f"it gets blurred ({np.median(levels) / max(usual, 1e-6):.0%} of the detail there was)."
    steady = steadiness(tail)
    if steady is not None and steady.jerk > _JOLTED:
        return f"it does not move smoothly any more (jolts of {steady.jerk:.1f} px)."
    subject = frozen_subject(tail)
    return subject.sentence if subject.moves else ""


def far_enough(arc: float | int, measure: bool = False) -> Callable[[FreezeTime], str]:
    """Says so once a video goes `arc` degrees around.

    The degrees are the commanded ones; where nothing was commanded and `measure` is set they are found from the
    pictures, at up to a minute a time. Else it never says so, and the number of windows decides.
    """

    def check(video: FreezeTime) -> str:
        degrees = video.degrees
        if degrees is None and measure:
            degrees = next((score.value for score in coverage(video.clip) if score.name == "coverage"), 0.0)
        done = degrees is not None and degrees >= arc - 0.5
        return f"The camera goes {degrees:.0f} degrees around." if done else ""

    return check
