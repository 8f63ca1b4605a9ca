"""A run of `benchmarks.scale nodes`: the real one, with the preset draft cut down to a share of its steps.

A share of 0 does nothing at all, so that what is left is the engine's own time.
"""

import os
import sys
from dataclasses import replace

from fourreal.engine.child import serve
from fourreal.settings import DRAFT, Preset
from fourreal.sweep import child

SHARE = "FOURREAL_SCALE_SHARE"


def cut_down(share: float) -> Preset:
    """The preset draft with that share of its steps."""
    part = lambda steps: max(3, round(steps * share))
    canonical = replace(
        DRAFT.canonical, steps=part(DRAFT.canonical.steps), plain_steps=part(DRAFT.canonical.plain_steps)
    )
    phases = tuple(replace(phase, steps=part(phase.steps)) for phase in DRAFT.motion.phases)
    return replace(DRAFT, canonical=canonical, motion=replace(DRAFT.motion, phases=phases))


if __name__ == "__main__":
    share = float(os.environ[SHARE])
    if not share:
        sys.exit(serve(lambda folder, *others: (folder / "manifest.json").write_text("{}")))
    sys.exit(child.main(presets={"draft": cut_down(share)}))
