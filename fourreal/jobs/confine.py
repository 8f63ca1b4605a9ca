"""What a process gives up before it looks at a file of a stranger: Linux lets anybody give up rights, root or not.

Nothing of it can be taken back. Each step is tried for itself, as a kernel or a container may lack it; `confine`
returns what is in force, which is nothing elsewhere than on Linux. `python -m fourreal.jobs.confine` prints it.
"""

import ctypes
import errno
import os
import platform
import re
import stat
import struct
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from fourreal import installed

# --- Linux' numbers ---------------------------------------------------------------------------------------------------

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446  # the same on every machine
RULE_PATH_BENEATH, VERSION_FLAG = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE, IOCTL_DEV = (1 << bit for bit in (0, 1, 2, 3, 14, 15))
OF_FILES = 0b111 | TRUNCATE | IOCTL_DEV  # rights that a rule about one file may name
RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}  # by the first version that has them
SPECIAL = 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12  # making devices, sockets, pipes and links
TCP, ABSTRACT_SOCKETS_AND_SIGNALS = 0b11, 0b11
TCP_VERSION, SCOPE_VERSION = 4, 6
CAPABILITIES_VERSION = 0x20080522
KEPT_CAPABILITIES = 1 << 1 | 1 << 2  # root's to open files of others, which Landlock narrows

# Calls that no decoder needs: socket, execve, execveat, ptrace, process_vm_readv, process_vm_writev, unshare, setns,
# bpf, perf_event_open, userfaultfd, add_key, request_key, keyctl, io_uring_setup; before them the machine's own number.
CALLS = {
    "x86_64": (0xC000003E, (41, 59, 322, 101, 310, 311, 272, 308, 321, 298, 323, 248, 249, 250, 425)),
    "aarch64": (0xC00000B7, (198, 221, 281, 117, 270, 271, 97, 268, 280, 241, 282, 217, 218, 219, 425)),
}
OTHER_CALLS = 0x40000000  # from here on they are those of another machine, under other numbers
LOAD, IF_SAME, IF_FROM, RETURN = 0x20, 0x15, 0x35, 0x06  # instructions of the filter
CALL_AT, MACHINE_AT = 0, 4  # where what it looks at lies
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EACCES

# What Python and its libraries read besides their own folders: shared libraries, what the machine is, harmless devices.
SYSTEM = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/nix/store",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/sys/devices/system",
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
    "/dev/random",
)

SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|PRIVATE", re.IGNORECASE)


def confine(reads: Iterable[str], writes: Iterable[str]) -> frozenset[str]:
    """Give up what can be given up, but for reading these files and writing into these folders.

    To be called while there is one thread, as each gives up for itself; those that it starts are bound as well.

    Returns:
        What is in force: "privileges" (no program can give more rights), "capabilities" (of root only opening files is
        left), "files" (only these and the system's libraries), "tcp" (no connection), "signals" (to no other process),
        "calls" (no socket, no program started, nobody's memory looked into).
    """
    if sys.platform != "linux":
        return frozenset()
    threads = threading.active_count()
    with suppress(OSError):  # those of libraries, too
        threads = len(os.listdir("/proc/self/task"))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    force: set[str] = set()
    with suppress(OSError):
        _ask(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        force.add("privileges")
    with suppress(OSError, AttributeError):
        _drop_capabilities(libc)
        force.add("capabilities")
    with suppress(OSError):
        force |= _restrict_files(libc, [*map(str, reads)], [*map(str, writes)])
    with suppress(OSError, KeyError):
        _filter_calls(libc, *CALLS[platform.machine()])
        force.add("calls")
    return frozenset(force) if threads == 1 else frozenset()


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that may be in the hands of a stranger's file: none by the name of a key or a password."""
    return {name: value for name, value in environment.items() if not SECRET.search(name)}


# --- Steps ------------------------------------------------------------------------------------------------------------


def _ask(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    head = struct.pack("=Ii", CAPABILITIES_VERSION, 0)
    held = ctypes.create_string_buffer(24)  # effective, permitted, inheritable; twice, as there are more than 32
    _ask(libc.capget(head, held))
    effective, permitted = (word & KEPT_CAPABILITIES for word in struct.unpack("=6I", held.raw)[:2])
    _ask(libc.capset(head, struct.pack("=6I", effective, permitted, 0, 0, 0, 0)))


def _restrict_files(libc: ctypes.CDLL, reads: list[str], writes: list[str]) -> set[str]:
    version = _ask(libc.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), VERSION_FLAG))
    rights = RIGHTS[max(first for first in RIGHTS if first <= version)]
    tcp, scope = (version >= TCP_VERSION) * TCP, (version >= SCOPE_VERSION) * ABSTRACT_SOCKETS_AND_SIGNALS
    attributes = struct.pack("=QQQ", rights, tcp, scope)
    rules = _ask(libc.syscall(LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0))
    try:
        reading = READ_FILE | READ_DIR
        writing = rights & ~(SPECIAL | IOCTL_DEV | EXECUTE)
        for paths, may in (((*SYSTEM, *_code(reads + writes), *reads), reading), (writes, writing)):
            for path in paths:
                _allow(libc, rules, path, may)
        _allow(libc, rules, os.devnull, (reading | WRITE_FILE | TRUNCATE) & rights)
        _ask(libc.syscall(LANDLOCK_RESTRICT, rules, 0))
    finally:
        os.close(rules)
    return {"files", *(["tcp"] if tcp else []), *(["signals"] if scope else [])}


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # there is none here, so nothing to allow
        return
    try:
        rights &= -1 if stat.S_ISDIR(os.fstat(handle).st_mode) else OF_FILES
        _ask(libc.syscall(LANDLOCK_ADD, rules, RULE_PATH_BENEATH, struct.pack("=Qi", rights, handle), 0))
    finally:
        os.close(handle)


def _code(of_data: list[str]) -> list[str]:
    """Folders of Python, of its packages and of this one. None that holds data beside code is among them."""
    checkout = installed.ROOT if installed.CHECKOUT else None  # it may hold data
    others = [path for path in sys.path if os.path.isabs(path) and Path(path) != checkout]
    clean = [path for path in others if not any(Path(data).is_relative_to(path) for data in of_data)]
    return [str(installed.PACKAGE), sys.prefix, sys.base_prefix, *clean]


def _filter_calls(libc: ctypes.CDLL, machine: int, calls: tuple[int, ...]) -> None:
    """A program of the kernel's own kind, run at each system call: refuse these, and all of another machine's."""
    end = len(calls)  # instructions between the first comparison of calls and ALLOW; REFUSE comes after that
    program = [
        (LOAD, 0, 0, MACHINE_AT),
        (IF_SAME, 0, end + 3, machine),
        (LOAD, 0, 0, CALL_AT),
        (IF_FROM, end + 1, 0, OTHER_CALLS),
        *((IF_SAME, end - place, 0, call) for place, call in enumerate(calls)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    filter = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    _ask(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(filter), 0, 0))


if __name__ == "__main__":
    print(*sorted(confine([], [])))
