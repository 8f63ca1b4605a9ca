"""The truth of a scene for clips made from its own: frames dropped, doubled or added, other sizes or colours."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from fourreal import clip
from fourreal.clip import Clip
from fourreal.evaluate.ground_truth import GroundTruth

SIDE = 64  # pixels of the longer side at which frames are told apart
STRANGE = 0.1  # mean difference of colours in [0, 1], from which on a frame is none of the scene's


def harmed_truth(truth: GroundTruth, reference: Path, freeze: Path) -> GroundTruth:
    """What the scene says of the frames of two videos made from its own.

    A video with as many frames as the scene's is taken to have the same; else each of its frames is the scene's frame
    that looks most like it. Held-out views keep their cameras; their times become those of the changed reference video.

    Raises:
        UserError: a video cannot be read.
    """
    shown, shows = same_frames(truth.reference, reference)
    views = [
        replace(true, view=replace(true.view, time=moved(true.view.time, shown, shows, len(truth.reference))))
        for true in truth.views
    ]
    frames, _ = same_frames(truth.freeze, freeze)
    cameras = replace(truth.cameras, freeze=truth.cameras.freeze[frames.tolist()])
    return GroundTruth(cameras, tuple(views), truth.reference[shown], truth.freeze[frames])


def same_frames(original: Clip, path: Path) -> tuple[Int[np.ndarray, " F"], Float[np.ndarray, " F"]]:
    """For each of the F frames of a video the original's frame that it shows, and whether it shows one: 1.0 or 0.0."""
    small = clip.read(path, max_side=SIDE)
    if len(small) == len(original):
        return np.arange(len(original)), np.ones(len(original))
    whole = original.resized(small.size).frames.astype(np.float32) / 255
    apart = np.stack([np.abs(whole - frame.astype(np.float32) / 255).mean((1, 2, 3)) for frame in small.frames])
    return apart.argmin(axis=1), (apart.min(axis=1) < STRANGE).astype(float)


def moved(time: float, shown: Int[np.ndarray, " F"], shows: Float[np.ndarray, " F"], frames: int) -> float:
    """A time of the original of so many `frames`, in [0, 1], in the video that shows the frames `shown` of it."""
    numbers = np.arange(len(shown))[shows > 0]
    originals = np.unique(shown[shows > 0])
    middles = [numbers[shown[shows > 0] == frame].mean() for frame in originals]  # of a frame and its doubles
    return float(np.interp(time * (frames - 1), originals, middles)) / max(len(shown) - 1, 1)
