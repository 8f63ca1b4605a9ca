"""Rotation vectors and matrices."""

import pytest
import torch

from fourreal.camera import rotation


@pytest.mark.parametrize("angle", [0.0, 1e-4, 1.0, 3.1415])
def test_a_vector_survives_the_way_through_a_matrix(angle):
    vector = angle * torch.nn.functional.normalize(torch.tensor([[1.0, -2.0, 0.5]]))
    matrix = rotation.from_vector(vector)
    assert torch.allclose(matrix @ matrix.transpose(1, 2), torch.eye(3), atol=1e-5)
    assert torch.allclose(rotation.to_vector(matrix), vector, atol=1e-3)


def test_gradients_are_finite_at_zero():
    vector = torch.zeros(3, requires_grad=True)
    rotation.from_vector(vector)[0, 1].backward()
    assert torch.allclose(vector.grad, torch.tensor([0.0, 0.0, -1.0]))


def test_small_angles_are_told_apart():
    small = rotation.from_vector(torch.tensor([[0.0, 0.01, 0.0]]).deg2rad())
    assert rotation.degrees_between(small, torch.eye(3)[None]).item() == pytest.approx(0.01, rel=0.01)


def test_the_nearest_rotation_of_a_mirror_image_is_no_mirror_image():
    mirrored = torch.diag(torch.tensor([1.0, 1.0, -0.9]))
    assert torch.linalg.det(rotation.nearest(mirrored)) == pytest.approx(1.0)
