"""The photometric loss as a device computes it agrees with plain torch on a CPU, in value and gradient."""

import pytest
import torch
from devices import copied

from fourreal.fit.losses import photometric
from fourreal.fit.ssim import Target, blur, photometric_plain, photometric_terms


@pytest.mark.parametrize("weight", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("size", [(7, 9), (32, 45), (1, 20)])
def test_what_a_device_computes_agrees_with_plain_torch(size, weight, device):
    g = torch.Generator().manual_seed(0)
    truth = torch.rand(*size, 3, generator=g)
    image = (truth + 0.2 * torch.randn(*size, 3, generator=g)).requires_grad_()
    shown, wanted = copied(device, (image, truth))
    plain, squared = photometric_plain(image, Target.of(truth), weight)
    ours, also_squared = photometric_terms(shown, Target.of(wanted), weight)
    torch.testing.assert_close(ours.cpu(), plain, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(also_squared.cpu(), squared, rtol=1e-5, atol=1e-8)
    assert not also_squared.requires_grad
    (expected,) = torch.autograd.grad(plain, image)
    (gradient,) = torch.autograd.grad(2 * ours, shown)
    torch.testing.assert_close(gradient.cpu(), 2 * expected, rtol=1e-3, atol=1e-6)


def test_an_image_is_most_like_itself(device):
    truth = torch.rand(20, 20, 3, generator=torch.Generator().manual_seed(1)).to(device)
    assert float(photometric_terms(truth, Target.of(truth), 1.0)[0]) == pytest.approx(0.0, abs=1e-4)
    assert float(photometric_terms(1 - truth, Target.of(truth), 1.0)[0]) > 0.8


def test_the_psnr_is_that_of_the_picture_as_shown(device):
    truth = torch.full((16, 16, 3), 0.5, device=device)
    assert photometric(truth + 0.1, Target.of(truth), 0.2)[1] == pytest.approx(20.0, abs=1e-3)
    assert photometric(truth + 9.0, Target.of(truth), 0.2)[1] == pytest.approx(6.02, abs=1e-2)  # shown as 1
    assert photometric(truth, Target.of(truth), 0.2)[1] == pytest.approx(100.0)


def test_a_flat_picture_stays_flat_up_to_the_border(device):
    flat = torch.ones(3, 6, 17, device=device)
    torch.testing.assert_close(blur(flat), flat)
