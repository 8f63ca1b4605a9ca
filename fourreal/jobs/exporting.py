"""A command of `fourreal` in a process of its own."""

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from fourreal import installed, system
from fourreal.errors import UserError
from fourreal.jobs.children import NICE, environment

LOOK_SECONDS = 0.5
TAIL = 4000  # bytes of what it told that are looked at


def export_child(arguments: list[str], seconds: float | int, most: int) -> None:
    """`fourreal export` in a process of its own; see `command_child`. arguments: the run's folder first."""
    late = "Exporting took too long and was ended. Try another format or a shorter path."
    command_child(["export", *arguments], seconds, most, late, Path(arguments[0]))


def command_child(
    words: Sequence[str],
    seconds: float | int,
    most: int,
    late: str,
    hidden: Path,
    telling: Callable[[str], None] = lambda line: None,
) -> None:
    """A command of `fourreal`, ended after `seconds`, or when one of its files has more than `most` bytes.

    late: what to say when it took too long. hidden: a folder that is left out of what it says. telling: is given the
    last line that it told, whenever that has changed.

    Raises UserError with its sentence.
    """
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(
            [*installed.command("fourreal"), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment(),
            start_new_session=True,
        )
        os.setpriority(os.PRIO_PROCESS, child.pid, NICE)
        if hasattr(resource, "prlimit"):  # Linux
            _, hard = resource.prlimit(child.pid, resource.RLIMIT_FSIZE)
            most = max(most, 0) if hard == resource.RLIM_INFINITY else min(max(most, 0), hard)
            resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (most, hard))
        try:
            _wait(child, time.monotonic() + seconds, lambda: telling(_last_line(log.fileno())))
        except subprocess.TimeoutExpired:
            raise UserError(late) from None
        finally:
            system.bury(child)
        if child.returncode == 2:
            message = _last_line(log.fileno())
            raise UserError(message.removeprefix("fourreal: ").replace(f"{hidden}{os.sep}", ""))
        if child.returncode:
            raise RuntimeError(f"{words[0]} ended with {child.returncode}: {_tail(log.fileno())[-2000:]}")


def _wait(child: subprocess.Popen, until: float, look: Callable[[], None]) -> None:
    while time.monotonic() < until:
        try:
            child.wait(LOOK_SECONDS)
            return
        except subprocess.TimeoutExpired:
            look()
    raise subprocess.TimeoutExpired(child.args, 0)


def _last_line(file: int) -> str:
    lines = _tail(file).strip().splitlines()
    return lines[-1] if lines else ""


def _tail(file: int) -> str:
    """Its end, read without moving where the child writes."""
    size = os.fstat(file).st_size
    return os.pread(file, TAIL, max(0, size - TAIL)).decode(errors="replace")
