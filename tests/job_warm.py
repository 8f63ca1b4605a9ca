"""The real worker, nursery and runner with work that takes no computing: `job_warm.py worker DATA [WARM_SECONDS]`.

What a run does is written into its folder: did.json with the process and the names of what it held before. A creation
called "broken" ends its process.
"""

import json
import logging
import os
import sys
from pathlib import Path

from fourreal.jobs import nursery, worker
from fourreal.jobs.devices import CPU
from fourreal.settings import JobLimits

HERE = Path(__file__)
nursery.IMPORTS = ()


class Model:
    def release(self):
        pass


class Doing:
    """Notes who did it and, for a creation, whether the model was there already; then loads it."""

    def __init__(self, folder, row, store, presets, models):
        self.folder, self.row, self.models = folder, row, models

    def do(self, live, cancel):
        if self.row["name"] == "broken":
            os._exit(3)
        print("at work on", self.row["name"], flush=True)
        did = {"pid": os.getpid(), "parent": os.getppid(), "warm": self.models.loaded, "nice": os.nice(0)}
        did["variable"] = os.environ.get("A_VARIABLE")
        (self.folder / "did.json").write_text(json.dumps(did))
        if self.row["kind"] == "create":
            self.models.work_for(None, live, cancel)
            self.models.get(Choice("mini"))

    def cost(self):
        return None

    def afterwards(self):
        pass


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    if sys.argv[1] == "worker":
        os.environ["WARM_SECONDS"] = sys.argv[3] if len(sys.argv) > 3 else "60"
        limits = JobLimits(free_bytes=0)
        sys.exit(worker.Worker(Path(sys.argv[2]), limits, (sys.executable, str(HERE)), [CPU], stay=True).run())
    from fourreal.jobs import runner
    from fourreal.video.one_model import Choice, registry

    runner.WARM_SECONDS = float(os.environ.get("WARM_SECONDS", 60))
    runner.WORK = {"reconstruct": Doing, "create": Doing}
    registry.load = lambda *_: Model()
    sys.exit(runner.main())
