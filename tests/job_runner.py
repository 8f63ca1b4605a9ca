"""The real runner with presets so small that a run takes seconds: `job_runner.py --data DIR --claim N RUN`.

As `job_runner.py worker DATA` it is a worker with such children.
"""

import logging
import sys
from dataclasses import replace
from pathlib import Path

from fit_samples import SIZE, STAGE_ONE, STAGE_TWO

from fourreal.fit import loop
from fourreal.jobs import runner, worker
from fourreal.jobs.devices import CPU
from fourreal.settings import DISTILLED as DISTILLED_PHASE
from fourreal.settings import DistillationSettings, JobLimits, Preset

DISTILLED = DistillationSettings(every=2, canonical_steps=3, motion_steps=3, phase=DISTILLED_PHASE, frames=9, chunk=4)
TINY = Preset("tiny", SIZE[0] * SIZE[1], 40, 32, STAGE_ONE, STAGE_TWO, distillation=DISTILLED)
STEPS = 500  # long enough to be stopped in their middle, with many checkpoints
LONGER = replace(TINY, canonical=replace(STAGE_ONE, steps=STEPS, growth=replace(STAGE_ONE.growth, stop=0.1)))
PRESETS = {"draft": TINY, "standard": LONGER}

CHECKPOINT_SECONDS = 0.05


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        logging.basicConfig(level=logging.INFO)
        command = (sys.executable, str(Path(__file__)))
        limits = replace(JobLimits(), disk_bytes=10**15, free_bytes=0)
        sys.exit(worker.Worker(Path(sys.argv[2]), limits, command, [CPU], stay=True).run())
    loop.CHECKPOINT_SECONDS = CHECKPOINT_SECONDS
    sys.exit(runner.main(presets=PRESETS))
