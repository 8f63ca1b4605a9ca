"""Four times as large a side: a small network's correction of bicubic enlargement, frame by frame."""

from typing import cast

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu, interpolate, pixel_shuffle

FACTOR = 4


class Upsampler(ModelMixin, ConfigMixin):  # type: ignore[misc]  # their `config_name` are of two types
    """width: channels. depth: residual blocks of a depthwise 5x5 convolution and two pointwise ones."""

    @register_to_config
    def __init__(self, width: int = 64, depth: int = 5) -> None:
        super().__init__()
        self.enter = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                [
                    nn.Conv2d(width, width, 5, padding=2, groups=width),
                    nn.Conv2d(width, 2 * width, 1),
                    nn.Conv2d(2 * width, width, 1),
                ]
            )
            for _ in range(depth)
        )
        self.leave = nn.Conv2d(width, 3 * FACTOR**2, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(cast(Tensor, self.leave.bias))

    def forward(self, small: Float[Tensor, "N 3 h w"]) -> Float[Tensor, "N 3 H W"]:
        """Pictures in [-1, 1]; H = FACTOR h."""
        x = self.enter(small)
        for block in self.blocks:
            spread, wide, narrow = cast(nn.ModuleList, block)
            x = x + narrow(gelu(wide(spread(x))))
        large = interpolate(small, scale_factor=FACTOR, mode="bicubic", align_corners=False)
        return large + pixel_shuffle(self.leave(x), FACTOR)


@torch.no_grad()
def shrunk(large: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N 3 h w"]:
    """What it is trained to undo: the mean of each FACTOR x FACTOR pixels."""
    return torch.nn.functional.avg_pool2d(large, FACTOR)
