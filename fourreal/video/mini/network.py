"""The embedded model's network: a small U-Net over space whose layers also mix frames, in pixels.

It works on pictures folded 2x2, and below that at half their resolution, where each frame attends to itself and each
place to itself at the other times. Frames and places are told apart by their rays, so it holds for cameras that move.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from fourreal.video.mini.rig import FEATURES

SIGMA_DATA = 0.4  # spread of pixels in [-1, 1] about their frame's middle grey
FOLD = 2
FUSED = 64  # tokens from which on a graphics card's fused attention pays


class MiniNetwork(ModelMixin, ConfigMixin):  # type: ignore[misc]  # their `config_name` are of two types
    """F-space of EDM (Karras et al. 2022): what is predicted is scaled by `edm.denoised`.

    slots: how many words each slot of a prompt has, the unsaid one not counted. widths: channels at a half and at a
    quarter of the picture. depth: blocks at the quarter. head: channels of an attention head. condition: width of what
    a frame is told. frames: of a clip, for their places in time. actors: how many it was trained to be told of.
    """

    @register_to_config
    def __init__(
        self,
        slots: Sequence[int] = (6, 3, 3, 6, 3, 3, 4),
        widths: Sequence[int] = (48, 144),
        depth: int = 3,
        head: int = 36,
        condition: int = 160,
        frames: int = 16,
        actors: int = 1,
    ) -> None:
        super().__init__()
        high, low = widths
        self.words = nn.ModuleList(nn.Embedding(count + 1, 32) for count in slots)
        self.text = nn.Sequential(nn.Linear(32 * len(slots), condition), nn.SiLU(), nn.Linear(condition, condition))
        self.moment = nn.Parameter(torch.randn(frames, condition) * 0.02)
        self.frame = nn.Sequential(nn.Linear(32 + condition + 3, condition), nn.SiLU(), nn.Linear(condition, condition))
        folded = (3 + 3 + 1) * FOLD**2
        self.enter = nn.Conv2d(folded + FEATURES, high, 3, padding=1)
        self.high_in = Block(high, condition)
        self.down = nn.Conv2d(high, low, 3, stride=2, padding=1)
        self.place = nn.Conv2d(FEATURES, low, 1)
        self.low = nn.ModuleList(Block(low, condition, head) for _ in range(depth))
        self.up = nn.Linear(low, 4 * high)
        self.high_out = Block(2 * high, condition, out=high)
        self.leave = nn.Conv2d(high, 3 * FOLD**2, 3, padding=1)
        # What little noise there is at the end has to be found in the pixels themselves and taken off as it is: through
        # the layers above, whose features are normalised, that is learnt last.
        self.direct = nn.Conv2d(3 * FOLD**2, 3 * FOLD**2, 3, padding=1)
        self.gain = nn.Linear(condition, 3 * FOLD**2)
        for layer in (self.leave, self.direct):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(cast(Tensor, layer.bias))
        nn.init.zeros_(self.gain.weight)
        nn.init.ones_(self.gain.bias)

    def _fix_state_dict_keys_on_load(self, state_dict: Any) -> None:
        """diffusers calls it with weights that it has read. Those in assets/mini say `told` where this says `text`."""
        for name in [name for name in state_dict if name.startswith("told.")]:
            state_dict["text" + name.removeprefix("told")] = state_dict.pop(name)
        super()._fix_state_dict_keys_on_load(state_dict)

    def forward(
        self,
        noisy: Float[Tensor, "B F 3 H W"],
        given: Float[Tensor, "B F 3 H W"],
        mask: Bool[Tensor, "B F"],
        rays: Float[Tensor, "B F 12 h w"],
        slots: Integer[Tensor, "B S"],
        frozen: Bool[Tensor, " B"],
        noise: Float[Tensor, " B"],
    ) -> Float[Tensor, "B F 3 H W"]:
        """
        Args:
            noisy: scaled to a spread of about one; zero where a frame is given. given: likewise, zero elsewhere.
            rays: at half the pictures' resolution.
            frozen: whether the camera goes around and time stands still. noise: ln(sigma) / 4.
        """
        batch, frames = mask.shape
        condition = self._condition(mask, slots, frozen, noise).flatten(0, 1)  # (BF, C)
        marks = mask[:, :, None, None, None].to(noisy).expand(-1, -1, 1, *noisy.shape[3:])
        folded = F.pixel_unshuffle(torch.cat([noisy, given, marks], dim=2).flatten(0, 1), FOLD)
        rays = rays.flatten(0, 1)
        x = self.enter(torch.cat([folded, rays], dim=1).contiguous(memory_format=torch.channels_last))
        high = self.high_in(x, condition, frames)
        low = self.down(high) + self.place(F.avg_pool2d(rays, 2))
        for block in self.low:
            low = block(low, condition, frames)
        low = self.up(low.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        out = self.high_out(torch.cat([F.pixel_shuffle(low, 2), high], dim=1), condition, frames)
        direct = self.direct(folded[:, : 3 * FOLD**2]) * self.gain(condition)[:, :, None, None]
        out = self.leave(F.silu(_normal(out))) + direct
        return F.pixel_shuffle(out, FOLD).unflatten(0, (batch, frames))

    def at_two_bytes(self, noisy: Tensor, given: Tensor, mask: Tensor, rays: Tensor, *rest: Tensor) -> Tensor:
        """`forward` with weights and features in bfloat16, which graphics cards move and multiply in half the time.

        Not by autocasting, which takes every norm back to four bytes.
        """
        weights = {name: weight.bfloat16() for name, weight in self.named_parameters()}
        inputs = (noisy.bfloat16(), given.bfloat16(), mask, rays.bfloat16(), *rest)
        return torch.func.functional_call(self, weights, inputs).float()

    def _condition(self, mask: Tensor, slots: Tensor, frozen: Tensor, noise: Tensor) -> Float[Tensor, "B F C"]:
        text = self.text(torch.cat([words(slots[:, i]) for i, words in enumerate(self.words)], dim=-1))
        wave = torch.exp(torch.linspace(0, 4, 16, device=noise.device)) * noise[:, None]
        wave = torch.cat([wave.sin(), wave.cos()], dim=-1).to(text)
        whole = torch.cat([wave, text, frozen[:, None].to(text), mask.any(1)[:, None].to(text)], dim=-1)
        each = torch.cat([whole[:, None].expand(-1, mask.shape[1], -1), mask[..., None].to(text)], dim=-1)
        return F.silu(self.frame(each) + self.moment)


def _normal(x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
    """Each pixel's channels with mean zero and spread one."""
    x = x.permute(0, 2, 3, 1)
    return F.layer_norm(x, x.shape[-1:]).permute(0, 3, 1, 2)


class Block(nn.Module):
    """Two convolutions modulated by the frame's condition, then one over three frames.

    Where `head` says how many channels an attention head has, attention within each frame and at each place over all
    frames follow, and the second convolution is pointwise.
    """

    def __init__(self, width: int, condition: int, head: int = 0, out: int | None = None) -> None:
        super().__init__()
        out = out or width
        self.first = nn.Conv2d(width, out, 3, padding=1)
        self.second = nn.Conv2d(out, out, 1 if head else 3, padding=0 if head else 1)
        self.modulation = nn.Linear(condition, 2 * out)
        self.skip = nn.Identity() if out == width else nn.Conv2d(width, out, 1)
        self.over_time = nn.Linear(3 * out, out)
        self.space = Attention(out, head) if head else None
        self.time = Attention(out, head, condition) if head else None
        for layer in (self.second, self.over_time):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(cast(Tensor, layer.bias))

    def forward(self, x: Float[Tensor, "N C H W"], condition: Float[Tensor, "N K"], frames: int) -> Tensor:
        """N = clips x frames."""
        scale, shift = self.modulation(condition)[:, :, None, None].chunk(2, dim=1)
        inner = self.first(F.silu(_normal(x)))
        inner = self.second(F.silu(_normal(inner) * (1 + scale) + shift))
        x = (self.skip(x) + inner).permute(0, 2, 3, 1).unflatten(0, (-1, frames))  # (B, F, H, W, C)
        y = F.silu(F.layer_norm(x, x.shape[-1:]))
        before, after = F.pad(y[:, :-1], (0, 0) * 3 + (1, 0)), F.pad(y[:, 1:], (0, 0) * 3 + (0, 1))
        x = x + self.over_time(torch.cat([before, y, after], dim=-1))
        if self.space is not None and self.time is not None:
            batch, _, height, width, channels = x.shape
            x = x + self.space(x.reshape(batch * frames, height * width, channels)).view_as(x)
            column = x.permute(0, 2, 3, 1, 4).reshape(batch * height * width, frames, channels)
            own = condition.view(batch, 1, frames, -1).expand(-1, height * width, -1, -1).flatten(0, 1)
            x = x + self.time(column, own).unflatten(0, (batch, height, width)).permute(0, 3, 1, 2, 4)
        return x.flatten(0, 1).permute(0, 3, 1, 2)


class Attention(nn.Module):
    """Of N tokens to each other, queries and keys of one length. condition: width of what a token is told besides."""

    def __init__(self, width: int, head: int, condition: int = 0) -> None:
        super().__init__()
        self.head = head
        self.mixed = nn.Linear(width, 3 * width)
        self.back = nn.Linear(width, width)
        self.own = nn.Linear(condition, width) if condition else None
        self.sharp = nn.Parameter(torch.full((width // head, 1, 1), 8.0 / head))
        nn.init.zeros_(self.back.weight)
        nn.init.zeros_(self.back.bias)

    def forward(self, x: Float[Tensor, "B N C"], condition: Float[Tensor, "B N K"] | None = None) -> Tensor:
        y = F.layer_norm(x, x.shape[-1:])
        if self.own is not None:
            y = y + self.own(condition)
        mixed = self.mixed(y).unflatten(-1, (3, -1, self.head)).permute(2, 0, 3, 1, 4)  # (3, B, heads, N, head)
        query, key = (F.layer_norm(mixed[i], (self.head,)) for i in range(2))
        query = query * self.sharp
        if x.is_cuda and x.shape[1] > FUSED:
            mean = F.scaled_dot_product_attention(query, key, mixed[2], scale=1.0)
        else:  # on CPUs the backward pass of torch's fused attention takes several times as long
            mean = torch.softmax(query @ key.transpose(-1, -2), dim=-1) @ mixed[2]
        return self.back(mean.transpose(1, 2).flatten(2))
