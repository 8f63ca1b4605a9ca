"""Every number a run depends on, as frozen dataclasses; the presets are values of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class ClipLimits:
    """What is accepted as a video."""

    max_bytes: int = 2 * 1024**3
    max_pixels: int = 4096 * 2304  # a frame
    max_total_pixels: int = 300 * 1920 * 1080  # of all frames as they are kept in memory: 1.9 GB
    max_seconds: float = 120.0
    max_frames: int = 300


@dataclass(frozen=True)
class JobLimits:
    """What the page lets people do, and how much it keeps of it.

    max_upload_bytes: of one video file.
    max_side: pixels of the longer side at which uploads are kept; a preset looks at 512 at most.
    queued_per_person, videos_per_person: jobs waiting in the line, and videos kept, the oldest going first.
    disk_bytes: what videos and runs may take together before the oldest is removed; free_bytes: what stays free.
    keep_days: finished runs are kept whole at least so long; afterwards the disk budget may take them. None: for ever.
    intake_seconds, intake_bytes: time and address space of the process that decodes an upload; the largest that is
        accepted took 26 s on two idle cores, 110 s on busy ones, and less than 2 GB.
    check_seconds, check_bytes: of the one that looks at two videos; export_seconds: of one that exports.
    """

    max_upload_bytes: int = 512 * 1024**2
    max_side: int = 1024
    queued_per_person: int = 5
    videos_per_person: int = 40
    disk_bytes: int = 20 * 1024**3
    free_bytes: int = 512 * 1024**2
    keep_days: float | int | None = 30.0
    intake_seconds: float | int = 300.0
    intake_bytes: int = 3 * 1024**3
    check_seconds: float | int = 120.0
    check_bytes: int = 3 * 1024**3
    export_seconds: float | int = 900.0


@dataclass(frozen=True)
class SfmSettings:
    """Structure from motion; figures measured on rendered and on generated freeze-time videos."""

    max_width: int = 512
    max_frames: int = 60  # of a longer clip evenly spaced frames are placed and the others interpolated
    peak_threshold: float = 0.002
    overlap: int = 10
    seed: int = 0
    timeout_seconds: float = 240.0
    focal_range: tuple[float, float] = (0.5, 2.5)  # in image widths
    max_reprojection: float = 2.5  # pixels at max_width; good models of noisy clips had 0.8 to 1.1
    # Share of the matches across each step of the path that a model must explain. At their weakest step good models of
    # noisy clips had 0.63, models that were off by tens of degrees somewhere 0.0 to 0.55.
    min_support: float = 0.58
    min_placed: float = 0.5  # share of the frames; with fewer placed the orbit prior takes over


@dataclass(frozen=True)
class Growth:
    """When and how much to grow.

    budget: most Gaussians there may be.
    every: steps between two rounds; start, stop: first and last step of growing, as fractions of the stage.
    fraction: at most this share of the Gaussians grows in a round, those with the largest screen gradient.
    threshold: least screen gradient to grow at, loss per half image width (2e-4 in 3DGS; 0 lets `fraction` decide).
    clone_below: Gaussians smaller than this (world units) are cloned, larger ones split.
    prune_opacity: Gaussians under this opacity are removed.
    reset_every: steps between two resets of all opacities to twice `prune_opacity`; 0 for never.
    """

    budget: int
    every: int = 100
    start: float = 0.1
    stop: float = 0.65
    fraction: float = 0.06
    threshold: float = 0.0
    clone_below: float = 0.0
    prune_opacity: float = 0.01
    reset_every: int = 0

    def due(self, step: int, steps: int) -> bool:
        """Whether a round of growth follows step number `step` of `steps`."""
        return (step + 1) % self.every == 0 and self.start * steps < step + 1 <= self.stop * steps

    def reset_due(self, step: int, steps: int) -> bool:
        return self.reset_every > 0 and (step + 1) % self.reset_every == 0 and step + 1 < self.stop * steps


@dataclass(frozen=True)
class SplatRates:
    """Adam's learning rates for the Gaussians, in the normalised frame (cameras at distance 1).

    means falls exponentially from means to means_end over the stage; the others stay until `hold` of the stage and
    fall to a tenth by its end (hold 1: they stay).
    """

    means: float = 5e-4
    means_end: float = 1e-5
    scales: float = 1e-2
    quats: float = 3e-3
    opacities: float = 5e-2
    colors: float = 1e-2
    hold: float = 0.6

    def at(self, progress: float) -> dict[str, float]:
        """Rates by the tensor's name at `progress` in [0, 1] of the stage."""
        fall = 1.0 if progress < self.hold else 0.1 ** ((progress - self.hold) / max(1 - self.hold, 1e-9))
        means = self.means * (self.means_end / self.means) ** progress
        rest = {name: fall * getattr(self, name) for name in ("scales", "quats", "opacities", "colors")}
        return {"means": means} | rest


@dataclass(frozen=True)
class CanonicalSettings:
    """Stage one (4Real sec. 3.3, app. C.1): the canonical scene from the freeze-time video.

    steps: optimiser steps, one freeze-time frame each.
    plain_steps: the first of them, without per-frame deformation, poses and exposure.
    initial: Gaussians at the start.
    coarse: share of the steps at half size.
    ssim_weight: w of (1 - w) L1 + w (1 - SSIM).
    deformation: the per-frame field, "bases", "mlp" or "none".
    field_pivots, field_rate: pivots of the bases, and the field's learning rate.
    small_motion: weight of |dx|_1 + |dq|_1; small_exposure: of |gain - 1| + |bias|.
    pose_rate, exposure_rate: of the pose corrections (radians, world units) and of gains and biases; 0: none.
    """

    steps: int
    plain_steps: int
    initial: int
    growth: Growth
    rates: SplatRates = SplatRates()
    coarse: float = 1 / 6
    ssim_weight: float = 0.2
    deformation: str = "bases"
    field_pivots: int = 64
    field_rate: float = 1e-4
    small_motion: float = 0.3
    small_exposure: float = 0.05
    pose_rate: float = 5e-4
    exposure_rate: float = 1e-3


@dataclass(frozen=True)
class MotionPhase:
    """A part of stage two.

    name: "field", "growth" or "joint", as it is shown.
    steps: optimiser steps, one frame each.
    trained: which Gaussians are trained besides the field: "none", "new" (those grown in this phase) or "all".
    videos: "reference" or "both", from which frames are drawn.
    field_scale: factor on the field's learning rates.
    unfold: share of the steps over which the time window grows from the canonical frame to the whole video.
    coarse: share of the steps at half size.
    hold: share of the steps after which the field's rates begin to fall, to a twentieth.
    """

    name: str
    steps: int
    trained: str = "none"
    videos: str = "reference"
    field_scale: float = 1.0
    unfold: float = 0.0
    coarse: float = 0.0
    hold: float = 0.5
    growth: Growth | None = None
    rates: SplatRates = SplatRates()


@dataclass(frozen=True)
class MotionSettings:
    """Stage two (4Real sec. 3.4, app. B, C.2): motion from the reference video.

    bases: rigid trajectories of `MotionBases`.
    ssim_weight: w of (1 - w) L1 + w (1 - SSIM).
    norm, difference, rigidity, twist: weights of the paper's four regularisers; acceleration: one of ours.
    neighbours: k of the nearest-neighbour terms; rows: Gaussians that regularisers look at in a step.
    rotation_rate, translation_rate, weights_rate: of the bases (half rotation vectors, world units, logits).
    network_rate: of `DeformationMLP`.
    """

    phases: tuple[MotionPhase, ...]
    deformation: str = "bases"
    bases: int = 16
    ssim_weight: float = 0.2
    norm: float = 0.002
    difference: float = 0.01
    acceleration: float = 0.05
    rigidity: float = 1.0
    twist: float = 0.01
    neighbours: int = 8
    rows: int = 2048
    rotation_rate: float = 6e-3
    translation_rate: float = 1.2e-3
    weights_rate: float = 2e-2
    network_rate: float = 8e-4


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

    def place_in(self, motion: MotionSettings) -> MotionSettings:
        """Stage two with the phase in which it is distilled."""
        if not self.motion_steps:
            return motion
        phase = replace(self.phase, steps=self.motion_steps * self.every)
        if any(other.name == phase.name for other in motion.phases):
            return replace(motion, phases=tuple(phase if p.name == phase.name else p for p in motion.phases))
        return replace(motion, phases=(*motion.phases, phase))


FINE_RATES = SplatRates(means=5e-6, means_end=2e-6, scales=4e-4, quats=1e-4, opacities=2e-3, colors=4e-4, hold=0.0)
# What was measured with an oracle in the place of a video model, see docs/distillation.md.
DISTILLED = MotionPhase("distillation", 0, "all", "both", field_scale=2.0, hold=0.5, rates=FINE_RATES)
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


NO_DISTILLATION = DistillationSettings(every=1, canonical_steps=0, motion_steps=0, phase=DISTILLED)


@dataclass(frozen=True)
class Preset:
    """A pixel budget and a schedule.

    pixels: a frame is fitted at about this many, whatever its aspect ratio, and never enlarged.
    freeze_frames, reference_frames: at most so many are taken of each video, evenly.
    """

    name: str
    pixels: int
    freeze_frames: int
    reference_frames: int
    canonical: CanonicalSettings
    motion: MotionSettings
    distillation: DistillationSettings = NO_DISTILLATION
    upsample: UpsampleSettings = UpsampleSettings()


PAPER_RATES = SplatRates(
    means=1.6e-4, means_end=1.6e-6, scales=1e-3, quats=1e-3, opacities=5e-2, colors=2.5e-3, hold=1.0
)

# Two CPU cores, three minutes.
DRAFT = Preset(
    "draft",
    pixels=256 * 144,
    freeze_frames=40,
    reference_frames=32,
    # more Gaussians fit the videos better and the views between them worse: 40,000 lose 0.4 dB of the held-out views
    canonical=CanonicalSettings(steps=3600, plain_steps=900, initial=15_000, growth=Growth(budget=20_000)),
    motion=MotionSettings(
        bases=24,
        phases=(
            MotionPhase("field", 2000, unfold=0.5, coarse=0.4),
            MotionPhase(
                "growth", 100, "new", field_scale=0.05, hold=1.0, rates=FINE_RATES,
                growth=Growth(budget=21_000, every=50, start=0.0, stop=0.5, fraction=0.02),
            ),
            MotionPhase("joint", 300, "all", "both", field_scale=0.05, hold=1.0, rates=FINE_RATES),
        ),
    ),
    distillation=DistillationSettings(every=2, canonical_steps=30, motion_steps=150, phase=DISTILLED),
)  # fmt: skip

# A GPU, five minutes.
STANDARD = Preset(
    "standard",
    pixels=512 * 288,
    freeze_frames=80,
    reference_frames=64,
    canonical=CanonicalSettings(steps=7000, plain_steps=1500, initial=60_000, growth=Growth(budget=150_000)),
    motion=MotionSettings(
        bases=24,
        phases=(
            MotionPhase("field", 4000, unfold=0.5, coarse=0.4),
            MotionPhase(
                "growth", 600, "new", field_scale=0.05, hold=1.0, rates=FINE_RATES,
                growth=Growth(budget=160_000, every=100, start=0.0, stop=0.5, fraction=0.02),
            ),
            MotionPhase("joint", 1500, "all", "both", field_scale=0.05, hold=1.0, rates=FINE_RATES),
        ),
    ),
    distillation=DistillationSettings(every=5, canonical_steps=60, motion_steps=200, phase=DISTILLED),
)  # fmt: skip

# The paper's own schedule (app. C, D.3).
PAPER = Preset(
    "paper",
    pixels=512 * 288,
    freeze_frames=128,
    reference_frames=128,
    canonical=CanonicalSettings(
        steps=20_000,
        plain_steps=3_000,
        initial=60_000,
        growth=Growth(
            budget=1_000_000, every=100, start=0.025, stop=0.75, fraction=1.0, threshold=2e-4, clone_below=0.01,
            prune_opacity=5e-3, reset_every=3_000,
        ),
        rates=PAPER_RATES,
        coarse=0.0,
        ssim_weight=0.0,
        deformation="mlp",
        field_rate=1e-3,
        small_motion=0.01,
        small_exposure=0.0,
    ),
    motion=MotionSettings(
        deformation="mlp",
        norm=0.01,
        difference=0.01,
        acceleration=0.0,
        rigidity=0.01,
        twist=0.01,
        neighbours=20,
        network_rate=1e-3,
        phases=(
            MotionPhase("field", 10_000, hold=0.0),
            MotionPhase(
                "growth", 5_000, "new", field_scale=0.1, rates=PAPER_RATES,
                growth=Growth(
                    budget=1_000_000, every=100, start=0.1, stop=0.9, fraction=1.0, threshold=2e-4, clone_below=0.01,
                    prune_opacity=1e-2,
                ),
            ),
            MotionPhase("joint", 5_000, "all", "both", field_scale=0.1, rates=FINE_RATES),
        ),
    ),
    distillation=DistillationSettings(
        every=1, canonical_steps=5_000, motion_steps=5_000, views_weight=5.0, examine=0,
        phase=MotionPhase("joint", 0, "all", "both", field_scale=0.1, rates=FINE_RATES),
    ),
)  # fmt: skip

PRESETS = {preset.name: preset for preset in (DRAFT, STANDARD, PAPER)}


def _canonical(**changes) -> Callable[[Preset], Preset]:
    return lambda preset: replace(preset, canonical=replace(preset.canonical, **changes))


def _distillation(**changes) -> Callable[[Preset], Preset]:
    return lambda preset: replace(preset, distillation=replace(preset.distillation, **changes))


def _no_growth(preset: Preset) -> Preset:
    preset = _canonical(growth=replace(preset.canonical.growth, start=1.0, stop=0.0))(preset)
    return _without_phase("growth")(preset)


def _without_phase(name: str) -> Callable[[Preset], Preset]:
    def change(preset: Preset) -> Preset:
        phases = tuple(phase for phase in preset.motion.phases if phase.name != name)
        return replace(preset, motion=replace(preset.motion, phases=phases))

    return change


def _no_regularisers(preset: Preset) -> Preset:
    names = ("norm", "difference", "acceleration", "rigidity", "twist")
    return replace(preset, motion=replace(preset.motion, **dict.fromkeys(names, 0.0)))


# What can be left out of a run, to see what it is good for. "freeze-time" is the pipeline's: it changes what is seen.
ABLATIONS: dict[str, Callable[[Preset], Preset]] = {
    "per-frame-deformation": _canonical(deformation="none"),
    "small-motion": _canonical(small_motion=0.0),
    "exposure": _canonical(exposure_rate=0.0),
    "pose-refinement": _canonical(pose_rate=0.0),
    "freeze-time": lambda preset: preset,
    "joint-finetune": _without_phase("joint"),
    "growth": _no_growth,
    "regularisers": _no_regularisers,
    "multi-view-sds": _distillation(canonical_steps=0),
    "joint-sds": _distillation(motion_steps=0),
}


def ablated(preset: Preset, without: Iterable[str]) -> Preset:
    """`preset` less some of its parts, by the names of `ABLATIONS`."""
    for name in sorted(without):
        preset = ABLATIONS[name](preset)
    return preset
