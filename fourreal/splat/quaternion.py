"""Quaternions wxyz, batched over any leading shape."""

import torch
from jaxtyping import Float
from torch import Tensor


def multiply(a: Float[Tensor, "*A 4"], b: Float[Tensor, "*B 4"]) -> Float[Tensor, "*C 4"]:
    """The Hamilton product a b: the rotation b followed by a. Leading shapes broadcast."""
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    return torch.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        dim=-1,
    )


def normalize(q: Float[Tensor, "*N 4"]) -> Float[Tensor, "*N 4"]:
    """Unit quaternions of the same rotation."""
    return torch.nn.functional.normalize(q, dim=-1)


def to_matrix(q: Float[Tensor, "*N 4"]) -> Float[Tensor, "*N 3 3"]:
    """Rotation matrices of unit quaternions."""
    w, x, y, z = q.unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def from_vector(v: Float[Tensor, "*N 3"]) -> Float[Tensor, "*N 4"]:
    """Unit quaternions along (1, v): near zero, v is half the rotation vector. Smooth, free of singularities."""
    return normalize(torch.cat([torch.ones_like(v[..., :1]), v], dim=-1))
