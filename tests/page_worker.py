"""A worker for the tests of the page: `page_worker.py DATA`. Its runs are real ones with tiny presets."""

import logging
import sys
from pathlib import Path

from fourreal.jobs.devices import CPU
from fourreal.jobs.worker import Worker
from fourreal.settings import JobLimits

logging.basicConfig(level=logging.INFO)
child = (sys.executable, str(Path(__file__).with_name("page_child.py")))
sys.exit(Worker(Path(sys.argv[1]), JobLimits(free_bytes=0), child, [CPU], stay=True).run())
