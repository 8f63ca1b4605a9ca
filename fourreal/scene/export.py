"""A scene as a file for other programs, by the name of its format; light, so that a command line can offer it."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fourreal.errors import UserError
from fourreal.progress import CancelToken, Event, ignore
from fourreal.scene.film import Film

if TYPE_CHECKING:
    from fourreal.scene.scene4d import Scene4D

FORMATS = {
    "ply": "3DGS files, one a reference time, in a zip",
    "splat": ".splat files likewise",
    "spz": ".spz files likewise, a tenth of the size",
    "4dgs": "all reference times in one file for players of moving splats",
    "r4d": "the viewer's file",
    "html": "viewer and scene in one file, for any browser",
    "mp4": "a film",
}
SINGLE = ("4dgs", "r4d", "html", "mp4")  # one file that ends as the format is called; the others are zips


def export(
    scene: "Scene4D",
    path: Path,
    format: str,
    film: Film | None = None,
    name: str = "",
    progress: Callable[[Event], None] = ignore,
    cancel: CancelToken | None = None,
    upright: bool = False,
) -> None:
    """Write `scene` to `path` in a format of `FORMATS`.

    film: what to film, for mp4 alone; an orbit if None. name: of the scene, for people; r4d and html keep it.
    upright: for ply, the frame and the properties that other programs count on, instead of the input's frame.

    Raises:
        UserError: there is no such format, it is no film, a value of `film` is out of range, or the file cannot be
            written. Cancelled: on request. Either way there is no half file.
    """
    if format not in FORMATS:
        raise UserError(f"No format is called {format!r}: choose one of {', '.join(FORMATS)}.")
    if film is not None and format != "mp4":
        raise UserError(f"A film's values are for mp4; {format} holds every reference time. Leave them out.")
    if upright and format != "ply":
        raise UserError(f"Upright is for ply, not for {format}. Leave it out.")
    watched = progress, cancel
    of_format = {"mp4": (film or Film(), *watched), "ply": (*watched, upright), "r4d": (name,), "html": (name,)}
    module = importlib.import_module("fourreal.scene.r4d" if format == "r4d" else f"fourreal.scene.export_{format}")
    getattr(module, f"export_{format}")(scene, path, *of_format.get(format, watched))


def format_of(path: Path) -> str:
    """The format that a file's name tells. Raises UserError where it tells none, as a zip may hold several."""
    ending = path.suffix.removeprefix(".").lower()
    if ending not in SINGLE:
        raise UserError(f"The name {path.name} does not tell what to write: say which of {', '.join(FORMATS)}.")
    return ending
