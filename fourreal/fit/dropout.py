"""Some of the Gaussians left out of every step, so that none learns only to make up for another."""

from dataclasses import replace

import numpy as np
import torch

from fourreal.splat.gaussians import Gaussians

UNSEEN = -20.0  # a logit whose opacity every rasterizer skips
MOST = 0.999  # opacity: the rasterizers' largest alpha


def dropped(gaussians: Gaussians, share: float, random: np.random.Generator) -> Gaussians:
    """`gaussians` with a random `share` of them, in [0, 1), unseen, and the others more opaque to make up for it.

    Views between few training views gain by it (DropGaussian, Park et al., CVPR 2025). Rows stay in place and
    gradients flow to those that are left.
    """
    if not share:
        return gaussians
    left = torch.from_numpy(random.random(len(gaussians)) >= share).to(gaussians.means.device)
    opacity = (gaussians.opacities.sigmoid() / (1 - share)).clamp(max=MOST)
    logits = torch.where(left, opacity.logit(), UNSEEN)
    return replace(gaussians, opacities=logits)
