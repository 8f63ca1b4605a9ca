"""Fades and flashes: frames that are black or white, or on the way to or from it."""

import numpy as np
from jaxtyping import Bool, UInt8

from fourreal.clip.flaws.looks import grey

WIDTH = 64  # pixels at which frames are compared
FADED = 0.75  # a frame at an end with less than this share of the usual contrast is black or fades
RAMP = 0.5  # at most this share of a clip fades
BLANK = 0.5  # of the usual contrast, that a flash or a black frame has at most
GLARE = 40.0  # levels of brightness by which it is off the frames beside
MOMENT = 0.1, 3  # share of a clip, or frames, that such a moment lasts at most


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


def blank(frames: UInt8[np.ndarray, "F H W 3"]) -> Bool[np.ndarray, " F"]:
    """Which frames amid the clip are all but blank for a moment: in a flash, or black."""
    pictures = grey(frames, WIDTH)
    contrast, brightness = pictures.std(axis=(1, 2)), pictures.mean(axis=(1, 2))
    weak = contrast < BLANK * np.median(contrast)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], weak, [False]]).astype(int)))
    out = np.zeros(len(frames), bool)
    for start, stop in edges.reshape(-1, 2):
        if 0 < start < stop < len(frames) and stop - start <= max(MOMENT[0] * len(frames), MOMENT[1]):
            beside = brightness[[start - 1, stop]]
            out[start:stop] = np.abs(brightness[start:stop, None] - beside).min() > GLARE
    return out
