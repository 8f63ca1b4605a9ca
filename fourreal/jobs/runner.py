"""The child that does one run: `python -m fourreal.jobs.runner --data DIR --claim N RUN`."""

import argparse
import contextlib
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fourreal import system
from fourreal.errors import Cancelled, UserError
from fourreal.jobs.children import in_words, leave_with_parent, out_of_space
from fourreal.jobs.creating import Creating
from fourreal.jobs.database import disk_full
from fourreal.jobs.live import Live
from fourreal.jobs.locks import alone
from fourreal.jobs.places import Places
from fourreal.jobs.reconstructing import Reconstructing
from fourreal.jobs.runs import without_paths
from fourreal.jobs.store import Claim, Store
from fourreal.progress import CancelToken
from fourreal.settings import PRESETS, Preset

POLL_SECONDS = 0.25
LOCK_SECONDS = 15.0  # a predecessor may just be leaving
NICE = 10  # the page answers first
WORK = {"reconstruct": Reconstructing, "create": Creating}  # by the run's kind


def main(arguments: Sequence[str] | None = None, presets: Mapping[str, Preset] = PRESETS) -> int:
    """Do the run, and tell the store how it ended. presets: what the names in the options stand for."""
    parser = argparse.ArgumentParser(prog="fourreal.jobs.runner", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--claim", type=int, required=True, help="the number of the claim that this process works for")
    parser.add_argument("run")
    given = parser.parse_args(arguments)
    places = Places(given.data)
    runner = Runner(Store(places.store), places, Claim(given.run, given.claim), presets)
    os.nice(NICE)
    system.first_to_go()  # rather than the worker or the page
    leave_with_parent(lambda: os.killpg(0, signal.SIGKILL))
    signal.signal(signal.SIGTERM, lambda *_: runner.tell("pause"))
    return runner.run()


class Runner:
    """One attempt at one run. What concerns the whole process, its priority and its signals, is `main`'s."""

    def __init__(self, store: Store, places: Places, claim: Claim, presets: Mapping[str, Preset]) -> None:
        self.store, self.claim, self.presets = store, claim, presets
        self.folder, self.lock = places.run(claim.run), places.runner_lock(claim.run)
        self.cancel = CancelToken()
        self.over = threading.Event()  # the store knows how it ended
        self.work: Reconstructing | Creating | None = None
        self.told = ""  # "stop", "keep", "leave" (not ours any more) or "pause" (go on later)

    def run(self) -> int:
        with alone(self.lock, LOCK_SECONDS) as ours:
            if not ours:
                return 1
            row = self.store.run(self.claim.run)
            if row is None:  # deleted before we came
                self.store.finish(self.claim, "stopped")
                return 0
            watch = threading.Thread(target=self.watch, daemon=True, name="cancel")
            watch.start()
            while not self.settle(*(ended := self.attempt(row))):
                pass  # more was asked for in the last moment
            self.over.set()
            watch.join()
            if ended[0] == "done":
                self.work.afterwards()
        return 0

    def attempt(self, row: Mapping[str, Any]) -> tuple[str, str]:
        """How it ended: the state, or "pause"; and a sentence where it failed."""
        live = Live(self.folder)
        try:
            self.work = self.work or WORK[row["kind"]](self.folder, row, self.store, self.presets)
            with scratch(self.folder):
                self.work.do(live, self.cancel)
                return "stopped" if self.cancel.cancelled and self.told == "keep" else "done", ""
        except Cancelled:
            return ("pause" if self.told in ("pause", "leave") else "stopped"), ""
        except UserError as error:
            told = disk_full() if out_of_space(error) else error
            return "failed", without_paths(str(told), self.folder)
        except Exception as error:
            traceback.print_exc()
            return "failed", in_words(error)

    def settle(self, state: str, error: str) -> bool:
        """Tell the store; a full disk is waited out for a while, as all the work is done. False if it is not over."""
        for patience in (0.5, 1, 2, 4, 8, None):
            try:
                if state == "pause":
                    self.store.interrupted(self.claim)
                    return True
                cost = self.work.cost() if state == "done" else None
                return self.store.finish(self.claim, state, error, cost) or self.store.wanted(self.claim) != "go"
            except UserError:
                if patience is None:
                    raise
                time.sleep(patience)

    def watch(self) -> None:
        """Look into the store now and then for what the person wants."""
        while not self.over.is_set():
            with contextlib.suppress(UserError):  # a full disk does not concern whoever only looks
                wanted = self.store.wanted(self.claim)
                if wanted != "go":
                    self.tell(wanted)
            self.over.wait(POLL_SECONDS)

    def tell(self, what: str) -> None:
        """Stop the work, for a reason. Stopping for good goes before keeping, and both before pausing."""
        if self.told in ("stop", "leave") or self.told == what or (self.told == "keep" and what == "pause"):
            return
        self.told = what
        self.cancel.cancel(keep=what == "keep")


@contextlib.contextmanager
def scratch(folder: Path) -> Iterator[None]:
    """Temporary files go into the run's folder, so that whatever happens they are found and removed."""
    place = folder / "tmp"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(place)
    try:
        yield
    finally:
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
