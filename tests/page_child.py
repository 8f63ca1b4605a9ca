"""A run of the tests of the page: the real one, with presets that take seconds instead of minutes."""

import sys
from dataclasses import replace

from fourreal.jobs import live, runner
from fourreal.settings import DRAFT, STANDARD, CanonicalSettings, Growth, MotionPhase, MotionSettings

LIVE = {"SCENE_SECONDS": 0.5, "SCENE_SHARE": 0.5}  # tiny fits have something to show sooner


LONG = 90_000  # steps: a run of so many is never over


def tiny(steps: int) -> dict:
    """draft: `steps` a stage. standard: `LONG`, for what is meant to be stopped on the way."""
    canonical = CanonicalSettings(steps=steps, plain_steps=steps // 4, initial=1500, growth=Growth(budget=2000))
    motion = MotionSettings(phases=(MotionPhase("field", steps, unfold=0.5),), bases=6)
    distilled = replace(DRAFT.distillation, frames=5)
    draft = replace(
        DRAFT,
        pixels=160 * 90,
        freeze_frames=12,
        reference_frames=8,
        canonical=canonical,
        motion=motion,
        distillation=distilled,
    )
    long = replace(draft, name=STANDARD.name, canonical=replace(canonical, steps=LONG))
    return {"draft": draft, "standard": long, "paper": long}


if __name__ == "__main__":
    vars(live).update(LIVE)
    sys.exit(runner.main(presets=tiny(60)))
