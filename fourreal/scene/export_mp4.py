"""A scene as a video: a camera travels, time runs."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from fourreal import clip
from fourreal.camera import trajectory
from fourreal.camera.cameras import Cameras
from fourreal.camera.keyframes import CameraPath
from fourreal.errors import UserError
from fourreal.progress import CancelToken, Event, ignore
from fourreal.scene.film import TRAJECTORIES, Film
from fourreal.scene.keyed_film import RATE, keyed_shots, lens
from fourreal.scene.scene4d import Scene4D
from fourreal.scene.sky import sky_of
from fourreal.scene.views import draw

FULL_CIRCLE = math.radians(330)  # an arc from here on has been seen all around
ROUNDS = 2  # how often a looped scene plays forth and back by default
MAX_FRAMES, MAX_SIDE = 7300, 4096
MAX_PIXELS = MAX_FRAMES * 1920 * 1080  # of all frames together: hours of drawing already


def export_mp4(
    scene: Scene4D,
    path: Path,
    film: Film,
    progress: Callable[[Event], None] = ignore,
    cancel: CancelToken | None = None,
) -> None:
    """Film the scene along a trajectory or a path of keyframes and write an MP4.

    Raises:
        UserError: a value of `film` is out of range, or the file cannot be written. Cancelled: on request. Either way
            there is no half file.
    """
    cameras, times, fps = filmed(scene, film)
    cancel, sky = cancel or CancelToken(), sky_of(scene)

    def pictures() -> Iterator[np.ndarray]:
        for frame, (camera, t) in enumerate(zip(cameras, times, strict=True)):
            cancel.check()
            yield draw(scene, camera, t, sky)
            progress(Event("export", frame + 1, len(times)))

    clip.write_pictures(pictures(), cameras[0].size, fps, path)


def filmed(scene: Scene4D, film: Film) -> tuple[list[Cameras], list[float], float]:
    """One camera (F = 1, in the input's frame) for each picture, the times in [0, 1] that they show, and the rate."""
    if film.path is None:
        along, times = shots(scene, film)
        return [along[frame] for frame in range(len(times))], times, scene.fps if film.fps is None else film.fps
    if film.trajectory is not None or film.frames is not None:
        raise UserError("A path says itself where the camera goes and for how long: leave trajectory and frames out.")
    fps, size = RATE if film.fps is None else film.fps, film.size or scene.reference.size
    check("orbit", fps, size)
    path = film.path if isinstance(film.path, CameraPath) else CameraPath.read(Path(film.path))
    check_frames(round(path.seconds * fps) + 1, size)
    cameras, times = keyed_shots(scene, path, fps, size)
    return cameras, times, fps


def shots(scene: Scene4D, film: Film) -> tuple[Cameras, list[float]]:
    """Of a film along a trajectory: the cameras, in the input's frame, and the time in [0, 1] that each shows."""
    fps = scene.fps if film.fps is None else film.fps
    size = film.size or scene.reference.size
    name = film.trajectory or "orbit"
    check(name, fps, size)
    frames = running(scene, name, fps) if film.frames is None else film.frames
    check_frames(frames, size)
    stage = stage_of(scene)
    if name == "study":
        path = trajectory.study(stage, frames)
        times = path.times.tolist()
    else:
        path = travel(stage, name, frames)
        times = forth_and_back(frames, scene, fps)
    return framed(path.cameras, size), times


def framed(cameras: Cameras, size: tuple[int, int]) -> Cameras:
    """The same cameras for pictures of another size: cut where they have another shape, as in the viewer."""
    (width, height), (w, h) = size, cameras.size
    if abs(width * h - height * w) <= max(w, h):  # the same shape, but for a rounded pixel
        return cameras.resized(size)
    focal = lens(float(cameras.intrinsics[1]), cameras.size, size)
    return replace(cameras, intrinsics=cameras.intrinsics.new_tensor([focal, focal, width / 2, height / 2]), size=size)


def stage_of(scene: Scene4D) -> trajectory.Stage:
    """What the videos saw, in the input's frame."""
    points = scene.similarity.inverse().apply_points(scene.gaussians.means)
    return trajectory.Stage.of(scene.outward(scene.freeze), scene.outward(scene.reference), points)


def travel(stage: trajectory.Stage, name: str, frames: int) -> trajectory.Path:
    """The path of a name, which does not leave what the videos saw."""
    low, high = stage.seen
    if name == "orbit" and high - low < FULL_CIRCLE:
        return trajectory.swing(stage, frames, reach=1.0)
    if name == "arc":
        return trajectory.arc(stage, frames, degrees=(math.degrees(low), math.degrees(high)))
    paths = trajectory.PATHS | {"reference": trajectory.fixed}
    return paths[name](stage, frames)


def running(scene: Scene4D, name: str, fps: float) -> int:
    """How many frames it takes to show everything at the scene's own speed."""
    once = max(scene.frames - 1, 1) * fps / scene.fps
    if name == "study":
        return round(once * 4 / 0.75) + 1  # it halts four times, for three quarters of the film
    return max(2, round(once * 2 * ROUNDS))


def forth_and_back(frames: int, scene: Scene4D, fps: float) -> list[float]:
    """Times that run from 0 to 1 and back at the scene's own speed, so that nothing jumps."""
    played = torch.arange(frames, dtype=torch.float64) * scene.fps / fps / max(scene.frames - 1, 1)
    phase = played % 2
    return torch.minimum(phase, 2 - phase).clamp(0, 1).tolist()


def check(name: str, fps: float, size: tuple[int, int]) -> None:
    if name not in TRAJECTORIES:
        raise UserError(f"No trajectory is called {name!r}: choose one of {', '.join(TRAJECTORIES)}.")
    if not 1 <= fps <= 240:
        raise UserError(f"A video at {fps:g} frames a second cannot be made: choose 1 to 240 with --fps.")
    if not all(16 <= side <= MAX_SIDE for side in size):
        raise UserError(f"A video of {size[0]}x{size[1]} cannot be made: choose 16 to {MAX_SIDE} pixels with --size.")


def check_frames(frames: int, size: tuple[int, int]) -> None:
    if not 2 <= frames <= MAX_FRAMES:
        raise UserError(f"A video of {frames} frames cannot be made: choose 2 to {MAX_FRAMES} with --frames.")
    if frames * size[0] * size[1] > MAX_PIXELS:
        raise UserError(
            f"{frames} frames of {size[0]}x{size[1]} would take hours: choose fewer with --frames or smaller ones with "
            "--size."
        )
