"""`fourreal export` in a process of its own."""

import os
import resource
import subprocess
from pathlib import Path

from fourreal import installed
from fourreal.errors import UserError
from fourreal.jobs.children import NICE, end, environment


def export_child(arguments: list[str], seconds: float | int, most: int) -> None:
    """`fourreal export` in a process of its own, ended after `seconds`, or when its file has more than `most` bytes.

    Raises UserError with its sentence.
    """
    child = subprocess.Popen(
        [*installed.command("fourreal"), "export", *arguments], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment(), start_new_session=True,
    )  # fmt: skip
    os.setpriority(os.PRIO_PROCESS, child.pid, NICE)
    if hasattr(resource, "prlimit"):  # Linux
        _, hard = resource.prlimit(child.pid, resource.RLIMIT_FSIZE)
        most = max(most, 0) if hard == resource.RLIM_INFINITY else min(max(most, 0), hard)
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (most, hard))
    try:
        _, told = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise UserError("Exporting took too long and was ended. Try another format or a shorter path.") from None
    finally:
        end(child)
    if child.returncode == 2:
        said = told.decode(errors="replace").strip().splitlines()[-1]
        raise UserError(said.removeprefix("fourreal: ").replace(f"{Path(arguments[0])}{os.sep}", ""))
    if child.returncode:
        raise RuntimeError(f"export ended with {child.returncode}: {told.decode(errors='replace')[-2000:]}")
