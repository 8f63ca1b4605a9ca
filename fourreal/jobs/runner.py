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
from functools import partial
from pathlib import Path
from typing import Any

from fourreal import system
from fourreal.engine.child import print_into
from fourreal.errors import Cancelled, UserError, out_of_space
from fourreal.jobs.children import in_words
from fourreal.jobs.claims import Claim
from fourreal.jobs.creating import Creating
from fourreal.jobs.database import disk_full
from fourreal.jobs.desk import StoreDesk
from fourreal.jobs.live import Live
from fourreal.jobs.locks import alone
from fourreal.jobs.nursery import COLD, LOG, serve
from fourreal.jobs.places import Places, without_paths
from fourreal.jobs.reconstructing import Reconstructing
from fourreal.jobs.store import Store
from fourreal.progress import CancelToken
from fourreal.settings import PRESETS, Preset
from fourreal.video.one_model import OneModel

POLL_SECONDS = 0.25
LOCK_SECONDS = 15.0  # a predecessor may just be leaving
NICE = 10  # the page answers first
WARM_SECONDS = 60.0  # for so long a model stays loaded after a creation
# by the run's kind
WORK: dict[str, type[Reconstructing | Creating]] = {"reconstruct": Reconstructing, "create": Creating}


def main(arguments: Sequence[str] | None = None, presets: Mapping[str, Preset] = PRESETS) -> int:
    """Do the run, and tell the store how it ended. presets: what the names in the options stand for."""
    parser = argparse.ArgumentParser(prog="fourreal.jobs.runner", description=__doc__)
    parser.add_argument("--data", type=Path, help="the page's data folder")
    parser.add_argument("--claim", type=int, help="the number of the claim that this process works for")
    parser.add_argument("--nursery", action="store_true", help="fork runners as `nursery` says, and do no run")
    parser.add_argument("run", nargs="?")
    given = parser.parse_args(arguments)
    if given.nursery:
        return serve(partial(main, presets=presets))
    places = Places(given.data)
    shift = Shift(Store(places.store), places, presets)
    os.nice(NICE)
    system.first_to_go()  # rather than the worker or the page
    system.end_with_parent()
    signal.signal(signal.SIGTERM, lambda *_: shift.end())
    return shift.work(Claim(given.run, given.claim))


class Shift:
    """The runs of one process: the one it was started for, then creations that come while it is warm.

    A creation's model stays loaded for `WARM_SECONDS`, as people ask for one more. The worker gives this process's
    device to the next creation without starting another process, and this one sees it in the store.
    """

    def __init__(self, store: Store, places: Places, presets: Mapping[str, Preset]) -> None:
        self.store, self.places, self.presets, self.models = store, places, presets, OneModel()
        self.over = threading.Event()  # the process shall end
        self.runner: Runner | None = None

    def work(self, claim: Claim) -> int:
        """Returns the exit code: `COLD` where it ends for lack of work."""
        row = self.store.claims.current(claim)
        with self.models:
            following: Claim | None = claim
            while following is not None and not self.over.is_set():
                self.runner = Runner(self.store, self.places, following, self.presets, self.models)
                code = self.runner.run()
                if code or row is None or not self.models.loaded:
                    return code
                following = self.next(following, row["device"])
        return COLD

    def next(self, last: Claim, device: str) -> Claim | None:
        """The creation that got this process's device after its `last` run; None where none comes."""
        until = time.monotonic() + WARM_SECONDS
        while time.monotonic() < until and not self.over.wait(POLL_SECONDS):
            with contextlib.suppress(UserError):  # a full disk does not concern whoever only looks
                if (claim := self.store.claims.handed_on(last, device)) is not None:
                    print_into(self.places.run(claim.run) / LOG)
                    return claim
        return None

    def end(self) -> None:
        """Keep what there is of the run, which goes on later, and take no other."""
        self.over.set()
        if self.runner is not None:
            self.runner.stop("pause")


class Runner:
    """One attempt at one run. What concerns the whole process, its priority and its signals, is `main`'s."""

    def __init__(
        self, store: Store, places: Places, claim: Claim, presets: Mapping[str, Preset], models: OneModel
    ) -> None:
        self.store, self.claim, self.presets, self.models = store, claim, presets, models
        self.folder, self.lock = places.run(claim.run), places.runner_lock(claim.run)
        self.cancel = CancelToken()
        self.over = threading.Event()  # the store knows how it ended
        self.work: Reconstructing | Creating | None = None
        self.reason = ""  # to stop: "stop", "keep", "leave" (not ours any more) or "pause" (go on later)

    def run(self) -> int:
        with alone(self.lock, LOCK_SECONDS) as ours:
            if not ours:
                return 1
            row = self.store.run(self.claim.run)
            if row is None:  # deleted before we came
                self.store.claims.finish(self.claim, "stopped")
                return 0
            watch = threading.Thread(target=self.watch, daemon=True, name="cancel")
            watch.start()
            while not self.settle(*(ended := self.attempt(row))):
                pass  # more was asked for in the last moment
            self.over.set()
            watch.join()
            if ended[0] == "done" and self.work is not None:
                self.work.afterwards()
        return 0

    def attempt(self, row: Mapping[str, Any]) -> tuple[str, str]:
        """How it ended: the state, or "pause"; and a sentence where it failed."""
        live = Live(self.folder)
        try:
            if self.work is None:
                desk = StoreDesk(self.store, self.claim)
                self.work = WORK[row["kind"]](self.folder, row, desk, self.presets, self.models)
            with scratch(self.folder):
                self.work.do(live, self.cancel)
                return "stopped" if self.cancel.cancelled and self.reason == "keep" else "done", ""
        except Cancelled:
            return ("pause" if self.reason in ("pause", "leave") else "stopped"), ""
        except UserError as error:
            sentence = disk_full() if out_of_space(error) else error
            return "failed", without_paths(str(sentence), self.folder)
        except Exception as error:
            traceback.print_exc()
            return "failed", in_words(error)

    def settle(self, state: str, error: str) -> bool:
        """Tell the store; a full disk is waited out for a while, as all the work is done. False if it is not over."""
        for patience in (0.5, 1, 2, 4, 8, None):
            try:
                if state == "pause":
                    self.store.claims.interrupted(self.claim)
                    return True
                cost = self.work.cost() if state == "done" and self.work is not None else None
                over = self.store.claims.finish(self.claim, state, error, cost)
                return over or self.store.claims.wanted(self.claim) != "go"
            except UserError:
                if patience is None:
                    raise
                time.sleep(patience)
        raise AssertionError("the last try returns or raises")

    def watch(self) -> None:
        """Look into the store now and then for what the person wants."""
        while not self.over.is_set():
            with contextlib.suppress(UserError):  # a full disk does not concern whoever only looks
                wanted = self.store.claims.wanted(self.claim)
                if wanted != "go":
                    self.stop(wanted)
            self.over.wait(POLL_SECONDS)

    def stop(self, reason: str) -> None:
        """Stop the work, for a reason. Stopping for good goes before keeping, and both before pausing."""
        if self.reason in ("stop", "leave", reason) or (self.reason == "keep" and reason == "pause"):
            return
        self.reason = reason
        self.cancel.cancel(keep=reason == "keep")


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
