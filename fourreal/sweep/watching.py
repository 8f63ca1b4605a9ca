"""A sweep as somebody sees it who has no part in it: its folder is read again and again, a little at a time."""

import hashlib
import json
import logging
import math
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fourreal.errors import UserError
from fourreal.jobs.locks import free
from fourreal.jobs.places import file_within
from fourreal.sweep.runs import FAILED, LOCK, REACHED, RUNNING, STATE, STOPPED, SWEEP, WAITING, read_plan, state_of
from fourreal.sweep.table import ORDER
from fourreal.sweep.values import Item, Plan

LOOK_SECONDS = 2.0  # between two looks, however many people watch
MOST = 200  # runs that a look reads the states of
MOST_BYTES = 64 * 1024**2  # of a file that is read whole
LONGEST_WHY, LONGEST_STAGE = 500, 40  # letters
UNREAD = "unread"
SCENE, PICTURE = "scene.r4d", "thumbnail.jpg"
# Folders of a run, as names in `values` are made, and what of it is shown. Nothing else is ever looked up.
FILES = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[a-z0-9_]+-[0-9a-f]{8}/(scene\.r4d|thumbnail\.jpg)", re.ASCII)
log = logging.getLogger(__name__)
Signature = tuple[int, ...]


@dataclass(frozen=True)
class Seen:
    """A run as it was last looked at.

    key: what it is called in addresses. name: the same for all ways of making one prompt. state: of `table.ORDER`, or
    `UNREAD`. why: a sentence, of one that failed. seconds: of work. stage, share: how far one is that is being made.
    """

    key: str
    item: Item
    id: str
    name: str
    state: str = UNREAD
    why: str = ""
    seconds: float = 0.0
    stage: str = ""
    share: float | None = None


@dataclass(frozen=True)
class Look:
    """runs: in the order of the file. problem: a sentence where the folder cannot be read. left_out: a sentence for
    each line that could not be used."""

    runs: tuple[Seen, ...] = ()
    problem: str = ""
    left_out: tuple[str, ...] = ()


class Watched:
    """A sweep's folder. Any thread may look; all of them share what was read.

    key: what it is called in addresses. name: for people.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().absolute()
        self.key, self.name = digest(str(self.folder)), self.folder.name
        self._lock, self._looked, self._look = threading.Lock(), float("-inf"), Look()
        self._plan: Signature = ()
        self._runs: dict[str, Seen] = {}  # by their keys
        self._signatures: dict[str, Signature] = {}
        self._next = 0

    def look(self) -> Look:
        """How the sweep is now, or was a moment ago."""
        with self._lock:
            if time.monotonic() - self._looked > LOOK_SECONDS:
                try:
                    self._look = self._read()
                except (UserError, OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
                    if not self._look.problem:
                        log.warning("the sweep in %s cannot be read: %s", self.folder, error)
                    self._plan, self._runs, self._signatures = (), {}, {}
                    self._look = Look(
                        problem=f"The folder {self.name} holds no sweep that can be read; the page's log says why."
                    )
                self._looked = time.monotonic()
            return self._look

    def run(self, key: str) -> Seen:
        """Raises UserError where there is none of that key."""
        self.look()
        try:
            return self._runs[key]
        except KeyError:
            raise UserError("There is no such scene.") from None

    def file(self, run: Seen, name: str) -> Path:
        """`SCENE` or `PICTURE` of a run. Raises UserError where it is not there, or leads elsewhere."""
        return file_within(self.folder.resolve(), f"{run.id}/{name}", FILES)

    def bundle(self, run: Seen) -> Path:
        """The folder of a scene that can be seen. Raises UserError where there is none."""
        return self.file(run, SCENE).parent

    def has(self, run: Seen, name: str) -> bool:
        try:
            return self.file(run, name) is not None
        except UserError:
            return False

    def _read(self) -> Look:
        signature = signature_of(self.folder / SWEEP)
        if signature != self._plan or not signature:
            if signature and signature[-1] > MOST_BYTES:
                raise ValueError(f"{SWEEP} is larger than any of ours")
            self._take(read_plan(self.folder))
            self._plan = signature
        reached = reached_in(self.folder)
        for run in self._due(reached):
            folder = self.folder / run.id
            now = (*signature_of(folder / STATE), -1, *signature_of(folder / "manifest.json"))
            if self._signatures.get(run.key) != now:
                self._signatures[run.key] = now
                self._runs[run.key] = with_state(run, self.folder)
        at_work = not free(self.folder / LOCK)
        return replace(
            self._look, problem="", runs=tuple(with_stage(run, reached, at_work) for run in self._runs.values())
        )

    def _take(self, plan: Plan) -> None:
        """Take over what is asked for; of runs that were there before, how they were."""
        runs = {}
        for item in plan.items:
            check(item)
            key = digest(item.id)
            runs[key] = self._runs.get(key) or Seen(key, item, item.id, item.name)
        self._runs, self._next = runs, 0
        self._look = Look(left_out=tuple(text_of(problem, LONGEST_WHY) for problem in plan.problems))

    def _due(self, reached: dict[str, Any]) -> Iterator[Seen]:
        """Whose states are read now: what seems to run or was not looked at yet, then one after another."""
        runs = list(self._runs.values())
        first = [run for run in runs if run.id in reached or run.state in (RUNNING, UNREAD)][:MOST]
        count = min(MOST - len(first), len(runs))
        begin, self._next = self._next, (self._next + count) % max(len(runs), 1)
        yield from {run.key: run for run in [*first, *(runs + runs)[begin : begin + count]]}.values()


def with_state(run: Seen, folder: Path) -> Seen:
    """A run with what its folder says of it."""
    try:
        state = state_of(folder, run.item)
    except (TypeError, RecursionError):  # JSON, but nothing that we write
        return replace(run, state=FAILED, why="Its folder is damaged.")
    seconds = state.seconds if isinstance(state.seconds, int | float) and math.isfinite(state.seconds) else 0.0
    named = state.state if state.state in ORDER else WAITING
    return replace(run, state=named, why=text_of(state.why, LONGEST_WHY), seconds=float(seconds))


def with_stage(run: Seen, reached: dict[str, Any], at_work: bool) -> Seen:
    """A run with how far it is. at_work: whether anybody leads the sweep; without, what seems to run was stopped."""
    if run.state != RUNNING:
        return run
    if not at_work:
        return replace(run, state=STOPPED)
    said = reached.get(run.id)
    said = said if isinstance(said, dict) else {}
    share = said.get("share")
    if not isinstance(share, int | float) or isinstance(share, bool) or not 0 <= share <= 1:
        share = None
    return replace(run, stage=text_of(said.get("stage"), LONGEST_STAGE), share=share)


def reached_in(folder: Path) -> dict[str, Any]:
    """What `runs.write_reached` wrote last; nothing where that is not to be had."""
    try:
        content = json.loads((folder / REACHED).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def text_of(value: object, longest: int) -> str:
    """A text that can be sent to a browser, whatever a file said."""
    return str(value or "")[:longest].encode(errors="replace").decode()


def check(item: Item) -> None:
    """Raises ValueError for what no sweep of ours asks for: sweep.json is a file like any other."""
    variant = item.variant
    texts = (item.prompt, variant.model or "", variant.preset or "", *variant.without)
    if not all(isinstance(text, str) and text_of(text, len(text)) == text for text in texts):
        raise ValueError(f"{SWEEP} holds other values than texts")
    if not isinstance(variant.seed, int):
        raise ValueError(f"{SWEEP} holds another seed than a number")
    if not FILES.fullmatch(f"{item.id}/{SCENE}"):
        raise ValueError(f"{item.id!r} is no folder of a sweep")


def signature_of(path: Path) -> Signature:
    """What changes when a file does; empty where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return ()
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
