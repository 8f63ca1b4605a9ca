"""What a video model adds to the fit: distillation of its opinion, and detail by re-upsampling."""

from dataclasses import dataclass, replace

from fourreal.settings.fit import MotionPhase, MotionSettings, SplatRates


@dataclass(frozen=True)
class DistillationSettings:
    """Video score distillation (4Real sec. 3.3-3.4, app. D.1), where a video model is given.

    every: reconstruction steps to one distillation step.
    canonical_steps: distillation steps of stage one, spread over its end.
    motion_steps: those of stage two, spread over `phase`, whose own number of steps follows from them. It takes the
        place of the phase of its name; where there is none it comes last.
    views_weight, times_weight: of the mean squared distance to what the model wants, for shots in which time stands
        still, and for those in which the camera does. strength: a factor on both.
    frames: of a shot, brought to what the model can do. chunk: how many of them are rendered with gradients at a time.
    sigma: noise level at the first and at the last step, annealed by the square root.
    guidance: None for the model's own. rescale: as in `video.denoise.guided`.
    examine: distillation steps of a kind to one examination of the model, see `fit.trust`; 0: it is always believed.
    disc: radius of the disc around a freeze-time camera in which shots end, in distances to the scene's centre.
    """

    every: int
    canonical_steps: int
    motion_steps: int
    phase: MotionPhase
    views_weight: float = 20.0
    times_weight: float = 20.0
    strength: float = 1.0
    frames: int = 16
    chunk: int = 8
    sigma: tuple[float, float] = (0.98, 0.02)
    guidance: float | None = None
    rescale: float = 0.5
    examine: int = 6
    disc: float = 0.05

    @property
    def steps(self) -> int:
        """Distillation steps of both stages."""
        return self.canonical_steps + self.motion_steps

    def adjusted(
        self, strength: float | int = 1.0, steps: int | None = None, guidance: float | int | None = None
    ) -> "DistillationSettings":
        """These, with what a person asks for.

        strength: a factor on this one's. steps: of both stages, shared out as here. guidance: of the model. None: as it
        is here.
        """
        first = self.canonical_steps
        if steps is not None:
            first = round(steps * first / self.steps) if self.steps else 0
        second = self.motion_steps if steps is None or not self.steps else steps - first
        guidance = self.guidance if guidance is None else float(guidance)
        strength = self.strength * strength
        return replace(self, canonical_steps=first, motion_steps=second, strength=strength, guidance=guidance)

    def place_in(self, motion: MotionSettings) -> MotionSettings:
        """Stage two with the phase in which it is distilled."""
        if not self.motion_steps:
            return motion
        phase = replace(self.phase, steps=self.motion_steps * self.every)
        if any(other.name == phase.name for other in motion.phases):
            return replace(motion, phases=tuple(phase if p.name == phase.name else p for p in motion.phases))
        return replace(motion, phases=(*motion.phases, phase))


@dataclass(frozen=True)
class UpsampleSettings:
    """Detail by re-upsampling (4Real sec. 3.4), where a video model is given and detail is asked for.

    steps: of fitting the Gaussians to the restored film. frames: of it. factor: by which it is degraded.
    levels: falling noise levels of the restoration. Not tuned: no real model was at hand.
    """

    steps: int = 200
    frames: int = 33
    factor: int = 2
    levels: tuple[float, ...] = (0.4, 0.25, 0.12)


FINE_RATES = SplatRates(means=5e-6, means_end=2e-6, scales=4e-4, quats=1e-4, opacities=2e-3, colors=4e-4, hold=0.0)
# What was measured with an oracle in the place of a video model, see docs/distillation.md.
DISTILLED = MotionPhase("distillation", 0, "all", "both", field_scale=2.0, hold=0.5, rates=FINE_RATES)
NO_DISTILLATION = DistillationSettings(every=1, canonical_steps=0, motion_steps=0, phase=DISTILLED)
UPSAMPLED = UpsampleSettings()
