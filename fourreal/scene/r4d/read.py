"""An `.r4d` file back as a scene that can be drawn. What is read is not trusted: every value is checked, and nothing is
allocated that the file could not fill."""

import json
import math
import zlib
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, UInt8

from fourreal.camera.cameras import Cameras
from fourreal.errors import UserError
from fourreal.scene.parts import similarity
from fourreal.scene.r4d.codec import Descriptor, Packed, decode
from fourreal.scene.r4d.write import GZIP, MAGIC, VERSION
from fourreal.scene.reading import Malformed, not_a_number, number, numbers, value, whole
from fourreal.scene.scene4d import SNAP
from fourreal.scene.sky import TERMS, over_sky
from fourreal.splat import quaternion
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.rasterize import rasterize

MAX_HEADER = 4 * 1024**2  # bytes; ours have 20,000
MAX_BYTES = 1024**3  # of a file unpacked; a million splats, a third of them moving through 128 times, has 650 MB
MAX_SPLATS, MAX_FRAMES, MAX_CAMERAS = 16_000_000, 4096, 4096
DEFLATE = 1032  # times: no stream of gzip's grows by more

# Columns, and the least and largest value of each array; (N,) and (1 frame) unless it is about motion.
STILL = {
    "means": (3, -1e6, 1e6),
    "quats": (3, -1.1, 1.1),
    "scales": (3, -1e3, 40.0),
    "colors": (3, -1e3, 1e3),
    "opacities": (1, -0.01, 1.01),
}
MOTION = {"shifts": (3, -1e6, 1e6), "turns": (3, -100.0, 100.0), "stretches": (3, -1e3, 40.0)}


@dataclass(frozen=True)
class R4D:
    """A scene as its viewer's file keeps it, in the normalised frame.

    header: the file's, checked. arrays: by name.
    """

    header: dict
    arrays: dict[str, Packed]

    @property
    def frames(self) -> int:
        return self.header["frames"]

    def at(self, t: float | int) -> Gaussians:
        """The Gaussians at time t in [0, 1], none of which moves any more.

        Between frames shifts and stretches are interpolated linearly, turns as quaternions.

        Raises:
            ValueError: t lies outside.
        """
        if not 0 <= t <= 1:
            raise ValueError(f"time {t} is outside [0, 1]")
        code = t * (self.frames - 1)
        code = round(code) if abs(code - round(code)) < SNAP else code
        still = {name: torch.from_numpy(self.arrays[name].frame(0)) for name in STILL}
        xyz = still["quats"]
        quats = torch.cat([(1 - xyz.square().sum(1, keepdim=True)).clamp(min=0).sqrt(), xyz], 1)
        quats, moving = quaternion.normalize(quats), self.header["moving"]
        if moving:
            still["means"][:moving] += self._between("shifts", code)
            still["scales"][:moving] += self._between("stretches", code)
            quats[:moving] = quaternion.multiply(self._between("turns", code, turned), quats[:moving])
        return Gaussians.static(
            still["means"], quats, still["scales"], torch.logit(still["opacities"][:, 0], 1e-4), still["colors"]
        )

    def _between(self, name: str, code: float | int, read=lambda values: values) -> torch.Tensor:
        """Motion at a fractional frame; `read` makes of the numbers what can be interpolated."""
        if name not in self.arrays:
            return read(torch.zeros(self.header["moving"], 3))
        low = math.floor(code)
        before = read(torch.from_numpy(self.arrays[name].frame(low)))
        if code == low:
            return before
        after = read(torch.from_numpy(self.arrays[name].frame(low + 1)))
        if before.shape[1] == 4:  # quaternions: the shorter way, and back to unit length
            after = torch.where((before * after).sum(1, keepdim=True) < 0, -after, after)
            return quaternion.normalize(torch.lerp(before, after, code - low))
        return torch.lerp(before, after, code - low)

    @torch.no_grad()
    def render(
        self, camera_to_world: Float[np.ndarray, "4 4"], fov_y: float | int, size: tuple[int, int], t: float | int
    ) -> UInt8[np.ndarray, "H W 3"]:
        """What a camera sees at time t in [0, 1], as 8-bit RGB.

        Args:
            camera_to_world: (4, 4) rigid, OpenCV axes, in the normalised frame.
            fov_y: angle between the picture's upper and lower edge, degrees in (0, 180).
            size: (width, height) in pixels.

        Raises:
            ValueError: an argument is out of range.
        """
        pose = torch.from_numpy(np.array(camera_to_world, np.float32))
        if not rigid(pose[None]) or not 0 < fov_y < 180 or not all(0 < side <= 8192 for side in size):
            raise ValueError("the camera is not rigid, or its field of view or its size is out of range")
        width, height = size
        focal = height / 2 / math.tan(math.radians(fov_y) / 2)
        intrinsics = torch.tensor([focal, focal, width / 2, height / 2], dtype=torch.float32)
        return self.draw(Cameras(torch.linalg.inv(pose)[None], intrinsics, size), t)

    @torch.no_grad()
    def draw(self, camera: Cameras, t: float | int) -> UInt8[np.ndarray, "H W 3"]:
        """What one camera (F = 1) of the normalised frame sees at time t in [0, 1], as 8-bit RGB."""
        background = torch.tensor(self.header["background"], dtype=torch.float32)
        seen = rasterize(self.at(t), camera.world_to_camera[0], camera.intrinsics, camera.size, background)
        if "sky" in self.header:
            seen = replace(seen, colour=over_sky(seen, camera, torch.tensor(self.header["sky"]), background))
        return (seen.colour.clamp(0, 1) * 255).round().byte().numpy()


def turned(vectors: Float[torch.Tensor, "M 3"]) -> Float[torch.Tensor, "M 4"]:
    """Unit quaternions wxyz of rotation vectors in radians."""
    half = vectors.norm(dim=1, keepdim=True) / 2
    return torch.cat([half.cos(), vectors * torch.sinc(half / math.pi) / 2], 1)


def rigid(matrices: Float[torch.Tensor, "F 4 4"]) -> bool:
    """Whether these are rigid transforms."""
    turn = matrices[:, :3, :3]
    return bool(
        torch.allclose(turn @ turn.mT, torch.eye(3), atol=1e-3)
        and (torch.linalg.det(turn) > 0).all()
        and matrices[:, 3].equal(torch.tensor([0.0, 0.0, 0.0, 1.0]).expand(len(matrices), 4))
        and bool((matrices.abs() < 1e6).all())
    )


def read_r4d(content: bytes, max_bytes: int = MAX_BYTES) -> R4D:
    """The scene of an `.r4d` file.

    Args:
        max_bytes: a file that unpacks to more is refused.

    Raises:
        UserError: it is another kind of file, a truncated or damaged one, one too large, or one of a newer version.
    """
    if content[:2] != b"\x1f\x8b":
        raise UserError("This is no .r4d file. Give one that `export --format r4d` wrote.")
    unpacker = Unpacker(content)
    try:
        if unpacker.take(len(MAGIC)) != MAGIC:
            raise Malformed("it does not begin as ours do")
        length = int.from_bytes(unpacker.take(4), "little")
        if length > min(MAX_HEADER, len(content) * DEFLATE):
            raise Malformed("its header is larger than any of ours")
        header = json.loads(unpacker.take(length).decode(), parse_constant=not_a_number)
        kinds = check_header(header)
        total = sum(kind.size for kind in kinds)
        if total > max_bytes:
            raise UserError(
                f"The .r4d file holds {total / 1e6:.0f} MB unpacked and up to {max_bytes / 1e6:.0f} are read: export "
                "the scene with fewer splats."
            )
        if total > len(content) * DEFLATE:
            raise Malformed("it is too small for what it announces")
        arrays = {kind.name: decode(kind, unpacker.take(kind.size)) for kind in kinds}
        unpacker.finish()
        for packed in arrays.values():
            _check_values(packed)
    except (Malformed, zlib.error, ValueError, RecursionError) as error:
        raise UserError(f"The .r4d file is damaged ({error}). Copy or export it again.") from error
    return R4D(header, arrays)


class Unpacker:
    """One gzip member, unpacked no further than what is asked for."""

    def __init__(self, content: bytes) -> None:
        self.zlib, self.rest = zlib.decompressobj(GZIP), content

    def take(self, count: int) -> bytes:
        """The next `count` bytes. Raises Malformed where there are fewer, zlib.error where they are damaged."""
        parts, missing = [], count
        while missing:
            part = self.zlib.decompress(self.rest, missing)
            if not part and (self.zlib.eof or not self.zlib.unconsumed_tail):
                raise Malformed("it is truncated")
            self.rest = self.zlib.unconsumed_tail
            parts.append(part)
            missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def finish(self) -> None:
        """Raise Malformed unless all was taken and the check sum is right."""
        if self.zlib.decompress(self.rest, 1):
            raise Malformed("it holds more than it announces")
        if not self.zlib.eof:
            raise Malformed("it is truncated")
        if self.zlib.unused_data:
            raise Malformed("something follows its end")


def check_header(header: object) -> list[Descriptor]:
    """The arrays that a header announces, everything in it checked.

    Raises:
        Malformed: a value is missing or is not what it should be. UserError: the file is of a newer version.
    """
    if not isinstance(header, dict):
        raise Malformed("its header is not an object")
    if whole(header, "version") != VERSION:
        raise UserError("The .r4d file was written by another version: update fourreal, or export the scene again.")
    splats, moving, frames = (whole(header, key) for key in ("splats", "moving", "frames"))
    if not 0 < splats <= MAX_SPLATS or moving > splats or not 0 < frames <= MAX_FRAMES:
        raise Malformed("splats, moving or frames is out of range")
    if whole(header, "canonical") >= frames or not 0.01 <= number(header, "fps") <= 1000:
        raise Malformed("canonical or fps is out of range")
    numbers(header, (3,), "background")
    if "sky" in header:
        numbers(header, (TERMS, 3), "sky")
    similarity(header)
    _check_view(header)
    if len(value(header, str, "name")) > 10_000:
        raise Malformed("name is too long")
    if value(header, dict | None, "progress") is not None:
        value(header, str, "progress", "stage")
        whole(header, "progress", "step")
        whole(header, "progress", "steps")
    return _check_arrays(header, splats, moving, frames)


def _check_arrays(header: dict, splats: int, moving: int, frames: int) -> list[Descriptor]:
    entries = value(header, list, "arrays")
    if len(entries) > len(STILL) + len(MOTION) or not all(isinstance(entry, dict) for entry in entries):
        raise Malformed("arrays is not a list of what we know")
    kinds = [Descriptor.from_dict(entry) for entry in entries]
    names = [kind.name for kind in kinds]
    if len(set(names)) < len(names) or set(STILL) - set(names):
        raise Malformed("an array is missing or there twice")
    for kind in kinds:
        fields = STILL | (MOTION if moving else {})
        if kind.name not in fields:
            raise Malformed(f"the array {kind.name[:40]!r} is unknown")
        columns = fields[kind.name][0]
        shape = (1, splats, columns) if kind.name in STILL else (frames, moving, columns)
        if (kind.frames, kind.rows, kind.columns) != shape:
            raise Malformed(f"the array {kind.name} is not of shape {shape}")
    return kinds


def _check_values(packed: Packed) -> None:
    _, low, high = (STILL | MOTION)[packed.descriptor.name]
    least, largest = packed.bounds()
    if not (low <= least and largest <= high):
        raise Malformed(f"the array {packed.descriptor.name} holds values from {least:g} to {largest:g}")


def _check_view(header: dict) -> None:
    pose = numbers(header, (4, 4), "view", "reference", "camera_to_world")
    freeze = value(header, list, "view", "freeze")
    if not 0 < len(freeze) <= MAX_CAMERAS:
        raise Malformed("view.freeze is empty or endless")
    if not rigid(torch.cat([pose[None], numbers(header, (len(freeze), 4, 4), "view", "freeze")])):
        raise Malformed("a camera of the view is not rigid")
    intrinsics = numbers(header, (4,), "view", "reference", "intrinsics")
    size = numbers(header, (2,), "view", "reference", "size")
    if not (intrinsics[:2] > 0).all() or not ((size > 0) & (size <= 65_536)).all():
        raise Malformed("the reference camera's intrinsics or size is out of range")
    up = numbers(header, (3,), "view", "up")
    numbers(header, (3,), "view", "centre")
    ranges = torch.stack([numbers(header, (2,), "view", key) for key in ("azimuth", "elevation", "distance")])
    if abs(float(up.norm()) - 1) > 1e-3 or not (ranges[:, 0] <= ranges[:, 1]).all() or float(ranges[2, 0]) <= 0:
        raise Malformed("view is out of range")
