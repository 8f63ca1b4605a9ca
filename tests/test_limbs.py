"""Limbs of a subject, and which of them are fitted as hinges."""

from dataclasses import replace

import fit_samples
import pytest
import torch

from fourreal.fit.limbs import find_limbs, hinged, limb_logits

PIVOTS = torch.tensor([[x, 0.0, 0.0] for x in (-0.3, -0.1, 0.1, 0.3, 0.5)] + [[-0.1, 0.3, 0.0]])
MASS = (400, 400, 400, 400, 150, 200)  # a body along x, an end of it, and an arm on it


@pytest.fixture(scope="module")
def points() -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    size = torch.tensor([0.1, 0.05, 0.05])
    parts = [pivot + size * (2 * torch.rand(n, 3, generator=random) - 1) for pivot, n in zip(PIVOTS, MASS, strict=True)]
    parts[-1] = PIVOTS[-1] + size.flip(0) * (2 * torch.rand(MASS[-1], 3, generator=random) - 1)
    return torch.cat(parts)


def test_an_arm_is_a_limb_and_its_joint_lies_where_it_touches_the_body(points):
    limbs = find_limbs(PIVOTS, points)
    arm = next(limb for limb in limbs if 5 in limb.pivots)
    assert arm.pivots == (5,)
    assert (arm.joint - torch.tensor([-0.1, 0.15, 0.0])).norm() < 0.12
    shares = [sum(MASS[part] for part in limb.pivots) / sum(MASS) for limb in limbs]
    assert all(0.025 <= share <= 0.22 for share in shares)


def test_what_is_near_a_limb_begins_with_it_and_the_body_without(points):
    limbs = [limb for limb in find_limbs(PIVOTS, points) if 5 in limb.pivots]
    affinity = -torch.cdist(torch.tensor([[-0.1, 0.35, 0.0], [0.3, 0.0, 0.0]]), PIVOTS).square() / (2 * 0.1**2)
    of_the_arm, of_the_body = limb_logits(affinity, limbs)[:, 0].tolist()
    assert of_the_arm > 1
    assert of_the_body < -1


def test_a_joint_that_travels_is_no_hinge(points):
    """Nor is one of which a moving camera tells nothing."""
    seen = fit_samples.observations()
    small = points * 0.3
    limbs = find_limbs(PIVOTS * 0.3, small)
    calm = replace(seen, reference=seen.reference[seen.canonical].expand_as(seen.reference).clone())
    assert hinged(limbs, PIVOTS * 0.3, small, calm) == limbs
    assert hinged(limbs, PIVOTS * 0.3, small, replace(seen, reference=_blinking(seen.reference))) == []
    path = replace(seen.reference_camera, world_to_camera=seen.reference_camera.world_to_camera.expand(2, 4, 4))
    assert hinged(limbs, PIVOTS * 0.3, small, replace(calm, reference_path=path)) == []


def test_too_few_points_have_no_limbs():
    assert find_limbs(PIVOTS, PIVOTS) == []


def _blinking(frames: torch.Tensor) -> torch.Tensor:
    """Black, but for the middle of the picture, which is white at the canonical moment and never again."""
    height, width = frames.shape[1:3]
    out = torch.zeros_like(frames)
    out[fit_samples.observations().canonical, height // 5 : -height // 5, width // 5 : -width // 5] = 1.0
    return out
