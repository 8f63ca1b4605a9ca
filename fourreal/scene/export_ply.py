"""A scene as `.ply` files of the 3DGS convention (Kerbl et al. 2023), one a reference time, in a zip.

A vertex holds x y z, a normal (zero), f_dc_0..2 (the constant spherical harmonic of the colour), opacity (logit),
scale_0..2 (logarithm) and rot_0..3 (quaternion wxyz), all little-endian float32. Every splat viewer
and editor reads it.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from fourreal.errors import UserError
from fourreal.progress import CancelToken, Event, ignore
from fourreal.scene.atomic import write_zip
from fourreal.scene.place import outward
from fourreal.scene.scene4d import Scene4D
from fourreal.splat import quaternion
from fourreal.splat.gaussians import Gaussians

SH_DC = 0.28209479177387814  # the constant spherical harmonic, 1 / (2 sqrt(pi))
PROPERTIES = (
    "x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", "opacity",
    "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3",
)  # fmt: skip
MAX_HEADER = 65_536  # bytes; ours has 400, one with all harmonics 2,000


def export_ply(
    scene: Scene4D, path: Path, progress: Callable[[Event], None] = ignore, cancel: CancelToken | None = None
) -> None:
    """Write a zip of frame_0000.ply, ... in the input's frame, one for each reference time.

    Raises:
        UserError: the file cannot be written. Cancelled: on request. Either way there is no half file.
    """
    write_zip(path, frames(scene, ply_bytes, ".ply", progress, cancel or CancelToken()))


def frames(
    scene: Scene4D,
    encode: Callable[[Gaussians], bytes],
    suffix: str,
    progress: Callable[[Event], None],
    cancel: CancelToken,
) -> Iterator[tuple[str, bytes]]:
    """(name, content) for each reference time, `encode` turning Gaussians of the input's frame into bytes."""
    for frame, t in enumerate(scene.times.tolist()):
        cancel.check()
        yield f"frame_{frame:04d}{suffix}", encode(outward(scene, t))
        progress(Event("export", frame + 1, scene.frames))


def ply_bytes(gaussians: Gaussians) -> bytes:
    """The content of one ply file."""
    columns = [
        gaussians.means,
        torch.zeros_like(gaussians.means),
        (gaussians.colors - 0.5) / SH_DC,
        gaussians.opacities[:, None],
        gaussians.scales,
        quaternion.normalize(gaussians.quats),
    ]
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(gaussians)}"]
    header += [f"property float {name}" for name in PROPERTIES] + ["end_header", ""]
    table = torch.cat(columns, dim=1).detach().cpu().numpy().astype("<f4")
    return "\n".join(header).encode() + table.tobytes()


def read_ply(content: bytes) -> Gaussians:
    """The Gaussians of a ply file of that convention; harmonics beyond the constant are left out.

    Raises:
        UserError: it is another kind of file, or it is truncated.
    """
    end = content.find(b"end_header\n", 0, MAX_HEADER)
    header = content[: max(end, 0)].decode("ascii", errors="replace").split("\n")
    count = next((int(m[1]) for line in header if (m := re.fullmatch(r"element vertex (\d{1,9})", line))), None)
    names = [m[1] for line in header if (m := re.fullmatch(r"property float (\w+)", line))]
    if header[:2] != ["ply", "format binary_little_endian 1.0"] or count is None or set(PROPERTIES) - set(names):
        raise UserError("This is no splat file: a binary little-endian ply of the 3DGS convention is expected.")
    body = content[end + len(b"end_header\n") :]
    if len(body) < count * len(names) * 4:
        raise UserError(f"The ply file is truncated: {count} splats are announced. Copy or export it again.")
    table = np.frombuffer(body, "<f4", count * len(names)).reshape(count, len(names)).astype(np.float32)
    pick = lambda *wanted: torch.from_numpy(table[:, [names.index(name) for name in wanted]])
    return Gaussians.static(
        means=pick("x", "y", "z"),
        quats=pick("rot_0", "rot_1", "rot_2", "rot_3"),
        scales=pick("scale_0", "scale_1", "scale_2"),
        opacities=pick("opacity")[:, 0],
        colors=pick("f_dc_0", "f_dc_1", "f_dc_2") * SH_DC + 0.5,
    )
