"""A process in which COLMAP works: C++ that may abort and cannot be interrupted runs where it can be killed."""

import logging
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from fourreal import installed, system
from fourreal.progress import CancelToken

LOG = "log.txt"  # in the folder: whatever COLMAP prints
SHOWN = 4000  # characters of its end
KILLED = -signal.SIGKILL
PATIENCE = 3.0  # times as long as it may work it may take where others hold the processors


def run(
    module: str,
    folder: Path,
    seconds: float,
    cancel: CancelToken,
    threads: int,
    look: Callable[[], object] = lambda: None,
) -> int:
    """`python -m MODULE FOLDER`, until it ends or has worked for `seconds`; its exit code, KILLED where that was up.

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
            begin = time.monotonic()
            while process.poll() is None and not late(process.pid, time.monotonic() - begin, seconds):
                cancel.check()
                look()
                time.sleep(0.05)
        finally:
            system.bury(process)
    if process.returncode not in (0, KILLED):
        logging.getLogger(__name__).warning("%s broke off (%d):\n%s", module, process.returncode, log_of(folder))
    return process.returncode


def late(pid: int, took: float, seconds: float) -> bool:
    """Whether a process that was begun `took` seconds ago has had its time: on a crowded machine only work counts."""
    if took < seconds:
        return False
    worked = system.worked(pid)
    return worked is None or worked >= seconds or took >= PATIENCE * seconds


def log_of(folder: Path) -> str:
    """The end of what it printed."""
    return (folder / LOG).read_text(encoding="utf-8", errors="replace")[-SHOWN:]
