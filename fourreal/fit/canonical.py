"""Stage one: the canonical Gaussians, from the freeze-time video (4Real sec. 3.3, app. C.1).

A generated freeze-time video is not quite frozen. What differs from frame to frame besides the view is explained by
a smooth per-frame deformation, a correction of the pose and an exposure, all of them the identity at the frame taken
from the reference camera; what is left is the canonical scene.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.cluster.vq import kmeans2
from torch import Tensor

from fourreal.camera.cameras import Cameras
from fourreal.fit.debris import debris
from fourreal.fit.distill import Distillation
from fourreal.fit.dropout import dropped
from fourreal.fit.exposure import Exposure, PoseCorrection
from fourreal.fit.initialize import initial_gaussians
from fourreal.fit.losses import photometric, small_motion
from fourreal.fit.observations import Observations, Targets
from fourreal.fit.sampling import frame_of_step, generator
from fourreal.settings import CanonicalSettings
from fourreal.splat.deform import DeformationField, bend
from fourreal.splat.deformation_mlp import DeformationMLP
from fourreal.splat.densify import ScreenStatistics, grow, remove, reset_opacities
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.motion_bases import MotionBases
from fourreal.splat.optimizer import SplatOptimizer, adam_state, restore_adam
from fourreal.splat.packing import below, under
from fourreal.splat.rasterize import Render, rasterize


@dataclass(frozen=True)
class Canonical:
    """What stage one found: the Gaussians, the freeze-time cameras as refined, and what bends and tints each frame."""

    gaussians: Gaussians
    cameras: Cameras
    field: DeformationField | None
    exposure: Exposure | None

    def to(self, device: torch.device | str) -> "Canonical":
        field = self.field.to(device) if self.field is not None else None
        exposure = self.exposure.to(device) if self.exposure is not None else None
        return Canonical(self.gaussians.to(device), self.cameras.to(device), field, exposure)


class CanonicalStage:
    """Stage one as a `fourreal.fit.loop.Stage`."""

    name = "canonical"

    def __init__(
        self,
        observations: Observations,
        settings: CanonicalSettings,
        refine_poses: bool,
        seed: int,
        distillation: Distillation | None = None,
    ) -> None:
        """distillation: of the canonical Gaussians as they are without what bends and tints single frames."""
        self.distillation = distillation
        self.observations, self.settings, self.seed, self.steps = observations, settings, seed, settings.steps
        self.device = observations.freeze.device
        self.background = torch.full((3,), 0.5, device=self.device)
        targets = Targets(observations.freeze, mask=observations.freeze_mask)
        total = len(observations.freeze)
        self.shots = [(targets, observations.freeze_cameras, frame) for frame in range(total)]
        for take in observations.frozen_takes:  # numbered on after the freeze-time frames
            targets = Targets(take.frames, mask=take.mask)
            self.shots += [(targets, take.cameras, frame) for frame in range(len(take.frames))]
        self.frames = [*observations.training_frames, *range(total, len(self.shots))]
        start = initial_gaussians(observations, settings.initial, seed)
        self.splats = SplatOptimizer(start, settings.rates.at(0.0))
        self.statistics = ScreenStatistics(len(start), self.device)
        total, fixed = len(self.shots), observations.freeze_reference
        self.poses = PoseCorrection(total, fixed).to(self.device) if refine_poses and settings.pose_rate else None
        self.exposure = Exposure(total, fixed).to(self.device) if settings.exposure_rate else None
        self.field: DeformationField | None = None
        if settings.deformation == "bases":
            self.field = smooth_field(start.means, settings.field_pivots, total, fixed, seed).to(self.device)
        elif settings.deformation == "mlp":
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                self.field = DeformationMLP(total, fixed, scope="all").to(self.device)
        rates = {"poses": settings.pose_rate, "exposure": settings.exposure_rate, "field": settings.field_rate}
        self.modules = {k: m for k in rates if (m := getattr(self, k)) is not None}
        self.rates = {k: rates[k] for k in self.modules}
        self.optimizer = None
        if self.modules:
            groups = [{"params": list(m.parameters()), "lr": self.rates[k]} for k, m in self.modules.items()]
            self.optimizer = torch.optim.Adam(groups, eps=1e-15, fused=True)

    def render(
        self, gaussians: Gaussians, frame: int, halvings: int = 0, joint: bool = True, tap: Tensor | None = None
    ) -> tuple:
        """(colour as frame `frame` of the video shows `gaussians`, the per-frame offsets or None)."""
        offsets = None
        targets, cameras, number = self.shots[frame]
        pose = cameras.world_to_camera[number]
        if joint and self.field is not None and frame != self.field.canonical:
            offsets = self.field.offsets(gaussians, frame)
            gaussians = bend(gaussians, offsets)
        if joint and self.poses is not None:
            pose = self.poses(pose, frame)
        camera = targets.camera(cameras, halvings=halvings)
        drawn: Render = rasterize(gaussians, pose, camera.intrinsics, camera.size, self.background, tap)
        colour = self.exposure(drawn.colour, frame) if joint and self.exposure is not None else drawn.colour
        return colour, offsets

    def step(self, index: int) -> dict[str, float]:
        settings = self.settings
        halvings = 1 if index < settings.coarse * self.steps else 0
        joint = index >= settings.plain_steps
        frame = frame_of_step(self.frames, index, self.seed)
        tap = torch.zeros(len(self.splats), 2, device=self.device, requires_grad=True)
        gaussians = dropped(self.splats.gaussians, settings.drop, generator(self.seed, 4, index))
        colour, offsets = self.render(gaussians, frame, halvings, joint, tap)
        targets, _, number = self.shots[frame]
        target = targets.get(number, halvings)
        colour = targets.counted(colour, target, halvings)
        loss, psnr = photometric(colour, target, settings.ssim_weight)
        values = {"photometric": loss.item(), "psnr": psnr}
        if offsets is not None:
            bending = small_motion(offsets)
            values["small motion"] = bending.item()
            loss = loss + settings.small_motion * bending
        if joint and self.exposure is not None:
            loss = loss + settings.small_exposure * self.exposure.size(frame)
        loss.backward()
        if self.distillation is not None:
            values |= self.distillation.after(index, self.steps, lambda code: self.splats.gaussians)
        self._update(index, joint)
        if settings.growth.watches(index, self.steps):
            self.statistics.add(tap.grad, (target.image.shape[1], target.image.shape[0]))
        self._grow(index)
        return values | {"loss": loss.item(), "splats": len(self.splats)}

    def _update(self, index: int, joint: bool) -> None:
        progress = index / self.steps
        for name, rate in self.settings.rates.at(progress).items():
            self.splats.set_rate(name, rate)
        self.splats.step()
        if self.optimizer is not None and joint:
            joined = self.settings.plain_steps / self.steps
            fall = 0.1 ** ((progress - joined) / (1 - joined))
            for group, rate in zip(self.optimizer.param_groups, self.rates.values(), strict=True):
                group["lr"] = rate * fall
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)

    def _grow(self, index: int) -> None:
        growth = self.settings.growth
        if growth.due(index, self.steps):
            grow(self.splats, self.statistics, growth, seed=self.seed + index)
        if (index + 1) % growth.every == 0 or index + 1 == self.steps:
            seen = self.observations
            remove(self.splats, debris(self.splats.gaussians.means, seen.freeze_cameras[seen.training_frames]))
        if len(self.splats) != len(self.statistics.total) or growth.due(index, self.steps):
            self.statistics = ScreenStatistics(len(self.splats), self.device)
        if growth.reset_due(index, self.steps):
            reset_opacities(self.splats, growth)

    @torch.no_grad()
    def preview(self) -> np.ndarray:
        colour, _ = self.render(self.splats.gaussians, self.observations.freeze_reference)
        return (colour.clamp(0, 1) * 255).round().byte().cpu().numpy()

    @torch.no_grad()
    def result(self) -> Canonical:
        cameras = self.observations.freeze_cameras
        if self.poses is not None:
            refined = [self.poses(pose, frame) for frame, pose in enumerate(cameras.world_to_camera)]
            cameras = Cameras(torch.stack(refined), cameras.intrinsics, cameras.size, cameras.origin)
        return Canonical(self.splats.gaussians.detach(), cameras, self.field, self.exposure)

    def state(self) -> dict[str, Tensor]:
        state = self.splats.state() | {"seen.total": self.statistics.total, "seen.count": self.statistics.seen}
        for name, module in self.modules.items():
            state |= under(name, module.state_dict())
        if self.distillation is not None:
            state |= self.distillation.state()
        if self.optimizer is not None:
            state |= under("joint", adam_state(self.optimizer, self._joint_parameters()))
        return state

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self.splats.restore(state)
        self.statistics = ScreenStatistics(len(self.splats), self.device)
        self.statistics.total += state["seen.total"].to(self.device)
        self.statistics.seen += state["seen.count"].to(self.device)
        for name, module in self.modules.items():
            module.load_state_dict(below(state, name))
        if self.distillation is not None:
            self.distillation.restore(state)
        if self.optimizer is not None:
            restore_adam(self.optimizer, self._joint_parameters(), below(state, "joint"))

    def _joint_parameters(self) -> list[torch.nn.Parameter]:
        return [p for module in self.modules.values() for p in module.parameters()]


def smooth_field(means: Tensor, pivots: int, frames: int, canonical: int, seed: int) -> MotionBases:
    """A per-frame field whose pivots are spread over everything, near and far alike.

    The far is contracted before clustering (Mip-NeRF 360, eq. 10), so that it gets its share of pivots; a pivot's
    radius is the distance to its neighbours, and its reach grows with its distance from the cameras.
    """
    far = means.norm(dim=1, keepdim=True).clamp(min=1.0)
    contracted = (means * (2 - 1 / far) / far).double().cpu().numpy()
    labels = torch.from_numpy(kmeans2(contracted, pivots, minit="++", seed=seed)[1]).to(means.device)
    clusters = labels.unique()
    centres = torch.stack([means[labels == label].mean(dim=0) for label in clusters])
    radius = torch.cdist(centres, centres).topk(min(3, len(centres)), largest=False).values[:, -1].clamp(min=1e-3)
    return MotionBases(centres, radius, frames, canonical, "spatial", reach=centres.norm(dim=1).clamp(min=1.0))
