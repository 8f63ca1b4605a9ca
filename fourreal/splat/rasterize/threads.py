"""Kernels in parallel on plain threads.

numba's portable threading layer polls while it waits: on a two-core machine with other programs at work a step of a fit
took seven times as long on two threads as on one. It also ends the process when two threads enter it. Kernels that let
go of the interpreter need nothing of it: each is compiled for one part of the work, and threads that sleep until they
are called run the parts.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_count = 0


def thread_count() -> int:
    """How many parts work is cut into: the processors this process may use, or FOURREAL_THREADS."""
    return _count or set_thread_count(int(os.environ.get("FOURREAL_THREADS", 0)) or len(os.sched_getaffinity(0)))


def set_thread_count(count: int) -> int:
    """Use `count` threads from now on, the calling one among them. Returns `count`."""
    global _count, _pool
    with _lock:
        if _pool is not None:
            _pool.shutdown(wait=False)
        _pool = ThreadPoolExecutor(count - 1, "fourreal-kernel") if count > 1 else None
        _count = count
    return count


def parts_for(rows: int) -> int:
    """How many parts work on so many rows is worth: waking a thread takes as long as some thousand of them."""
    return min(thread_count(), 1 + rows // 8192)


def run_parts(kernel: Callable, parts: int, *arguments) -> None:
    """kernel(p, parts, *arguments) for every p < parts, the first on the calling thread.

    `kernel` must release the interpreter, and its parts must not write what others read.
    """
    pool = _pool if parts > 1 and thread_count() > 1 else None
    if pool is None:
        for p in range(parts):
            kernel(p, parts, *arguments)
        return
    others = [pool.submit(kernel, p, parts, *arguments) for p in range(1, parts)]
    try:
        kernel(0, parts, *arguments)
    finally:
        wait(others)
    for other in others:
        other.result()
