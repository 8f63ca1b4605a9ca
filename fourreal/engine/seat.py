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
        self.known = self._now()

    def changes(self) -> Files:
        """In an order in which a run is never finished before the rest of it is there."""
        now, contents, size = self._now(), {}, 0
        for name in sorted(now, key=lambda name: (Path(name).name == "manifest.json", name)):
            if self.known.get(name) == now[name]:
                continue
            if contents and size + now[name][1] > MOST_BYTES:
                break
            with contextlib.suppress(FileNotFoundError):
                contents[name] = (self.folder / name).read_bytes()
                size += len(contents[name])
            self.known[name] = now[name]
        gone = tuple(self.known.keys() - now.keys())
        for name in gone:
            del self.known[name]
        return Files({name: content for name, content in contents.items() if name not in gone}, gone)

    def all(self) -> Files:
        """Everything, for a folder that is to go on elsewhere."""
        return Files({name: (self.folder / name).read_bytes() for name in self._now()})

    def _now(self) -> dict[str, tuple[int, int]]:
        found = {}
        for path in self.folder.rglob("*"):
            if path.name.startswith(".") or path.suffix == ".part" or path.name == "lock":
                continue
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    status = path.stat()
                    found[str(path.relative_to(self.folder))] = status.st_mtime_ns, status.st_size
        return found


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
    """The actor. cpus: how many cores its task may use."""

    def __init__(self, cpus: float) -> None:
        threads = str(max(1, int(cpus)))
        self.engine = LocalEngine([{"FOURREAL_THREADS": threads, "OMP_NUM_THREADS": threads}])
        self.where, self.scratch, self.traveller, self.id = platform.node() or "a node", None, None, ""

    def about(self, mark: str) -> dict:
        """mark: a file that the head has written; who sees it has the head's folders."""
        return {"where": self.where, "versions": versions(), "shared": Path(mark).is_file(), "pid": os.getpid()}

    def begin(self, task: Task, files: Files | None) -> None:
        """files: what the task's folder holds; None where it is the head's own. Raises UserError, as of a full disk."""
        self.id = task.id
        if files is not None:
            self.scratch = Path(tempfile.mkdtemp(prefix="fourreal-"))
            put(self.scratch, files)
            self.traveller = Traveller(self.scratch)
            task = replace(task, folder=self.scratch)
        self.engine.submit(task)

    def hear(self, seconds: float, brings: bool) -> tuple[list[Heard], Files]:
        """What is said within `seconds`, or until the end if that comes sooner; of mere numbers the last.

        With `brings`, or at the end, also what has changed in a folder that is not the head's.
        """
        said, ended, until = [], False, time.monotonic() + seconds
        while not ended and (left := until - time.monotonic()) > 0:
            said += [replace(heard, where=self.where) for heard in self.engine.hear(left)]
            ended = any(heard.end for heard in said)
        said = [one for one in said if one.end or one is said[-1] or one.event["message"]]
        files = Files()
        if self.traveller is not None and (brings or ended):
            files = self.traveller.changes()
            while ended and (more := self.traveller.changes()) != Files():
                files = Files({**files.contents, **more.contents}, files.gone + more.gone)
        return said, files

    def stop(self) -> None:
        self.engine.stop(self.id)

    def close(self) -> None:
        """End the task, and leave nothing on the node."""
        self.engine.close()
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)
