"""A scene as `.spz` files (github.com/nianticlabs/spz), one a reference time, in a zip: a tenth of a ply's size.

Version 3 of the format: a header of 16 bytes and then, of all splats, positions as 24-bit fixed point, opacities,
colours and logarithms of scales as bytes and quaternions in 32 bits, all in one gzip member. The frame is that of
`place.to_y_up`. Written here, as it is short and the libraries that write it bring compiled code along; the tests read
it with one of them.
"""

import gzip
import math
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from fourreal.progress import CancelToken, Event, ignore
from fourreal.scene.export_ply import SH_DC, frames
from fourreal.scene.export_splat import to_bytes
from fourreal.scene.place import to_y_up
from fourreal.scene.scene4d import Scene4D
from fourreal.splat import quaternion
from fourreal.splat.gaussians import Gaussians
from fourreal.whole import write_zip

MAGIC, VERSION = 0x5053474E, 3
HEADER = struct.Struct("<IIIBBBB")  # magic, version, splats, degree of the harmonics, fractional bits, flags, reserved
MOST_FRACTION = 20  # bits; of 23 and a sign
LARGEST = (1 << 23) - 1


def export_spz(
    scene: Scene4D, path: Path, progress: Callable[[Event], None] = ignore, cancel: CancelToken | None = None
) -> None:
    """Write a zip of frame_0000.spz, ..., one for each reference time.

    Raises:
        UserError: the file cannot be written. Cancelled: on request. Either way there is no half file.
    """
    write_zip(path, frames(scene, spz_bytes, ".spz", progress, cancel or CancelToken(), to_y_up(scene)))


def spz_bytes(gaussians: Gaussians) -> bytes:
    """The content of one file. What lies beyond the range of a value is at its edge."""
    reach = float(gaussians.means.abs().max()) if len(gaussians) else 0.0
    fraction = min(MOST_FRACTION, max(0, 22 - math.frexp(max(reach, 1e-6))[1]))
    fixed = (gaussians.means.double() * (1 << fraction)).round().clamp(-LARGEST, LARGEST).to(torch.int32)
    parts = [
        HEADER.pack(MAGIC, VERSION, len(gaussians), 0, fraction, 0, 0),
        fixed.numpy().astype("<i4").view(np.uint8).reshape(-1, 3, 4)[..., :3].tobytes(),
        to_bytes(gaussians.opacities.sigmoid() * 255).tobytes(),
        to_bytes((gaussians.colors - 0.5) / SH_DC * (0.15 * 255) + 127.5).tobytes(),
        to_bytes((gaussians.scales + 10) * 16).tobytes(),
        smallest_three(quaternion.normalize(gaussians.quats).roll(-1, dims=1).numpy()).tobytes(),
    ]
    return gzip.compress(b"".join(parts), mtime=0)  # without the date: the same scene gives the same file


def smallest_three(turns: np.ndarray) -> np.ndarray:
    """Unit quaternions (N, 4) xyzw in 32 bits (N,): which one is the largest, of the others sign and nine bits each."""
    largest = np.abs(turns).argmax(axis=1)
    turns = turns * np.where(np.take_along_axis(turns, largest[:, None], 1) < 0, -1, 1)
    packed = largest.astype("<u4")
    for axis in range(4):
        value = turns[:, axis]
        bits = (np.abs(value) * (math.sqrt(2) * 511) + 0.5).astype("<u4").clip(max=511) | (value < 0).astype("<u4") << 9
        packed = np.where(largest == axis, packed, packed << 10 | bits)
    return packed.astype("<u4")
