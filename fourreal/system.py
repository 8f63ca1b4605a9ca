"""What Linux has and macOS does not, or has otherwise, in one place. Only Linux was tried; see docs/jobs.md."""

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from fourreal.installed import PARENT

LINUX = sys.platform == "linux"
PROC = Path("/proc")
# Of versions 2 and 1: what a group may have, and what it has.
CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
WATCH_SECONDS = 0.25
CHILD_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> int:
    """Bytes of the machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def worked(pid: int) -> float | None:
    """Seconds that processors worked for a process, all threads together; None where the system does not say."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_memory() -> int:
    """Bytes of memory that are free; all of it where the system does not say."""
    meminfo = PROC / "meminfo"
    for line in meminfo.read_text().splitlines() if meminfo.exists() else ():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return memory()


def group_memory() -> Iterator[tuple[int, int]]:
    """(most, used) bytes of each group of processes, such as a container, that limits this one."""
    for limit, used in CGROUPS:
        try:
            most, now = Path(limit).read_text().strip(), Path(used).read_text()
        except OSError:
            continue
        if most.isdigit():
            yield int(most), int(now)


def peak_memory() -> int:
    """Most bytes of memory that this process held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if LINUX else 1)


def limit_memory(most: int) -> None:
    """Let this process have no more than so many bytes of address space. Not on macOS, whose programs begin with more
    than any limit that would be of use."""
    if LINUX:
        limit(resource.RLIMIT_AS, most)


def limit(which: int, value: int) -> None:
    """Set both limits of a resource to `value`, or to what is allowed at most."""
    _, most = resource.getrlimit(which)
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(which, (value, value))


def first_to_go() -> None:
    """Where memory runs out, the system should end this process rather than others."""
    with contextlib.suppress(OSError):
        (PROC / "self" / "oom_score_adj").write_text("500")


class Process(Protocol):
    """A child: of `subprocess.Popen` what is looked at here."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None: ...


def ended(process: Process) -> bool:
    """Whether a child is dead. It is not waited for, so that its number stays its own until everything of it is; on
    macOS it is, where the number still is nobody else's as long as anything of it is there."""
    if process.returncode is not None:
        return True
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def kill_group(process: Process) -> None:
    """Kill a child that was started in a session of its own, with everything in it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def bury(child: subprocess.Popen) -> int:
    """The exit code of a child that is killed, if it still runs, with all that it started; its pipes are closed."""
    # one that is dead but not waited for still holds its number, so this hits no stranger
    if child.returncode is None:
        kill_group(child)
    code = child.wait()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):  # of what was still to be said to it
                pipe.close()
    return code


def end_with_parent() -> None:
    """Kill this process, and all that it started, as soon as the one that started it is gone.

    Nobody would collect the result of an orphan: it must not burn the processor. The process has a session of its own.
    """
    parent = int(os.environ.get(PARENT, os.getppid()))  # it may have gone before we even looked

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True, name="parent").start()


def adopt_orphans() -> None:
    """What a dead child had started becomes ours, so that it can be found (Linux; elsewhere it ends by itself)."""
    if LINUX:
        ctypes.CDLL(None).prctl(CHILD_SUBREAPER, 1, 0, 0, 0)


def end_children_but(others: set[int]) -> None:
    """Kill all children of this process but the `others`, where the system lists them."""
    try:
        text = (PROC / "self" / "task" / str(os.getpid()) / "children").read_text()
    except OSError:
        return
    for pid in set(map(int, text.split())) - others:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
