"""Does the subject of a freeze-time video stand still, while the camera moves?

Corners of a rigid scene obey the epipolar geometry of any two frames; what moves by itself mostly does not. So corners
are followed through windows of three frames, the geometry of the first and last is estimated robustly, and what
violates it is counted: near the middle of the picture, where a subject is, and only where neighbours violate it alike,
as single violations are slips of the matching.

What moves along its epipolar line cannot be seen so, and a camera that circles around the subject makes these lines
nearly level: a subject that merely walks straight on may pass as still. Before a background without depth the geometry
is open, and may explain one motion of the subject; then nothing is said in its favour.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from fourreal.camera.subject_path import stray
from fourreal.camera.tracks import Pyramid, corners, follow, pyramid

_WIDTH = 320  # pixels at which the frames are compared
_WINDOWS = 20  # of three frames
_POINTS, _FEWEST = 400, 50  # corners in a window; with fewer left it says nothing
_FLOW = 6.0  # pixels that the picture should move between two frames of a window
_STANDS = 0.4  # pixels between them under which the camera stands still and there is no geometry to violate
_HYPOTHESES = 300
_OFF, _SPREADS = 0.7, 5.0  # a violation is off by as many pixels, and as many standard deviations of all corners
_NEAR, _AGREE = 32.0, 0.5  # neighbours lie within so many pixels, and are off by the same to within this share
_MIDDLE = (0.6, 0.85)  # of half the width and height: where a subject is looked for
# Share of the corners in the middle. 13 frozen films had up to 0.006, warped and swaying ones and what a video model
# made of a picture among them; 7 in which a subject moves 0.012 (a fox that slowly turns its head) to 0.08 (a dancer).
_MOVES, _UNSURE = 0.010, 0.006
# How far a thing on a plain floor strays from a smooth path: 21 that stood still by up to 0.006 while the camera went
# up to half a circle, and 6 by up to 0.015 once around; 5 that hopped by 0.036 and more. Of 12 that slid or circled
# none strayed further than those that stood, so a smooth path says nothing in favour of the subject.
_STRAYS = 0.02
_FLAT = 0.8  # share of the corners in one plane; circling cameras saw at most 0.6 (median over the windows)


@dataclass(frozen=True)
class SubjectMotion:
    """Whether the subject of a freeze-time video moves.

    moves: the verdict; None where it cannot be told. share: of what could be followed in the middle of the picture, the
    part that moves by itself, 0 to 1; of a plain picture how far its one thing strays, see `subject_path.stray`.
    sentence: the verdict for people.
    """

    moves: bool | None
    share: float
    sentence: str


def frozen_subject(frames: UInt8[np.ndarray, "F H W 3"]) -> SubjectMotion:
    """The verdict on a freeze-time video, in which nothing but the camera should move."""
    windows = _windows(frames)
    if windows is None:
        return SubjectMotion(None, 0.0, "Whether the subject stands still cannot be told, as the camera hardly moves.")
    if len(windows) < 3:
        strayed = stray(frames)
        if strayed is not None and strayed >= _STRAYS:
            return SubjectMotion(
                True,
                strayed,
                f"The subject of the freeze-time video moves: it strays from a smooth path by {strayed:.1%} of the "
                'picture. Pick a video in which nothing but the camera moves, or add "frozen in time, nobody moves" '
                "to the prompt.",
            )
        return SubjectMotion(
            None,
            strayed or 0.0,
            "Whether the subject stands still cannot be told: too little of the picture can be followed from frame to "
            "frame. Look at the video yourself: nothing but the camera should move.",
        )
    shares, flat = np.array(windows).T
    # Without its highest tenth: whoever moves does so in more than one place of the video.
    share = float(np.sort(shares)[: len(shares) - max(1, len(shares) // 10)].mean())
    if share >= _MOVES:
        return SubjectMotion(
            True,
            share,
            f"Something in the middle of the freeze-time video moves by itself ({share:.1%} of what can be followed "
            "there), but the subject should be frozen. Pick a video in which nothing but the camera moves, or add "
            '"frozen in time, nobody moves" to the prompt.',
        )
    if float(np.median(flat)) > _FLAT:
        return SubjectMotion(
            None,
            share,
            "Whether the subject stands still cannot be told: the picture hardly shows any depth. Look at the video "
            "yourself: nothing but the camera should move.",
        )
    if share >= _UNSURE:
        return SubjectMotion(
            None,
            share,
            f"The subject of the freeze-time video may move a little ({share:.1%} of what can be followed near the "
            "middle). Look at the video yourself: nothing but the camera should move.",
        )
    return SubjectMotion(False, share, "The subject stands still: what can be followed moves with the camera alone.")


def _windows(frames: UInt8[np.ndarray, "F H W 3"]) -> list[tuple[float, float]] | None:
    """For each window that can be judged the share that moves and the share in one plane; None where nothing moves."""
    if len(frames) < 3:
        return None
    at: Callable[[int], Pyramid] = cache(lambda frame: pyramid(_grey(frames[frame])))
    step = _step(frames, at)
    if step is None:
        return None
    random = np.random.default_rng(0)
    windows = []
    for start in np.unique(np.linspace(0, len(frames) - 1 - 2 * step, _WINDOWS).astype(int)).tolist():
        pictures = [at(start + number * step) for number in range(3)]
        points = corners(pictures[0][0], _POINTS)
        middle, seen = follow(pictures[0], pictures[1], points)
        last, still_seen = follow(pictures[1], pictures[2], middle)
        where = seen & still_seen
        if where.sum() >= _FEWEST:
            paths = [points[where], middle[where], last[where]]
            windows.append((_share(paths, pictures[0][0].shape, random), _flat(paths[0], paths[2], random)))
    return windows


def _step(frames: np.ndarray, at: Callable[[int], Pyramid]) -> int | None:
    """Frames between two of a window, so that the picture moves enough; None where it never does."""
    gap, flows = max(1, len(frames) // 33), []
    for start in np.linspace(0, len(frames) - 1 - gap, 6).astype(int).tolist():
        points = corners(at(start)[0], 150)
        end, seen = follow(at(start), at(start + gap), points)
        if seen.sum() >= 10:
            flows.append(np.quantile(np.hypot(*(end - points)[seen].T), 0.75))
    if not flows:
        return gap
    most = max(1, (len(frames) - 1) // 4)
    step = int(np.clip(round(gap * _FLOW / max(float(np.median(flows)), 1e-3)), 1, most))
    return None if float(np.median(flows)) * step / gap < _STANDS else step


def _share(paths: list[Float[np.ndarray, "N 2"]], shape: tuple[int, ...], random: np.random.Generator) -> float:
    """The share of the corners in the middle that violate the geometry together with neighbours."""
    first, second, last = paths
    whole = _violation(first, last, random)
    limit = max(_OFF, _SPREADS * _spread(whole))
    halves = [np.abs(_violation(a, b, random)) > 0.3 * limit for a, b in ((first, second), (second, last))]
    off = (np.abs(whole) > limit) & (halves[0] | halves[1])
    size = np.array([shape[1], shape[0]])
    middle = (np.abs(second - size / 2) < size / 2 * _MIDDLE).all(1)
    return float((_together(first, whole, off) & middle).sum() / max(int(middle.sum()), 20))


def _together(
    points: Float[np.ndarray, "N 2"], violation: Float[np.ndarray, " N"], off: Bool[np.ndarray, " N"]
) -> Bool[np.ndarray, " N"]:
    """Which of those that are off have, among the six corners nearest to them, two that are off in the same way."""
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    nearest = distance.argsort(1)[:, 1:7]
    alike = np.abs(violation[nearest] - violation[:, None]) < _AGREE * np.abs(violation[:, None])
    near = np.take_along_axis(distance, nearest, 1) < _NEAR
    return off & ((near & alike & off[nearest]).sum(1) >= 2)


def _flat(a: Float[np.ndarray, "N 2"], b: Float[np.ndarray, "N 2"], random: np.random.Generator) -> float:
    """The share of the pairs that one homography explains to within a pixel."""
    x, y, scale = _centred(a, b)
    picks = random.random((_HYPOTHESES, len(a))).argsort(1)[:, :4]
    here, there = x[picks], y[picks]
    none = np.zeros_like(here)
    rows = [
        np.concatenate(r, -1) for r in ((here, none, -there[..., :1] * here), (none, here, -there[..., 1:2] * here))
    ]
    moved = x @ np.swapaxes(_least(np.concatenate(rows, -2)), -1, -2)
    depth = np.where(np.abs(moved[..., 2:]) < 1e-9, 1e-9, moved[..., 2:])
    miss = np.linalg.norm(moved[..., :2] / depth - y[:, :2], axis=-1) / scale
    return float((miss < 1.0).mean(-1).max())


def _centred(
    a: Float[np.ndarray, "N 2"], b: Float[np.ndarray, "N 2"]
) -> tuple[Float[np.ndarray, "N 3"], Float[np.ndarray, "N 3"], float]:
    """Homogeneous points about the origin and about 1 from it (Hartley 1997), and the scale that did it."""
    both = np.concatenate([a, b])
    centre = both.mean(0)
    scale = float(np.sqrt(2) / max(np.linalg.norm(both - centre, axis=1).mean(), 1e-9))
    x, y = (np.concatenate([(p - centre) * scale, np.ones((len(p), 1))], 1) for p in (a, b))
    return x, y, scale


def _least(rows: Float[np.ndarray, "*K R 9"]) -> Float[np.ndarray, "*K 3 3"]:
    """The unit matrix that rows of equations bring nearest to zero."""
    return np.linalg.eigh(np.swapaxes(rows, -1, -2) @ rows)[1][..., 0].reshape(*rows.shape[:-2], 3, 3)


def _violation(
    a: Float[np.ndarray, "N 2"], b: Float[np.ndarray, "N 2"], random: np.random.Generator
) -> Float[np.ndarray, " N"]:
    """By how many pixels, with a sign, each pair is off the epipolar geometry that most of them share."""
    x, y, scale = _centred(a, b)
    picks = random.random((_HYPOTHESES, len(a))).argsort(1)[:, :8]
    guesses = _fundamental(x[picks], y[picks], np.ones(picks.shape))
    off = _sampson(guesses, x, y) / scale
    cost = lambda miss: np.minimum(np.abs(miss), 1.0).mean(-1)
    best = off[cost(off).argmin()]
    for _ in range(10):  # reweighted by how far off they are
        weight = 1 / (1 + (best / (1.5 * max(_spread(best), 0.1))) ** 2)
        better = _sampson(_fundamental(x, y, weight), x, y) / scale
        if cost(better) >= cost(best) - 1e-4:
            break
        best = better
    return best


def _fundamental(
    x: Float[np.ndarray, "*K N 3"], y: Float[np.ndarray, "*K N 3"], weight: Float[np.ndarray, "*K N"]
) -> Float[np.ndarray, "*K 3 3"]:
    """F of rank two with y F x nearest to zero (the eight-point algorithm)."""
    rows = (y[..., :, None] * x[..., None, :]).reshape(*x.shape[:-1], 9) * weight[..., None]
    u, s, v = np.linalg.svd(_least(rows))
    s[..., 2] = 0
    return u @ (s[..., None] * v)


def _sampson(
    f: Float[np.ndarray, "*K 3 3"], x: Float[np.ndarray, "N 3"], y: Float[np.ndarray, "N 3"]
) -> Float[np.ndarray, "*K N"]:
    """Signed distances of pairs to the geometry, to first order (Sampson 1982)."""
    there, back = x @ np.swapaxes(f, -1, -2), y @ f
    slope = (there[..., :2] ** 2).sum(-1) + (back[..., :2] ** 2).sum(-1)
    return (y * there).sum(-1) / np.sqrt(np.maximum(slope, 1e-12))


def _spread(values: Float[np.ndarray, " N"]) -> float:
    """The standard deviation, as the bulk of the values has it."""
    return 1.4826 * float(np.median(np.abs(values)))


def _grey(frame: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "h w"]:
    height = max(48, round(frame.shape[0] * _WIDTH / frame.shape[1]))
    small = Image.fromarray(frame).convert("L").resize((_WIDTH, height), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32)
