"""Rotations as vectors: the axis, as long as the angle in radians."""

import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation
from torch import Tensor


def from_vector(vector: Float[Tensor, "*F 3"]) -> Float[Tensor, "*F 3 3"]:
    """Rotation matrices of rotation vectors (radians); differentiable, also at zero."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1)
    return torch.linalg.matrix_exp(skew.reshape(*vector.shape[:-1], 3, 3))


def to_vector(matrix: Float[Tensor, "*F 3 3"]) -> Float[Tensor, "*F 3"]:
    """Rotation vectors (radians, at most pi long) of rotation matrices; stable also near half a turn."""
    flat = matrix.detach().reshape(-1, 3, 3).cpu().double().numpy()
    vectors = torch.from_numpy(Rotation.from_matrix(flat).as_rotvec())
    return vectors.to(matrix).reshape(matrix.shape[:-1])


def degrees_between(a: Float[Tensor, "*F 3 3"], b: Float[Tensor, "*F 3 3"]) -> Float[Tensor, "*F"]:
    """The angle in degrees, 0 to 180, that turns a into b."""
    # From the chord, as the arc cosine of the trace cannot tell small angles apart in float32.
    chord = torch.linalg.norm(a.double() - b.double(), dim=(-2, -1)) / 8**0.5
    return (2 * torch.asin(chord.clamp(max=1))).rad2deg()


def nearest(matrix: Float[Tensor, "*F 3 3"]) -> Float[Tensor, "*F 3 3"]:
    """The rotation closest to a matrix (Frobenius norm): never a reflection."""
    u, _, vh = torch.linalg.svd(matrix)
    flip = torch.ones_like(matrix[..., 0])
    flip[..., 2] = torch.linalg.det(u @ vh).sign()
    return (u * flip[..., None, :]) @ vh
