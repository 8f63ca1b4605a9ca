"""Films of a study: whatever they are made from, they end up alike, so that only what they show tells them apart."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fourreal import clip
from fourreal.clip import Clip
from fourreal.errors import UserError
from fourreal.installed import assets
from fourreal.progress import CancelToken, Event
from fourreal.study.values import FASTEST, MOST_SECONDS, MOST_SIDE, StudyRequest

USUAL_FPS = 24.0  # of films of scenes, which can be filmed at any rate
RATES = 8.0, 30.0
HEIGHTS = 256, 720
SHAPES = 0.5, 2.0  # width to height
CRF = 16


@dataclass(frozen=True)
class Form:
    """What all films of a study have in common. size: (width, height) in pixels."""

    size: tuple[int, int]
    seconds: float
    fps: float

    @property
    def frames(self) -> int:
        return max(2, round(self.seconds * self.fps))


def scene_folder(source: str) -> Path | None:
    """The folder of a scene that a source names, None for a video.

    Raises UserError where it names neither.
    """
    path, shipped = Path(source), assets() / "scenes" / Path(source).name
    if (path / "manifest.json").is_file():
        return path
    if path.is_file():
        return None
    if source == shipped.name and (shipped / "manifest.json").is_file():
        return shipped
    if path.is_dir():
        raise UserError(f"{source} holds no finished scene: give a run's folder, or a video file.")
    raise UserError(f"{source} is not there: give a run's folder, a video file, or the name of a shipped scene.")


def rate(request: StudyRequest, videos: Sequence[clip.ClipInfo]) -> float:
    """Frames a second of all films: the slowest video's, so that none of them is smoother for its file."""
    if request.fps is not None:
        return request.fps
    slowest = min((info.fps for info in videos), default=USUAL_FPS)
    return min(max(slowest, RATES[0]), RATES[1])


def film_scene(
    folder: Path, path: Path, fps: float, progress: Callable[[Event], None], cancel: CancelToken, device: str = "cpu"
) -> None:
    """Film a scene along the path with four stops, at its own speed and size. Raises UserError as `bundle.load`."""
    from fourreal.scene import bundle
    from fourreal.scene.export import export
    from fourreal.scene.film import Film

    scene = bundle.load(folder).to(device)
    export(scene, path, "mp4", Film("study", fps=fps), "", progress, cancel)


def common_form(request: StudyRequest, fps: float, films: Sequence[tuple[tuple[int, int], float]]) -> Form:
    """The form that suits films of these ((width, height), seconds) best.

    As long as the longest one; as narrow as the narrowest, so that none gets bars, which would tell it apart; as low
    as the lowest.
    """
    size, seconds = request.size, request.seconds
    if size is None:
        shape = min(max(min(width / height for (width, height), _ in films), SHAPES[0]), SHAPES[1])
        height = min(max(min(height for (_, height), _ in films), HEIGHTS[0]), HEIGHTS[1], int(MOST_SIDE / shape))
        size = 2 * round(height * shape / 2), 2 * (height // 2)
    if seconds is None:
        seconds = min(max(*(length for _, length in films), 1.0), MOST_SECONDS)
    return Form(size, seconds, min(fps, FASTEST))


def fitted(film: Clip, form: Form) -> tuple[Clip, str]:
    """A film in the common form, and in words what that took of it.

    It fills the picture and loses what stands over. A longer one is cut, a shorter one begins again, at its own speed.
    """
    (width, height), (wide, high) = film.size, form.size
    scale = max(wide / width, high / height)
    scaled = max(wide, round(width * scale)), max(high, round(height * scale))
    picks = (np.floor(np.arange(form.frames) / form.fps * film.fps + 1e-6)).astype(int) % len(film)
    needed, where = np.unique(picks, return_inverse=True)
    resized = film[needed].resized(scaled).cropped((scaled[0] - wide) // 2, (scaled[1] - high) // 2, form.size)
    notes, slack = [], 1.5 / film.fps
    if film.seconds < form.seconds - slack:
        notes.append(f"it lasts {film.seconds:.1f} s of {form.seconds:.1f} and begins again")
    elif film.seconds > form.seconds + slack:
        notes.append(f"of its {film.seconds:.1f} s the first {form.seconds:.1f} are shown")
    lost = 1 - wide * high / (scaled[0] * scaled[1])
    if lost > 0.02:
        notes.append(f"{lost:.0%} of its picture stand over and are cut off")
    return Clip(resized.frames[where], form.fps), "; ".join(notes)


def alike(paths: Sequence[Path], when: float) -> None:
    """Make files of films the same in bytes and date, so that neither tells them apart. MP4 ignores `free` boxes."""
    whole = max(path.stat().st_size for path in paths) + 8
    for path in paths:
        missing = whole - path.stat().st_size
        with path.open("ab") as file:
            file.write(missing.to_bytes(4, "big") + b"free" + bytes(missing - 8))
        os.utime(path, (math.floor(when), math.floor(when)))
