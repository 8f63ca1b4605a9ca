"""Where the result of each step is put: under a name made from everything that it depends on."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from fourreal.fit.distill import Critic
from fourreal.pipeline.critic import critic_key
from fourreal.settings import MotionSettings, Preset

# Part of the name of every artifact and checkpoint: one more when the same settings come to lead to something else, so
# that a run begun before goes on with what still fits and never reads what does not.
RECIPE = 6


@dataclass(frozen=True)
class Places:
    """Where the results of the stages go.

    motion, imagined: what the names of their parts begin with. imagined, detail: None where not asked for.
    """

    canonical: Path
    motion: Path
    imagined: Path | None
    detail: Path | None


def finished(places: Places, preset: Preset, critic: Critic) -> bool:
    """Whether all that is to be made is there."""
    paths = [places.canonical, *phase_places(preset, critic, places.motion), places.imagined, places.detail]
    return all(path is None or path.exists() for path in paths)


def motion_settings(preset: Preset, critic: Critic | None) -> tuple[MotionSettings, str | None]:
    """Those of stage two, and the name of the phase that is distilled, None where none is."""
    if critic is None or not preset.distillation.motion_steps:
        return preset.motion, None
    return preset.distillation.place_in(preset.motion), preset.distillation.phase.name


def phase_places(preset: Preset, critic: Critic | None, path: Path) -> list[Path]:
    """Where the phases of stage two go: each depends on those before it and not on those after it."""
    (settings, distilled), out = motion_settings(preset, critic), []
    for number, phase in enumerate(settings.phases):
        so_far = replace(settings, phases=settings.phases[: number + 1])
        distilling = critic_key(critic, preset.distillation) if phase.name == distilled else []
        out.append(path.with_name(f"{path.name}-{name_of(asdict(so_far), *distilling)}-{phase.name}"))
    return out


def name_of(*parts) -> str:
    """A short name for everything a step depends on."""
    plain = lambda x: sorted(x) if isinstance(x, frozenset) else str(x)
    text = json.dumps([RECIPE, *parts], sort_keys=True, default=plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
