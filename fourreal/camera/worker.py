"""A process in which COLMAP works: C++ that may abort and cannot be interrupted runs where it can be killed."""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from fourreal import installed
from fourreal.progress import CancelToken

LOG = "log.txt"  # in the folder: whatever COLMAP prints
SHOWN = 4000  # characters of its end
KILLED = -signal.SIGKILL


def run(
    module: str,
    folder: Path,
    seconds: float,
    cancel: CancelToken,
    threads: int,
    look: Callable[[], object] = lambda: None,
) -> int:
    """`python -m MODULE FOLDER`, until it ends or for `seconds`; its exit code, KILLED where the time was up.

    look: called about twenty times a second meanwhile. Raises Cancelled where the person stops.
    """
    variables = installed.environment() | {"OMP_NUM_THREADS": str(threads)}
    with (folder / LOG).open("wb") as log:
        process = subprocess.Popen(
            [*installed.command(module), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=variables,
            start_new_session=True,
        )
        try:
            end = time.monotonic() + seconds
            while process.poll() is None and time.monotonic() < end:
                cancel.check()
                look()
                time.sleep(0.05)
        finally:
            _kill(process)
    if process.returncode not in (0, KILLED):
        logging.getLogger(__name__).warning("%s broke off (%d):\n%s", module, process.returncode, log_of(folder))
    return process.returncode


def log_of(folder: Path) -> str:
    """The end of what it printed."""
    return (folder / LOG).read_text(encoding="utf-8", errors="replace")[-SHOWN:]


def _kill(process: subprocess.Popen) -> None:
    if process.poll() is None:
        # Its session is its own; anything it may have started goes with it.
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
