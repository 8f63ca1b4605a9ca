"""The two stages of the fit."""

from dataclasses import dataclass


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

    def watches(self, step: int, steps: int) -> bool:
        """Whether step number `step` of `steps` still decides who grows."""
        return step < self.stop * steps

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
    drop: share of the Gaussians that a step leaves out, in [0, 1).
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
    drop: float = 0.05
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
    matched: the first so many times that a frame is seen, misplaced pixels are pulled to where they belong.
    """

    name: str
    steps: int
    trained: str = "none"
    videos: str = "reference"
    field_scale: float = 1.0
    unfold: float = 0.0
    coarse: float = 0.0
    hold: float = 0.5
    matched: int = 0
    growth: Growth | None = None
    rates: SplatRates = SplatRates()


@dataclass(frozen=True)
class MotionSettings:
    """Stage two (4Real sec. 3.4, app. B, C.2): motion from the reference video.

    bases: rigid trajectories of `MotionBases`. hinges: beside them bases that only turn, for limbs.
    ssim_weight: w of (1 - w) L1 + w (1 - SSIM).
    norm, difference, rigidity, twist: weights of the paper's four regularisers; acceleration: one of ours.
    pull: weight of how far misplaced pixels are from where they belong, at a frame's first step; it falls to nothing.
    neighbours: k of the nearest-neighbour terms; rows: Gaussians that regularisers look at in a step.
    rotation_rate, translation_rate, weights_rate: of the bases (half rotation vectors, world units, logits).
    network_rate: of `DeformationMLP`.
    """

    phases: tuple[MotionPhase, ...]
    deformation: str = "bases"
    bases: int = 16
    hinges: bool = True
    ssim_weight: float = 0.2
    norm: float = 0.002
    difference: float = 0.01
    acceleration: float = 0.05
    rigidity: float = 1.0
    twist: float = 0.01
    pull: float = 20.0
    neighbours: int = 8
    rows: int = 2048
    rotation_rate: float = 6e-3
    translation_rate: float = 1.2e-3
    weights_rate: float = 2e-2
    network_rate: float = 8e-4
