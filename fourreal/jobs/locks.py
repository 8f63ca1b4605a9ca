"""Which process does what: locks on files, which go with the process that holds them, however it ends."""

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

POLL_SECONDS = 0.05


@contextlib.contextmanager
def alone(path: Path, patience: float) -> Iterator[bool]:
    """Whether this process alone holds the lock. For `patience` seconds, others may finish or look at it first."""
    with open(path, "a") as lock:
        end = time.monotonic() + patience
        while not _take(lock):
            if time.monotonic() > end:
                yield False
                return
            time.sleep(POLL_SECONDS)
        yield True


def free(path: Path) -> bool:
    """Whether nobody holds the lock, alone or with others."""
    try:
        with open(path) as lock:
            return _take(lock)
    except FileNotFoundError:
        return True


def _take(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
