"""What every deformation field promises, and how its offsets bend the splats (4Real sec. 3.1)."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from fourreal.splat.gaussians import Gaussians


class Offsets(NamedTuple):
    """What a field adds to each Gaussian.

    dx: (N, 3) world units, added to the means.
    dq: (N, 4) added to the quaternions, before these are normalised.
    ds: (N, 3) added to the log-scales.
    """

    dx: Float[Tensor, "N 3"]
    dq: Float[Tensor, "N 4"]
    ds: Float[Tensor, "N 3"]


class DeformationField(torch.nn.Module, ABC):
    """A field over codes 0 .. frames - 1: frame numbers of the freeze-time or of the reference video.

    Zero at the canonical code by construction, identity before training. `config()` describes it well
    enough for `fourreal.splat.fields.build` to make an untrained copy of it.
    """

    frames: int
    canonical: int

    @abstractmethod
    def offsets(self, gaussians: Gaussians, code: float | int, where: Integer[Tensor, " M"] | None = None) -> Offsets:
        """The offsets at `code` in [0, frames - 1]; between frames they are interpolated.

        where: (M,) int64, different Gaussians to bend, the others' offsets are zero; all that it bends unless given.
        """

    @abstractmethod
    def groups(self) -> dict[str, list[torch.nn.Parameter]]:
        """The trained parameters by kind: each kind has a learning rate of its own."""

    @abstractmethod
    def unfold(self, frame: int) -> None:
        """Start `frame` where its neighbour towards the canonical frame leaves off, before it is first fitted."""

    @abstractmethod
    def config(self) -> dict:
        """JSON-able keyword arguments that rebuild the field, and its "kind"."""


def bend(gaussians: Gaussians, offsets: Offsets) -> Gaussians:
    """The Gaussians at (x + dx, q + dq, log s + ds); what draws or writes them normalises quaternions."""
    dx, dq, ds = offsets
    return replace(gaussians, means=gaussians.means + dx, quats=gaussians.quats + dq, scales=gaussians.scales + ds)


def scatter(offsets: Offsets, where: Tensor, total: int) -> Offsets:
    """Offsets of a subset, placed among `total` Gaussians of which all others stay put.

    where: (M,) int64 indices of the M Gaussians that `offsets` speaks of.
    """
    return Offsets(*(torch.zeros(total, x.shape[1], device=x.device).index_copy(0, where, x) for x in offsets))


def zero(gaussians: Gaussians) -> Offsets:
    """The offsets of the canonical code."""
    return Offsets(*map(torch.zeros_like, (gaussians.means, gaussians.quats, gaussians.scales)))
