"""Camera keyframes: a path goes through its keys, around its axis, and whatever else a file says is refused."""

import copy
import json
import math

import numpy as np
import pytest

from fourreal.camera.keyframes import CameraPath
from fourreal.errors import UserError


def around(degrees: float, at: float, **changes) -> dict:
    """A key on the circle of radius 2 about (0, 0, 1), whose axis is -y."""
    turn = math.radians(degrees)
    position = [2 * math.sin(turn), 0.0, 1 - 2 * math.cos(turn)]
    return {
        "at": at,
        "position": position,
        "target": [0.0, 0.0, 1.0],
        "roll": 0.0,
        "fov": 50.0,
        "time": 0.5,
        "ease": "smooth",
    } | changes


def some_path(*keys: dict, clock: str = "keys") -> dict:
    usual = around(-60, 0), around(60, 2, time=1.0, fov=30.0), around(60, 3, ease="halt"), around(170, 5, roll=20.0)
    keys = keys or usual
    return {"format": "fourreal camera path", "version": 1, "up": [0.0, -1.0, 0.0], "clock": clock, "keys": list(keys)}


def test_a_path_goes_through_its_keys_and_around_its_axis():
    path = CameraPath.of(some_path())
    for key in path.keys:
        pose, fov, time = path.shot(key.at)
        assert np.allclose(pose[:3, 3], key.position, atol=1e-9)
        assert (fov, time) == pytest.approx((key.fov, key.time))
    for seconds in np.linspace(0, 5, 41):
        pose, fov, time = path.shot(float(seconds))
        arm = pose[:3, 3] - [0, 0, 1]
        assert np.linalg.norm(arm) == pytest.approx(2)  # on the circle, not on the chord
        assert np.allclose(pose[:3, 2], -arm / 2)  # and it looks at what it goes around
        assert np.allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3))
        assert np.linalg.det(pose[:3, :3]) > 0
        assert 30 - 1e-9 <= fov <= 50 + 1e-9, "it never overshoots"
        assert 0 <= time <= 1
    assert np.allclose(path.shot(2.3)[0], path.shot(2.7)[0]), "between two keys of one place it stands still"


def test_it_goes_the_shorter_way_and_eases_as_its_keys_say():
    behind = CameraPath.of(some_path(around(170, 0), around(-170, 1)))
    assert behind.shot(0.5)[0][2, 3] == pytest.approx(3)
    angle = lambda path, t: math.degrees(math.atan2(path.shot(t)[0][0, 3], 1 - path.shot(t)[0][2, 3]))
    eased = CameraPath.of(some_path(around(0, 0), around(60, 1)))
    even = CameraPath.of(some_path(around(0, 0, ease="even"), around(60, 1, ease="even")))
    assert angle(even, 0.25) == pytest.approx(15)
    assert angle(eased, 0.25) == pytest.approx(60 * 0.15625)  # gently off: 3 u^2 - 2 u^3
    through = CameraPath.of(some_path(around(0, 0), around(20, 1), around(60, 2)))
    halting = CameraPath.of(some_path(around(0, 0), around(20, 1, ease="halt"), around(60, 2)))
    speed = lambda path: angle(path, 1.001) - angle(path, 0.999)
    assert speed(through) > 0.04
    assert speed(halting) < 0.001


def test_what_was_read_is_what_was_written(tmp_path):
    (tmp_path / "path.json").write_text(json.dumps(some_path()))
    path = CameraPath.read(tmp_path / "path.json")
    assert path.as_dict() == some_path()
    assert CameraPath.of(path.as_dict()) == path


# What makes a file no path: a place in it, and what stands there instead.
BROKEN = [
    (["format"], "something else"),
    (["version"], 2),
    (["up"], [0, 0, 0]),
    (["up"], "up"),
    (["clock"], "later"),
    (["clock"], []),
    (["keys"], []),
    (["keys"], {}),
    (["keys"], [around(0, 0)]),
    (["keys", 1], None),
    (["keys", 1, "at"], 0.0),
    (["keys", 1, "at"], -1),
    (["keys", 3, "at"], 500),
    (["keys", 1, "fov"], 0),
    (["keys", 1, "fov"], math.nan),
    (["keys", 1, "fov"], True),
    (["keys", 1, "time"], 1.5),
    (["keys", 1, "roll"], "1"),
    (["keys", 1, "ease"], "bounce"),
    (["keys", 1, "position"], [0, 0, 1]),
    (["keys", 1, "position"], [0, 0]),
    (["keys", 1, "position"], [0, 0, math.inf]),
    (["keys", 1, "target"], [0, 0, 1e9]),
]


def broken(place: list, value: object) -> dict:
    path = copy.deepcopy(some_path())
    inner = path
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return path


@pytest.mark.parametrize(("place", "value"), BROKEN)
def test_whatever_else_a_file_says_is_refused_in_a_sentence(place, value):
    with pytest.raises(UserError, match=r"\."):
        CameraPath.of(broken(place, value))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b" " * 300_000, b"[]", b"7", b"null"])
def test_what_is_no_json_is_refused(content):
    with pytest.raises(UserError):
        CameraPath.parse(content)
