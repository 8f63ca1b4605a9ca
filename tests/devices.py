"""What "equal" means where a test runs on both devices: CUDA adds up gradients in any order."""

import torch
from torch import Tensor


def copied(device: str, tensors) -> list[Tensor]:
    """Copies of the tensors there, leaves that ask for gradients where the tensors do."""
    return [x.detach().clone().to(device).requires_grad_(x.requires_grad) for x in tensors]


def same(ours: Tensor, theirs: Tensor) -> bool:
    """Whether one computation gave both: bit for bit on a CPU, but for rounding on CUDA."""
    return torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5) if ours.is_cuda else torch.equal(ours, theirs)


def assert_alike(ours: Tensor, theirs: Tensor, **tolerances: float) -> None:
    """Whether two runs of the same steps ended alike: all elements within `tolerances` on a CPU.

    On CUDA within a hundredth on average: Adam makes as much of a gradient that is all rounding as of any other.
    """
    if not ours.is_cuda:
        torch.testing.assert_close(ours, theirs, **tolerances)
        return
    assert ours.shape == theirs.shape
    ours, theirs = ours.double(), theirs.double()
    assert float((ours - theirs).abs().sum()) <= 0.01 * float(theirs.abs().sum()) + 1e-6 * ours.numel()
