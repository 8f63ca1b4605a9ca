"""What can be left out of a preset, to see what it is good for."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from fourreal.settings.presets import Preset


def _canonical(**changes) -> Callable[[Preset], Preset]:
    return lambda preset: replace(preset, canonical=replace(preset.canonical, **changes))


def _motion(**changes) -> Callable[[Preset], Preset]:
    return lambda preset: replace(preset, motion=replace(preset.motion, **changes))


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


def _no_pull(preset: Preset) -> Preset:
    phases = tuple(replace(phase, matched=0) for phase in preset.motion.phases)
    return replace(preset, motion=replace(preset.motion, phases=phases))


def _no_regularisers(preset: Preset) -> Preset:
    names = ("norm", "difference", "acceleration", "rigidity", "twist")
    weights: dict[str, Any] = dict.fromkeys(names, 0.0)
    return replace(preset, motion=replace(preset.motion, **weights))


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
    "hinges": _motion(hinges=False),
    "pull": _no_pull,
    "multi-view-sds": _distillation(canonical_steps=0),
    "joint-sds": _distillation(motion_steps=0),
}


def ablated(preset: Preset, without: Iterable[str]) -> Preset:
    """`preset` less some of its parts, by the names of `ABLATIONS`."""
    for name in sorted(without):
        preset = ABLATIONS[name](preset)
    return preset
