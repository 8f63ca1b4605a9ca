"""The stages of a fit: each is read where it was finished before, else made and kept."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fourreal.fit import artifacts, loop
from fourreal.fit.canonical import Canonical, CanonicalStage
from fourreal.fit.distill import Critic, Distillation
from fourreal.fit.motion import MotionStage
from fourreal.fit.moving import Moving, still
from fourreal.fit.observations import Observations
from fourreal.fit.upsample import UpsampleStage
from fourreal.pipeline.imagine import Imagined, Imagining
from fourreal.pipeline.naming import motion_settings, phase_places
from fourreal.progress import CancelToken, Progress
from fourreal.settings import Preset


@dataclass(frozen=True, eq=False)
class Stages:
    """What the stages of one run share; each returns its result and the seconds that it took, whenever that was."""

    preset: Preset
    seed: int
    progress: Progress
    cancel: CancelToken
    critic: Critic | None = None

    def canonical(self, observations: Observations, refine: bool, path: Path) -> tuple[Canonical, float]:
        """Stage one. refine: whether poses are improved."""
        settings, critic = self.preset.distillation, self.critic

        def make() -> tuple[Canonical, float]:
            begin = time.monotonic()
            distillation = None
            if critic is not None and settings.canonical_steps:
                steps = settings.canonical_steps
                distillation = Distillation(critic, settings, observations, steps=steps, moving=False, seed=self.seed)
            stage = CanonicalStage(observations, self.preset.canonical, refine, self.seed, distillation)
            started = time.monotonic() - begin
            seconds = loop.run(stage, path.with_suffix(".checkpoint"), self.progress, self.cancel)
            if critic is not None:
                critic.model.rest()  # stage two begins without it
            return stage.result(), started + seconds

        canonical, seconds = artifacts.cached(path, make, artifacts.pack_canonical, artifacts.unpack_canonical)
        return canonical.to(observations.freeze.device), seconds

    def motion(self, observations: Observations, canonical: Canonical, path: Path) -> tuple[Moving, float]:
        """Stage two, phase by phase; each leaves an artifact of its own."""
        (settings, distilled), total = motion_settings(self.preset, self.critic), 0.0
        moving = still(canonical.gaussians, observations, settings, self.seed)
        places = phase_places(self.preset, self.critic, path)
        for number, (phase, place) in enumerate(zip(settings.phases, places, strict=True)):

            def make(start=moving, phase=phase, seed=self.seed + number, place=place) -> tuple[Moving, float]:
                distillation = None
                if self.critic is not None and phase.name == distilled:
                    wanted = self.preset.distillation
                    distillation = Distillation(
                        self.critic, wanted, observations, steps=wanted.motion_steps, moving=True, seed=seed
                    )
                stage = MotionStage(observations, start, canonical, settings, phase, seed, distillation)
                seconds = loop.run(stage, place.with_suffix(".checkpoint"), self.progress, self.cancel)
                return stage.result(), seconds

            moving, seconds = artifacts.cached(place, make, artifacts.pack_moving, artifacts.unpack_moving)
            moving, total = moving.to(observations.freeze.device), total + seconds
        return moving, total

    def imagined(
        self, observations: Observations, canonical: Canonical, moving: Moving, path: Path
    ) -> tuple[Imagined, float]:
        """Takes filmed by the critic and followed; path: what the names of all that is kept begin with."""
        critic = self.critic
        assert critic is not None

        def make() -> tuple[Imagined, float]:
            work = Imagining(observations, canonical, self.preset, self.seed, path, self.progress, self.cancel, critic)
            return work.run(moving), work.seconds

        imagined, seconds = artifacts.cached(path, make, Imagined.pack, Imagined.unpack)
        return imagined.to(observations.freeze.device), seconds

    def detail(
        self, observations: Observations, moving: Moving, path: Path, before: Callable[[], object]
    ) -> tuple[Moving, float]:
        """Re-upsampling: the Gaussians fitted to a film of the scene that the critic restored.

        before: called first, unless that was done already. Raises UserError, or what says that memory ran out.
        """
        critic = self.critic
        assert critic is not None

        def make() -> tuple[Moving, float]:
            before()
            stage = UpsampleStage(observations, moving, critic, self.preset.upsample, self.seed)
            seconds = loop.run(stage, path.with_suffix(".checkpoint"), self.progress, self.cancel)
            return stage.result(), seconds

        detailed, seconds = artifacts.cached(path, make, artifacts.pack_moving, artifacts.unpack_moving)
        return detailed.to(observations.freeze.device), seconds
