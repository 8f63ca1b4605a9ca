"""What somebody wants to have filmed: checked, named, and as the command line takes it."""

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from fourreal.camera.keyframes import CameraPath
from fourreal.errors import UserError
from fourreal.scene.film import RATES, SIZES, TRAJECTORIES

MOST_FILMS = 8  # films along keyframes that are held for one scene: each may be another


@dataclass(frozen=True)
class FilmWish:
    """What to film: a trajectory of `TRAJECTORIES` or a path of keyframes; size and rate as they are offered, or the
    scene's own (along keyframes 30 frames a second)."""

    trajectory: str | None = None
    path: CameraPath | None = None
    size: str | None = None
    fps: int | None = None

    @classmethod
    def of(cls, trajectory: object = None, path: object = None, size: object = None, fps: object = None) -> "FilmWish":
        """A wish of values from anywhere. Raises UserError where they are none.

        path: a decoded file of keyframes.
        """
        if trajectory is not None and trajectory not in list(TRAJECTORIES):
            raise UserError(f"There is no path of that name: choose from {', '.join(TRAJECTORIES)}.")
        if trajectory is not None and path is not None:
            raise UserError("Keyframes say themselves where the camera goes: leave the trajectory out.")
        if size is not None and size not in list(SIZES):
            raise UserError(f"A film has one of these sizes: {', '.join(SIZES)}. Choose one, or leave it out.")
        if fps is not None and (isinstance(fps, bool) or fps not in RATES):
            rates = ", ".join(map(str, RATES))
            raise UserError(f"A film has one of these rates: {rates} frames a second. Choose one, or leave it out.")
        return cls(trajectory, None if path is None else CameraPath.of(path), size, None if fps is None else int(fps))

    @property
    def file(self) -> str:
        """The name of its file; films that differ have different ones."""
        first = self.trajectory or "orbit"
        if self.path is not None:
            text = json.dumps(self.path.as_dict(), sort_keys=True)
            first = f"path-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        parts = [first, *([self.size] if self.size else []), *([str(self.fps)] if self.fps else [])]
        return "-".join(parts) + ".mp4"

    def arguments(self, out: Path) -> list[str]:
        """What `fourreal export` takes; the path's JSON lies beside `out`."""
        where = ["--trajectory", self.trajectory or "orbit"]
        if self.path is not None:
            where = ["--path", str(out.with_suffix(".json"))]
        size = ["--size", self.size] if self.size else []
        return [*where, *size, *(["--fps", str(self.fps)] if self.fps else [])]


def drop_old_films(folder: Path, newest: Path) -> None:
    """Of the films along keyframes in `folder` only the latest stay, `newest` among them."""

    def age(film: Path) -> float:
        with contextlib.suppress(FileNotFoundError):  # another drops it, too
            return film.stat().st_mtime
        return 0.0

    films = sorted((film for film in folder.glob("path-*.mp4") if film != newest), key=age)
    for film in films[: max(0, len(films) + 1 - MOST_FILMS)]:
        film.unlink(missing_ok=True)
        film.with_suffix(".json").unlink(missing_ok=True)
