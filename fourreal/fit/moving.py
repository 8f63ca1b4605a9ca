"""Gaussians that move, and how stage two begins with them."""

from dataclasses import dataclass, replace

import torch
from scipy.cluster.vq import kmeans

from fourreal.fit.limbs import find_limbs, hinged, limb_logits
from fourreal.fit.movers import find_movers
from fourreal.fit.observations import Observations
from fourreal.settings import MotionSettings
from fourreal.splat.deform import DeformationField
from fourreal.splat.deformation_mlp import DeformationMLP
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.motion_bases import MotionBases


@dataclass(frozen=True)
class Moving:
    """Gaussians and the temporal field that moves them."""

    gaussians: Gaussians
    field: DeformationField

    def to(self, device: torch.device | str) -> "Moving":
        return Moving(self.gaussians.to(device), self.field.to(device))


def still(canonical: Gaussians, observations: Observations, settings: MotionSettings, seed: int) -> Moving:
    """The start of stage two: it is settled which Gaussians may move, and their field does not move them yet."""
    moves, core = find_movers(canonical, observations)
    gaussians = replace(canonical, moves=moves)
    frames, frame = len(observations.reference), observations.canonical
    if settings.deformation == "mlp":
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return Moving(gaussians, DeformationMLP(frames, frame).to(moves.device))
    points = gaussians.means[core]
    # the best of 20 tries: with one, how well fast limbs are followed hangs on the seed (by 0.9 dB)
    pivots, spread = kmeans(points.double().cpu().numpy(), min(settings.bases, len(points)), iter=20, rng=seed)
    pivots = torch.from_numpy(pivots).to(points)
    radius = points.new_full((len(pivots),), max(spread, 1e-4))
    logits = MotionBases(pivots, radius, frames, frame).initial_logits(gaussians.means, core)
    limbs = hinged(find_limbs(pivots, points), pivots, points, observations) if settings.hinges else []
    # a hinge does not reach anywhere: a turn is then not to be made up of translations, or of a squash
    pivots = torch.stack([*pivots, *(limb.joint for limb in limbs)])
    reach = torch.cat([torch.ones_like(radius), radius.new_zeros(len(limbs))])
    field = MotionBases(pivots, radius[:1].expand(len(pivots)), frames, frame, reach=reach)
    logits = torch.cat([logits[:, :-1], limb_logits(logits[:, :-1], limbs), logits[:, -1:]], dim=1)
    return Moving(replace(gaussians, motion=logits), field)
