"""Scores of candidates: which video is worth picking, and why, in words. The person decides.

All are cheap (seconds on a CPU) but `coverage`, which finds the cameras and takes up to a minute.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from scipy.ndimage import gaussian_filter, laplace

from fourreal.camera.layout import azimuths, scene_centre, world_up
from fourreal.camera.match import find_frozen_frame, moving_camera, still_camera
from fourreal.camera.subject import frozen_subject
from fourreal.clip.value import Clip, sample_indices
from fourreal.errors import UserError
from fourreal.progress import CancelToken, ignore
from fourreal.settings import SfmSettings
from fourreal.video.conditioning import fitted
from fourreal.video.steady import steadiness

Role = Literal["reference", "freeze"]
Frames = UInt8[np.ndarray, "F H W 3"]
_WIDTH = 320  # pixels at which pictures are compared
_MOST_FRAMES = 48  # that are looked at
_MOST_UNSEEN = 0.2  # of all weights, for a total that says something
_LEFT = 0.3  # of the total where something vital is missing
_ENOUGH_ARC = 180.0  # degrees; the paper's reach


@dataclass(frozen=True)
class Score:
    """One aspect of one candidate.

    value: what was measured, in the unit of its sentence. good: 0 (useless) to 1 (as good as it gets). weight: how much
    it counts. vital: without it the rest is worth little. sure: whether
    it could be seen at all; else `good` is a guess that only keeps the order.
    """

    name: str
    value: float
    good: float
    weight: float
    sentence: str
    vital: bool = False
    sure: bool = True


@dataclass(frozen=True)
class Scored:
    """A candidate's place. index: which of those given. total: 0 to 1. reasons: sentences, the most telling first.

    judged: whether the total means something: all that is vital could be seen, and most of the rest.
    """

    index: int
    total: float
    reasons: tuple[str, ...]
    scores: tuple[Score, ...]
    judged: bool = True


@dataclass(frozen=True, eq=False)
class Candidate:
    """A video to be judged.

    picked: the frame that a freeze-time video was to start from, of any size, if known. arc: degrees that its camera
    was commanded to go around, if it was.
    """

    clip: Clip
    picked: UInt8[np.ndarray, "_ _ 3"] | None = None
    arc: float | None = None
    extra: tuple[Score, ...] = ()


def rank(candidates: Sequence[Candidate], role: Role) -> list[Scored]:
    """The candidates, best first. `extra` scores (of `coverage`, say) count along with the cheap ones."""
    return order([(*judge(candidate, role), *candidate.extra) for candidate in candidates])


def order(judged: Sequence[tuple[Score, ...]]) -> list[Scored]:
    """Candidates by their scores, best first, wherever these come from: judging is slow, ordering is not."""
    out = []
    for index, scores in enumerate(judged):
        weight = sum(score.weight for score in scores)
        total = sum(score.good * score.weight for score in scores) / max(weight, 1e-9)
        total *= prod(_LEFT + (1 - _LEFT) * score.good for score in scores if score.vital)
        costly = sorted(scores, key=lambda score: (score.good - 1) * score.weight)  # what it loses most by
        unseen = [score for score in scores if not score.sure]
        sure = bool(scores) and not any(score.vital for score in unseen)
        sure &= sum(score.weight for score in unseen) <= _MOST_UNSEEN * weight
        out.append(Scored(index, total, tuple(score.sentence for score in costly), tuple(scores), sure))
    return sorted(out, key=lambda scored: (-scored.total, scored.index))


def judge(candidate: Candidate, role: Role) -> tuple[Score, ...]:
    """The cheap scores of a candidate for one part or the other."""
    whole, frames = candidate.clip.frames, candidate.clip.sampled(_MOST_FRAMES).frames
    if role == "reference":
        return (_camera_stands(frames), _something_happens(frames), *_steady(whole), sharpness(frames, None))
    picked = candidate.picked
    scores = (_camera_goes(frames, candidate.arc), _subject_stands(whole), *_steady(whole), sharpness(frames, picked))
    return scores if picked is None else (*scores, agreement(frames, picked))


# --- The reference video's camera stands, its subject moves -----------------------------------------------------


def _camera_stands(frames: Frames) -> Score:
    motion = moving_camera(frames)
    return Score("camera", motion.put, _between(motion.put, 0.1, 0.5), 4.0, motion.sentence, vital=True)


def _something_happens(frames: Frames) -> Score:
    """Share of the picture that changes, where the camera stands; where it goes, all of it does, and says nothing."""
    grey = _grey(frames[sample_indices(len(frames), 12)])
    changed = float((np.ptp(gaussian_filter(grey, (0, 1, 1)), axis=0) > 20).mean())
    words = "Hardly anything moves." if changed < 0.01 else f"{changed:.0%} of the picture is in motion at some time."
    return Score("motion", changed, _between(changed, 0.0, 0.03), 1.0, words)


# --- The freeze-time video's camera goes around, its subject stands ---------------------------------------------


def _camera_goes(frames: Frames, arc: float | None) -> Score:
    motion = still_camera(frames)
    if arc and not motion.moves:  # on a plain floor nothing shows where the camera is
        sentence = (
            f"The camera was told to go {arc:.0f} degrees around; the picture is too plain to show whether it did."
        )
        return Score("camera", 1 - motion.put, 0.5, 4.0, sentence, vital=True, sure=False)
    return Score("camera", 1 - motion.put, _between(1 - motion.put, 0.4, 0.85), 4.0, motion.sentence, vital=True)


def _subject_stands(frames: Frames) -> Score:
    """Verdicts of `camera.subject`: still scenes had a share of up to 0.004, moving ones 0.010 and more."""
    subject = frozen_subject(frames)
    good = 0.5 if subject.moves is None else _between(-subject.share, -0.02, -0.004)
    return Score("subject", subject.share, good, 3.0, subject.sentence, sure=subject.moves is not None)


def agreement(frames: Frames, picked: UInt8[np.ndarray, "_ _ 3"]) -> Score:
    """How well the video shows the picked frame, where it is most like it: PSNR in dB, after small warps and tints."""
    size = (frames.shape[2], frames.shape[1])
    goal = fitted(picked, size)
    try:
        match = find_frozen_frame(goal[None], frames)
    except UserError:
        return Score("agreement", 0.0, 0.0, 3.0, "It does not show the picked frame anywhere.")
    a, b = (gaussian_filter(_grey(x[None])[0], 1.0) for x in (goal, frames[match.freeze_reference_index]))
    decibels = float(10 * np.log10(255**2 / max(float(((a - b) ** 2).mean()), 1e-2)))
    good = _between(match.score, 0.65, 0.97) * (0.5 + 0.5 * _between(decibels, 20, 34))
    words = f"Its frame {match.freeze_reference_index} shows the picked frame, at {decibels:.0f} dB."
    return Score("agreement", decibels, good, 2.0, words)


def coverage(clip: Clip, cancel: CancelToken | None = None, settings: SfmSettings | None = None) -> tuple[Score, ...]:
    """How far around the camera goes and how well its path can be found. Takes up to a minute."""
    from fourreal.camera.estimate import estimate_cameras

    try:
        estimate = estimate_cameras(clip.frames, settings or SfmSettings(), ignore, cancel or CancelToken())
    except UserError as error:
        return (Score("coverage", 0.0, 0.0, 4.0, f"Its cameras cannot be found. {error}"),)
    centre, up = scene_centre(estimate.cameras, estimate.points), world_up(estimate.cameras)
    at = azimuths(estimate.cameras, centre, up, estimate.cameras[0])
    degrees, share = float((at.max() - at.min()).rad2deg()), len(estimate.registered) / len(clip)
    guessed = estimate.origin.method == "orbit prior"
    sure = estimate.origin.confidence * (0.5 if guessed else 1.0)
    return (
        Score(
            "coverage",
            degrees,
            _between(degrees, 0, _ENOUGH_ARC),
            3.0,
            f"The camera goes {degrees:.0f} degrees around{', as a guess' if guessed else ''}.",
        ),
        Score("placed", share, sure * share, 2.0, f"{share:.0%} of its frames could be placed. {estimate.origin.note}"),
    )


# --- Both -------------------------------------------------------------------------------------------------------


def _steady(frames: Frames) -> tuple[Score, ...]:
    """Rendered orbits jerked by 0.32 to 0.45 pixels of 320 and flickered by 0.3 to 0.5 grey levels; the same warped and
    flickering as generated ones are by 0.75 to 0.9 and 1.1."""
    motion = steadiness(frames)
    if motion is None:
        words = "Too plain to tell how steady it is."
        return (Score("steady", 0.0, 0.0, 2.0, words, sure=False),)
    jerk = "smoothly" if motion.jerk < 0.55 else "in jolts"
    flicker = "is even" if motion.flicker < 0.7 else "flickers"
    return (
        Score(
            "steady", motion.jerk, _between(-motion.jerk, -1.2, -0.3), 2.0, f"It moves {jerk} ({motion.jerk:.2f} px)."
        ),
        Score(
            "light",
            motion.flicker,
            _between(-motion.flicker, -2.0, -0.3),
            1.0,
            f"Its light {flicker} ({motion.flicker:.1f} grey levels).",
        ),
    )


def sharpness(frames: Frames, picked: UInt8[np.ndarray, "_ _ 3"] | None) -> Score:
    """Fine detail of the least sharp frames against that of the picked frame, or of the sharpest."""
    levels = detail(frames)
    best = levels.max() if picked is None else detail(fitted(picked, frames.shape[2:0:-1])[None])[0]
    share = float(np.quantile(levels, 0.2) / max(float(best), 1e-6))
    words = f"It {'stays sharp' if share > 0.5 else 'gets blurred'} ({share:.0%} of the detail at its worst)."
    return Score("sharpness", share, _between(share, 0.2, 0.7), 1.5, words)


def detail(frames: Frames) -> Float[np.ndarray, " F"]:
    """How much fine detail each frame has, in grey levels."""
    return np.array([laplace(gaussian_filter(grey, 0.5)).std() for grey in _grey(frames)])


def _grey(frames: Frames) -> Float[np.ndarray, "F h w"]:
    size = (_WIDTH, max(32, round(frames.shape[1] * _WIDTH / frames.shape[2])))
    small = [Image.fromarray(frame).convert("L").resize(size, Image.Resampling.BOX) for frame in frames]
    return np.stack([np.asarray(image, dtype=np.float64) for image in small])


def _between(value: float | int, bad: float | int, fine: float | int) -> float:
    """0 at `bad` or beyond, 1 at `fine` or beyond."""
    return float(np.clip((value - bad) / (fine - bad), 0, 1))
