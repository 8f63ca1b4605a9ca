"""What the stages hand on, as files: tensors, and a description in the metadata. No pickle."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from torch import Tensor

from fourreal.camera.cameras import Cameras, Origin
from fourreal.fit.canonical import Canonical
from fourreal.fit.checkpoint import read_tensors, write_tensors
from fourreal.fit.exposure import Exposure
from fourreal.fit.moving import Moving
from fourreal.splat.deform import DeformationField
from fourreal.splat.fields import build
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.packing import below, under

T = TypeVar("T")
Packed = tuple[dict[str, Tensor], dict]


def cached(
    path: Path, make: Callable[[], tuple[T, float]], pack: Callable[[T], Packed], unpack: Callable[..., T]
) -> tuple[T, float]:
    """The artifact in `path`, made first if it is not there.

    Args:
        make: gives the value and the seconds it took.

    Returns:
        The value and the seconds it took to make, whenever that was.
    """
    if (stored := read_tensors(path)) is not None:
        tensors, metadata = stored
        return unpack(tensors, json.loads(metadata["description"])), float(metadata["seconds"])
    value, seconds = make()
    tensors, description = pack(value)
    write_tensors(path, tensors, {"description": json.dumps(description), "seconds": str(seconds)})
    return value, seconds


def timed(make: Callable[[], T]) -> tuple[T, float]:
    """What `make` gives, and the seconds it took."""
    begin = time.monotonic()
    return make(), time.monotonic() - begin


def pack_cameras(cameras: Cameras) -> Packed:
    origin = cameras.origin
    return cameras.tensors(), {"size": cameras.size, "origin": [origin.method, origin.confidence, origin.note]}


def unpack_cameras(tensors: Mapping[str, Tensor], description: dict) -> Cameras:
    return Cameras(
        tensors["world_to_camera"], tensors["intrinsics"], tuple(description["size"]), Origin(*description["origin"])
    )


def pack_canonical(canonical: Canonical) -> Packed:
    tensors, description = pack_cameras(canonical.cameras)
    tensors = under("cameras", tensors) | under("splat", canonical.gaussians.tensors())
    description = {"cameras": description, "field": None, "exposure": None}
    if canonical.field is not None:
        tensors |= under("field", canonical.field.state_dict())
        description["field"] = canonical.field.config()
    if canonical.exposure is not None:
        tensors |= under("exposure", canonical.exposure.state_dict())
        description["exposure"] = canonical.exposure.fixed
    return tensors, description


def unpack_canonical(tensors: Mapping[str, Tensor], description: dict) -> Canonical:
    cameras = unpack_cameras(below(tensors, "cameras"), description["cameras"])
    exposure = None
    if description["exposure"] is not None:
        frames = len(tensors["exposure.gain"])  # of the freeze-time video and of further takes
        exposure = Exposure(frames, description["exposure"])
        exposure.load_state_dict(below(tensors, "exposure"))
    field = _field(tensors, description["field"]) if description["field"] is not None else None
    return Canonical(Gaussians(**below(tensors, "splat")), cameras, field, exposure)


def pack_moving(moving: Moving) -> Packed:
    tensors = under("splat", moving.gaussians.tensors()) | under("field", moving.field.state_dict())
    return tensors, moving.field.config()


def unpack_moving(tensors: Mapping[str, Tensor], description: dict) -> Moving:
    return Moving(Gaussians(**below(tensors, "splat")), _field(tensors, description))


def _field(tensors: Mapping[str, Tensor], config: dict) -> DeformationField:
    field = build(config)
    field.load_state_dict(below(tensors, "field"))
    return field
