"""What is wrong with the order of frames: fades at the ends, hard cuts, frames that are repeated."""

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

WIDTH = 64  # pixels at which frames are compared
FADED = 0.75  # of the usual contrast, under which a frame at an end is black or fades
RAMP = 0.5  # at most this share of a clip fades
JUMP = 2.5  # times the usual step
FAR = 22.0  # grey levels from a frame to the next, of a cut
APART = 0.35  # correlation of two frames, under which they show something else
SCATTERED = 0.2  # share of the steps that look like cuts, from which on the views are scattered and none is one
REPEATED = 0.12  # of the usual step, under which a frame is the one before again
NOISE = 0.5  # grey levels by which compression changes it
SHARE = (0.08, 0.75)  # of the frames that are repeated where a rate was raised


def small_grey(frames: UInt8[np.ndarray, "F H W 3"]) -> Float[np.ndarray, "F h w"]:
    size = (WIDTH, max(8, round(frames.shape[1] * WIDTH / frames.shape[2])))
    return np.stack([
        np.asarray(Image.fromarray(f).convert("L").resize(size, Image.Resampling.BOX), np.float32) for f in frames
    ])  # fmt: skip


def faded(grey: Float[np.ndarray, "F h w"]) -> Bool[np.ndarray, " F"]:
    """Which frames at the ends are black or on the way to or from black or white."""
    contrast = grey.std(axis=(1, 2))
    weak = contrast < FADED * np.median(contrast)
    out = np.zeros(len(grey), bool)
    for order in (slice(None), slice(None, None, -1)):
        run, levels = int(np.argmin(weak[order])) if not weak.all() else 0, contrast[order]
        # towards the end of a fade contrast rises from frame to frame; a plain view at an end does not
        if 0 < run <= RAMP * len(grey) and levels[0] < 0.5 * np.median(contrast):
            while run < len(grey) - 1 and levels[run] < 0.97 * levels[run + 1]:
                run += 1  # the last of it, nearly as strong as the rest
            out[order][:run] = True
    return out


def cuts(grey: Float[np.ndarray, "F h w"]) -> list[int]:
    """The first frame after each hard cut."""
    step = np.abs(np.diff(grey, axis=0)).mean(axis=(1, 2))
    if len(step) < 3:
        return []
    flat = grey.reshape(len(grey), -1)
    flat = flat - flat.mean(1, keepdims=True)
    flat = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    likeness = (flat[1:] * flat[:-1]).sum(1)
    far = (step > FAR) & (step > JUMP * np.median(step)) & (likeness < APART)
    return [] if far.mean() > SCATTERED else [int(i) + 1 for i in far.nonzero()[0]]


def repeated(grey: Float[np.ndarray, "F h w"]) -> Bool[np.ndarray, " F"]:
    """Which frames are the one before once more, in a clip whose rate was raised by repeating some."""
    step = np.abs(np.diff(grey, axis=0)).mean(axis=(1, 2))
    if len(step) < 6:
        return np.zeros(len(grey), bool)
    usual = np.median(step[step >= np.quantile(step, 0.4)])
    same = np.append(False, step < min(NOISE, REPEATED * usual))
    # a camera that pauses, or a subject that rests, stands for long; repeats come between frames that differ
    run = same[1:] & np.append(same[2:], False) & np.append(False, same[1:-1])
    spread = SHARE[0] <= same.mean() <= SHARE[1] and run.mean() < 0.1
    return same if spread else np.zeros(len(grey), bool)
