"""A scene as an `.r4d` file."""

import json
import zlib
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from fourreal.scene.r4d.codec import Packed, encode, quantise
from fourreal.scene.r4d.view import view
from fourreal.scene.scene4d import Scene4D
from fourreal.scene.sky import sky_of
from fourreal.splat import quaternion
from fourreal.splat.gaussians import Gaussians
from fourreal.whole import writing

MAGIC, VERSION = b"R4D1", 1
GZIP = 31  # zlib's name for one gzip member; it writes no date, so the same scene gives the same file

# What is kept, in the normalised frame, whose cameras stand about 1 from the centre: a pixel of a picture 512 wide is
# about 0.002 there.
PLACE, SHIFT = 2e-5, 5e-5  # world units
TURN = 1e-3  # radians
SIZE = 0.01  # natural logarithm: one per cent
QUATERNION = 1 / 2000
STAYS = 1e-4  # world units; what no part of a splat ever exceeds is not called motion
FULL_NAME = 200  # characters of a name that are kept


def export_r4d(scene: Scene4D, path: Path, name: str = "", progress: dict | None = None, level: int = 9) -> None:
    """Write the scene to `path`; the arguments are those of `r4d_bytes`.

    Raises:
        UserError: the file cannot be written; then what was there stays as it was.
    """
    content = r4d_bytes(scene, name, progress, level)
    with writing(path) as temporary:
        temporary.write_bytes(content)


@torch.no_grad()
def r4d_bytes(scene: Scene4D, name: str = "", progress: dict | None = None, level: int = 6) -> bytes:
    """The content of an `.r4d` file.

    Args:
        name: for people; cut at 200 characters.
        progress: {"stage", "step", "steps"} of a fit that goes on, None for a finished scene.
        level: gzip's, 1 (fast) to 9 (small).

    Raises:
        ValueError: no splat of the scene is finite.
    """
    arrays, moving = _arrays(scene)
    splats = arrays[0].descriptor.rows
    header = {
        "version": VERSION,
        "splats": splats,
        "moving": moving,
        "frames": scene.frames,
        "fps": float(scene.fps),
        "canonical": scene.field.canonical,
        "background": scene.background.tolist(),
        "sky": [[round(value, 4) for value in colour] for colour in sky_of(scene).tolist()],
        "arrays": [packed.descriptor.to_dict() for packed in arrays],
        "similarity": scene.similarity.to_dict(),
        "view": view(scene),
        "name": name[:FULL_NAME],
        "progress": progress,
    }
    return container(header, [encode(packed) for packed in arrays], level)


def container(header: dict, arrays: list[bytes], level: int) -> bytes:
    """Header and arrays as the bytes of a file."""
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    packer = zlib.compressobj(level, zlib.DEFLATED, GZIP)
    parts = [MAGIC, len(text).to_bytes(4, "little"), text, *arrays]
    return b"".join([packer.compress(part) for part in parts] + [packer.flush()])


def _arrays(scene: Scene4D) -> tuple[list[Packed], int]:
    """The arrays in their order, and how many splats move: those come first."""
    gaussians = scene.gaussians
    finite = torch.stack(
        [
            x.flatten(1).isfinite().all(1)
            for x in (
                gaussians.means,
                gaussians.quats,
                gaussians.scales,
                gaussians.opacities[:, None],
                gaussians.colors,
            )
        ]
    ).all(0)
    gaussians = gaussians[finite]
    if not len(gaussians):
        raise ValueError("a scene without a finite splat cannot be written")
    movers = gaussians[gaussians.moves]
    motion = Motion.of(scene, movers)
    really = motion.visible(movers.scales.cpu().numpy())
    moves = gaussians.moves.cpu().numpy().copy()
    moves[moves] = really
    means = gaussians.means.cpu().numpy()
    first, rest = (order_of(means, np.flatnonzero(mask)) for mask in (moves, ~moves))
    arrays = still_arrays(gaussians.to("cpu")[torch.from_numpy(np.concatenate([first, rest]))])
    # where the moving ones stand among those that `motion` speaks of
    among = (np.cumsum(gaussians.moves.cpu().numpy()) - 1)[first]
    return arrays + motion.arrays(among), len(first)


def still_arrays(gaussians: Gaussians) -> list[Packed]:
    """What holds at every time."""
    table = lambda tensor: tensor.float().numpy()[None]
    quats = quaternion.normalize(gaussians.quats)
    quats = torch.where(quats[:, :1] < 0, -quats, quats)
    opacity = gaussians.opacities.sigmoid()[:, None]
    return [
        quantise("means", table(gaussians.means), 3, PLACE, delta="rows"),
        quantise("quats", table(quats[:, 1:]), 2, QUATERNION),
        quantise("scales", table(gaussians.scales), 2, SIZE),
        quantise("colors", table(gaussians.colors), 2, 1 / 255),
        quantise("opacities", table(opacity), 1, 1 / 255),
    ]


class Motion:
    """What is added to M splats at each of the T reference times.

    shifts: (T, M, 3) to the means. turns: (T, M, 3) rotation vectors, to the left of the rotations.
    stretches: (T, M, 3) to the logarithms of the sizes.
    """

    def __init__(
        self,
        shifts: Float[np.ndarray, "T M 3"],
        turns: Float[np.ndarray, "T M 3"],
        stretches: Float[np.ndarray, "T M 3"],
    ) -> None:
        self.shifts, self.turns, self.stretches = shifts, turns, stretches

    @classmethod
    def of(cls, scene: Scene4D, movers: Gaussians) -> "Motion":
        """The field's offsets at every code. What a field says of splats that are not finite then stays out."""
        shape = (scene.frames, len(movers), 3)
        shifts, turns, stretches = (np.zeros(shape, np.float32) for _ in range(3))
        if len(movers):
            before = quaternion.normalize(movers.quats)
            back = before * before.new_tensor([1.0, -1.0, -1.0, -1.0])
            for code in range(scene.frames):
                offsets = scene.field.offsets(movers, code)
                after = quaternion.normalize(movers.quats + offsets.dq)
                shifts[code] = offsets.dx.cpu().numpy()
                turns[code] = to_vector(quaternion.multiply(after, back)).cpu().numpy()
                stretches[code] = offsets.ds.cpu().numpy()
        return cls(*(np.nan_to_num(x, posinf=0.0, neginf=0.0) for x in (shifts, turns, stretches)))

    def visible(self, scales: Float[np.ndarray, "M 3"]) -> Bool[np.ndarray, " M"]:
        """Which splats ever move by an amount that could be seen. scales: logarithms of their sizes."""
        reach = 2 * np.exp(scales.max(axis=1))  # where a splat ends: what a turn and a stretch move it by
        length = lambda x: np.sqrt(np.einsum("tmc,tmc->tm", x, x))
        by_turn = (length(self.turns) + np.abs(self.stretches).max(axis=2, initial=0.0)) * reach
        return (length(self.shifts) + by_turn > STAYS).any(axis=0)

    def arrays(self, among: Int[np.ndarray, " K"]) -> list[Packed]:
        """The arrays of some of the splats, in that order; what is zero throughout is left out."""
        wanted = (
            ("shifts", self.shifts, 2, SHIFT, "frames"),
            ("turns", self.turns, 2, TURN, "frames"),
            ("stretches", self.stretches, 1, SIZE, "frames"),
        )
        return [
            quantise(name, values[:, among], size, step, signed=True, delta=delta)
            for name, values, size, step, delta in wanted
            if values[:, among].any()
        ]


def to_vector(q: Float[torch.Tensor, "M 4"]) -> Float[torch.Tensor, "M 3"]:
    """Rotation vectors (radians, at most pi long) of unit quaternions wxyz."""
    q = torch.where(q[:, :1] < 0, -q, q)
    sine = q[:, 1:].norm(dim=1, keepdim=True)
    angle = 2 * torch.atan2(sine, q[:, :1])
    return q[:, 1:] * torch.where(sine > 1e-7, angle / sine.clamp(min=1e-7), torch.full_like(sine, 2.0))


def order_of(means: Float[np.ndarray, "N 3"], which: Int[np.ndarray, " K"]) -> Int[np.ndarray, " K"]:
    """`which`, along a Morton curve: what is close in space is close in the file, so differences are small."""
    if not len(which):
        return which
    points = means[which].astype(np.float64)
    low, high = np.quantile(points, (0.02, 0.98), axis=0)  # a stray splat must not blur all others into one cell
    cells = ((points - low) / np.maximum(high - low, 1e-9) * 1023).clip(0, 1023).astype(np.int64)
    key = np.zeros(len(points), np.int64)
    for bit in range(10):
        for axis in range(3):
            key |= ((cells[:, axis] >> bit) & 1) << (3 * bit + axis)
    return which[np.argsort(key, kind="stable")]
