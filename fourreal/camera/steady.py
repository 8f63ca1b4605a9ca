"""Whether a camera stands as still as a tripod, sways in a hand or travels: by corners that are followed."""

from itertools import pairwise

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from fourreal.camera.tracks import Pyramid, corners, follow, pyramid

WIDTH = 256  # pixels at which it is looked
FRAMES = 12  # that are looked at for sway
PAIRS = 16  # frames of which neighbours are compared
STAYS = 0.4  # pixels within which a corner has stayed
CORNERS = 300
FEWEST = 8  # corners followed, from which anything is told
NEAR = 0.6  # pixels: a corner this close to where a motion takes it goes along
TRIALS = 300
MOST = 0.5  # of the corners go along with the picture where the camera sways; a subject seldom has so many
SPREAD = 0.5  # of the picture's width and height over which these lie
TWICE = 2.0  # so many times as many as stay where they were


def staying(frames: UInt8[np.ndarray, "F H W 3"]) -> float | None:
    """The share, 0 to 1, of the corners that are in the next frame where they were, in the median frame.

    None where too little can be followed to tell. Of cameras that travel around a frozen scene it was 0.08 at most, of
    cameras on a tripod 0.5 and more, 0.2 where a subject before a plain wall holds nearly all corners.
    """
    pictures = _pictures(frames, PAIRS)
    shares = []
    for picture, following in pairwise(pictures):
        start = corners(picture[0], CORNERS)
        if len(start) >= FEWEST:
            at, sure = follow(picture, following, start)
            gone = np.hypot(*(at - start)[sure].T)
            shares.append(float((gone < STAYS).mean()) if sure.sum() >= FEWEST else 0.0)
    return float(np.median(shares)) if shares else None


def sways(frames: UInt8[np.ndarray, "F H W 3"]) -> bool:
    """Whether the picture goes to and fro as a whole; False where too little can be followed to tell.

    It does where one shift, turn and zoom explains far more corners, all over the picture, than standing still does.
    A subject that moves leaves corners of the background where they were, or has none beside it.
    """
    pictures = _pictures(frames, FRAMES)
    size = np.array(pictures[0][0].shape[::-1])
    middle = len(pictures) // 2
    start = corners(pictures[middle][0], CORNERS)
    verdicts = []
    for number, picture in enumerate(pictures):
        if number != middle and len(start) >= FEWEST:
            at, sure = follow(pictures[middle], picture, start)
            if sure.sum() >= FEWEST:
                verdicts.append(_together(start[sure], at[sure], size))
    return bool(verdicts) and float(np.mean(verdicts)) > 0.5


def _pictures(frames: UInt8[np.ndarray, "F H W 3"], most: int) -> list[Pyramid]:
    height = max(16, round(frames.shape[1] * WIDTH / frames.shape[2]))
    index = np.unique(np.linspace(0, len(frames) - 1, most).round().astype(int))
    return [_pyramid(frames[i], height) for i in index]


def _pyramid(frame: UInt8[np.ndarray, "H W 3"], height: int) -> Pyramid:
    small = Image.fromarray(frame).convert("L").resize((WIDTH, height), Image.Resampling.BOX)
    return pyramid(np.asarray(small, dtype=np.float64))


def _together(start: Float[np.ndarray, "N 2"], end: Float[np.ndarray, "N 2"], size: np.ndarray) -> bool:
    """Whether most points go along with one similarity, and few stay."""
    random = np.random.default_rng(0)
    a, b = (x[:, 0] + 1j * x[:, 1] for x in (start, end))  # a similarity of the plane: b = s a + t
    first, second = random.integers(len(a), size=(2, TRIALS))
    far = np.abs(a[first] - a[second]) > 0.2 * WIDTH
    first, second = first[far], second[far]
    turn = (b[first] - b[second]) / (a[first] - a[second])
    usual = np.abs(np.abs(turn) - 1) < 0.2
    turn, first = turn[usual], first[usual]
    if not len(turn):
        return False
    shift = b[first] - turn * a[first]
    near = np.abs(turn[:, None] * a + shift[:, None] - b) < NEAR
    best = near[near.sum(1).argmax()]
    spread = (np.ptp(start[best], axis=0) / size).min() if best.any() else 0.0
    still = (np.abs(a - b) < NEAR).sum()
    return bool(best.mean() > MOST and spread > SPREAD and best.sum() > TWICE * still)
