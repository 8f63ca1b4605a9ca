"""Motion as a few rigid trajectories that every Gaussian follows in a blend of its own.

Linear blend skinning, which 4Real sec. 3.1 names as a substitute for its network, with the SE(3) motion bases of
Shape of Motion (Wang et al. 2024). A step costs a fortieth of the network's, the result is smooth by construction and
can be played in a shader.
"""

import math

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from fourreal.splat import skinning
from fourreal.splat.deform import DeformationField, Offsets, zero
from fourreal.splat.gaussians import Gaussians

# Logits of "does not move" at the start, for what surely moves and for what may; the best pivot has logit 0.
SURE, UNSURE = -2.0, 2.0


class MotionBases(DeformationField):
    """B rigid trajectories around pivots.

    weighting "learned": blend weights are the softmax of `gaussians.motion`, (N, B + 1) logits that are trained with
        the Gaussians, the last one for staying put; only Gaussians with `moves` are bent. For the temporal field.
    weighting "spatial": weights fall off with the distance to the pivots and every Gaussian is bent, smoothly in
        space; nothing is trained per Gaussian. For the per-frame field.
    """

    pivots: Tensor
    radius: Tensor
    reach: Tensor
    mask: Tensor

    def __init__(
        self,
        pivots: Float[Tensor, "B 3"],
        radius: Float[Tensor, " B"],
        frames: int,
        canonical: int,
        weighting: str = "learned",
        reach: Float[Tensor, " B"] | None = None,
    ) -> None:
        """
        Args:
            pivots: (B, 3) points that the trajectories rotate about, world units.
            radius: (B,) standard deviation of each pivot's influence, world units, > 0.
            frames: number of codes.
            canonical: the code at which nothing is bent.
            reach: (B,) world units that a trained translation of 1 stands for; 1 unless given. What is far away has
                to move further for the same shift in the image.
        """
        super().__init__()
        if weighting not in ("learned", "spatial"):
            raise ValueError(f"weighting is 'learned' or 'spatial', not {weighting!r}")
        self.frames, self.canonical, self.weighting = frames, canonical, weighting
        self.register_buffer("pivots", pivots.clone())
        self.register_buffer("radius", radius.clone())
        self.register_buffer("reach", torch.ones_like(radius) if reach is None else reach.clone())
        mask = torch.ones(frames, 1, 1, device=pivots.device)
        mask[canonical] = 0
        self.register_buffer("mask", mask, persistent=False)
        count = len(pivots)
        self.rotation = torch.nn.Parameter(torch.zeros(frames, count, 3, device=pivots.device))  # half rotation vectors
        self.translation = torch.nn.Parameter(torch.zeros(frames, count, 3, device=pivots.device))

    def config(self) -> dict:
        return {
            "kind": "bases",
            "count": len(self.pivots),
            "frames": self.frames,
            "canonical": self.canonical,
            "weighting": self.weighting,
        }

    def groups(self) -> dict[str, list[torch.nn.Parameter]]:
        return {"rotation": [self.rotation], "translation": [self.translation]}

    @torch.no_grad()
    def unfold(self, frame: int, momentum: float = 0.7) -> None:
        """Go on from the poses of the frame before, as seen from the canonical one, and most of their last change."""
        step = 1 if frame > self.canonical else -1
        for path in (self.rotation, self.translation):
            last = path[frame - step]
            path[frame] = 0 if frame - step == self.canonical else last + momentum * (last - path[frame - 2 * step])

    def affinity(self, means: Float[Tensor, "N 3"]) -> Float[Tensor, "N B"]:
        """Logits by distance to the pivots: 0 at the nearest one, never under -8 so that any weight can grow."""
        logits = -torch.cdist(means, self.pivots).square() / (2 * self.radius.square())
        return (logits - logits.amax(dim=1, keepdim=True)).clamp(min=-8.0)

    def initial_logits(self, means: Float[Tensor, "N 3"], sure: Bool[Tensor, " N"]) -> Float[Tensor, "N M"]:
        """What `gaussians.motion` starts from: affinity, and little for staying put where motion is sure. M = B + 1."""
        static = torch.where(sure, SURE, UNSURE).to(means)
        return torch.cat([self.affinity(means), static[:, None]], dim=1)

    def poses(self) -> tuple[Float[Tensor, "F B 3"], Float[Tensor, "F B 3"]]:
        """Half rotation vectors and translations (world units) of all frames, zero at the canonical one.

        The spatial field's have no mean over the frames: what all frames agree on is the canonical scene's to show.
        """
        rotation, translation = self.rotation * self.mask, self.translation * self.mask
        if self.weighting == "spatial":
            others = max(self.frames - 1, 1)
            rotation = (rotation - rotation.sum(dim=0) / others) * self.mask
            translation = (translation - translation.sum(dim=0) / others) * self.mask
        return rotation, translation * self.reach[:, None]

    def pose_at(self, code: float | int) -> tuple[Float[Tensor, "B 3"], Float[Tensor, "B 3"]]:
        """The pose of every basis at a fractional code, linear between frames."""
        low = min(max(math.floor(code), 0), self.frames - 1)
        high = min(low + 1, self.frames - 1)
        part = min(max(code - low, 0.0), 1.0)
        rotation, translation = self.poses()
        if part == 0.0:
            return rotation[low], translation[low]
        return torch.lerp(rotation[low], rotation[high], part), torch.lerp(translation[low], translation[high], part)

    def offsets(self, gaussians: Gaussians, code: float | int, where: Integer[Tensor, " M"] | None = None) -> Offsets:
        if code == self.canonical:
            return zero(gaussians)
        pose, means, quats = (*self.pose_at(code), self.pivots), gaussians.means, gaussians.quats
        if self.weighting == "spatial":
            moved = skinning.follow_near(*pose, self.radius, means, quats, where)
        else:
            where = gaussians.moves.nonzero()[:, 0] if where is None else where
            moved = skinning.follow_learned(*pose, gaussians.motion, means, quats, where)
        return Offsets(*moved, torch.zeros_like(means))
