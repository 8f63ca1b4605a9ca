"""Interlaced frames: two moments woven into one picture line by line, which combs whatever moves."""

import numpy as np
from jaxtyping import Bool, Float, UInt8

from fourreal.clip.flaws.looks import spread

RUNS, RUN = 5, 5  # so often so many frames in a row are looked at, as woven ones come in a rhythm of five
ACROSS = 512  # pixels of a line that are looked at
MOVES = 12  # grey levels from frame to frame, of what moves
# How much a line differs from those beside it, in what these differ: woven moments had 0.5 to 4, mere noise 0.87,
# others 0.2 to 0.5. So a video must have frames that are surely combed; then those are that likely are.
SURE, COMBED = 0.95, 0.7
FEWEST = 0.005  # of the picture must move to tell
SOME = 0.25  # of the frames that tell: of a film brought to television's rate two in five are woven


def interlaced(frames: UInt8[np.ndarray, "F H W 3"]) -> bool:
    """Whether what moves is combed, at least in some frames: there a line is more like the next but one than like the
    next."""
    begins = spread(max(1, len(frames) - RUN), RUNS)
    ratios = _ratios(frames, sorted({i for begin in begins for i in range(begin, min(begin + RUN, len(frames) - 1))}))
    tell = ratios[~np.isnan(ratios)]
    return bool(len(tell)) and float((tell > SURE).mean()) > SOME


def combed(frames: UInt8[np.ndarray, "F H W 3"]) -> Bool[np.ndarray, " F"]:
    """Which frames are; the first is taken to be as the second is."""
    woven = _ratios(frames, list(range(len(frames) - 1))) > COMBED
    return np.concatenate([woven[:1], woven])


def _ratios(frames: UInt8[np.ndarray, "F H W 3"], places: list[int]) -> Float[np.ndarray, " K"]:
    """Of the frame after each place, how much a line differs from those beside it; NaN where too little moves."""
    step = 1 + frames.shape[2] // ACROSS
    ratios = np.full(len(places), np.nan)
    for number, i in enumerate(places):
        now, before = (frames[k, :, ::step].mean(axis=-1, dtype=np.float32) for k in (i + 1, i))
        moves = (np.abs(now - before) > MOVES)[1:-1]
        if moves.mean() > FEWEST:
            near = np.abs(2 * now[1:-1] - now[:-2] - now[2:])[moves].mean() / 2
            ratios[number] = near / max(np.abs(now[2:] - now[:-2])[moves].mean(), 0.1)
    return ratios


def deinterlaced(frames: UInt8[np.ndarray, "F H W 3"]) -> UInt8[np.ndarray, "F H W 3"]:
    """One field of each frame, the lines between interpolated."""
    out = frames.copy()
    above, below = frames[:, 0:-1:2], frames[:, 2::2]
    count = out[:, 1::2].shape[1]
    below = np.concatenate([below, above[:, -1:]], axis=1)[:, :count] if below.shape[1] < count else below[:, :count]
    out[:, 1::2] = ((above[:, :count].astype(np.uint16) + below + 1) // 2).astype(np.uint8)
    return out
