"""What computes here. Asking torch takes seconds and loads it, so a child asks: `python -m fourreal.jobs.devices`."""

import json
import os
import subprocess
from typing import Any

from fourreal import installed
from fourreal.jobs.children import environment

CPU = {"kind": "cpu", "name": "cpu", "memory_mb": None}
SECONDS = 120.0
VISIBLE = "CUDA_VISIBLE_DEVICES"


def find() -> list[dict[str, Any]]:
    """{kind, name, memory_mb} of each device that runs one job at a time: the GPUs, or the CPU where there is none."""
    try:
        child = subprocess.run(
            installed.command("fourreal.jobs.devices"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            env=environment(),
            check=True,
        )
        return json.loads(child.stdout.splitlines()[-1]) or [CPU]
    except (subprocess.SubprocessError, ValueError, IndexError):
        return [CPU]  # a driver that does not even answer computes nothing


def alone(number: int) -> dict[str, str]:
    """The variable with which a child sees only the GPU of a `number`, as `find` counts them.

    What the machine's owner lent us is counted in the order of their list, whose entries may be indices, UUIDs or MIG
    names.
    """
    lent = os.environ.get(VISIBLE)
    return {VISIBLE: str(number) if lent is None else lent.split(",")[number].strip()}


def _main() -> None:
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    cards = [torch.cuda.get_device_properties(i) for i in range(count)]
    print(json.dumps([{"kind": "cuda", "name": p.name, "memory_mb": p.total_memory / 2**20} for p in cards]))


if __name__ == "__main__":
    _main()
