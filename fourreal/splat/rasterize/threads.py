"""Kernels in parallel on plain threads.

numba's portable threading layer polls while it waits: on a two-core machine with other programs at work a step of a fit
took seven times as long on two threads as on one. It also ends the process when two threads enter it. Kernels that let
go of the interpreter need nothing of it: each is compiled for one part of the work, and threads that sleep until they
are called run the parts.
"""

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

from fourreal.system import processors

_lock = threading.Lock()
_parts: SimpleQueue = SimpleQueue()  # what the threads beside the calling one have to do; None ends one of them
_count = 0  # 0 before the threads are there
_before_fork = 0  # how many the process had of which this one is a fork


def thread_count() -> int:
    """How many parts work is cut into: the processors this process may use, or FOURREAL_THREADS."""
    wanted = _before_fork or int(os.environ.get("FOURREAL_THREADS", 0))
    return _count or set_thread_count(wanted or processors())


def set_thread_count(count: int) -> int:
    """Use `count` threads from now on, the calling one among them; not while a kernel runs. Returns `count`."""
    global _count
    with _lock:
        for _ in range(count, _count):
            _parts.put(None)
        for number in range(max(_count, 1), count):
            threading.Thread(target=_work, name=f"fourreal-kernel-{number}", daemon=True).start()
        _count = count
    return count


def _begin_anew() -> None:
    """In a forked child: the threads stayed with the parent, and whatever they wait for or hold is theirs."""
    global _lock, _parts, _count, _before_fork
    _lock, _parts, _count, _before_fork = threading.Lock(), SimpleQueue(), 0, _count or _before_fork


os.register_at_fork(after_in_child=_begin_anew)


def _work() -> None:
    # not an executor: its futures cost more than the small kernels
    while (part := _parts.get()) is not None:
        kernel, p, parts, arguments, done = part
        try:
            kernel(p, parts, *arguments)
        except BaseException as error:
            done.put(error)
        else:
            done.put(None)
        del part, kernel, arguments, done  # arrays of the last part are not kept while there is no next one


def parts_for(rows: int) -> int:
    """How many parts work on so many rows is worth: waking a thread takes as long as some thousand of them."""
    return min(thread_count(), 1 + rows // 8192)


def run_parts(kernel: Callable, parts: int, *arguments) -> None:
    """kernel(p, parts, *arguments) for every p < parts, the first on the calling thread.

    `kernel` must release the interpreter, and its parts must not write what others read.
    """
    if parts <= 1 or thread_count() <= 1:
        for p in range(parts):
            kernel(p, parts, *arguments)
        return
    done: SimpleQueue = SimpleQueue()
    for p in range(1, parts):
        _parts.put((kernel, p, parts, arguments, done))
    try:
        kernel(0, parts, *arguments)
    finally:
        errors = [done.get() for _ in range(1, parts)]
    for error in filter(None, errors):
        raise error
