"""Longer freeze-time videos: on at the end and back before the start, window by window (4Real app. A).

As nothing moves in a freeze-time video, going back is going on with the video reversed. The frames that a
window begins with stay as they are, to the bit, and the new ones are tinted as those were (`conditioning.settled`), so
errors do not pile up.

A finished window is a safetensors file named by all that made it, the frames that it begins with included. It holds
plain pixels: an MP4 would lose a little each time, and what follows is made from these pictures.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import UInt8
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from fourreal.clip.value import Clip
from fourreal.errors import UserError, of
from fourreal.progress import CancelToken, Event, Progress, ignore
from fourreal.video.conditioning import Conditioning
from fourreal.video.freeze_time import FreezeTime, around
from fourreal.video.model import VideoModel
from fourreal.video.prompt import NEGATIVE
from fourreal.whole import whole

Side = Literal["left", "right"]
Frames = UInt8[np.ndarray, "N H W 3"]


@dataclass(frozen=True)
class How:
    """What every window of an extension is asked with. folder: where windows are kept; None keeps none."""

    prompt: str
    negative: str = NEGATIVE
    seed: int = 0
    steps: int | None = None
    guidance: float | int | None = None
    folder: Path | None = None

    @property
    def payload(self) -> dict[str, Any]:
        """All of it that decides what comes out."""
        return {name: value for name, value in vars(self).items() if name != "folder"}


@dataclass(frozen=True, eq=False)
class Extended:
    """video: what came of it. done: the sides in the order of their windows. reasons: why it went no further."""

    video: FreezeTime
    done: tuple[Side, ...] = ()
    reasons: tuple[str, ...] = ()


def extend(
    model: VideoModel,
    video: FreezeTime,
    how: How,
    sides: Iterable[Side],
    *,
    judge: Callable[[FreezeTime, FreezeTime, Side], str] = lambda before, after, side: "",
    enough: Callable[[FreezeTime], str] = lambda video: "",
    progress: Progress = ignore,
    cancel: CancelToken | None = None,
) -> Extended:
    """`video` with a window added on each of `sides` in turn; its frames stay as they are.

    judge: given the video before and after a window, says what is wrong with it, or "". Then the window is left out and
        that side is done.
    enough: says why no more windows are needed, or "".

    Windows that are on the disk already are not made again, so an extension that was stopped goes on where it was.
    Raises UserError where the video does not suit the model, and Cancelled.
    """
    cancel = cancel or CancelToken()
    sides, out, closed = list(sides), Extended(video), set()
    model.capabilities.check_size(video.clip.size)
    for number, side in enumerate(sides):
        if reason := enough(out.video):
            return replace(out, reasons=(*out.reasons, reason))
        if side in closed:
            continue
        cancel.check()
        progress(Event("extend", number, len(sides), message=f"Adding frames on the {side}."))
        longer = add_window(model, out.video, how, side, progress, cancel)
        if trouble := judge(out.video, longer, side):
            closed.add(side)
            out = replace(out, reasons=(*out.reasons, of(f"No further on the {side}", trouble)))
        else:
            out = replace(out, video=longer, done=(*out.done, side))
    progress(Event("extend", len(sides), len(sides)))
    reason = enough(out.video)
    return replace(out, reasons=(*out.reasons, reason) if reason else out.reasons)


def add_window(
    model: VideoModel, video: FreezeTime, how: How, side: Side, progress: Progress, cancel: CancelToken
) -> FreezeTime:
    """The video with one window more at its right (later) or left (earlier) end."""
    forward = video if side == "right" else _reversed(video)
    overlap, new = _window(model, len(forward.clip))
    context = forward.clip[len(forward.clip) - overlap :]
    turn = _turn(forward)
    name = _name(model, how, context, new, turn)
    frames = _read(how.folder, name, (new, *context.frames.shape[1:]))
    if frames is None:
        path = None
        if model.capabilities.cameras and turn is not None:
            path = around(torch.arange(overlap + new) * turn, context.size, forward.rig)
        clip = model.generate(
            how.prompt,
            negative=how.negative,
            conditioning=Conditioning(context, tuple(range(overlap))),
            cameras=path,
            frames=overlap + new,
            size=context.size,
            fps=context.fps,
            seed=int(name[:8], 16),
            steps=how.steps,
            guidance=how.guidance,
            progress=progress,
            cancel=cancel,
        )
        frames = clip.frames[overlap:]
        _write(how.folder, name, frames, {"side": side, "model": model.identity, "prompt": how.prompt})
    clip = Clip(np.concatenate([forward.clip.frames, frames]), video.clip.fps)
    angles = None
    if turn is not None and forward.angles is not None:
        angles = torch.cat([forward.angles, forward.angles[-1] + torch.arange(1, new + 1) * turn])
    longer = FreezeTime(clip, angles, forward.canonical, forward.rig)
    return longer if side == "right" else _reversed(longer)


def alternating(windows: int) -> list[Side]:
    """On both sides in turn, `windows` times altogether: the picked frame stays in the middle."""
    return [("right", "left")[number % 2] for number in range(windows)]


def _reversed(video: FreezeTime) -> FreezeTime:
    angles = None if video.angles is None else video.angles.flip(0)
    return FreezeTime(video.clip[::-1], angles, len(video.clip) - 1 - video.canonical, video.rig)


def _window(model: VideoModel, length: int) -> tuple[int, int]:
    """Given and new frames; of a video too short for the usual, as many given as the grid allows."""
    overlap, new = model.capabilities.window
    step = model.capabilities.frame_step
    if length < overlap:
        overlap = (length - 1) // step * step + 1
        new = model.capabilities.nearest_frames(overlap + new) - overlap
    return overlap, new


def _turn(video: FreezeTime) -> float | None:
    """Radians a frame at the end of the video, with their sign."""
    if video.angles is None or len(video.angles) < 2:
        return None
    return float(video.angles[-1] - video.angles[-2])


def _name(model: VideoModel, how: How, context: Clip, new: int, turn: float | None) -> str:
    """A window's name: a digest of all that decides what is in it."""
    made_by = {
        "model": model.identity,
        **how.payload,
        "new": new,
        "fps": context.fps,
        "shape": context.frames.shape,
        "turn": None if turn is None else round(turn, 6),
    }
    digest = hashlib.sha256(json.dumps(made_by, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(context.frames).tobytes())
    return digest.hexdigest()[:32]


def _read(folder: Path | None, name: str, shape: tuple[int, ...]) -> Frames | None:
    """A window that was made before; None where there is none, or not all of it."""
    if folder is None:
        return None
    try:
        frames = load_file(folder / f"window-{name}.safetensors")["frames"]
    except (FileNotFoundError, SafetensorError, KeyError):
        return None
    return frames if frames.shape == shape and frames.dtype == np.uint8 else None


def _write(folder: Path | None, name: str, frames: Frames, metadata: dict[str, str]) -> None:
    """Whole or not at all."""
    if folder is None:
        return
    path = folder / f"window-{name}.safetensors"
    try:
        with whole(path, path.with_suffix(".part")) as part:
            save_file({"frames": np.ascontiguousarray(frames)}, part, metadata)
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"{path.name} could not be kept: {error}. Free some space and extend again; it goes on from there."
        ) from error
