"""A worker whose children are those of job_child.py: `job_worker.py DATA [DEVICES] [alone] [full]`.

alone: it goes where there is neither a page nor work. full: the disk is, as long as there is a file of that name.
"""

import logging
import sys
from dataclasses import replace
from pathlib import Path

from fourreal.jobs import executor, worker
from fourreal.jobs.claims import Claims
from fourreal.jobs.database import disk_full
from fourreal.jobs.devices import CPU
from fourreal.settings import JobLimits

worker.ALONE_SECONDS, worker.BEAT_SECONDS, worker.LOCK_SECONDS = 1.0, 0.2, 0.5
executor.STOP_SECONDS, executor.KILL_SECONDS = 0.5, 1.0
logging.basicConfig(level=logging.INFO)
data, devices = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
child = (sys.executable, str(Path(__file__).with_name("job_child.py")))
if "full" in sys.argv:
    claim = Claims.take
    (data / "full").touch()
    Claims.take = lambda self, device: full() if (data / "full").exists() else claim(self, device)

    def full():
        raise disk_full()


limits = replace(JobLimits(), disk_bytes=10**15, free_bytes=0)
sys.exit(worker.Worker(data, limits, child, [CPU] * devices, stay="alone" not in sys.argv, forks=False).run())
