"""A child for `children.ask` that tries what a stranger's file could make a decoder do, and answers what came of it."""

import ctypes
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from fourreal import installed
from fourreal.jobs import children, confine


def tried(step: Callable[[], object]) -> str:
    """How it is refused, nothing where it can be done."""
    try:
        step()
    except Exception as error:
        return type(error).__name__
    return ""


def call(port: int) -> None:
    """Connect a socket that was there before, to where nobody listens."""
    with suppress(ConnectionRefusedError):
        SOCKET.connect(("127.0.0.1", port))


def look_into(pid: int) -> None:
    """Read no bytes at no address of another process, which is refused, or is none."""
    if ctypes.CDLL(None, use_errno=True).process_vm_readv(pid, None, 0, None, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "process_vm_readv")


def work(question: dict) -> dict:
    data = Path(question["data"])
    inside = Path(question["folder"])
    steps = {
        "read the input": lambda: Path(question["path"]).read_bytes(),
        "write the output": lambda: (
            (inside / "sub").mkdir(),
            (inside / "sub" / "a").write_text("a"),
            os.replace(inside / "sub" / "a", inside / "sub" / "b"),
        ),
        "import a module": lambda: __import__("colorsys"),
        "load a library": lambda: __import__("av"),
        "write to the null device": lambda: Path(os.devnull).write_text("x"),
        "read the store": lambda: (data / "store.sqlite").read_bytes(),
        "list the data": lambda: os.listdir(data),
        "read a key of the user": lambda: (Path(question["home"]) / "key").read_text(),
        "read another process's variables": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
        "change the input": lambda: os.close(os.open(question["path"], os.O_WRONLY)),
        "write outside": lambda: (data / "new").write_text("x"),
        "remove outside": lambda: (data / "store.sqlite").unlink(),
        "change the code": lambda: (Path(installed.ROOT) / "fourreal" / "new.py").touch(),
        "reach a machine": lambda: call(question["port"]),
        "open a socket": lambda: socket.socket(),
        "open a unix socket": lambda: socket.socket(socket.AF_UNIX),
        "start a program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
        "become a program": lambda: os.execv("/nothing", ["nothing"]),
        "end its parent": lambda: os.kill(os.getppid(), 0),
        "end itself": lambda: os.killpg(0, 0),
        "look into its parent": lambda: look_into(os.getppid()),
    }
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "outcomes": {name: tried(step) for name, step in steps.items()},
        "force": sorted(FORCE),
        "environment": dict(os.environ),
        "status": status,
    }


def noting(reads: list, writes: list) -> frozenset[str]:
    FORCE.update(confine.confine(reads, writes))
    return frozenset(FORCE)


FORCE: set[str] = set()
SOCKET = socket.socket()
if __name__ == "__main__":
    children.confine = noting
    children.answer(work, reads=["path"], writes=["folder"])
