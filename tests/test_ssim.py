"""The fused kernels agree with plain torch, in value and gradient."""

import pytest
import torch

from fourreal.fit.ssim import Target, blur, mean_ssim, ssim_map


@pytest.mark.parametrize("size", [(7, 9), (32, 45), (1, 20)])
def test_kernels_agree_with_plain_torch(size):
    g = torch.Generator().manual_seed(0)
    truth = torch.rand(*size, 3, generator=g)
    image = (truth + 0.2 * torch.randn(*size, 3, generator=g)).requires_grad_()
    target = Target.of(truth)
    plain, fused = ssim_map(image, target).mean(), mean_ssim(image, target)
    torch.testing.assert_close(fused, plain, rtol=1e-4, atol=1e-5)
    (expected,) = torch.autograd.grad(plain, image)
    (gradient,) = torch.autograd.grad(2 * fused, image)
    torch.testing.assert_close(gradient, 2 * expected, rtol=1e-3, atol=1e-6)


def test_an_image_is_most_like_itself():
    truth = torch.rand(20, 20, 3, generator=torch.Generator().manual_seed(1))
    assert float(mean_ssim(truth, Target.of(truth))) == pytest.approx(1.0, abs=1e-4)
    assert float(mean_ssim(1 - truth, Target.of(truth))) < 0.2


def test_a_flat_picture_stays_flat_up_to_the_border():
    torch.testing.assert_close(blur(torch.ones(3, 6, 17)), torch.ones(3, 6, 17))
