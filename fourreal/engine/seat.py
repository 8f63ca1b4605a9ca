"""A task's place on a node: it runs as on any machine, and what it says and writes goes back to the head."""

import contextlib
import hashlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from fourreal import __version__, installed
from fourreal.engine.local import LocalEngine
from fourreal.engine.values import Heard, Task
from fourreal.whole import writing

MOST_BYTES = 256 * 1024**2  # of files handed over at once, though at least one
LATE = {"journal.jsonl": 1, "manifest.json": 2}  # files that speak of others come after them


@cache
def versions() -> dict[str, str]:
    """What has to be the same on all machines. files: of the package's sources, as a checkout changes without them."""
    sources = hashlib.sha256()
    for path in sorted(installed.PACKAGE.rglob("*.py")):
        if "node_modules" not in path.parts:
            sources.update(path.read_bytes())
    python = ".".join(platform.python_version_tuple()[:2])
    return {"fourreal": __version__, "Python": python, "files": sources.hexdigest()[:12]}


@dataclass(frozen=True)
class Files:
    """Files by their names relative to a folder, and names of those that are no more there."""

    contents: Mapping[str, bytes] = field(default_factory=dict)
    gone: tuple[str, ...] = ()


class Traveller:
    """Tells what changed in a folder since it was last asked. What is half-written is left for later."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.handed = self._now()

    def changes(self) -> Files:
        """In an order in which nothing is named in a journal or finished before it is there."""
        now, size = self._now(), 0
        contents: dict[str, bytes] = {}
        for name in sorted(now, key=lambda name: (LATE.get(Path(name).name, 0), name)):
            if self.handed.get(name) == now[name]:
                continue
            if contents and size + now[name][1] > MOST_BYTES:
                break
            with contextlib.suppress(FileNotFoundError):
                contents[name] = (self.folder / name).read_bytes()
                size += len(contents[name])
            self.handed[name] = now[name]
        gone = tuple(self.handed.keys() - now.keys())
        for name in gone:
            del self.handed[name]
        return Files({name: content for name, content in contents.items() if name not in gone}, gone)

    def all(self) -> Files:
        """Everything, for a folder that is to go on elsewhere."""
        return Files({name: (self.folder / name).read_bytes() for name in self._now()})

    def _now(self) -> dict[str, tuple[int, int]]:
        files: dict[str, tuple[int, int]] = {}
        for path in self.folder.rglob("*"):
            if path.name.startswith(".") or path.suffix in (".part", ".lock") or path.name == "lock":
                continue
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    status = path.stat()
                    files[str(path.relative_to(self.folder))] = status.st_mtime_ns, status.st_size
        return files


def put(folder: Path, files: Files) -> None:
    """Make a folder what another one has become. Raises UserError where it cannot be written."""
    for name, content in files.contents.items():
        with writing(_within(folder, name)) as temporary:
            temporary.write_bytes(content)
    for name in files.gone:
        _within(folder, name).unlink(missing_ok=True)


def _within(folder: Path, name: str) -> Path:
    path = folder / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"a node named a file outside of its folder: {name}")
    return path


class Seat:
    """The actor: one task at a time, in a process that may stay for the next with what it has loaded.

    cpus: how many cores its task may use.
    """

    def __init__(self, cpus: float) -> None:
        threads = str(max(1, int(cpus)))
        self.engine = LocalEngine([{"FOURREAL_THREADS": threads, "OMP_NUM_THREADS": threads}])
        self.where, self.id = platform.node() or "a node", ""
        self.scratch: Path | None = None
        self.traveller: Traveller | None = None

    def about(self, mark: str) -> dict:
        """mark: a file that the head has written; who sees it has the head's folders."""
        return {"where": self.where, "versions": versions(), "shared": Path(mark).is_file(), "pid": os.getpid()}

    def begin(self, task: Task, files: Files | None) -> None:
        """files: what the task's folder holds; None where it is the head's own. Raises UserError, as of a full disk."""
        self._clear()
        self.id = task.id
        if files is not None:
            self.scratch = Path(tempfile.mkdtemp(prefix="fourreal-"))
            put(self.scratch, files)
            self.traveller = Traveller(self.scratch)
            task = replace(task, folder=self.scratch)
        self.engine.submit(task)

    def hear(self, seconds: float, brings: bool) -> tuple[list[Heard], Files]:
        """What is said within `seconds`, or until the end if that comes sooner; of mere numbers the last.

        With `brings`, at the end, or where the task itself has something to say, also what has changed in a folder that
        is not the head's.
        """
        said: list[Heard] = []
        ended, until = False, time.monotonic() + seconds
        while not ended and (left := until - time.monotonic()) > 0:
            said += [replace(heard, where=self.where) for heard in self.engine.hear(left)]
            ended = any(heard.end for heard in said)
        says = any(one.payload is not None for one in said)
        said = [one for one in said if one is said[-1] or one.event is None or one.event["message"]]
        files = Files()
        if self.traveller is not None and (brings or says or ended):
            files = self.traveller.changes()
            while (says or ended) and (more := self.traveller.changes()) != Files():
                files = Files({**files.contents, **more.contents}, files.gone + more.gone)
        return said, files

    def stop(self, keep: bool) -> None:
        self.engine.stop(self.id, keep)

    def close(self) -> None:
        """End the task, and leave nothing on the node."""
        self.engine.close()
        self._clear()

    def _clear(self) -> None:
        """Forget the task before."""
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch = self.traveller = None
