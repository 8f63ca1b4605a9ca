"""Stage two: the temporal field, from the reference video (4Real sec. 3.4, app. B, C.2).

Three phases of one and the same step: the field alone on the part of the picture that moves; growth of new Gaussians
where motion uncovers what nobody saw, the canonical ones frozen; all Gaussians and the field on both videos.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from fourreal.fit import matching, sampling
from fourreal.fit.canonical import Canonical
from fourreal.fit.distill import Distillation
from fourreal.fit.draws import Draws
from fourreal.fit.losses import photometric
from fourreal.fit.moving import Moving
from fourreal.fit.observations import Observations, Targets, halved
from fourreal.fit.rigidity import Neighbours, rigidity
from fourreal.fit.view import View, views_of
from fourreal.settings import MotionPhase, MotionSettings
from fourreal.splat.deform import Offsets, bend
from fourreal.splat.densify import ScreenStatistics, grow
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.lowpass import eps2d_at
from fourreal.splat.optimizer import SplatOptimizer, adam_state, restore_adam
from fourreal.splat.packing import below, under
from fourreal.splat.rasterize import rasterize


class MotionStage:
    """One phase of stage two as a `fourreal.fit.loop.Stage`."""

    def __init__(
        self,
        observations: Observations,
        start: Moving,
        canonical: Canonical,
        settings: MotionSettings,
        phase: MotionPhase,
        seed: int,
        distillation: Distillation | None = None,
    ) -> None:
        """distillation: of the moving Gaussians, for a phase that sees all of them."""
        if distillation is not None and phase.trained == "none":
            raise ValueError("a phase that trains the field alone does not have the Gaussians beside the mover")
        self.distillation = distillation
        self.observations, self.canonical, self.settings, self.phase = observations, canonical, settings, phase
        self.seed, self.name, self.steps = seed, f"motion: {phase.name}", phase.steps
        self.field, self.whole = start.field, start.gaussians
        self.device = start.gaussians.means.device
        self.background = torch.full((3,), 0.5, device=self.device)
        self.views = views_of(observations, narrow=phase.videos == "reference")
        self.freeze = Targets(observations.freeze, mask=observations.freeze_mask) if phase.videos == "both" else None
        self.stills = [
            (Targets(take.frames, mask=take.mask), take.cameras, frame)
            for take in observations.frozen_takes
            for frame in range(len(take.frames))
        ]
        rates = {"motion": settings.weights_rate} if start.gaussians.motion.shape[1] else {}
        if phase.trained != "none":
            rates |= phase.rates.at(0.0)
        self.selection = self._seen(start.gaussians) if phase.trained == "none" else slice(None)
        self.splats = SplatOptimizer(start.gaussians[self.selection], rates)
        self.frozen = torch.full((len(self.splats),), phase.trained == "new", device=self.device)
        self.statistics = ScreenStatistics(len(self.splats), self.device)
        kinds = {
            "rotation": settings.rotation_rate,
            "translation": settings.translation_rate,
            "network": settings.network_rate,
        }
        self.rates = [kinds[kind] * phase.field_scale for kind in self.field.groups()]
        groups = [{"params": ps, "lr": r} for ps, r in zip(self.field.groups().values(), self.rates, strict=True)]
        self.optimizer = torch.optim.Adam(groups, eps=1e-12, fused=True)
        self.neighbours: Neighbours | None = None  # valid until growth numbers the Gaussians anew
        # where the Gaussians stood when `neighbours` was made; None where it came out of an old checkpoint
        self.means_then: Tensor | None = None
        self.draws = Draws(self.field, self.views, phase)
        self.settled = torch.zeros(self.field.frames, dtype=torch.bool)  # hardly anything is misplaced

    @torch.no_grad()
    def _seen(self, gaussians: Gaussians) -> Tensor:
        """Gaussians that move or that the windows see; what lies beside them costs time and changes nothing."""
        seen = gaussians.moves.clone()
        for view in self.views:
            for frame in range(len(view.cameras)):
                camera = view.camera(frame)
                pose = camera.world_to_camera[0]
                seen |= rasterize(gaussians, pose, camera.intrinsics, camera.size, self.background).radii > 0
        return seen.nonzero()[:, 0]

    # --- a step ---------------------------------------------------------------------------------------------------

    def step(self, index: int) -> dict[str, float]:
        random = sampling.generator(self.seed, 1, index)
        self.draws.unfold(index)
        if self.freeze is not None and random.random() < 0.5:
            loss, values = self._freeze_step(random)
        else:
            loss, values = self._reference_step(index, random)
        values["loss"] = loss.item()
        if self.distillation is not None:
            values |= self.distillation.after(index, self.steps, self._at)
        self._update(index)
        return values | {"splats": len(self.splats)}

    def _reference_step(self, index: int, random: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        code = self.draws.frame(random)
        view, frame = self.draws.view(code, random)
        halvings = 1 if index < self.phase.coarse * self.steps else 0
        gaussians = self.splats.gaussians
        offsets = self.field.offsets(gaussians, code)
        camera = view.camera(frame, halvings)
        tap = torch.zeros(len(gaussians), 2, device=self.device, requires_grad=True)
        bent, pose, blur = bend(gaussians, offsets), camera.world_to_camera[0], eps2d_at(halvings)
        drawn = rasterize(bent, pose, camera.intrinsics, camera.size, self.background, tap, blur)
        target = view.targets.get(frame, halvings)
        colour = view.targets.counted(drawn.colour, target, halvings)
        loss, psnr = photometric(colour, target, self.settings.ssim_weight)
        loss, values = loss * view.share, {"psnr": psnr}
        terms = self._regularisers(gaussians, bent, offsets, code, random)
        terms |= self._pull(bent, colour, code, view, frame, halvings)
        for name, (weight, term) in terms.items():
            values[name] = term.item()
            loss = loss + weight * term
        loss.backward()
        if self.phase.growth is not None and self.phase.growth.watches(index, self.steps):
            self.statistics.add(tap.grad, camera.size)
        return loss, values

    def _freeze_step(self, random: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        assert self.freeze is not None  # this phase draws from both videos
        first = len(self.observations.freeze)
        frame = int(random.choice([*self.observations.training_frames, *range(first, first + len(self.stills))]))
        if frame < first:
            targets, cameras, number = self.freeze, self.canonical.cameras, frame
        else:  # its poses and colours were compared with the scene since
            targets, cameras, number = self.stills[frame - first]
        gaussians = self.splats.gaussians
        if self.canonical.field is not None and frame != self.canonical.field.canonical:
            with torch.no_grad():
                offsets = self.canonical.field.offsets(gaussians, frame)
            gaussians = bend(gaussians, offsets)
        drawn = rasterize(gaussians, cameras.world_to_camera[number], cameras.intrinsics, cameras.size, self.background)
        exposure = self.canonical.exposure if frame < first else None
        colour = drawn.colour if exposure is None else exposure(drawn.colour, frame)
        target = targets.get(number)
        loss, psnr = photometric(targets.counted(colour, target), target, self.settings.ssim_weight)
        loss.backward()
        return loss, {"psnr": psnr}

    def _regularisers(
        self, gaussians: Gaussians, bent: Gaussians, offsets: Offsets, code: int, random: np.random.Generator
    ) -> dict[str, tuple[float, Tensor]]:
        """The paper's four terms and the acceleration, as (weight, value)."""
        settings = self.settings
        near = self.neighbours or self._find_neighbours(gaussians.means.detach().clone())
        moving = gaussians.moves.nonzero()[:, 0]
        count = min(settings.rows, len(moving))
        at = moving[torch.from_numpy(random.choice(len(moving), count, replace=False)).to(self.device)]
        size = offsets.dx.abs().sum() + offsets.dq.abs().sum() + offsets.ds.abs().sum()
        terms = {"norm": (settings.norm, size / len(moving))}
        stretch, twist = rigidity(bent.means, gaussians.quats, offsets.dq, near, at)
        terms |= {"rigidity": (settings.rigidity, stretch), "twist": (settings.twist, twist)}
        inner = code - 1 if code > self.field.canonical else code + 1
        outer = 2 * code - inner
        given = gaussians if gaussians.motion.shape[1] else gaussians.detach()
        here, before = (x.dx.index_select(0, at) for x in (offsets, self.field.offsets(given, inner, at)))
        terms["difference"] = (settings.difference, (here - before).abs().mean())
        if settings.acceleration and 0 <= outer < self.field.frames and outer in self.draws.open:
            after = self.field.offsets(given, outer, at).dx.index_select(0, at)
            terms["acceleration"] = (settings.acceleration, (after - 2 * here + before).abs().mean())
        return terms

    def _find_neighbours(self, means: Tensor) -> Neighbours:
        self.means_then = means
        self.neighbours = Neighbours.of(means, self.settings.neighbours, self.splats.params["moves"])
        return self.neighbours

    def _pull(
        self, bent: Gaussians, colour: Tensor, code: int, view: View, frame: int, halvings: int
    ) -> dict[str, tuple[float, Tensor]]:
        """Towards where misplaced pixels belong, the first times that a frame is seen, until hardly any are left."""
        seen_before = int(self.draws.visits[code]) - 1
        if (self.settled[code] and view.trust == 1) or seen_before >= self.phase.matched:
            return {}
        free = bent.moves.to(bent.means)
        if bent.motion.shape[1]:
            free = free * torch.softmax(bent.motion.detach(), dim=1)[:, :-1].sum(dim=1)
        fewer = max(matching.halvings_for(view.targets.size), halvings)
        camera, wanted = view.camera(frame, fewer), view.targets.get(frame, fewer).image
        away = matching.pull(bent, free, camera, halved(colour.detach(), fewer - halvings), wanted, eps2d_at(fewer))
        if view is self.views[0]:
            self.settled[code] = away is None
        weight = self.settings.pull * view.trust * (1 - seen_before / self.phase.matched)
        return {} if away is None else {"pull": (weight, away)}

    def _at(self, code: float) -> Gaussians:
        gaussians = self.splats.gaussians
        return bend(gaussians, self.field.offsets(gaussians, code))

    # --- what follows a step --------------------------------------------------------------------------------------

    def _update(self, index: int) -> None:
        progress = index / self.steps
        late = max(progress - self.phase.hold, 0) / max(1 - self.phase.hold, 1e-9)
        fall = 0.05**late
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * fall
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if "motion" in self.splats.optimizers:
            self.splats.set_rate("motion", self.settings.weights_rate * self.phase.field_scale * fall)
        if self.phase.trained != "none":
            for name, rate in self.phase.rates.at(progress).items():
                self.splats.set_rate(name, rate)
        if self.phase.trained == "new":
            self.splats.mask_gradients(self.frozen)
        self.splats.step()
        growth = self.phase.growth
        if growth is not None and growth.due(index, self.steps):
            self.frozen = grow(self.splats, self.statistics, growth, self.seed + index, self.frozen)
            self.statistics = ScreenStatistics(len(self.splats), self.device)
            self.neighbours = None  # others have their numbers now, even if there are as many as before

    @torch.no_grad()
    def preview(self) -> np.ndarray:
        """The frame farthest from the canonical one, as the reference camera sees it."""
        code = max(self.draws.frames, key=lambda t: abs(t - self.field.canonical))
        camera = self.views[0].camera(code)
        bent = bend(self.splats.gaussians, self.field.offsets(self.splats.gaussians, code))
        drawn = rasterize(bent, camera.world_to_camera[0], camera.intrinsics, camera.size, self.background)
        return (drawn.colour.clamp(0, 1) * 255).round().byte().cpu().numpy()

    @torch.no_grad()
    def result(self) -> Moving:
        gaussians = self.splats.gaussians.detach()
        if self.phase.trained == "none":
            motion = self.whole.motion.clone()
            motion[self.selection] = gaussians.motion
            gaussians = replace(self.whole, motion=motion)
        return Moving(gaussians, self.field)

    def state(self) -> dict[str, Tensor]:
        state = self.splats.state() | {"frozen": self.frozen, "visits": self.draws.visits, "settled": self.settled}
        state |= {"seen.total": self.statistics.total, "seen.count": self.statistics.seen}
        state |= under("field", self.field.state_dict())
        if self.distillation is not None:
            state |= self.distillation.state()
        if self.neighbours is not None:  # from positions they are made again, in a fiftieth of the bytes
            near = self.neighbours._asdict() if self.means_then is None else {"means": self.means_then}
            state |= under("near", near)
        return state | under("motion", adam_state(self.optimizer, list(self.field.parameters())))

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self.splats.restore(state)
        self.frozen = state["frozen"].to(self.device)
        self.draws.visits, self.settled = state["visits"].cpu().clone(), state["settled"].cpu().clone()
        self.statistics = ScreenStatistics(len(self.splats), self.device)
        self.statistics.total += state["seen.total"].to(self.device)
        self.statistics.seen += state["seen.count"].to(self.device)
        self.field.load_state_dict(below(state, "field"))
        if self.distillation is not None:
            self.distillation.restore(state)
        near = {k: v.to(self.device) for k, v in below(state, "near").items()}
        self.neighbours = self.means_then = None
        if "means" in near:
            self._find_neighbours(near["means"])
        elif near and len(near["index"]) == len(self.splats):  # an earlier version stored the neighbours themselves
            self.neighbours = Neighbours(**near)
        restore_adam(self.optimizer, list(self.field.parameters()), below(state, "motion"))
