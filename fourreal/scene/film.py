"""What to film of a scene; light, so that a command line can offer it without loading anything."""

from dataclasses import dataclass

TRAJECTORIES = {
    "reference": "the reference camera, standing still",
    "orbit": "around the subject as far as the freeze-time video went (a full circle if it did), and back",
    "arc": "once from one end of what the freeze-time video saw to the other",
    "swing": "gently back and forth within it",
    "spiral": "small circles around the reference camera",
    "study": "along the arc, halting four times to show the motion (the paper's user study)",
}


@dataclass(frozen=True)
class Film:
    """What to film.

    trajectory: a name of `TRAJECTORIES`.
    frames: how many; None for as many as the scene takes to play forth and back twice (study: once at each halt).
    fps: frames a second; None for the scene's own. The scene plays at its own speed at any rate.
    size: (width, height) in pixels; None for the reference camera's.
    """

    trajectory: str = "orbit"
    frames: int | None = None
    fps: float | None = None
    size: tuple[int, int] | None = None
