"""Cameras from the freeze-time video by structure from motion (4Real sec. 3.3 uses COLMAP).

Two mappers run in a process that can be killed; a judge decides what of their models to believe.
"""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from PIL import Image
from torch import Tensor

from fourreal.camera import sfm_judge, worker
from fourreal.camera.cameras import Cameras, Origin
from fourreal.camera.sfm_judge import Model
from fourreal.camera.sfm_process import NO_DEPTH, Matches, options_of, read_matches, read_model, run_worker
from fourreal.camera.trajectory import interpolate
from fourreal.progress import CancelToken, Event, Progress
from fourreal.settings import SfmSettings

CLEAN = 0.6  # pixels: half of the points of clean clips miss by 0.25 to 0.45, of noisy ones by 0.8 and more
SURE = 0.8  # share of the matches that right models explain, 0.89 and more; a wrong one that looked whole had 0.66
CERTAIN = 0.9  # share of the matches that is explained where those that lie within a pixel can be believed
LEAST_SHARP = 0.5  # share of its points that a model keeps which was adjusted to a pixel
MOST_ENLARGED = 2  # times its size a small picture is looked at


@dataclass(frozen=True)
class Sfm:
    """What structure from motion gives.

    cameras: one a frame of the clip, at the clip's size; those not placed are interpolated.
    placed: (R,) rising numbers of the frames that were placed.
    points: (P, 3) in the cameras' world; colours: (P, 3) RGB in [0, 1].
    errors: (R,) mean reprojection error of each placed frame, in pixels at the size that was worked at.
    """

    cameras: Cameras
    placed: Int[Tensor, " R"]
    points: Float[Tensor, "P 3"]
    colours: Float[Tensor, "P 3"]
    errors: Float[Tensor, " R"]


@dataclass(frozen=True)
class Look:
    """What came of looking at the frames in one way.

    model, origin: None where nothing can be believed; then `problem` says why. matches: None where the time was up
    before. size: (width, height) that was worked at. in_time: whether the mappers ended.
    """

    model: Model | None
    origin: Origin | None
    problem: str
    matches: Matches | None
    size: tuple[int, int]
    in_time: bool

    def doubtful(self, frames: int) -> bool:
        """Whether looking at the `frames` more closely may help."""
        return self.model is None or sfm_judge.thin(self.model, frames)


class SfmFailed(Exception):
    """No model can be believed. The message says why; `matches` is what was found before."""

    def __init__(self, reason: str, matches: Matches | None):
        super().__init__(reason)
        self.matches = matches


def reconstruct(
    frames: UInt8[np.ndarray, "F H W 3"],
    settings: SfmSettings,
    progress: Progress,
    cancel: CancelToken,
    beside: UInt8[np.ndarray, "B h w 3"] | None = None,
) -> Sfm:
    """Cameras of all frames and sparse points.

    beside: pictures of the same scene from elsewhere, which help where the frames leave a gap.

    Raises SfmFailed where no model can be believed, Cancelled where the person stops. The same frames give about the
    same result: COLMAP's matches differ a little as its threads run.
    """
    index = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), settings.max_frames)).round().astype(int))

    def look(rich: bool) -> Look:
        return _look(frames[index], index, settings, progress, cancel, beside, rich)

    best = look(rich=False)
    shown = best.matches is not None and best.matches.without_depth <= NO_DEPTH
    if best.doubtful(len(index)) and best.in_time and shown:
        progress(Event("cameras", message="Few features were found again; looking more closely."))
        richer = look(rich=True)
        if richer.model and (best.model is None or sfm_judge.better([best.model, richer.model]) is richer.model):
            best = richer
    if best.model is None or best.origin is None:
        hurry = "" if best.in_time else f" (stopped after {settings.timeout_seconds:g} seconds, the time limit)"
        raise SfmFailed(best.problem + hurry, best.matches)
    return _result(best.model, best.origin, index, len(frames), best.size, (frames.shape[2], frames.shape[1]))


def _look(
    frames: UInt8[np.ndarray, "F H W 3"],
    index: Int[np.ndarray, " F"],
    settings: SfmSettings,
    progress: Progress,
    cancel: CancelToken,
    beside: UInt8[np.ndarray, "B h w 3"] | None,
    rich: bool,
) -> Look:
    """Both mappers, and once more with a long lens where what they found is doubtful. index: the frames' numbers."""
    side = settings.rich_side if rich else settings.max_side
    small, around = at_side(frames, side), None if beside is None else at_side(beside, side)
    size = (small.shape[2], small.shape[1])
    with tempfile.TemporaryDirectory(prefix="fourreal-sfm-") as folder:
        sharpen = partial(sharpened, Path(folder), frames=small, settings=settings, cancel=cancel)
        looks: list[Look] = []
        for lens in (None, settings.second_lens):
            in_time = run_worker(Path(folder), small, settings, progress, cancel, around, lens, rich)
            models = [read_model(path, max(size)) for path in sorted(Path(folder).glob("*-*[0-9].npz"))]
            matches = read_matches(Path(folder) / "matches.npz", index, size)
            looks.append(Look(*choose(models, len(small), settings, sharpen), matches, size, in_time))
            model = looks[-1].model
            if (model and model.explained >= SURE) or not in_time or matches is None or not matches.tell:
                break
    return max(looks, key=lambda look: look.model.explained if look.model else 0.0)


def choose(
    models: list[Model], frames: int, settings: SfmSettings, sharpen: Callable[[Model], Model] = lambda model: model
) -> tuple[Model | None, Origin | None, str]:
    """The model to use with its origin, or (None, None, why there is none).

    frames: how many were given to the mappers. sharpen: what is done with the one that was chosen.
    """
    verdicts = [sfm_judge.judge(model, frames, settings) for model in models]
    refused = "; ".join(
        f"{model.mapper} mapping placed {len(model.frames)} of {frames} frames, but {verdict.reason}"
        for model, verdict in zip(models, verdicts, strict=True)
        if verdict.model is None
    )
    good = [verdict.model for verdict in verdicts if verdict.model is not None]
    if not good:
        return None, None, refused or "no frames could be placed"
    best = sharpen(sfm_judge.better(good))
    others = [model for model in good if model.mapper != best.mapper]
    # How far to trust it: what it placed and explained, and whether the other mapper, which works quite differently,
    # came to the same.
    if others:
        shared = max(sfm_judge.agreement(best, other) for other in others)
        trust, witness = 0.3 + 0.7 * shared, f"the other mapper agrees on {shared:.0%} of them"
    else:
        trust, witness = 0.6, "only one mapper found a believable path"
    confidence = round(trust * len(best.frames) / frames * best.explained, 2)
    note = (
        f"{len(best.frames)} of {frames} frames placed, reprojection error {np.mean(best.errors):.1f} px, "
        f"{best.explained:.0%} of the matches explained; {witness}."
    )
    if best.focal_unclear:
        note += " Its focal length cannot be told from the video; "
        note += f"{best.focal:.2g} times the picture's longer side is taken."
    return best, Origin(f"{best.mapper} sfm", confidence, note + (f" Refused: {refused}." if refused else "")), ""


def sharpened(
    folder: Path, model: Model, *, frames: UInt8[np.ndarray, "F H W 3"], settings: SfmSettings, cancel: CancelToken
) -> Model:
    """The model adjusted to what it sees to a pixel; as it was where that leaves too little to stand on.

    Where points miss by more than that anyway, as in what a video model makes, or many matches are wrong, only a
    broad look is right.
    """
    if model.miss > CLEAN or model.explained < CERTAIN:
        return model
    options = options_of(len(frames), settings) | {"sharpen": model.file}
    (folder / "options.json").write_text(json.dumps(options), encoding="utf-8")
    worker.run("fourreal.camera.sfm_worker", folder, settings.timeout_seconds / 3, cancel, options["threads"])
    if not (path := folder / f"{model.file}.sharp.npz").exists():  # it aborted, or the time was up
        return model
    sharp = replace(read_model(path, max(frames.shape[1:3])), mapper=model.mapper, focal_unclear=model.focal_unclear)
    good = sfm_judge.judge(sharp, len(frames), settings).model
    if good is None or len(good.frames) < len(model.frames) or len(good.points) < LEAST_SHARP * len(model.points):
        return model
    return good


def at_side(frames: UInt8[np.ndarray, "F H W 3"], side: int) -> UInt8[np.ndarray, "F h w 3"]:
    """Frames of the same shape to within a pixel, whose longer side is `side`, or twice what it was if that is less.

    Features are found more surely in small pictures that were enlarged: an upright crop of 162x288 pixels was off by
    tens of degrees as it was, by 0.2 enlarged.
    """
    height, width = frames.shape[1:3]
    goal = min(side, MOST_ENLARGED * max(height, width))
    scale = goal / max(height, width)
    if scale == 1:
        return frames
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    way = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC
    return np.stack([np.asarray(Image.fromarray(frame).resize(size, way)) for frame in frames])


def fill(world_to_camera: Float[Tensor, "R 4 4"], placed: Int[Tensor, " R"], frames: int) -> Float[Tensor, "F 4 4"]:
    """Poses of all `frames` frames from those of the `placed` ones: between two interpolated, beyond the ends carried
    on by the last step."""
    right = torch.searchsorted(placed, torch.arange(frames)).clamp(1, len(placed) - 1)
    weight = (torch.arange(frames) - placed[right - 1]) / (placed[right] - placed[right - 1])
    return torch.cat(
        [
            interpolate(world_to_camera[r - 1], world_to_camera[r], w[None])
            for r, w in zip(right.tolist(), weight.to(world_to_camera), strict=True)
        ]
    )


def _result(
    model: Model, origin: Origin, index: np.ndarray, frames: int, worked: tuple[int, int], size: tuple[int, int]
) -> Sfm:
    placed = torch.from_numpy(index[model.frames]).long()
    poses = fill(torch.from_numpy(model.world_to_camera), placed, frames).float()
    focal = model.focal * max(worked)
    intrinsics = torch.tensor([focal, focal, worked[0] / 2, worked[1] / 2])
    points = torch.from_numpy(model.points).float()
    colours = torch.from_numpy(model.colours).float() / 255
    cameras = Cameras(poses, intrinsics, worked, origin).resized(size)
    return Sfm(cameras, placed, points, colours, torch.from_numpy(model.errors).float())
