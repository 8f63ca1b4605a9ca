"""A picked freeze-time video made as long as it is to be, kept as a file of its own."""

import json
import shutil
from dataclasses import asdict, dataclass, replace
from math import ceil
from pathlib import Path

import torch

from fourreal import clip
from fourreal.progress import CancelToken, Event, Progress, ignore
from fourreal.settings import ClipLimits
from fourreal.video import shelf
from fourreal.video.capabilities import Rig
from fourreal.video.extend import How, alternating, extend
from fourreal.video.freeze_time import FreezeTime
from fourreal.video.one_model import Choice, OneModel
from fourreal.video.score import coverage
from fourreal.video.shelf import StoredCandidate
from fourreal.video.until import far_enough, trouble
from fourreal.whole import writing


@dataclass(frozen=True)
class Goal:
    """arc: degrees that the camera shall go. windows: at most so many are added, on both sides in turn."""

    arc: float | int = 180.0
    windows: int = 12

    def room(self, model: Choice, frames: int) -> int:
        """How many windows a video of `frames` frames may get: one that is too long could not be read again."""
        new = model.entry.capabilities.window[1]
        return max(0, min(self.windows, (ClipLimits().max_frames - frames) // new))

    def first_arc(self, model: Choice, frames: int | None) -> float:
        """Degrees to command of the first video, of `frames` frames, so that with all windows the arc is reached."""
        able = model.entry.capabilities
        frames = frames or able.native_frames
        steps = frames - 1
        return float(self.arc) * steps / (steps + able.window[1] * self.room(model, frames))


def lengthen(
    picked: StoredCandidate,
    goal: Goal,
    how: How,
    choice: Choice,
    models: OneModel,
    path: Path,
    progress: Progress = ignore,
    cancel: CancelToken | None = None,
) -> tuple[FreezeTime, tuple[str, ...]]:
    """The picked freeze-time video with windows added until the goal is reached or they get bad, and why it ends there.

    It is written to `path`, with what is known of it beside it, and not made again for the same wish. The model is
    loaded only if there is something to add.

    Raises UserError where the model cannot be had or the disk is full, and Cancelled; windows that are done are kept.
    """
    cancel = cancel or CancelToken()
    key = {"of": picked.sha256, "model": choice.name, "adapter": choice.adapter, **how.payload, **asdict(goal)}
    there = _there(path, key)
    if there is not None:
        progress(Event("extend", message=f"{path.name} is there already and kept."))
        return there
    start = picked.freeze_time()
    windows, why = _needed(start, goal, choice, progress, cancel)
    done = 0
    video = start
    if windows:
        out = extend(
            models.get(choice),
            start,
            how,
            alternating(windows),
            judge=trouble,
            enough=far_enough(goal.arc),
            progress=progress,
            cancel=cancel,
        )
        video, done = out.video, len(out.done)
        why = (*why, f"It got {done} of {windows} windows more.", *out.reasons)
    _write(video, picked.path if not done else None, path, key, why)
    return replace(video, clip=clip.read(path)), why


def _needed(
    start: FreezeTime, goal: Goal, choice: Choice, progress: Progress, cancel: CancelToken
) -> tuple[int, tuple[str, ...]]:
    """How many windows to add, and why so many."""
    able, frames = choice.entry.capabilities, len(start.clip)
    windows = goal.room(choice, frames)
    if not windows:
        return 0, ("No windows were asked for." if not goal.windows else "A longer video could not be read again.",)
    if able.nearest_size(start.clip.size) != tuple(start.clip.size):
        return 0, (
            f"It stays as it is: {choice.entry.title} makes no pictures of {'x'.join(map(str, start.clip.size))}.",
        )
    if start.degrees is not None:
        return windows, (f"Its camera was told to go {start.degrees:.0f} degrees around.",)
    progress(Event("extend", message="Finding out how far the camera goes."))
    degrees, *_ = coverage(start.clip, cancel)
    cancel.check()
    if degrees.value >= goal.arc - 0.5:
        return 0, (degrees.sentence,)
    if degrees.value <= 0:  # more of what cannot be reconstructed would be hours for nothing
        return 0, (degrees.sentence, "So nothing is added to it.")
    each = degrees.value / (frames - 1) * able.window[1]
    return min(windows, ceil((goal.arc - degrees.value) / each)), (degrees.sentence,)


def _there(path: Path, key: dict) -> tuple[FreezeTime, tuple[str, ...]] | None:
    """What an earlier try left, if it was asked for the same and is whole."""
    try:
        notes = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if (
            notes.get("payload", notes.get("asked")) != key
            or not path.is_file()
            or notes["sha256"] != clip.content_hash(path)
        ):
            return None
        angles = None if notes["angles"] is None else torch.tensor(notes["angles"])
        video = FreezeTime(clip.read(path), angles, int(notes["canonical"]), Rig(**notes["rig"]))
        return video, tuple(notes["why"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # nothing usable: it is made again
        return None


def _write(video: FreezeTime, same: Path | None, path: Path, key: dict, why: tuple[str, ...]) -> None:
    """same: a file that holds this very video, copied as it is, as writing it again would lose a little."""
    if same is None:
        clip.write(video.clip, path)
    else:
        with writing(path) as temporary:
            shutil.copyfile(same, temporary)
    angles = None if video.angles is None else video.angles.tolist()
    notes = {
        "sha256": clip.content_hash(path),
        "payload": key,
        "angles": angles,
        "canonical": video.canonical,
        "rig": asdict(video.rig),
        "why": why,
    }
    shelf.write_json(path.with_suffix(".json"), notes)
