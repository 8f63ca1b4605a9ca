"""Whether the subject of a freeze-time video stands still, judged on films of the shipped scene."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.ndimage import affine_transform, zoom
from scipy.spatial.transform import Rotation

from fourreal import clip
from fourreal.camera.subject import SubjectMotion, frozen_subject
from fourreal.camera.subject_path import stray
from fourreal.camera.tracks import corners, follow, pyramid
from fourreal.scene import bundle
from fourreal.scene.export_mp4 import shots
from fourreal.scene.film import Film
from fourreal.scene.views import draw


@pytest.fixture(scope="module")
def films(assets) -> dict[str, np.ndarray]:
    """The camera circles around the fox, once while it turns its head and sways its tail, once while time is held."""
    scene = bundle.load(assets / "scenes" / "fox_yard")
    cameras, times = shots(scene, Film("arc", 48, None, (320, 180)))
    film = lambda moments: np.stack([draw(scene, cameras[i], t) for i, t in enumerate(moments)])
    return {"runs": film(times), "held": film([scene.canonical_time] * len(times))}


@pytest.mark.slow
def test_a_subject_that_moves_is_seen_and_a_frozen_one_is_not_accused(films):
    runs, held = frozen_subject(films["runs"]), frozen_subject(films["held"])
    assert runs.moves is True
    assert "moves by itself" in runs.sentence
    assert held.moves is False
    assert "stands still" in held.sentence
    assert held.share < runs.share < 1


def noisy(frames: np.ndarray) -> np.ndarray:
    """The frames with a brightness that flickers and the grain of a camera."""
    random = np.random.default_rng(0)
    flicker = random.uniform(0.9, 1.1, (len(frames), 1, 1, 1))
    return (frames * flicker + random.normal(0, 3, frames.shape)).clip(0, 255).astype(np.uint8)


@pytest.mark.slow
def test_flicker_and_grain_do_not_change_the_verdict(films):
    assert frozen_subject(noisy(films["runs"])).moves is True
    assert frozen_subject(noisy(films["held"])).moves is not True


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fox_yard/freeze.mp4", "fox_yard/freeze_noisy.mp4", "robot_dance/freeze.mp4"])
def test_the_examples_pass(assets: Path, name):
    assert frozen_subject(clip.read(assets / "examples" / name).frames).moves is False


def test_every_frame_twice_is_judged_alike(films):
    twice = frozen_subject(films["runs"][:24].repeat(2, axis=0))
    assert twice.moves is not False


UNJUDGED = {
    "one frame": np.zeros((1, 48, 64, 3), np.uint8),
    "two frames": np.zeros((2, 48, 64, 3), np.uint8),
    "nothing to see": np.full((12, 90, 160, 3), 128, np.uint8),
    "a tiny picture": np.random.default_rng(0).integers(0, 255, (12, 8, 8, 3), np.uint8),
    "nothing that can be followed": np.random.default_rng(0).integers(0, 255, (12, 90, 160, 3), np.uint8),
    "very wide": np.random.default_rng(0).integers(0, 255, (6, 4, 400, 3), np.uint8),
}


@pytest.mark.parametrize("case", UNJUDGED)
def test_what_cannot_be_judged_is_said_to_be_so(case):
    verdict = frozen_subject(UNJUDGED[case])
    assert verdict == SubjectMotion(None, 0.0, verdict.sentence)
    assert "cannot be told" in verdict.sentence


def test_a_camera_that_stands_still_shows_no_geometry(fox_yard):
    reference = clip.read(fox_yard / "reference.mp4").frames
    verdict = frozen_subject(reference)
    assert verdict.moves is None
    assert "camera hardly moves" in verdict.sentence


def test_before_a_flat_background_nothing_is_said_in_favour_of_the_subject():
    random = np.random.default_rng(1)
    paint = lambda height, width: zoom(random.integers(0, 255, (height, width, 3)).astype(float), (4, 4, 1), order=1)
    wall, thing = paint(45, 160).clip(0, 255).astype(np.uint8), paint(15, 15).clip(0, 255)
    frames = np.stack([wall[:180, 5 * i : 5 * i + 320] for i in range(24)])
    for i, frame in enumerate(frames):
        top = 60 + (0, 5, 9, 4, -3, -7)[i % 6]
        frame[top : top + 60, 130:190] = thing
    assert frozen_subject(frames).moves is not False


def plain(hop: float) -> np.ndarray:
    """A ball with its shadow on a plain floor goes through the picture, and hops by a share of its height or not."""
    frames = []
    for t in np.linspace(0, 1, 20):
        picture = Image.new("RGB", (256, 144), (150, 165, 190))
        draw = ImageDraw.Draw(picture)
        draw.rectangle((0, 40, 256, 144), fill=(80, 118, 50))
        x, y = 90 + 70 * np.sin(1.5 * t), 75 - 144 * hop * abs(np.sin(2 * np.pi * t))
        draw.ellipse((x - 10, 92, x + 34, 106), fill=(40, 59, 25))
        draw.ellipse((x - 25, y - 25, x + 25, y + 25), fill=(190, 40, 30))
        frames.append(np.asarray(picture))
    return np.stack(frames)


def test_one_thing_in_a_plain_picture_strays_from_its_path_where_it_hops():
    still, hops = stray(plain(0)), stray(plain(0.1))
    assert still < 0.005 < 0.02 < hops < 0.1
    assert frozen_subject(plain(0)).moves is None, "who walks straight on looks alike"
    verdict = frozen_subject(plain(0.1))
    assert verdict.moves is True
    assert "strays from a smooth path" in verdict.sentence
    assert stray(np.full((12, 90, 160, 3), 128, np.uint8)) is None
    assert stray(plain(0)[:7]) is None
    assert stray(plain(0)[:, :, 130:]) is None, "it is cut"


def test_what_shows_many_details_has_no_one_thing(fox_yard):
    assert stray(clip.read(fox_yard / "freeze.mp4").frames[:12]) is None


@pytest.mark.parametrize(("shift", "angle"), [((3.4, -1.7), 0), ((11.0, 6.0), 0), ((0.5, 0.0), 2)])
def test_corners_are_found_again_where_they_went(fox_yard, shift, angle):
    start = np.asarray(Image.fromarray(clip.read(fox_yard / "reference.mp4").frames[0]).convert("L"), np.float32)
    turn = Rotation.from_euler("z", angle, degrees=True).as_matrix()[:2, :2]
    middle = np.array([256.0, 144.0])
    there = lambda points: (points - middle) @ turn.T + middle + shift
    back = turn.T  # affine_transform asks where each pixel came from, as y, x
    swap = back[::-1, ::-1]
    offset = middle[::-1] - swap @ (middle + shift)[::-1]
    end = affine_transform(start, swap, offset, order=1)
    points = corners(start, 200)
    ends, sure = follow(pyramid(start), pyramid(end), points)
    assert sure.mean() > 0.6
    assert np.quantile(np.linalg.norm(ends - there(points), axis=1)[sure], 0.95) < 0.3
