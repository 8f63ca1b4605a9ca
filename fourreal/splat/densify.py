"""Growth and pruning of Gaussians under a budget, the same on both devices.

Built from gsplat's parameter surgery (`gsplat.strategy.ops`), which keeps parameters and Adam state in step. The policy
is ours: gsplat's has no upper limit on the number, and its opacity reset never fires.
"""

import math

import torch
from gsplat.strategy import ops
from jaxtyping import Bool, Float
from torch import Tensor

from fourreal.settings import Growth
from fourreal.splat.optimizer import SplatOptimizer

FAINT = 0.05  # opacity of a frozen Gaussian's clone
# What a split can take: beyond these its halves' opacity rounds to 0 or 1 in float32, their size to 0 or infinity, and
# the logit or the logarithm of that is infinite.
SPLITTABLE = {"opacities": 15.0, "scales": 60.0}


class ScreenStatistics:
    """The mean length of each Gaussian's screen gradient over the renders it was seen in."""

    def __init__(self, count: int, device: torch.device | str = "cpu") -> None:
        self.total = torch.zeros(count, device=device)
        self.seen = torch.zeros(count, device=device)

    @torch.no_grad()
    def add(self, gradient: Float[Tensor, "N 2"] | None, size: tuple[int, int]) -> None:
        """gradient: of the loss by the projected centres in pixels; size: (width, height) of that render."""
        assert gradient is not None  # of a loss that has been propagated
        length = torch.linalg.vector_norm(gradient * gradient.new_tensor(size) / 2, dim=1)
        self.total += length
        self.seen += length > 0

    @property
    def mean(self) -> Float[Tensor, " N"]:
        return self.total / self.seen.clamp(min=1)


@torch.no_grad()
def grow(
    splats: SplatOptimizer,
    statistics: ScreenStatistics,
    policy: Growth,
    seed: int,
    frozen: Bool[Tensor, " N"] | None = None,
) -> Bool[Tensor, " M"]:
    """One round: prune what is transparent, clone or split what the image pulls at most.

    frozen: (N,) Gaussians that stay as they are; they are neither pruned nor split, but may be cloned. Such a clone
        starts faint: it must not change the picture before it is trained.

    Returns:
        (M,) which of the Gaussians that are there now are the frozen ones. `statistics` is to be made anew.
    """
    frozen = torch.zeros_like(statistics.total, dtype=torch.bool) if frozen is None else frozen
    dead = (splats.gaussians.opacities.sigmoid() < policy.prune_opacity) & ~frozen
    pull = torch.where(dead, 0.0, statistics.mean)
    room = min(int(policy.fraction * len(pull)), policy.budget - int((~dead).sum()))
    chosen = torch.zeros_like(dead)
    if room > 0:
        chosen[pull.topk(room).indices] = True
        chosen &= pull > policy.threshold
    small = splats.gaussians.scales.amax(dim=1).exp() < policy.clone_below
    state = {"frozen": frozen, "dead": dead}
    clone = chosen & (small | frozen)
    split = torch.cat([chosen & ~clone, chosen.new_zeros(int(clone.sum()))])
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        ops.duplicate(splats.params, splats.optimizers, state, clone)
        state["frozen"][len(frozen) :] = False
        of_frozen = frozen[clone].nonzero()[:, 0] + len(frozen)
        splats.params["opacities"].data[of_frozen] = math.log(FAINT / (1 - FAINT))
        for name, most in SPLITTABLE.items():
            values = splats.params[name].data
            values[split] = values[split].clamp(-most, most)
        ops.split(splats.params, splats.optimizers, state, split, revised_opacity=True)
    if bool(state["dead"].any()):
        ops.remove(splats.params, splats.optimizers, state, state["dead"])
    return state["frozen"]


@torch.no_grad()
def reset_opacities(splats: SplatOptimizer, policy: Growth) -> None:
    """Lower every opacity to at most twice the pruning threshold (3DGS sec. 5.2), so that floaters can be told."""
    ops.reset_opa(splats.params, splats.optimizers, {}, value=2 * policy.prune_opacity)


@torch.no_grad()
def remove(splats: SplatOptimizer, unwanted: Bool[Tensor, " N"]) -> None:
    """Take the Gaussians where `unwanted` is set away, with their Adam state."""
    if bool(unwanted.any()):
        ops.remove(splats.params, splats.optimizers, {}, unwanted)
