"""Both deformation fields keep what the interface promises."""

import pytest
import torch
from devices import same

from fourreal.splat import quaternion
from fourreal.splat.deform import DeformationField, bend
from fourreal.splat.deformation_mlp import DeformationMLP
from fourreal.splat.fields import build
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.motion_bases import MotionBases

FRAMES, CANONICAL, N = 7, 2, 50
RADIUS = torch.full((4,), 0.5)


def some_gaussians(motion: int = 0) -> Gaussians:
    g = torch.Generator().manual_seed(0)
    rand = lambda *shape: torch.randn(*shape, generator=g)
    moves = torch.arange(N) % 2 == 0
    return Gaussians(rand(N, 3), rand(N, 4), rand(N, 3), rand(N), rand(N, 3), moves, rand(N, motion))


def learned() -> tuple[MotionBases, Gaussians]:
    field = MotionBases(torch.randn(4, 3, generator=torch.Generator().manual_seed(1)), RADIUS, FRAMES, CANONICAL)
    return field, some_gaussians(motion=5)


FIELDS = {
    "bases, learned": learned,
    "bases, spatial": lambda: (MotionBases(torch.randn(4, 3), RADIUS, FRAMES, CANONICAL, "spatial"), some_gaussians()),
    "mlp, moving": lambda: (DeformationMLP(FRAMES, CANONICAL, width=16), some_gaussians()),
    "mlp, all": lambda: (DeformationMLP(FRAMES, CANONICAL, "all", width=16), some_gaussians()),
}


@pytest.fixture(params=FIELDS)
def case(request, device):
    field, gaussians = FIELDS[request.param]()
    return field.to(device), gaussians.to(device)


def perturb(field) -> None:
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in field.parameters():
            parameter += 0.3 * torch.randn_like(parameter)


def test_identity_before_training(case):
    field, gaussians = case
    assert isinstance(field, DeformationField)
    for code in (0, 1.5, FRAMES - 1):
        bent = bend(gaussians, field.offsets(gaussians, code))
        torch.testing.assert_close(bent.means, gaussians.means)
        torch.testing.assert_close(bent.quats, gaussians.quats)
        torch.testing.assert_close(bent.scales, gaussians.scales)


def test_canonical_code_is_exactly_zero_and_the_others_are_not(case):
    field, gaussians = case
    perturb(field)
    assert all(bool((x == 0).all()) for x in field.offsets(gaussians, CANONICAL))
    assert float(field.offsets(gaussians, CANONICAL + 1).dx.detach().abs().max()) > 1e-3


def test_continuous_across_the_canonical_code(case):
    field, gaussians = case
    perturb(field)
    near = field.offsets(gaussians, CANONICAL + 1e-3)
    far = field.offsets(gaussians, CANONICAL + 1.0)
    assert float(near.dx.detach().abs().max()) < 0.01 * float(far.dx.detach().abs().max()) + 1e-6


def test_temporal_fields_leave_the_background_alone(case):
    field, gaussians = case
    perturb(field)
    moved = field.offsets(gaussians, 5).dx.abs().sum(1) > 0
    everything = getattr(field, "weighting", getattr(field, "scope", "")) in ("spatial", "all")
    assert bool((moved == (torch.ones_like(gaussians.moves) if everything else gaussians.moves)).all())


def test_rebuilt_from_its_description(case):
    field, gaussians = case
    perturb(field)
    twin = build(field.config())
    twin.load_state_dict(field.state_dict())
    twin.to(gaussians.means.device)
    assert all(same(*both) for both in zip(field.offsets(gaussians, 3.25), twin.offsets(gaussians, 3.25), strict=True))


def test_a_single_basis_moves_its_gaussians_rigidly():
    field = MotionBases(torch.tensor([[1.0, 0.0, 0.0]]), torch.ones(1), 2, 0)
    half_turn = torch.tensor([0.0, 0.0, 1.0])  # (1, v) with |v| = 1: a quarter turn about z
    with torch.no_grad():
        field.rotation[1, 0] = half_turn
        field.translation[1, 0] = torch.tensor([0.0, 0.0, 2.0])
    gaussians = Gaussians(
        torch.tensor([[2.0, 0.0, 0.0]]),
        torch.tensor([[1.0, 0, 0, 0]]),
        torch.zeros(1, 3),
        torch.zeros(1),
        torch.zeros(1, 3),
        torch.tensor([True]),
        torch.tensor([[40.0, -40.0]]),
    )
    bent = bend(gaussians, field.offsets(gaussians, 1))
    torch.testing.assert_close(bent.means, torch.tensor([[1.0, 1.0, 2.0]]))
    turned = quaternion.to_matrix(bent.quats)[0] @ torch.tensor([1.0, 0.0, 0.0])
    torch.testing.assert_close(turned, torch.tensor([0.0, 1.0, 0.0]))


def test_the_network_has_the_papers_shape():
    field = DeformationMLP(FRAMES, CANONICAL)
    inputs = 3 * 21 + 13
    assert [layer.in_features for layer in field.layers] == [inputs, 256, 256, 256, 256 + inputs, 256, 256, 256]
    assert [head.out_features for head in field.heads] == [3, 4, 3]


def test_unknown_fields_are_refused():
    with pytest.raises(ValueError, match="no deformation field"):
        build({"kind": "magic"})


def test_the_spatial_field_leaves_to_the_canonical_scene_what_all_frames_agree_on():
    field = MotionBases(torch.zeros(1, 3), torch.ones(1), FRAMES, CANONICAL, "spatial")
    with torch.no_grad():
        field.translation[:] = torch.tensor([0.3, 0.0, 0.0])
    gaussians = some_gaussians()
    for code in range(FRAMES):
        assert float(field.offsets(gaussians, code).dx.detach().abs().max()) < 1e-6
