"""A scene as `.ply` files of the 3DGS convention (Kerbl et al. 2023), one a reference time, in a zip.

A vertex holds x y z, a normal (zero), f_dc_0..2 (the constant spherical harmonic of the colour), opacity (logit),
scale_0..2 (logarithm) and rot_0..3 (quaternion wxyz), all little-endian float32. Most splat viewers and
editors read it. Some count on all harmonics, f_rest_0..44 (here zero), and all show a scene as it lies in the file:
`upright` is for these.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch

from fourreal.camera.align import Similarity
from fourreal.progress import CancelToken, Event, ignore
from fourreal.scene.place import outward, to_upright
from fourreal.scene.scene4d import Scene4D
from fourreal.splat import quaternion
from fourreal.splat.gaussians import Gaussians
from fourreal.whole import write_zip

SH_DC = 0.28209479177387814  # the constant spherical harmonic, 1 / (2 sqrt(pi))
BEFORE = ("x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2")
AFTER = ("opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3")
PROPERTIES = BEFORE + AFTER
HARMONICS = tuple(f"f_rest_{i}" for i in range(45))  # those of degree 1 to 3, for each colour


def export_ply(
    scene: Scene4D,
    path: Path,
    progress: Callable[[Event], None] = ignore,
    cancel: CancelToken | None = None,
    upright: bool = False,
) -> None:
    """Write a zip of frame_0000.ply, ..., one for each reference time.

    upright: in the frame of `place.to_upright` and with all harmonics, for other programs; else in the input's frame.

    Raises:
        UserError: the file cannot be written. Cancelled: on request. Either way there is no half file.
    """
    encode = partial(ply_bytes, harmonics=upright)
    frame = to_upright(scene) if upright else None
    write_zip(path, frames(scene, encode, ".ply", progress, cancel or CancelToken(), frame))


def frames(
    scene: Scene4D,
    encode: Callable[[Gaussians], bytes],
    suffix: str,
    progress: Callable[[Event], None],
    cancel: CancelToken,
    frame: Similarity | None = None,
) -> Iterator[tuple[str, bytes]]:
    """(name, content) for each reference time, `encode` turning Gaussians into bytes. frame: as `outward` takes it."""
    for number, t in enumerate(scene.times.tolist()):
        cancel.check()
        yield f"frame_{number:04d}{suffix}", encode(outward(scene, t, frame))
        progress(Event("export", number + 1, scene.frames))


def ply_bytes(gaussians: Gaussians, harmonics: bool = False) -> bytes:
    """The content of one ply file. harmonics: with those beyond the constant, which are zero."""
    rest = HARMONICS if harmonics else ()
    columns = [
        gaussians.means,
        torch.zeros_like(gaussians.means),
        (gaussians.colors - 0.5) / SH_DC,
        gaussians.means.new_zeros(len(gaussians), len(rest)),
        gaussians.opacities[:, None],
        gaussians.scales,
        quaternion.normalize(gaussians.quats),
    ]
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(gaussians)}"]
    header += [f"property float {name}" for name in (*BEFORE, *rest, *AFTER)] + ["end_header", ""]
    table = torch.cat(columns, dim=1).detach().cpu().numpy().astype("<f4")
    return "\n".join(header).encode() + table.tobytes()
