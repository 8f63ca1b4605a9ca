"""Interlaced frames: two moments woven into one picture line by line, which combs whatever moves."""

import numpy as np
from jaxtyping import UInt8

from fourreal.clip.flaws.looks import spread

FRAMES = 8  # that are looked at
MOVES = 12  # grey levels from frame to frame, of what moves
COMBED = 0.7  # how much a line differs from those beside it, in what these differ; woven moments had 1, others 0.4
FEWEST = 0.005  # of the picture must move to tell


def interlaced(frames: UInt8[np.ndarray, "F H W 3"]) -> bool:
    """Whether what moves is combed: there a line is more like the next but one than like the next."""
    ratios = []
    for i in spread(len(frames) - 1, FRAMES):
        now, before = (frames[k].mean(axis=-1, dtype=np.float32) for k in (i + 1, i))
        moves = (np.abs(now - before) > MOVES)[1:-1]
        if moves.mean() > FEWEST:
            near = np.abs(2 * now[1:-1] - now[:-2] - now[2:])[moves].mean() / 2
            ratios.append(near / max(np.abs(now[2:] - now[:-2])[moves].mean(), 0.1))
    return bool(ratios) and float(np.median(ratios)) > COMBED


def deinterlaced(frames: UInt8[np.ndarray, "F H W 3"]) -> UInt8[np.ndarray, "F H W 3"]:
    """One field of each frame, the lines between interpolated."""
    out = frames.copy()
    above, below = frames[:, 0:-1:2], frames[:, 2::2]
    count = out[:, 1::2].shape[1]
    below = np.concatenate([below, above[:, -1:]], axis=1)[:, :count] if below.shape[1] < count else below[:, :count]
    out[:, 1::2] = ((above[:, :count].astype(np.uint16) + below + 1) // 2).astype(np.uint8)
    return out
