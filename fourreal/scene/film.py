"""What to film of a scene; light, so that a command line can offer it without loading anything."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from fourreal.camera.keyframes import CameraPath

# The viewer plays paths of the same names (web/viewer/src/view/paths.js); a test compares them.
TRAJECTORIES = {
    "reference": "the reference camera, standing still",
    "orbit": "around the subject as far as the freeze-time video went (a full circle if it did), and back",
    "arc": "once from one end of what the freeze-time video saw to the other",
    "swing": "gently back and forth within it",
    "spiral": "small circles around the reference camera",
    "study": "along the arc, halting four times to show the motion (the paper's user study)",
}
SIZES = {"720p": (1280, 720), "1080p": (1920, 1080)}  # what a film is offered in
RATES = (24, 25, 30, 50, 60)  # frames a second, likewise


@dataclass(frozen=True)
class Film:
    """What to film.

    trajectory: a name of `TRAJECTORIES`; None for "orbit", or for what `path` says.
    frames: how many; None for as many as the scene takes to play forth and back twice (study: once at each halt).
    fps: frames a second; None for the scene's own, or 30 along `path`. The scene plays at its own speed at any rate.
    size: (width, height) in pixels; None for the reference camera's. The picture is cut, never stretched.
    path: camera keyframes, or the file that keeps them; they say how long the film is.
    """

    trajectory: str | None = None
    frames: int | None = None
    fps: float | None = None
    size: tuple[int, int] | None = None
    path: "CameraPath | Path | str | None" = None
