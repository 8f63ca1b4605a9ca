"""What a reconstruction will take with a video model as its critic: the run without it, and what the model adds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from fourreal.description import Options
from fourreal.jobs.create_estimate import download, memory_for, memory_of, plan_of
from fourreal.jobs.estimate import ALIKE, LOAD_SECONDS, alike, estimate, where
from fourreal.jobs.values import CriticCost, Estimate
from fourreal.settings import PRESETS, JobLimits, Preset, ablated
from fourreal.video import registry

WORDLESS = "Without a prompt the model is asked without words; one would help it."


def estimate_with_critic(
    options: Options,
    cameras_given: bool,
    devices: Sequence[Mapping[str, Any]],
    earlier: Iterable[Mapping[str, Any]],
    place: int,
    data: Path,
    limits: JobLimits,
    further: int = 0,
) -> Estimate:
    """See `Estimate` and `estimate.estimate`, whose arguments these are; for runs with and without a critic."""
    earlier = list(earlier)
    bare = estimate(options, cameras_given, devices, earlier, place, data, limits, further)
    if options.critic is None or bare.memory_mb is None:
        return bare
    entry = registry.MODELS[options.critic]
    device, name = where(options, devices)
    preset = distilled(PRESETS[name], options)
    steps = preset.distillation.steps + questions(preset)
    plan, missing = plan_of(entry, memory_for(devices, options.device))
    if plan is None or not steps:  # what the run would do as well
        missing = missing or "All that it could be asked is left out."
        reason = f"It will be reconstructed without the video model. {missing}"
        return replace(bare, critic=CriticCost(0, None, None, bare.seconds, reason))
    criticised = [
        cost
        for cost in earlier
        if cost.get("critic") == options.critic and (cost["device"], cost["preset"]) == (device, name)
    ]
    paces = [cost["distillation_pace"] for cost in criticised if cost.get("distillation_pace")][:ALIKE]
    own = steps * median(paces) if paces else None
    source = (
        f"A step took {median(paces):.2g} s in earlier runs here ({len(paces)})."
        if paces
        else ("How long a step of it takes here was not measured yet.")
    )

    seconds = None
    whole = [
        cost["seconds"]
        for cost in alike(criticised, options, devices, cameras_given, further)
        if (cost.get("distillation_steps"), cost.get("imagine", 0)) == (preset.distillation.steps, options.imagine)
    ][:ALIKE]
    if whole:
        seconds = median(whole) + LOAD_SECONDS
    elif own is not None and bare.seconds is not None:
        seconds = bare.seconds * longer(preset) + own

    held = memory_of(entry, plan)
    if criticised:
        memory = median(cost["memory_mb"] for cost in criticised[:ALIKE])
        held = max(0.0, memory - bare.memory_mb)
    else:
        memory = None if held is None else bare.memory_mb + held
        source += "" if held is None else " Its memory is computed, not measured."
    words = entry.remark(options.prompt) if options.prompt.strip() else WORDLESS
    sentences = " ".join(filter(None, (download(entry), plan.remark, source, words)))
    cost = CriticCost(steps, own, held, bare.seconds, sentences)
    return replace(bare, seconds=seconds, memory_mb=memory, critic=cost)


def distilled(preset: Preset, options: Options) -> Preset:
    """The preset with its distillation as asked for, less what is left out."""
    distillation = preset.distillation.adjusted(options.strength, options.distillation_steps, options.critic_guidance)
    imagined = replace(preset.imagination, takes=options.imagine)
    return ablated(replace(preset, distillation=distillation, imagination=imagined), options.without)


def questions(preset: Preset) -> int:
    """How often the model is asked for the takes that it films, about."""
    parts = -(-(preset.reference_frames - 1) // max(preset.distillation.frames - 1, 1))
    return preset.imagination.films * preset.imagination.calls * parts


def longer(preset: Preset) -> float:
    """How many times as many steps of reconstruction there are with the phase in which it is distilled."""
    count = lambda motion: preset.canonical.steps + sum(phase.steps for phase in motion.phases)
    return (count(preset.distillation.place_in(preset.motion)) + preset.imagination.steps) / count(preset.motion)
