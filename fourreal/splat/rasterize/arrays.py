"""Tensors as the arrays that kernels read."""

import numpy as np
import torch
from torch import Tensor

from fourreal.splat.rasterize.simd import LANES


def array(tensor: Tensor) -> np.ndarray:
    """The tensor's numbers as contiguous float32, without a copy where they are."""
    return tensor.detach().to(torch.float32).contiguous().numpy()


def rows(tensor: Tensor) -> np.ndarray:
    """The tensor with zeros below up to a multiple of LANES rows."""
    numbers = array(tensor)
    missing = -len(numbers) % LANES
    if not missing:
        return numbers
    return np.concatenate([numbers, np.zeros((missing, *numbers.shape[1:]), np.float32)])
