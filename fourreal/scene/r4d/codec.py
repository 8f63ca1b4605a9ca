"""One array of an `.r4d` file: real numbers as whole ones of 1 to 3 bytes, in an order that compresses well."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt
from numpy.typing import ArrayLike

from fourreal.scene.reading import Malformed, value, whole

WORDS = {1: np.uint8, 2: np.uint16, 3: np.uint32}  # bytes of a number: what holds it here
DELTAS = ("none", "rows", "frames")
LARGEST_COUNT = 2**40  # no count of a descriptor is larger; products of them stay whole


@dataclass(frozen=True)
class Descriptor:
    """How an array of (frames, rows, columns) numbers is kept: value = origin[column] + step[column] * q.

    name: which array. frames: T, or 1 for what holds at every time. rows: splats. columns: numbers a splat.
    bytes: of q, 1 to 3. origin, step: one a column; step >= 0.
    delta: "rows", "frames": q is kept as the difference to the row or the frame before, modulo 256^bytes.
    """

    name: str
    frames: int
    rows: int
    columns: int
    bytes: int
    origin: tuple[float, ...]
    step: tuple[float, ...]
    delta: str

    @property
    def size(self) -> int:
        """Bytes of the array in the file, before gzip."""
        return self.frames * self.rows * self.columns * self.bytes

    def to_dict(self) -> dict:
        """As it stands in the header."""
        return {**vars(self), "origin": list(self.origin), "step": list(self.step)}

    @classmethod
    def from_dict(cls, values: dict) -> "Descriptor":
        """The inverse of `to_dict`. Raises Malformed."""
        name = value(values, str, "name")
        counts: dict[str, Any] = {key: whole(values, key) for key in ("frames", "rows", "columns", "bytes")}
        if not all(count <= LARGEST_COUNT for count in counts.values()) or counts["bytes"] not in WORDS:
            raise Malformed(f"the array {name!r} has an absurd size")
        lines: dict[str, Any] = {key: _line(values, key, counts["columns"]) for key in ("origin", "step")}
        delta = value(values, str, "delta")
        if delta not in DELTAS or min(lines["step"], default=0.0) < 0:
            raise Malformed(f"the array {name!r} is kept in an unknown way")
        return cls(name, **counts, **lines, delta=delta)


def _line(values: dict, key: str, count: int) -> tuple[float, ...]:
    """`count` finite numbers."""
    numbers = value(values, list, key)
    if len(numbers) != count or not all(type(x) in (int, float) and abs(x) < 1e9 for x in numbers):
        raise Malformed(f"{key} is not {count} numbers")
    return tuple(float(x) for x in numbers)


@dataclass(frozen=True)
class Packed:
    """An array as it is kept: `q` (columns, frames, rows) whole numbers, and what they stand for."""

    descriptor: Descriptor
    q: UInt[np.ndarray, "C T N"]

    def frame(self, frame: int) -> Float[np.ndarray, "N C"]:
        """The float32 numbers of one frame."""
        return np.ascontiguousarray(self._numbers(self.q[:, frame]).T.astype(np.float32))

    def bounds(self) -> tuple[float, float]:
        """The least and the largest number of all."""
        flat = self.q.reshape(len(self.q), -1)
        return float(self._numbers(flat.min(1)[:, None]).min()), float(self._numbers(flat.max(1)[:, None]).max())

    def _numbers(self, q: UInt[np.ndarray, "C K"]) -> Float[np.ndarray, "C K"]:
        origin, step = (np.asarray(x)[:, None] for x in (self.descriptor.origin, self.descriptor.step))
        return origin + step * q


def quantise(
    name: str, values: Float[np.ndarray, "T N C"], most: int, step: float, signed: bool = False, delta: str = "none"
) -> Packed:
    """Numbers as whole multiples of `step`, in as few bytes as hold them.

    most: bytes, 1 to 3; a column that would need more gets a larger step.
    step: of every column; what is finer is lost, and gzip makes use of that.
    signed: 0 is kept exactly, for what is mostly nothing.
    """
    low, high = (x.astype(np.float64) for x in (values.min(axis=(0, 1)), values.max(axis=(0, 1))))
    reach = 2 * np.maximum(-low, high) if signed else high - low
    bytes = next((n for n in range(1, most) if (reach / step <= 256**n - 2).all()), most)
    steps = np.maximum(step, reach / (256**bytes - 2))  # one less than there are, as 0 is off the middle
    origin = -steps * 2 ** (8 * bytes - 1) if signed else low
    q = np.empty((values.shape[2], *values.shape[:2]), WORDS[bytes])
    for frame, numbers in enumerate(values):  # one at a time, as they may be many and are widened
        q[:, frame] = np.rint((numbers - origin) / steps).clip(0, 256**bytes - 1).T
    frames, rows, columns = values.shape
    described = Descriptor(
        name=name,
        frames=frames,
        rows=rows,
        columns=columns,
        bytes=bytes,
        origin=_floats(origin),
        step=_floats(steps),
        delta=delta,
    )
    return Packed(described, q)


def _floats(values: ArrayLike) -> tuple[float, ...]:
    return tuple(np.asarray(values, np.float64).tolist())


def encode(packed: Packed) -> bytes:
    """The bytes of an array: by column, then byte plane (low first), then frame, then row."""
    kind, q = packed.descriptor, packed.q
    axis = {"rows": 2, "frames": 1}.get(kind.delta)
    if axis is not None:
        q = np.concatenate([q.take([0], axis), np.diff(q, axis=axis)], axis)  # unsigned, so it wraps around
    planes = np.ascontiguousarray(q, WORDS[kind.bytes]).astype(f"<u{q.itemsize}").view(np.uint8)
    planes = planes.reshape(kind.columns, kind.frames, kind.rows, q.itemsize)[..., : kind.bytes]
    return np.ascontiguousarray(planes.transpose(0, 3, 1, 2)).tobytes()


def decode(kind: Descriptor, content: bytes) -> Packed:
    """The inverse of `encode`; `content` has `kind.size` bytes."""
    planes = np.frombuffer(content, np.uint8).reshape(kind.columns, kind.bytes, kind.frames, kind.rows)
    word = WORDS[kind.bytes]
    q = planes[:, 0].astype(word)
    for place in range(1, kind.bytes):
        q |= planes[:, place].astype(word) << word(8 * place)
    if kind.delta != "none":
        q = np.cumsum(q, axis=2 if kind.delta == "rows" else 1, dtype=word)  # wraps around as the differences did
        if kind.bytes == 3:
            q &= word(0xFFFFFF)
    return Packed(kind, q)
