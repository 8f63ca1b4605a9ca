"""The presets: a pixel budget and a schedule each, as values of the dataclasses."""

from dataclasses import dataclass, replace

from fourreal.settings.distillation import (
    DISTILLED,
    FINE_RATES,
    NO_DISTILLATION,
    UPSAMPLED,
    DistillationSettings,
    UpsampleSettings,
)
from fourreal.settings.fit import CanonicalSettings, Growth, MotionPhase, MotionSettings, SplatRates
from fourreal.settings.imagination import FOLLOWED, IMAGINED, ImaginationSettings


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
    upsample: UpsampleSettings = UPSAMPLED
    imagination: ImaginationSettings = IMAGINED


PAPER_RATES = SplatRates(
    means=1.6e-4, means_end=1.6e-6, scales=1e-3, quats=1e-3, opacities=5e-2, colors=2.5e-3, hold=1.0
)

PAPER_GROWTH = Growth(
    budget=1_000_000, every=100, start=0.1, stop=0.9, fraction=1.0, threshold=2e-4, clone_below=0.01, prune_opacity=1e-2
)


def bases_motion(field: int, growth: int, joint: int, budget: int, every: int) -> MotionSettings:
    """Stage two with bases: steps of its phases; in the second `budget` Gaussians at most, more each `every` steps."""
    grown = Growth(budget=budget, every=every, start=0.0, stop=0.5, fraction=0.02)
    fine = MotionPhase("growth", growth, "new", field_scale=0.05, hold=1.0, rates=FINE_RATES, growth=grown)
    phases = (
        MotionPhase("field", field, unfold=0.6, coarse=0.8, hold=0.8, matched=60),
        fine,
        replace(fine, name="joint", steps=joint, trained="all", videos="both", growth=None),
    )
    return MotionSettings(bases=24, rigidity=3.0, phases=phases)


# Two CPU cores, three minutes.
DRAFT = Preset(
    "draft",
    pixels=256 * 144,
    freeze_frames=40,
    reference_frames=32,
    # more Gaussians fit the videos better and the views between them worse: 40,000 lose 0.4 dB of the held-out views
    canonical=CanonicalSettings(steps=3600, plain_steps=900, initial=15_000, growth=Growth(budget=20_000)),
    motion=bases_motion(field=1800, growth=100, joint=300, budget=21_000, every=50),
    distillation=DistillationSettings(every=2, canonical_steps=30, motion_steps=150, phase=DISTILLED),
    imagination=replace(IMAGINED, field=replace(FOLLOWED, steps=1800)),
)

# A GPU, five minutes.
STANDARD = Preset(
    "standard",
    pixels=512 * 288,
    freeze_frames=80,
    reference_frames=64,
    canonical=CanonicalSettings(steps=7000, plain_steps=1500, initial=30_000, growth=Growth(budget=50_000)),
    motion=bases_motion(field=4000, growth=600, joint=1500, budget=53_000, every=100),
    distillation=DistillationSettings(every=4, canonical_steps=25, motion_steps=90, phase=DISTILLED),
    imagination=replace(IMAGINED, field=replace(FOLLOWED, steps=4000)),
)

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
        growth=replace(PAPER_GROWTH, start=0.025, stop=0.75, prune_opacity=5e-3, reset_every=3_000),
        rates=PAPER_RATES,
        coarse=0.0,
        drop=0.0,
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
            MotionPhase("growth", 5_000, "new", field_scale=0.1, rates=PAPER_RATES, growth=PAPER_GROWTH),
            MotionPhase("joint", 5_000, "all", "both", field_scale=0.1, rates=FINE_RATES),
        ),
    ),
    distillation=DistillationSettings(
        every=1,
        canonical_steps=5_000,
        motion_steps=5_000,
        views_weight=5.0,
        examine=0,
        phase=MotionPhase("joint", 0, "all", "both", field_scale=0.1, rates=FINE_RATES),
    ),
)

PRESETS = {preset.name: preset for preset in (DRAFT, STANDARD, PAPER)}
