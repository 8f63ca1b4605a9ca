"""A worker whose runs are done on the nodes of a Ray cluster by job_task.py: `job_nodes.py DATA [travel]`."""

import logging
import sys
from dataclasses import replace
from pathlib import Path

from fourreal.engine.cluster import RayEngine
from fourreal.engine.values import Needs
from fourreal.jobs.devices import CPU
from fourreal.jobs.engine_executor import EngineExecutor
from fourreal.jobs.worker import Worker
from fourreal.settings import JobLimits

logging.basicConfig(level=logging.INFO)


def on_nodes(places, store) -> EngineExecutor:
    engine = RayEngine(places.runs, Needs(1, 0), travel="travel" in sys.argv)
    return EngineExecutor(places, store, engine, devices=[CPU], needs=Needs(1, 0), module="job_task")


limits = replace(JobLimits(), disk_bytes=10**15, free_bytes=0)
sys.exit(Worker(Path(sys.argv[1]), limits, stay=True, elsewhere=on_nodes).run())
