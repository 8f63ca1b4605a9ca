"""Twelve prompts with both of the paper's ablations, on two Ray nodes of this machine, from one command to a report.

    python -m benchmarks.twelve DIR          # goes on where it was stopped; what is made is not made again
    python -m benchmarks.twelve DIR --report # judge and report what is made by now, and make nothing

Each node has a core of its own. The report is DIR/judged/report/index.html; `benchmarks/twelve.yaml` says what is made.
"""

import argparse
import os
import sys
from pathlib import Path

from benchmarks.scale import cluster
from fourreal.cli import main as fourreal
from fourreal.installed import ROOT

GRID = Path(__file__).with_suffix(".yaml")
NODES = 2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--report", action="store_true", help="make nothing; judge and report what is there")
    given = parser.parse_args()
    scenes, judged = str(given.folder / "sweep"), str(given.folder / "judged")
    made = 0
    if not given.report:
        os.environ |= {
            "CUDA_VISIBLE_DEVICES": "",
            "RAY_USAGE_STATS_ENABLED": "0",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        }
        cores = sorted(os.sched_getaffinity(0))
        with cluster([cores[number % len(cores)] for number in range(NODES)]):
            made = fourreal(["sweep", str(GRID), "--out", scenes, "--engine", "ray"])
    if made not in (0, 2):  # 2: some could not be made; the others are judged all the same
        return made
    return fourreal(["judge", scenes, "--out", judged]) or fourreal(["report", judged]) or made


if __name__ == "__main__":
    sys.exit(main())
