"""How far a run is as a whole, and how long it still takes: one bar and one time over all its stages."""

from dataclasses import dataclass

from fourreal.jobs.values import Run
from fourreal.settings import PRESETS, Preset

# Seconds that the preset draft takes on two idle cores (docs/benchmarks.md). Only what they are to one another counts.
FIXED = {"videos": 3.0, "cameras": 25.0, "prepare": 3.0}
CANONICAL, MOTION = 35.0, 32.0  # for as many pixels and steps as the preset draft has
FINISH = 5.0
DISTILLED = 20.0  # times a step of its own that a step with a video model takes
SURE = 0.05  # of the whole has to be done before its pace says how long the rest takes


@dataclass(frozen=True)
class Whole:
    """share: how much of the run is done, in [0, 1]. seconds_left: None where that cannot be said yet."""

    share: float
    seconds_left: float | None


def whole(run: Run, preset: str) -> Whole:
    """How far a run is that is being worked on.

    preset: the one that is taken, whether the run names it or not.
    """
    parts = costs(PRESETS[preset], not run.cameras_given, run.options.critic is not None)
    names, stage = list(parts), str(run.progress.get("stage") or "")
    stage = stage if stage in parts else next((name for name in names if name.startswith(f"{stage}:")), names[0])
    place = names.index(stage)
    step, steps = int(run.progress.get("step") or 0), int(run.progress.get("steps") or 0)
    within = min(1.0, step / steps) if steps else 0.0
    done = sum(parts[name] for name in names[:place]) + within * parts[stage]
    share = done / sum(parts.values())
    left = run.seconds * (1 - share) / share if share > SURE and run.seconds > 0 else None
    return Whole(share, left)


def costs(preset: Preset, cameras: bool, critic: bool) -> dict[str, float]:
    """What each stage takes, in the order of the journal's stages, in seconds of the preset draft."""
    draft = PRESETS["draft"]
    steps = lambda p: sum(phase.steps for phase in p.motion.phases)
    still = CANONICAL / (draft.pixels * draft.canonical.steps)
    moving = MOTION / (draft.pixels * steps(draft))
    motion = preset.distillation.place_in(preset.motion) if critic else preset.motion
    slower = lambda name: DISTILLED if critic and name == preset.distillation.phase.name else 1.0
    fixed = {name: seconds for name, seconds in FIXED.items() if cameras or name != "cameras"}
    return (
        fixed
        | {"canonical": still * preset.pixels * preset.canonical.steps}
        | {
            f"motion: {phase.name}": moving * preset.pixels * phase.steps * slower(phase.name)
            for phase in motion.phases
        }
        | {"finish": FINISH}
    )
