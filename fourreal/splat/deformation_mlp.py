"""The paper's deformation network (4Real app. D.3)."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from fourreal.splat.deform import DeformationField, Offsets, scatter, zero
from fourreal.splat.gaussians import Gaussians


def frequency_encoding(x: Float[Tensor, "N D"], octaves: int) -> Float[Tensor, "N E"]:
    """x, and sin and cos of 2^k pi x for k < octaves (NeRF, eq. 4); E = D (1 + 2 octaves)."""
    angles = (x[:, :, None] * (math.pi * 2.0 ** torch.arange(octaves, device=x.device))).flatten(1)
    return torch.cat([x, angles.sin(), angles.cos()], dim=1)


class DeformationMLP(DeformationField):
    """8 fully connected layers of 256 with ReLU, the input again at layer 4, three linear heads.

    Within one frame of the canonical code the output is scaled by the distance to it, which makes the canonical code
    exactly the identity and leaves the network as the paper has it at every other frame. The heads start at zero.
    """

    def __init__(
        self,
        frames: int,
        canonical: int,
        scope: str = "moving",
        width: int = 256,
        depth: int = 8,
        skip: int = 4,
        octaves: Sequence[int] = (10, 6),
    ) -> None:
        """
        Args:
            scope: "moving" bends Gaussians with `moves` alone, "all" bends every one.
            octaves: of the encodings of positions (normalised frame) and of codes (scaled to [-1, 1]).
        """
        super().__init__()
        if scope not in ("moving", "all"):
            raise ValueError(f"scope is 'moving' or 'all', not {scope!r}")
        self.frames, self.canonical, self.scope = frames, canonical, scope
        self.width, self.depth, self.skip, self.octaves = width, depth, skip, tuple(octaves)
        inputs = 3 * (1 + 2 * octaves[0]) + 1 + 2 * octaves[1]
        sizes = [inputs] + [width + (inputs if layer == skip else 0) for layer in range(1, depth)]
        self.layers = torch.nn.ModuleList(torch.nn.Linear(size, width) for size in sizes)
        heads = [torch.nn.Linear(width, size) for size in (3, 4, 3)]
        self.heads = torch.nn.ModuleList(heads)
        for head in heads:
            torch.nn.init.zeros_(head.weight)
            torch.nn.init.zeros_(head.bias)

    def config(self) -> dict:
        return {
            "kind": "mlp",
            "frames": self.frames,
            "canonical": self.canonical,
            "scope": self.scope,
            "width": self.width,
            "depth": self.depth,
            "skip": self.skip,
            "octaves": list(self.octaves),
        }

    def groups(self) -> dict[str, list[torch.nn.Parameter]]:
        return {"network": list(self.parameters())}

    def unfold(self, frame: int) -> None:
        """Nothing to do: the network is continuous in the code and extrapolates by itself."""

    def offsets(self, gaussians: Gaussians, code: float | int, where: Integer[Tensor, " M"] | None = None) -> Offsets:
        if code == self.canonical:
            return zero(gaussians)
        if where is None and self.scope == "all":
            return self._network(gaussians.means, code)
        where = gaussians.moves.nonzero()[:, 0] if where is None else where
        return scatter(self._network(gaussians.means[where], code), where, len(gaussians))

    def _network(self, means: Float[Tensor, "N 3"], code: float | int) -> Offsets:
        time = means.new_full((len(means), 1), 2 * code / max(self.frames - 1, 1) - 1)
        encoded = torch.cat(
            [frequency_encoding(means, self.octaves[0]), frequency_encoding(time, self.octaves[1])], dim=1
        )
        hidden = encoded
        for number, layer in enumerate(self.layers):
            hidden = torch.cat([hidden, encoded], dim=1) if number == self.skip else hidden
            hidden = torch.relu(layer(hidden))
        ramp = min(abs(code - self.canonical), 1.0)
        return Offsets(*(ramp * head(hidden) for head in self.heads))
