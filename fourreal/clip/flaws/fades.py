"""Fades: frames at an end that are black, or on the way to or from it."""

import numpy as np
from jaxtyping import Bool, UInt8

from fourreal.clip.flaws.looks import grey

WIDTH = 64  # pixels at which frames are compared
FADED = 0.75  # of the usual contrast, under which a frame at an end is black or fades
RAMP = 0.5  # at most this share of a clip fades


def faded(frames: UInt8[np.ndarray, "F H W 3"]) -> Bool[np.ndarray, " F"]:
    """Which frames at the ends are black or on the way to or from black or white."""
    contrast = grey(frames, WIDTH).std(axis=(1, 2))
    weak = contrast < FADED * np.median(contrast)
    out = np.zeros(len(frames), bool)
    for order in (slice(None), slice(None, None, -1)):
        run, levels = int(np.argmin(weak[order])) if not weak.all() else 0, contrast[order]
        # towards the end of a fade contrast rises from frame to frame; a plain view at an end does not
        if 0 < run <= RAMP * len(frames) and levels[0] < 0.5 * np.median(contrast):
            while run < len(frames) - 1 and levels[run] < 0.97 * levels[run + 1]:
                run += 1  # the last of it, nearly as strong as the rest
            out[order][:run] = True
    return out
