"""Every number a run depends on, as frozen dataclasses; the presets are values of them."""

from fourreal.settings.ablations import ABLATIONS, ablated
from fourreal.settings.camera import SfmSettings
from fourreal.settings.distillation import (
    DISTILLED,
    FINE_RATES,
    NO_DISTILLATION,
    DistillationSettings,
    UpsampleSettings,
)
from fourreal.settings.fit import CanonicalSettings, Growth, MotionPhase, MotionSettings, SplatRates
from fourreal.settings.imagination import IMAGINED, ImaginationSettings
from fourreal.settings.limits import MOST_TAKES, ClipLimits, JobLimits, TurnLimits, check_takes
from fourreal.settings.presets import DRAFT, PAPER, PRESETS, STANDARD, Preset

__all__ = [
    "ABLATIONS",
    "DISTILLED",
    "DRAFT",
    "FINE_RATES",
    "IMAGINED",
    "MOST_TAKES",
    "NO_DISTILLATION",
    "PAPER",
    "PRESETS",
    "STANDARD",
    "CanonicalSettings",
    "ClipLimits",
    "DistillationSettings",
    "Growth",
    "ImaginationSettings",
    "JobLimits",
    "MotionPhase",
    "MotionSettings",
    "Preset",
    "SfmSettings",
    "SplatRates",
    "TurnLimits",
    "UpsampleSettings",
    "ablated",
    "check_takes",
]
