"""The reference video's moments seen from where a frame of the freeze-time video was taken, drawn and written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fourreal.errors import UserError
from fourreal.progress import CancelToken, Event, ignore
from fourreal.scene.scene4d import Scene4D
from fourreal.scene.views import draw
from fourreal.whole import writing

MOST = 1000  # pictures; their names have three digits


@dataclass(frozen=True)
class ReferenceVideo:
    """The reference video that a scene was made from: how many frames it has, and its (width, height) in pixels."""

    frames: int
    size: tuple[int, int]

    @classmethod
    def of(cls, manifest: dict, scene: Scene4D) -> "ReferenceVideo":
        """What a run's manifest says of it; where it says nothing, what the scene itself was made with."""
        inputs = manifest.get("inputs")
        video = inputs.get("reference") if isinstance(inputs, dict) else None
        frames, size = (video.get(name) if isinstance(video, dict) else None for name in ("frames", "size"))
        if not (isinstance(size, list) and len(size) == 2 and all(type(side) is int and side > 0 for side in size)):
            size = scene.reference.size
        return cls(frames if type(frames) is int and frames > 0 else scene.frames, (size[0], size[1]))


def even_frames(frames: int, count: int) -> list[int]:
    """`count` evenly spread ones of a video's frames, first and last among them; some twice where it has fewer."""
    return np.linspace(0, frames - 1, count).round().astype(int).tolist()


def render_moments(
    scene: Scene4D,
    reference: ReferenceVideo,
    frame: int,
    folder: Path,
    times: int | None = None,
    progress: Callable[[Event], None] = ignore,
    cancel: CancelToken | None = None,
) -> list[Path]:
    """Write `folder`/000.png, 001.png and so on: what the camera of a freeze-time frame sees.

    frame: number in the freeze-time video's file. times: how many pictures, at even times of the reference video's
    frames and of its size; one for each of them if None.

    Raises:
        UserError: the frame was not placed, too many or no pictures are asked for, or the folder cannot be written.
    """
    count = reference.frames if times is None else times
    if not 0 < count <= MOST:
        raise UserError(f"{count} pictures cannot be drawn: ask for 1 to {MOST} with --times.")
    camera, cancel = scene.camera(frame).resized(reference.size), cancel or CancelToken()
    written = []
    for number, moment in enumerate(even_frames(reference.frames, count)):
        cancel.check()
        path = folder / f"{number:03d}.png"
        with writing(path) as temporary:
            Image.fromarray(draw(scene, camera, moment / max(reference.frames - 1, 1))).save(temporary, format="PNG")
        written.append(path)
        progress(Event("render", number + 1, count))
    return written
