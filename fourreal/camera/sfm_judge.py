"""Whether a model that structure from motion found can be true, and which of several to believe.

The number of placed frames is no proof: mappers have placed every frame of a clip and been off by 120 degrees. Such a
model is put together from pieces that are each right. So the judge goes from frame to frame and asks of each step
whether the matches across it agree with the model, and whether the path goes on smoothly.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int, UInt8

from fourreal.settings import SfmSettings

_ACROSS = 3  # a step is judged by the links across it that span at most so many placed frames
_FEWEST_POINTS = 20
_FEWEST = 6  # frames; fewer are no path
_JUMP = 3.0  # a step that is so many times the median one, and more than _SHAKE, is a jump
_SHAKE = 3.0  # degrees a frame
# Share of the matches across a jump that lets it pass. Real clips have pauses and sudden turns: two had jumps of 20
# degrees that were true, with 0.7 to 0.8 at their weakest place.
_SURE = 0.7
_LEAST_ANGLE = 2.0  # degrees between the rays to a point; a camera that circles has 5 and more
_FLAT = 0.03  # thickness of a cloud against its width; 0.2 and more of scenes, 0.01 of a wall that slides by
_MAX_ROLL = 60.0  # degrees between the most and the least tilted camera
# A long lens that is true explains far more than a usual one: of two scenes cut down to a lens of 1.9 widths errors
# rose by 20 % and more, and the share of the matches explained fell by 0.17. Where a video does not tell, by 2 % and
# 0.01.
_WORSE, _LESS = 1.06, 0.03
_FIRM = 0.85  # share of the matches explained across the weakest step; sound clips had 0.95 and more, noisy ones 0.63
_FEW = 200  # matches between neighbouring frames, in the median; sound and noisy clips had 230 and more
_AGREE = 3.0  # degrees between two models' views of a frame; right ones of noisy clips differed by up to 1.2


@dataclass(frozen=True)
class Model:
    """What a mapper found.

    mapper: "incremental" or "global".
    frames: (R,) rising numbers of the frames it placed.
    world_to_camera: (R, 4, 4) in a frame and scale of its own. focal: in the longer side of the picture.
    points: (P, 3); colours: (P, 3) uint8 RGB. errors: (R,) mean reprojection error of each frame in pixels.
    links: (L, 2) pairs of placed frames that were matched; matches: (L,) how many; support: (L,) the share of them,
    0 to 1, that the model explains.
    angle: degrees between the rays to a point, in the median.
    miss: pixels by which a point misses the pictures, in the median.
    file: what it is called where the mapper left it.
    usual: of a long lens, the same solved with the usual focal length. focal_unclear: whether this is such a one.
    """

    mapper: str
    frames: Int[np.ndarray, " R"]
    world_to_camera: Float[np.ndarray, "R 4 4"]
    focal: float
    points: Float[np.ndarray, "P 3"]
    colours: UInt8[np.ndarray, "P 3"]
    errors: Float[np.ndarray, " R"]
    links: Int[np.ndarray, "L 2"]
    matches: Int[np.ndarray, " L"]
    support: Float[np.ndarray, " L"]
    angle: float = 90.0
    miss: float = 1.0
    file: str = ""
    usual: "Model | None" = None
    focal_unclear: bool = False

    def only(self, keep: Int[np.ndarray, " K"]) -> "Model":
        """The model with some of its frames, by their position in `frames`."""
        inside = np.isin(self.links, self.frames[keep]).all(1)
        return replace(
            self,
            frames=self.frames[keep],
            world_to_camera=self.world_to_camera[keep],
            errors=self.errors[keep],
            links=self.links[inside],
            matches=self.matches[inside],
            support=self.support[inside],
        )

    @property
    def explained(self) -> float:
        """The share of all matches between its frames that the model explains, 0 to 1."""
        return float(np.average(self.support, weights=self.matches)) if len(self.links) else 0.0

    @property
    def weakest(self) -> float:
        """The share of matches explained across the least certain step of the path, 0 to 1."""
        return float(_step_support(self).min()) if len(self.frames) > 1 else 0.0


@dataclass(frozen=True)
class Verdict:
    """model: the part of the model that can be believed, None if there is none. reason: why frames were refused."""

    model: Model | None
    reason: str = ""


def judge(model: Model, frames: int, settings: SfmSettings) -> Verdict:
    """What of `model` can be believed, for a clip of `frames` frames that were given to the mapper."""
    if model.usual is not None and unclear(model, model.usual):
        # what cannot be believed with the lens that was found is no better with another: a camera that only turns
        if (verdict := judge(replace(model, usual=None), frames, settings)).model is None:
            return verdict
        model = replace(model.usual, focal_unclear=True)
    low, high = settings.focal_range
    if not low <= model.focal <= high:
        return Verdict(None, f"its focal length of {model.focal:.2f} times the longer side of the picture is absurd")
    coherent = model.only(_believable(model, settings.min_support))
    lost = len(model.frames) - len(coherent.frames)
    reason = f"{lost} of its frames contradict the matches or jump" if lost else ""
    if len(coherent.frames) < fewest(frames, settings):
        return Verdict(None, reason or f"it placed only {len(model.frames)} of {frames} frames")
    if np.median(coherent.errors) > settings.max_reprojection:
        return Verdict(None, f"its points miss the pictures by {np.median(coherent.errors):.1f} pixels")
    if model.angle < _LEAST_ANGLE:
        return Verdict(None, f"its points are seen under {model.angle:.1f} degrees only, which tell no depth")
    if thickness(model.points) < _FLAT:
        return Verdict(None, "its points lie in a plane, which tells no depth")
    if _roll_range(coherent.world_to_camera) > _MAX_ROLL:
        return Verdict(None, "its camera rolls over")
    return Verdict(coherent, reason)


def fewest(frames: int, settings: SfmSettings) -> int:
    """How many of `frames` a model has to place."""
    return max(_FEWEST, math.ceil(settings.min_placed * frames))


def unclear(model: Model, usual: Model) -> bool:
    """Whether a video does not tell its long focal length: the usual one explains it as well.

    A shorter lens, nearer by, and another arc then show the same pictures; what is usual is less often wrong.
    """
    if not len(usual.frames) or len(usual.frames) < len(model.frames):
        return False
    return bool(np.mean(usual.errors) < _WORSE * np.mean(model.errors) and usual.explained > model.explained - _LESS)


def thickness(points: Float[np.ndarray, "P 3"]) -> float:
    """How thick a cloud is in its thinnest direction, relative to the next; 1 where there are too few points to tell.

    The tenth that is farthest from the middle has no say.
    """
    if len(points) < _FEWEST_POINTS:
        return 1.0
    centred = points - np.median(points, axis=0)
    far = np.linalg.norm(centred, axis=1)
    inner = centred[far < np.quantile(far, 0.9)]
    spread = np.linalg.svd(inner - inner.mean(0), compute_uv=False)
    return float(spread[2] / max(spread[1], 1e-12))


def thin(model: Model, frames: int) -> bool:
    """Whether it hangs together by few matches, and these partly against it or too few for some of the `frames` given.

    On a plain backdrop a symmetric subject's left can be taken for its right: of a crocodile on white, whose
    neighbouring frames share 50 to 220 matches, three frames were placed where the fourth was, or two not at all.
    """
    near = model.matches[np.abs(np.diff(model.links, axis=1)[:, 0]) == 1]
    doubtful = model.weakest < _FIRM or len(model.frames) < frames
    return bool(doubtful and len(near) and np.median(near) < _FEW)


def better(models: list[Model]) -> Model:
    """The one to use of several believable models: more frames, then the stronger weakest step.

    (Not the most matches explained: a path that is bent in one place explains nearly as many as the true one.)
    """
    return max(models, key=lambda model: (len(model.frames), model.weakest))


def agreement(a: Model, b: Model) -> float:
    """The share, 0 to 1, of the frames placed by both models on which they agree, in whatever frame of reference."""
    _, in_a, in_b = np.intersect1d(a.frames, b.frames, return_indices=True)
    if len(in_a) < 2:
        return 0.0
    # Each frame votes for the rotation between the two worlds; the best supported vote is the one they agree on.
    votes = a.world_to_camera[in_a, :3, :3].transpose(0, 2, 1) @ b.world_to_camera[in_b, :3, :3]
    return float((_angle(votes[:, None], votes[None]) < _AGREE).mean(1).max())


def _believable(model: Model, min_support: float) -> Int[np.ndarray, " K"]:
    """Positions of the frames that hang together: the longest piece of the path and what continues it."""
    coherent = np.zeros(0, np.int64)
    for piece in sorted(_pieces(model, np.arange(len(model.frames)), min_support), key=len, reverse=True):
        joined = np.sort(np.concatenate([coherent, piece]))
        if not _doubt(model.only(joined), min_support).any():
            coherent = joined
    return coherent


def _pieces(model: Model, at: Int[np.ndarray, " K"], min_support: float) -> list[Int[np.ndarray, " k"]]:
    """The positions `at` cut wherever a step cannot be true, the worst first: a false step casts doubt on those beside
    it, as their matches reach across it."""
    doubt = _doubt(model.only(at), min_support)
    if not doubt.any():
        return [at]
    cut = int(doubt.argmax()) + 1
    return _pieces(model, at[:cut], min_support) + _pieces(model, at[cut:], min_support)


def _doubt(model: Model, min_support: float) -> Float[np.ndarray, " S"]:
    """For each step from a placed frame to the next, 0 if it can be true, else how false it is (> 0)."""
    support = _step_support(model)
    gap = np.diff(model.frames)
    pose = model.world_to_camera
    turned = _angle(pose[:-1, :3, :3], pose[1:, :3, :3]) / gap
    centre = -np.einsum("fji,fj->fi", pose[:, :3, :3], pose[:, :3, 3])
    moved = np.linalg.norm(np.diff(centre, axis=0), axis=1) / gap
    far = (turned > _JUMP * np.median(turned) + _SHAKE) | (moved > 3 * _JUMP * np.median(moved)) if len(gap) else False
    return np.where((support < min_support) | (far & (support < _SURE)), 1.001 - support, 0.0)


def _step_support(model: Model) -> np.ndarray:
    """(R - 1,) the share of the matches across each step, between frames near it, that the model explains."""
    first, second = np.searchsorted(model.frames, np.sort(model.links, axis=1)).T
    step = np.arange(len(model.frames) - 1)[:, None]
    across = (second - first <= _ACROSS) & (first <= step) & (step < second)  # (R - 1, L)
    weight = across * model.matches
    return (weight * model.support).sum(1) / np.maximum(weight.sum(1), 1)


def _roll_range(poses: np.ndarray) -> float:
    """Degrees between the extreme tilts of the cameras' x axes against the level that fits them best."""
    sideways, mean = poses[:, 0, :3], -poses[:, 1, :3].mean(0)
    mean = mean / max(np.linalg.norm(mean), 1e-9)
    cost = sideways.T @ sideways / len(poses) + 1e-3 * (np.eye(3) - np.outer(mean, mean))
    return float(np.ptp(np.degrees(np.arcsin(np.clip(sideways @ np.linalg.eigh(cost)[1][:, 0], -1, 1)))))


def _angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Degrees between rotations (..., 3, 3)."""
    chord = np.linalg.norm(a - b, axis=(-2, -1)) / 8**0.5
    return np.degrees(2 * np.arcsin(np.clip(chord, 0, 1)))
