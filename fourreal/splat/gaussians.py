"""`Gaussians`: the canonical splats."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

OPAQUE = 20.0  # a logit whose opacity is 1 in float32, and 0 but for 2e-9 with the other sign


@dataclass(frozen=True)
class Gaussians:
    """N anisotropic Gaussians (Kerbl et al. 2023), colour without view dependence (4Real sec. 3.1).

    Every tensor has N first, and only per-Gaussian tensors live here: growth indexes every entry.

    means: (N, 3) world units.
    quats: (N, 4) rotations as quaternions wxyz, of any non-zero norm.
    scales: (N, 3) natural logarithm of the standard deviations in world units.
    opacities: (N,) logits of the opacity.
    colors: (N, 3) RGB, meant to lie in [0, 1] but not clamped.
    moves: (N,) whether the temporal field may move it; the static background is False.
    motion: (N, M) logits with which it follows the M motion bases of the temporal field; M is 0 without bases.
    """

    means: Float[Tensor, "N 3"]
    quats: Float[Tensor, "N 4"]
    scales: Float[Tensor, "N 3"]
    opacities: Float[Tensor, " N"]
    colors: Float[Tensor, "N 3"]
    moves: Bool[Tensor, " N"]
    motion: Float[Tensor, "N M"]

    @classmethod
    def static(cls, means, quats, scales, opacities, colors) -> "Gaussians":
        """Gaussians of which none moves."""
        moves = torch.zeros(len(means), dtype=torch.bool, device=means.device)
        return cls(means, quats, scales, opacities, colors, moves, means.new_zeros(len(means), 0))

    def __len__(self) -> int:
        return self.means.shape[0]

    def map(self, function: Callable[[Tensor], Tensor]) -> "Gaussians":
        """Apply `function` to every tensor."""
        return replace(self, **{f.name: function(getattr(self, f.name)) for f in fields(self)})

    def __getitem__(self, index) -> "Gaussians":
        """Some of the Gaussians: a slice, an index tensor or a boolean mask over N."""
        if isinstance(index, Tensor) and index.dtype == torch.int64:
            return self.map(lambda x: x.index_select(0, index))  # a third less time than x[index], gradient included
        return self.map(lambda x: x[index])

    def detach(self) -> "Gaussians":
        return self.map(torch.Tensor.detach)

    def to(self, device: torch.device | str) -> "Gaussians":
        return self.map(lambda x: x.to(device))

    def finite(self) -> "Gaussians":
        """Those whose values are all finite; all of them where none is, as that is no scene any more.

        Infinite opacities, wholly opaque or wholly transparent, become large finite logits.
        """
        bounded, width = replace(self, opacities=finite_logits(self.opacities)), max(len(self), 1)
        rows = [x.isfinite().reshape(len(self), x.numel() // width).all(1) for x in bounded.tensors().values()]
        sound = torch.stack(rows).all(0)
        return bounded[sound] if 0 < int(sound.sum()) < len(self) else bounded

    def tensors(self) -> dict[str, Tensor]:
        return {f.name: getattr(self, f.name) for f in fields(self)}


def finite_logits(logits: Tensor) -> Tensor:
    """Infinite logits as large ones; every other value is as it was."""
    return torch.nan_to_num(logits, nan=float("nan"), posinf=OPAQUE, neginf=-OPAQUE)


def concatenate(*parts: Gaussians) -> Gaussians:
    """All the Gaussians of `parts`, in order."""
    return Gaussians(**{f.name: torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Gaussians)})
