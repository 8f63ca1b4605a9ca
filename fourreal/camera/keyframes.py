"""A camera path made of keyframes, and the small JSON file that keeps it; docs/camera_path.md describes both.

The viewer interpolates by the same formula (`web/viewer/src/view/keyframes.js`); a test compares them.
"""

import itertools
import json
import math
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fourreal.errors import UserError

FORMAT, VERSION = "fourreal camera path", 1
EASES = ("smooth", "halt", "even")
CLOCKS = ("keys", "plays")
MOST_KEYS, MOST_BYTES = 200, 256 * 1024
LONGEST = 120.0  # seconds
APART = 0.05  # seconds between two keys, at least
FARTHEST = 1e4  # of coordinates, in units of the normalised frame
FOV = (5.0, 120.0)  # degrees


@dataclass(frozen=True)
class Key:
    """A camera at a moment of the film, in the scene's normalised frame (OpenCV axes).

    at: seconds on the track. position, target: where it stands, and what it looks at. roll: degrees by which it is
    turned about its axis, clockwise. fov: degrees between the upper and the lower edge of the reference picture.
    time: what the scene shows, 0 to 1. ease: how it goes through: "smooth", "halt" (to rest and on) or "even" (with the
    even speed of each side).
    """

    at: float
    position: tuple[float, float, float]
    target: tuple[float, float, float]
    roll: float
    fov: float
    time: float
    ease: str


@dataclass(frozen=True)
class CameraPath:
    """Keys in order, and the axis `up` (3,) around which the camera goes from one to the next.

    clock: "keys" where the keys say what time it is in the scene; "plays" where it plays from the first key's time,
    there and back, at its own speed.
    """

    up: tuple[float, float, float]
    clock: str
    keys: tuple[Key, ...]

    @property
    def seconds(self) -> float:
        return self.keys[-1].at - self.keys[0].at

    def shot(self, seconds: float) -> tuple[np.ndarray, float, float]:
        """The camera `seconds` after the first key: camera_to_world (4, 4), fov in degrees, and the keys' time."""
        up, ahead, aside = axes(self.up)
        rows = self._rows(up, ahead, aside)
        *target, azimuth, elevation, distance, roll, fov, time = interpolate(
            [key.at for key in self.keys], rows, [key.ease for key in self.keys], self.keys[0].at + seconds
        )
        level = math.cos(azimuth) * ahead + math.sin(azimuth) * aside
        outward = math.cos(elevation) * level + math.sin(elevation) * up
        right = np.cross(-level, up)
        down = np.cross(-outward, right)
        c, s = math.cos(roll), math.sin(roll)
        pose = np.eye(4)
        pose[:3, 0], pose[:3, 1], pose[:3, 2] = c * right + s * down, c * down - s * right, -outward
        pose[:3, 3] = np.array(target) + math.exp(distance) * outward
        return pose, fov, min(1.0, max(0.0, time))

    def _rows(self, up: np.ndarray, ahead: np.ndarray, aside: np.ndarray) -> list[list[float]]:
        """What is interpolated of each key: target, azimuth, elevation, log distance, roll, fov, time."""
        rows: list[list[float]] = []
        for key in self.keys:
            arm = np.subtract(key.position, key.target)
            distance = float(np.linalg.norm(arm))
            azimuth = math.atan2(float(arm @ aside), float(arm @ ahead))
            elevation = math.asin(min(1.0, max(-1.0, float(arm @ up) / distance)))
            roll = math.radians(key.roll)
            if rows:  # the shorter way around
                azimuth, roll = nearest(azimuth, rows[-1][3]), nearest(roll, rows[-1][6])
            rows.append([*key.target, azimuth, elevation, math.log(distance), roll, key.fov, key.time])
        return rows

    def as_dict(self) -> dict[str, Any]:
        """What the file holds."""
        keys = [
            {
                "at": key.at,
                "position": list(key.position),
                "target": list(key.target),
                "roll": key.roll,
                "fov": key.fov,
                "time": key.time,
                "ease": key.ease,
            }
            for key in self.keys
        ]
        return {"format": FORMAT, "version": VERSION, "up": list(self.up), "clock": self.clock, "keys": keys}

    @classmethod
    def read(cls, path: Path) -> "CameraPath":
        """The path of a file. Raises UserError where it is none."""
        try:
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error
        return cls.parse(content)

    @classmethod
    def parse(cls, content: bytes) -> "CameraPath":
        """The path that a file's content holds. Raises UserError where it is none."""
        if len(content) > MOST_BYTES:
            raise UserError(f"A camera path has at most {MOST_BYTES // 1024} kB. Save one in the viewer's film editor.")
        try:
            value = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise UserError("This file is no camera path. Save one in the viewer's film editor.") from error
        return cls.of(value)

    @classmethod
    def of(cls, value: object) -> "CameraPath":
        """The path of a decoded file, every number of it checked. Raises UserError where it is none."""
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            raise UserError("This is no camera path. Save one in the viewer's film editor.")
        if value.get("version") != VERSION:
            raise UserError("This camera path was saved by another version. Save it anew in the viewer's film editor.")
        keys = value.get("keys")
        if not isinstance(keys, list) or not 2 <= len(keys) <= MOST_KEYS:
            raise UserError(f"A camera path has 2 to {MOST_KEYS} keys. Add or delete some.")
        up = vector(value, "up", "the path")
        if np.linalg.norm(up) < 1e-3:
            raise UserError("The path's `up` points nowhere. Give it a direction.")
        parsed = tuple(key_of(key, f"key {number}") for number, key in enumerate(keys, 1))
        for number, (one, two) in enumerate(itertools.pairwise(parsed), 2):
            if two.at < one.at + APART - 1e-9:
                raise UserError(f"Key {number} comes less than {APART:g} s after the one before. Move it on.")
        if parsed[-1].at - parsed[0].at > LONGEST:
            raise UserError(f"The path takes longer than {LONGEST:g} s. Move its keys closer together.")
        return cls(up, choice(value, "clock", CLOCKS, "the path"), parsed)


# --- The formula -----------------------------------------------------------------------------------------------------


def interpolate(ats: list[float], rows: list[list[float]], eases: list[str], at: float) -> list[float]:
    """Each column of `rows` (one a key, at the rising `ats`) at `at`: a cubic that never overshoots a key."""
    last = len(ats) - 1
    at = min(ats[-1], max(ats[0], at))
    k = min(last - 1, max(0, bisect_right(ats, at) - 1))
    h = ats[k + 1] - ats[k]
    u = (at - ats[k]) / h
    values = []
    for column in range(len(rows[0])):
        line = [row[column] for row in rows]
        secant = (line[k + 1] - line[k]) / h
        begin, end = slope(ats, line, eases, k, secant), slope(ats, line, eases, k + 1, secant)
        values.append(
            (1 + 2 * u) * (1 - u) ** 2 * line[k]
            + u * (1 - u) ** 2 * h * begin
            + u**2 * (3 - 2 * u) * line[k + 1]
            + u**2 * (u - 1) * h * end
        )
    return values


def slope(ats: list[float], line: list[float], eases: list[str], k: int, secant: float) -> float:
    """The speed of a column at key k, seen from the piece that has `secant`.

    A smooth key's is the weighted harmonic mean of both sides, 0 where they go opposite ways (Fritsch and Butland,
    1984); the first and the last key are at rest, unless they are even.
    """
    if eases[k] == "even":
        return secant
    if eases[k] == "halt" or k in (0, len(ats) - 1):
        return 0.0
    before, after = ats[k] - ats[k - 1], ats[k + 1] - ats[k]
    one, two = (line[k] - line[k - 1]) / before, (line[k + 1] - line[k]) / after
    if one * two <= 0:
        return 0.0
    return 3 * (before + after) / ((2 * after + before) / one + (after + 2 * before) / two)


def axes(up: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`up` with length 1, and two directions level with it, the second a quarter turn on about `up`."""
    unit = np.array(up) / np.linalg.norm(up)
    ahead = np.cross(unit, np.eye(3)[np.abs(unit).argmin()])
    ahead = ahead / np.linalg.norm(ahead)
    return unit, ahead, np.cross(unit, ahead)


def nearest(angle: float, to: float) -> float:
    """The same direction in radians, within half a turn of `to`."""
    return angle - 2 * math.pi * math.floor((angle - to) / (2 * math.pi) + 0.5)


# --- What a file may say ---------------------------------------------------------------------------------------------


def key_of(value: object, where: str) -> Key:
    if not isinstance(value, dict):
        raise UserError(f"{where.capitalize()} of the path is no key. Save the path anew in the viewer's film editor.")
    position, target = vector(value, "position", where), vector(value, "target", where)
    if math.dist(position, target) < 1e-4:
        raise UserError(f"{where.capitalize()} stands where it looks. Move its `position` away from its `target`.")
    return Key(
        at=number(value, "at", 0.0, 3600.0, where),
        position=position,
        target=target,
        roll=number(value, "roll", -180.0, 180.0, where),
        fov=number(value, "fov", *FOV, where),
        time=number(value, "time", 0.0, 1.0, where),
        ease=choice(value, "ease", EASES, where),
    )


def number(value: dict, name: str, low: float, high: float, where: str) -> float:
    given = value.get(name)
    # which no NaN passes
    if isinstance(given, int | float) and not isinstance(given, bool) and low <= given <= high:
        return float(given)
    raise UserError(f"`{name}` of {where} is not a number from {low:g} to {high:g}. Change it.")


def vector(value: dict, name: str, where: str) -> tuple[float, float, float]:
    coordinates = value.get(name)
    if not isinstance(coordinates, list) or len(coordinates) != 3:
        raise UserError(f"`{name}` of {where} is not a list of three numbers. Change it.")
    return tuple(number({name: one}, name, -FARTHEST, FARTHEST, where) for one in coordinates)  # type: ignore[return-value]


def choice(value: dict, name: str, words: tuple[str, ...], where: str) -> str:
    given = value.get(name)
    if given not in words:
        raise UserError(f"`{name}` of {where} is none of {', '.join(words)}. Change it.")
    return given
