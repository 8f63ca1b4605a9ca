"""A scene's score against videos of the same motion, each from where a frame of the freeze-time video was taken.

The truth is seen from the run's own camera of that frame, so nothing has to be known of any camera.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image
from scipy.ndimage import binary_dilation
from torch import Tensor

from fourreal import clip
from fourreal.errors import UserError
from fourreal.evaluate.metrics import psnr
from fourreal.evaluate.score import mean
from fourreal.progress import CancelToken, Event, ignore
from fourreal.scene.moments import even_frames
from fourreal.scene.scene4d import Scene4D

MOMENTS = 12  # of the video, evenly spread over its frames
MOVES = 0.08  # a pixel whose colour is further than this from its median over time, in some channel, moves
MARGIN = 2  # pixels, square, around what moves
FEWEST = 50  # pixels; of fewer that move no figure is taken


@dataclass(frozen=True)
class OtherView:
    """video: a file or a folder of pictures. frame: the freeze-time frame with its camera, a number in that file."""

    video: Path
    frame: int


def score_views(
    scene: Scene4D,
    views: Sequence[OtherView],
    progress: Callable[[Event], None] = ignore,
    cancel: CancelToken | None = None,
) -> dict[str, dict[str, float | None]]:
    """PSNR in dB of each view by its video's name without ending, or by its path where two have one name.

    `psnr`: of whole pictures; `moving`: of what moves; `static_psnr`, `static_moving`: of the scene without its motion.
    Each is the mean over the moments, None where hardly anything moves in any of them.

    Raises:
        UserError: a frame was not placed, a video cannot be read or has one frame, or one is named twice. Cancelled:
            on request.
    """
    cancel, names = cancel or CancelToken(), named(views)
    cameras = [scene.camera(view.frame) for view in views]
    videos = [truth(view.video, camera.size) for view, camera in zip(views, cameras, strict=True)]
    still, scores = scene.static(), {}
    for number, (name, camera, video) in enumerate(zip(names, cameras, videos, strict=True)):
        values: dict[str, list[float]] = {key: [] for key in ("psnr", "moving", "static_psnr", "static_moving")}
        usual, last = np.median(video, axis=0), len(video) - 1
        for frame in even_frames(len(video), MOMENTS):
            cancel.check()
            true, where = torch.from_numpy(video[frame]), moving(video[frame], usual)
            for prefix, shown in (("", scene), ("static_", still)):
                seen = shown.render(camera, frame / last).colour.clamp(0, 1).cpu()
                values[f"{prefix}psnr"].append(psnr(seen, true))
                if where.sum() > FEWEST:
                    values[f"{prefix}moving"].append(psnr(seen, true, where))
        scores[name] = {key: mean(figures) for key, figures in values.items()}
        progress(Event("evaluate", number + 1, len(views)))
    return scores


def named(views: Sequence[OtherView]) -> list[str]:
    """What to call each in the scores."""
    stems = Counter(view.video.stem for view in views)
    names = [str(view.video) if stems[view.video.stem] > 1 else view.video.stem for view in views]
    if len(set(names)) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise UserError(f"{twice} is given twice as another view: name each video once.")
    return names


def truth(path: Path, size: tuple[int, int]) -> Float[np.ndarray, "F H W 3"]:
    """The video in [0, 1] at `size` = (width, height).

    Its colours are read and its pixels averaged in the plainest way, as programs do that compare methods: finer ways
    change PSNR by a tenth of a decibel.
    """
    frames = clip.read(path, quick_colours=True).frames
    if len(frames) < 2:
        raise UserError(f"{path.name} is one picture: give a video of the motion with --other-view.")
    small = [np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BOX)) for frame in frames]
    return np.stack(small).astype(np.float32) / 255


def moving(picture: Float[np.ndarray, "H W 3"], usual: Float[np.ndarray, "H W 3"]) -> Bool[Tensor, "H W"]:
    """Where a picture of a video differs from its `usual` one, with a margin."""
    apart = np.abs(picture - usual).max(axis=-1) > MOVES
    return torch.from_numpy(binary_dilation(apart, np.ones((2 * MARGIN + 1,) * 2)))
