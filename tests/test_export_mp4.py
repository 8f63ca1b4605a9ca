"""Videos of a scene: they play, have what was asked for, and stay where the videos had seen."""

import math
from dataclasses import replace

import pytest
import torch
from scene_samples import FPS, FRAMES, SIZE, arc_cameras, some_scene

from fourreal import clip
from fourreal.camera.keyframes import CameraPath
from fourreal.errors import Cancelled, UserError
from fourreal.progress import CancelToken
from fourreal.scene.export_mp4 import export_mp4, filmed, shots
from fourreal.scene.film import TRAJECTORIES, Film


@pytest.mark.parametrize("trajectory", TRAJECTORIES)
def test_a_film_plays_with_the_asked_frames_rate_and_size(tmp_path, trajectory):
    export_mp4(some_scene(), tmp_path / "film.mp4", Film(trajectory, frames=6, fps=10.0, size=(64, 48)))
    film = clip.read(tmp_path / "film.mp4")
    assert (len(film), film.fps, film.size) == (6, 10, (64, 48))
    assert film.frames.std() > 10


def test_by_default_it_plays_at_the_scenes_own_speed(tmp_path):
    scene = some_scene()
    cameras, times = shots(scene, Film())
    assert len(times) == 4 * (FRAMES - 1)
    assert times[: FRAMES + 1] == pytest.approx([0, 0.25, 0.5, 0.75, 1, 0.75])
    assert cameras.size == SIZE
    _, slow = shots(scene, Film(fps=2 * FPS))
    assert slow[:3] == pytest.approx([0, 0.125, 0.25])


def test_the_camera_stays_within_the_arc_of_the_freeze_time_video():
    scene = some_scene()
    seen = arc_cameras().centres
    for name in ("orbit", "arc", "swing", "study"):
        cameras, _ = shots(scene, Film(name, frames=40))
        nearest = torch.cdist(cameras.centres, seen).min(dim=1).values
        assert nearest.max() < 0.6 * (seen[1] - seen[0]).norm(), name
        assert torch.cdist(cameras.centres, seen).min(dim=0).values.median() < 0.4, f"{name} hardly moves"


def test_the_reference_camera_stands_still_and_the_study_halts():
    still, _ = shots(some_scene(), Film("reference", frames=5))
    assert torch.allclose(still.world_to_camera, arc_cameras().world_to_camera[4].expand(5, 4, 4), atol=1e-4)
    study, times = shots(some_scene(), Film("study"))
    moved = (study.centres[1:] - study.centres[:-1]).norm(dim=-1)
    assert (moved < 1e-4).float().mean() > 0.5
    assert max(times) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    "film",
    [
        Film("moonwalk"),
        Film(frames=0),
        Film(frames=10**6),
        Film(fps=0.0),
        Film(fps=-3.0),
        Film(fps=math.inf),
        Film(size=(0, 10)),
        Film(size=(10**5, 16)),
        Film(frames=3000, size=(4096, 4096)),
    ],
)
def test_films_that_cannot_be_made_are_refused(tmp_path, film):
    with pytest.raises(UserError, match="choose"):
        export_mp4(some_scene(), tmp_path / "film.mp4", film)
    assert not list(tmp_path.iterdir())


def test_a_cancelled_film_leaves_nothing(tmp_path):
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        export_mp4(some_scene(), tmp_path / "film.mp4", Film(frames=4), lambda event: cancel.cancel(), cancel)
    assert not list(tmp_path.iterdir())


def along_keys(scene, seconds: float = 1.0) -> CameraPath:
    """From the reference camera a little to its right, as the viewer would save it."""
    pose = scene.reference.camera_to_world[0]
    place = lambda shift: {"position": (pose[:3, 3] + shift * pose[:3, 0]).tolist(), "target": [0.0, 0.0, 0.0]}
    common = {"roll": 0.0, "fov": 40.0, "ease": "smooth"}
    return CameraPath.of(
        {
            "format": "fourreal camera path",
            "version": 1,
            "up": [0.0, -1.0, 0.0],
            "clock": "keys",
            "keys": [{"at": 0, "time": 0, **place(0), **common}, {"at": seconds, "time": 1, **place(0.3), **common}],
        }
    )


def test_a_film_along_keyframes_has_their_length_and_is_never_stretched(tmp_path):
    scene = some_scene()
    export_mp4(scene, tmp_path / "film.mp4", Film(path=along_keys(scene), fps=24.0, size=(160, 90)))
    film = clip.read(tmp_path / "film.mp4")
    assert (len(film), film.fps, film.size) == (25, 24, (160, 90))
    cameras, times, fps = filmed(scene, Film(path=along_keys(scene), size=(160, 90)))
    assert (len(cameras), fps, times[0], times[-1]) == (31, 30, 0, 1)
    assert torch.allclose(cameras[0].centres, scene.camera().centres, atol=1e-4), "in the input's frame"
    for camera in (cameras[0], shots(scene, Film("orbit", 5, size=(160, 90)))[0]):
        assert camera.intrinsics[0] == camera.intrinsics[1]
        assert camera.size == (160, 90)
    with pytest.raises(UserError, match="leave"):
        export_mp4(scene, tmp_path / "b.mp4", Film("orbit", path=along_keys(scene)))


def test_on_a_path_the_scene_may_play_by_itself():
    scene = some_scene()
    path = replace(along_keys(scene), clock="plays")
    _, times, _ = filmed(scene, Film(path=path, fps=24.0))
    assert times[:3] == pytest.approx([0, FPS / 24 / (FRAMES - 1), 2 * FPS / 24 / (FRAMES - 1)])
