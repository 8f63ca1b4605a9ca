"""Misplaced pixels find their places, and what makes them up is pulled there from farther than its own width."""

from dataclasses import replace

import pytest
import torch

from fourreal.camera.cameras import Cameras
from fourreal.fit import matching
from fourreal.fit.ssim import Target, photometric_terms
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.rasterize import rasterize

SIZE = (48, 32)
CAMERA = Cameras(torch.eye(4)[None], torch.tensor([40.0, 40.0, 24.0, 16.0]), SIZE)
GREY = torch.full((3,), 0.5)
RED, BLUE = torch.tensor([0.9, 0.1, 0.1]), torch.tensor([0.1, 0.1, 0.9])


def square(left: int, top: int, colour: torch.Tensor, side: int = 4) -> torch.Tensor:
    """A picture, on the CPU."""
    image = GREY.expand(SIZE[1], SIZE[0], 3).clone()
    image[top : top + side, left : left + side] = colour
    return image


def ball(x: float, colour: torch.Tensor = RED) -> Gaussians:
    """One opaque splat, about four pixels wide, a unit before the camera."""
    means = torch.tensor([[x, 0.0, 1.0]])
    return Gaussians.static(
        means, torch.tensor([[1.0, 0, 0, 0]]), torch.full((1, 3), -3.5), torch.full((1,), 4.0), colour[None]
    )


def see(scene: Gaussians) -> torch.Tensor:
    camera = CAMERA.to(scene.means.device)
    return rasterize(scene, camera.world_to_camera[0], camera.intrinsics, SIZE, GREY.to(scene.means)).colour


def test_a_square_is_found_again_where_it_went(device):
    shown, wanted = square(10, 8, RED).to(device), square(15, 11, RED).to(device)
    source, move = matching.assign(shown, wanted, (shown != GREY.to(device)).any(dim=-1).float())
    assert len(source) == 16
    torch.testing.assert_close(move.cpu(), torch.tensor([5.0, 3.0]).expand(16, 2))


@pytest.mark.parametrize(
    ("wanted", "covered"),
    [(square(18, 11, BLUE), 1.0), (square(40, 24, RED), 1.0), (square(10, 8, RED), 1.0), (square(18, 11, RED), 0.0)],
    ids=["another colour", "too far away", "nothing differs", "nothing there may be pulled"],
)
def test_what_does_not_belong_is_left_where_it_is(wanted, covered, device):
    shown = square(10, 8, RED).to(device)
    cover = covered * (shown != GREY.to(device)).any(dim=-1).float()
    assert len(matching.assign(shown, wanted.to(device), cover)[0]) == 0


def test_a_splat_is_pulled_sideways_and_not_in_depth(device):
    scene, wanted = ball(-0.1).to(device), see(ball(0.1).to(device))
    far = replace(scene, means=scene.means.clone().requires_grad_())
    away = matching.pull(far, torch.ones(1, device=device), CAMERA.to(device), see(scene), wanted, 0.3)
    (towards,) = torch.autograd.grad(away, far.means)
    assert float(towards[0, 0]) < -1e-3
    assert float(towards[0, 1:].abs().max()) < 0.2 * abs(float(towards[0, 0]))


def test_the_pull_leads_to_where_the_photometric_loss_takes_over(device):
    wanted, means = see(ball(0.1).to(device)), torch.tensor([[-0.1, 0.05, 1.0]], device=device, requires_grad=True)
    free, camera, start = torch.ones(1, device=device), CAMERA.to(device), ball(0.0).to(device)
    optimizer = torch.optim.Adam([means], lr=5e-3)
    for _ in range(200):
        scene = replace(start, means=means)
        loss, _ = photometric_terms(see(scene), Target.of(wanted), 0.0)
        away = matching.pull(scene, free, camera, see(scene), wanted, 0.3)
        optimizer.zero_grad()
        (loss if away is None else loss + 20 * away).backward()
        optimizer.step()
    assert float((means[0].cpu() - torch.tensor([0.1, 0.0, 1.0])).detach().norm()) < 0.02


def test_nothing_is_pulled_where_everything_is_in_its_place_or_may_not_move(device):
    scene, wanted, camera = ball(-0.1).to(device), see(ball(0.1).to(device)), CAMERA.to(device)
    assert matching.pull(scene, torch.ones(1, device=device), camera, see(scene), see(scene), 0.3) is None
    assert matching.pull(scene, torch.zeros(1, device=device), camera, see(scene), wanted, 0.3) is None


def test_pictures_are_matched_small():
    assert matching.halvings_for((40, 40)) == 0
    for size in ((256, 144), (512, 288), (241, 144), (1920, 1080)):
        times = matching.halvings_for(size)
        assert (size[0] >> times) * (size[1] >> times) <= matching.PIXELS < 4 * (size[0] * size[1]) / 4**times
