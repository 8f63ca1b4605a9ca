"""Cameras from the freeze-time video by structure from motion (4Real sec. 3.3 uses COLMAP).

Two mappers run in a process that can be killed; a judge decides what of their models to believe.
"""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from PIL import Image
from torch import Tensor

from fourreal.camera import sfm_judge, worker
from fourreal.camera.cameras import Cameras, Origin
from fourreal.camera.sfm_judge import Model
from fourreal.camera.trajectory import interpolate
from fourreal.progress import CancelToken, Event, Progress
from fourreal.settings import SfmSettings
from fourreal.system import processors

# Share of the frame pairs that a turn on the spot or a zoom explains, above which there is no depth to find. Generated
# clips with real parallax had up to 0.34, a mere pan 1.0.
NO_DEPTH = 0.8

STAGES = {
    "features": "Finding features",
    "matches": "Matching frames",
    "global": "Placing cameras, all at once",
    "incremental": "Placing cameras, one by one",
}


@dataclass(frozen=True)
class Matches:
    """Points found again: in frame `links[i, 0]` at `first`, in frame `links[i, 1]` at `second`.

    links: (M, 2) frame numbers, one row a match. first, second: (M, 2) pixels of images of `size` (width, height),
    pixel centres at +0.5. without_depth: share of the frame pairs, 0 to 1, that a mere turn of the camera explains.
    """

    links: Int[np.ndarray, "M 2"]
    first: Float[np.ndarray, "M 2"]
    second: Float[np.ndarray, "M 2"]
    size: tuple[int, int]
    without_depth: float


@dataclass(frozen=True)
class Sfm:
    """What structure from motion gives.

    cameras: one a frame of the clip, at the clip's size; those not placed are interpolated.
    placed: (R,) rising numbers of the frames that were placed.
    points: (P, 3) in the cameras' world; colours: (P, 3) RGB in [0, 1].
    errors: (R,) mean reprojection error of each placed frame, in pixels at the width that was worked at.
    """

    cameras: Cameras
    placed: Int[Tensor, " R"]
    points: Float[Tensor, "P 3"]
    colours: Float[Tensor, "P 3"]
    errors: Float[Tensor, " R"]


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

    Raises SfmFailed where no model can be believed, Cancelled where the person stops. The same frames give the same
    result.
    """
    index = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), settings.max_frames)).round().astype(int))
    small = shrink(frames[index], settings.max_width)
    size = (small.shape[2], small.shape[1])
    with tempfile.TemporaryDirectory(prefix="fourreal-sfm-") as folder:
        around = None if beside is None else shrink(beside, settings.max_width)
        in_time = run_worker(Path(folder), small, settings, progress, cancel, around)
        models = [_read_model(path, size[0]) for path in sorted(Path(folder).glob("*-*[0-9].npz"))]
        matches = _read_matches(Path(folder) / "matches.npz", index, size)
    model, origin, problem = choose(models, len(small), settings)
    if model is None or origin is None:
        hurry = "" if in_time else f" (stopped after {settings.timeout_seconds:g} seconds, the time limit)"
        raise SfmFailed(problem + hurry, matches)
    return _result(model, origin, index, len(frames), size, (frames.shape[2], frames.shape[1]))


def choose(models: list[Model], frames: int, settings: SfmSettings) -> tuple[Model | None, Origin | None, str]:
    """The model to use with its origin, or (None, None, why there is none). `frames`: given to the mappers."""
    verdicts = [sfm_judge.judge(model, frames, settings) for model in models]
    refused = "; ".join(
        f"{model.mapper} mapping placed {len(model.frames)} of {frames} frames, but {verdict.reason}"
        for model, verdict in zip(models, verdicts, strict=True)
        if verdict.model is None
    )
    good = [verdict.model for verdict in verdicts if verdict.model is not None]
    if not good:
        return None, None, refused or "no frames could be placed"
    best = sfm_judge.better(good)
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
        note += f" Its focal length cannot be told from the video; {best.focal:.2g} picture widths are taken."
    return best, Origin(f"{best.mapper} sfm", confidence, note + (f" Refused: {refused}." if refused else "")), ""


def run_worker(
    folder: Path,
    frames: UInt8[np.ndarray, "F H W 3"],
    settings: SfmSettings,
    progress: Progress,
    cancel: CancelToken,
    beside: UInt8[np.ndarray, "B h w 3"] | None = None,
) -> bool:
    """Runs `sfm_worker` on `folder`; False if the time was up first. Models finished until then stay there.

    Raises Cancelled, and RuntimeError where the worker broke before it had compared the frames.
    """
    np.save(folder / "frames.npy", frames)
    np.save(folder / "beside.npy", frames[:0] if beside is None else beside)
    options: dict[str, Any] = {
        "seed": settings.seed,
        "threads": processors(),
        "peak_threshold": settings.peak_threshold,
        "overlap": settings.overlap,
        "focal_range": settings.focal_range,
        "long": settings.long_focal,
        "usual": settings.usual_focal,
        "mapper_seconds": max(1, int(settings.timeout_seconds / 3)),
    }
    (folder / "options.json").write_text(json.dumps(options), encoding="utf-8")
    done = -1

    def look() -> None:
        nonlocal done
        finished = [stage for stage in STAGES if (folder / f"{stage}.done").exists()]
        if len(finished) > done:
            done = len(finished)
            busy = next((text for stage, text in STAGES.items() if stage not in finished), "")
            progress(Event("cameras", done, len(STAGES), message=busy))

    code = worker.run("fourreal.camera.sfm_worker", folder, settings.timeout_seconds, cancel, options["threads"], look)
    if code not in (0, worker.KILLED) and not (folder / "matches.npz").exists():
        raise RuntimeError(f"structure from motion broke off: {worker.log_of(folder).strip().splitlines()[-1:]}")
    return code != worker.KILLED


def shrink(frames: UInt8[np.ndarray, "F H W 3"], width: int) -> UInt8[np.ndarray, "F h w 3"]:
    """Frames no wider than `width`, of the same shape to within a pixel."""
    height_in, width_in = frames.shape[1:3]
    if width_in <= width:
        return frames
    size = (width, max(1, round(height_in * width / width_in)))
    return np.stack([np.asarray(Image.fromarray(f).resize(size, Image.Resampling.LANCZOS)) for f in frames])


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
    focal = model.focal * worked[0]
    intrinsics = torch.tensor([focal, focal, worked[0] / 2, worked[1] / 2])
    points = torch.from_numpy(model.points).float()
    colours = torch.from_numpy(model.colours).float() / 255
    cameras = Cameras(poses, intrinsics, worked, origin).resized(size)
    return Sfm(cameras, placed, points, colours, torch.from_numpy(model.errors).float())


def _read_model(path: Path, width: int) -> Model:
    with np.load(path, allow_pickle=False) as file:
        values = {name: file[name] for name in file.files}
    plain = {"focal": float(values["focal"]) / width, "angle": float(values["angle"])}
    usual = path.with_suffix(".usual.npz")
    other = _read_model(usual, width) if usual.exists() else None
    return Model(mapper=path.stem.split("-")[0], **values | plain, usual=other)


def _read_matches(path: Path, index: np.ndarray, size: tuple[int, int]) -> Matches | None:
    if not path.exists():  # the time was up before
        return None
    with np.load(path, allow_pickle=False) as file:
        links, flat = file["links"], float(file["without_depth"])
        each = np.repeat(index[links[:, :2]], links[:, 2], axis=0)
        return Matches(each, file["first"].astype(float), file["second"].astype(float), size, flat)
