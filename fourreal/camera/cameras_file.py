"""Cameras that are known beforehand: reading a `cameras.json`, which anybody may have written.

    intrinsics              {fx, fy, cx, cy, w, h} in pixels, pixel centres at +0.5
    freeze                  [{w2c}, ...] one a frame of the freeze-time video
    reference               [{w2c}, ...] the reference video's camera: one entry where it stands still (or the same one
                            for each frame), else one a frame
    more_references         [{file, w2c}, ...] further reference videos by their file names, whose cameras stand still;
                            with `intrinsics` where these are others
    canonical_index         the frame of the reference video that was frozen
    freeze_reference_index  the frame of the freeze-time video with the reference camera's pose
    views or heldout        [{file, time, w2c}, ...] pictures to render

`w2c` is a 4x4 world-to-camera matrix with OpenCV axes (x right, y down, z forward). Only `intrinsics` must be there;
other keys are ignored.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.camera import rotation
from fourreal.camera.cameras import Cameras, Origin
from fourreal.errors import UserError

MAX_BYTES = 64 * 1024**2
# How far a rotation may be from orthonormal: seven digits are written as a rule, four are still meant well.
_RIGID = 2e-3
# How far width / height may be from the clip's: video sizes are rounded to even numbers.
_ASPECT = 0.01
_FILE_NAME = re.compile(r"[\w][\w .-]{0,199}")


@dataclass(frozen=True)
class View:
    """A picture to render: its file name (no folder), the time in [0, 1] and one camera."""

    file: str
    time: float
    camera: Cameras


@dataclass(frozen=True)
class CamerasFile:
    """What a `cameras.json` says, at the size that its intrinsics are for. Absent parts are None (views: empty).

    freeze: a camera for each frame of the freeze-time video. reference: one camera, or one a frame where it moves.
    more: the camera (F = 1) of each further reference video, by its file name, at the size of its own intrinsics.
    """

    freeze: Cameras | None
    reference: Cameras | None
    canonical_index: int | None
    freeze_reference_index: int | None
    views: tuple[View, ...]
    more: Mapping[str, Cameras] = field(default_factory=dict)

    def for_clips(self, size: tuple[int, int], freeze_frames: int, reference_frames: int) -> "CamerasFile":
        """The same for two given clips: scaled to their `size` (width, height) and checked against their lengths.

        Afterwards `freeze` and `reference` are there. Raises UserError where file and clips do not belong together.
        """
        if self.freeze is None:
            raise UserError("cameras.json has no `freeze` list. Add one {w2c} for each frame of the freeze-time video.")
        if len(self.freeze) != freeze_frames:
            raise UserError(
                f"cameras.json lists {len(self.freeze)} freeze-time cameras, but the freeze-time video has "
                f"{freeze_frames} frames. Give one camera a frame."
            )
        if self.reference is not None and len(self.reference) not in (1, reference_frames):
            raise UserError(
                f"cameras.json lists {len(self.reference)} poses of a reference camera that moves, but the reference "
                f"video has {reference_frames} frames. Give one camera a frame."
            )
        _check_index("canonical_index", self.canonical_index, reference_frames, "reference video")
        _check_index("freeze_reference_index", self.freeze_reference_index, freeze_frames, "freeze-time video")
        reference = self.reference
        if reference is None and self.freeze_reference_index is not None:
            reference = self.freeze[self.freeze_reference_index]
        if reference is None:
            raise UserError(
                "cameras.json does not say where the reference camera is. Add a `reference` list with one {w2c}, or "
                "`freeze_reference_index`, the freeze-time frame with the same pose."
            )
        width, height = self.freeze.size
        if abs(width / height / (size[0] / size[1]) - 1) > _ASPECT:
            raise UserError(
                f"The intrinsics of cameras.json are for {width}x{height} pixels, but the videos have "
                f"{size[0]}x{size[1]}: another aspect ratio. Give the intrinsics for the videos as they are."
            )
        return replace(self, freeze=self.freeze.resized(size), reference=reference.resized(size))


def read(path: Path) -> CamerasFile:
    """Reads and checks a `cameras.json`. Raises UserError, naming the entry, for whatever is wrong with it."""
    content = _load(path)
    intrinsics, size = _intrinsics(content.get("intrinsics"))
    given = Origin("given", 1.0, "The cameras came with the videos.")

    def cameras(name: str) -> Cameras | None:
        entries = _entries(content, name)
        poses = [_pose(entry.get("w2c"), f"{name}[{i}].w2c") for i, entry in enumerate(entries)]
        return Cameras(torch.stack(poses), intrinsics, size, given) if poses else None

    reference = cameras("reference")
    if reference is not None and _stands_still(reference):
        reference = reference[0]
    listed = "views" if "views" in content else "heldout"
    views = []
    for i, entry in enumerate(_entries(content, listed)):
        name = f"{listed}[{i}]"
        pose = _pose(entry.get("w2c"), f"{name}.w2c")
        views.append(View(_file(entry, name), _time(entry, name), Cameras(pose[None], intrinsics, size, given)))
    file, count = Counter(view.file for view in views).most_common(1)[0] if views else ("", 0)
    if count > 1:
        raise UserError(f"cameras.json: `{listed}` names {file!r} {count} times. Give each view a file of its own.")
    return CamerasFile(
        freeze=cameras("freeze"),
        reference=reference,
        canonical_index=_index(content, "canonical_index"),
        freeze_reference_index=_index(content, "freeze_reference_index"),
        views=tuple(views),
        more=_more(content, intrinsics, size, given),
    )


def _more(content: dict, intrinsics: Tensor, size: tuple[int, int], given: Origin) -> dict[str, Cameras]:
    cameras = {}
    for i, entry in enumerate(_entries(content, "more_references")):
        name = f"more_references[{i}]"
        lens, pixels = _intrinsics(entry["intrinsics"]) if "intrinsics" in entry else (intrinsics, size)
        cameras[_file(entry, name)] = Cameras(_pose(entry.get("w2c"), f"{name}.w2c")[None], lens, pixels, given)
    return cameras


def _load(path: Path) -> dict:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path.name} is larger than {MAX_BYTES // 1024**2} MB; that is no list of cameras.")
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path.name} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise UserError(f"{path.name} is not JSON: {str(error)[:200]}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path.name} must hold one JSON object with `intrinsics`, `freeze` and so on.")
    return content


def _intrinsics(value: object) -> tuple[Float[Tensor, "4"], tuple[int, int]]:
    if not isinstance(value, dict):
        raise UserError("cameras.json needs `intrinsics`: {fx, fy, cx, cy, w, h} in pixels.")
    numbers = {key: _number(value.get(key), f"intrinsics.{key}") for key in ("fx", "fy", "cx", "cy", "w", "h")}
    width, height = numbers["w"], numbers["h"]
    if width < 1 or height < 1 or max(width, height) > 100_000 or width % 1 or height % 1:
        raise UserError(f"cameras.json: intrinsics.w and .h must be whole numbers of pixels, not {width:g}x{height:g}.")
    for key in ("fx", "fy"):
        if not width * 0.1 < numbers[key] < width * 100:
            raise UserError(
                f"cameras.json: intrinsics.{key} is {numbers[key]:g} for a picture {width:g} pixels wide. Focal "
                "lengths in pixels are 0.3 to 5 widths as a rule. Is it in millimetres, or for another size?"
            )
    if not (0 <= numbers["cx"] <= width and 0 <= numbers["cy"] <= height):
        raise UserError("cameras.json: the principal point intrinsics.cx, .cy must lie inside the picture, in pixels.")
    return torch.tensor([numbers[key] for key in ("fx", "fy", "cx", "cy")]), (int(width), int(height))


def _entries(content: dict, name: str) -> list[dict]:
    entries = content.get(name)
    entries = [] if entries is None else entries
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UserError(f"cameras.json: `{name}` must be a list of objects, each with a `w2c`.")
    return entries


def _pose(value: object, name: str) -> Float[Tensor, "4 4"]:
    rows = value if isinstance(value, list) else []
    if len(rows) != 4 or not all(isinstance(row, list) and len(row) == 4 for row in rows):
        raise UserError(f"cameras.json: {name} must be a 4x4 world-to-camera matrix, a list of four rows.")
    matrix = torch.tensor([[_number(x, name) for x in row] for row in rows], dtype=torch.float64)
    turn = matrix[:3, :3]
    if (matrix[3] - torch.tensor([0.0, 0.0, 0.0, 1.0])).abs().max() > 1e-6:
        raise UserError(f"cameras.json: the last row of {name} must be 0 0 0 1. (Is it stored transposed?)")
    if (turn @ turn.T - torch.eye(3)).abs().max() > _RIGID:
        raise UserError(f"cameras.json: {name} is not rigid: its 3x3 part must be a rotation, without scale or shear.")
    if torch.linalg.det(turn) < 0:
        raise UserError(f"cameras.json: {name} mirrors the world. Axes are x right, y down, z forward.")
    matrix[:3, :3] = rotation.nearest(turn)
    return matrix.float()


def _stands_still(reference: Cameras) -> bool:
    """Whether the poses are one and the same: a list may repeat it for each frame."""
    first = reference.world_to_camera[:1].expand_as(reference.world_to_camera)
    turned = rotation.degrees_between(reference.world_to_camera[:, :3, :3], first[:, :3, :3])
    moved = (reference.centres - reference.centres[0]).norm(dim=-1)
    return bool(turned.max() <= 0.1 and moved.max() <= 1e-3 * max(1.0, float(reference.centres[0].norm())))


def _index(content: dict, name: str) -> int | None:
    value = content.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UserError(f"cameras.json: {name} must be a frame number (0, 1, ...).")
    return value


def _check_index(name: str, value: int | None, frames: int, clip: str) -> None:
    if value is not None and value >= frames:
        raise UserError(f"cameras.json: {name} is {value}, but the {clip} has only frames 0 to {frames - 1}.")


def _file(entry: dict, name: str) -> str:
    value = entry.get("file")
    base = re.split(r"[/\\]", value)[-1] if isinstance(value, str) else ""
    if not _FILE_NAME.fullmatch(base):
        raise UserError(f"cameras.json: {name}.file must be a plain file name such as 000.png.")
    return base


def _time(entry: dict, name: str) -> float:
    time = _number(entry.get("time"), f"{name}.time")
    if not 0 <= time <= 1:
        raise UserError(f"cameras.json: {name}.time is {time:g}; it must lie in 0 (first frame) to 1 (last frame).")
    return time


def _number(value: object, name: str) -> float:
    # 1e15 stays far inside float32, where the cameras live; NaN is not below it either.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e15:
        shown = "missing" if value is None else f"{str(value)[:40]!r}"
        raise UserError(f"cameras.json: {name} must be a number, but is {shown}.")
    return float(value)
