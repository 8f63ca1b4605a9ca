"""The child that does one run: `python -m fourreal.jobs.runner --data DIR --claim N RUN`."""

import argparse
import contextlib
import json
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

from fourreal.errors import Cancelled, UserError
from fourreal.jobs.children import leave_with_parent, out_of_space
from fourreal.jobs.database import disk_full
from fourreal.jobs.files import bytes_of
from fourreal.jobs.live import Live, add_ground_truth, final_files
from fourreal.jobs.locks import alone
from fourreal.jobs.places import Places
from fourreal.jobs.store import Claim, Store
from fourreal.jobs.values import Options
from fourreal.progress import CancelToken
from fourreal.settings import PRESETS, Preset

POLL_SECONDS = 0.25
LOCK_SECONDS = 15.0  # a predecessor may just be leaving
NICE = 10  # the page answers first


def main(arguments: Sequence[str] | None = None, presets: Mapping[str, Preset] = PRESETS) -> int:
    """Do the run, and tell the store how it ended. presets: what the names in the options stand for."""
    parser = argparse.ArgumentParser(prog="fourreal.jobs.runner", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--claim", type=int, required=True, help="the number of the claim that this process works for")
    parser.add_argument("run")
    given = parser.parse_args(arguments)
    places = Places(given.data)
    runner = Runner(Store(places.store), places, Claim(given.run, given.claim), presets)
    return runner.run()


class Runner:
    """One attempt at one run."""

    def __init__(self, store: Store, places: Places, claim: Claim, presets: Mapping[str, Preset]) -> None:
        self.store, self.claim, self.presets = store, claim, presets
        self.folder, self.lock = places.run(claim.run), places.runner_lock(claim.run)
        self.cancel = CancelToken()
        self.over = threading.Event()  # the store knows how it ended
        self.told = ""  # "stop", "keep", "leave" (not ours any more) or "pause" (go on later)

    def run(self) -> int:
        os.nice(NICE)
        _first_to_go()
        leave_with_parent(lambda: os.killpg(0, signal.SIGKILL))
        signal.signal(signal.SIGTERM, lambda *_: self.tell("pause"))
        with alone(self.lock, LOCK_SECONDS) as ours:
            if not ours:
                return 1
            row = self.store.run(self.claim.run)
            if row is None:  # deleted before we came
                self.store.finish(self.claim, "stopped")
                return 0
            self.options = Options.from_dict(json.loads(row["options"]))
            watch = threading.Thread(target=self.watch, daemon=True, name="cancel")
            watch.start()
            state, error = self.attempt()
            self.settle(state, error)
            self.over.set()
            watch.join()
            if state == "done":
                self.compare()
        return 0

    def attempt(self) -> tuple[str, str]:
        """How it ended: the state, or "pause"; and a sentence where it failed."""
        live = Live(self.folder)
        try:
            with scratch(self.folder):
                return self.reconstruct(live), ""
        except Cancelled:
            return ("pause" if self.told in ("pause", "leave") else "stopped"), ""
        except UserError as error:
            told = disk_full() if out_of_space(error) else error
            return "failed", str(told).replace(f"{self.folder}{os.sep}", "").replace(str(self.folder), "its folder")
        except Exception as error:
            traceback.print_exc()
            return "failed", in_words(error)

    def reconstruct(self, live: Live) -> str:
        from fourreal import pipeline

        options = self.options
        cameras = self.folder / "inputs" / "cameras.json"
        request = pipeline.Request(
            reference=self.folder / "inputs" / "reference.mp4",
            freeze=self.folder / "inputs" / "freeze.mp4",
            out=self.folder,
            cameras=cameras if options.use_cameras and cameras.exists() else None,
            canonical_frame=options.canonical_frame,
            refine_poses=options.refine_poses,
            preset=None if options.preset is None else self.presets[options.preset],
            deformation=options.deformation,
            without=frozenset(options.without),
            device=options.device,
            seed=options.seed,
        )
        self.scene = pipeline.reconstruct(request, live, self.cancel)
        row = self.store.run(self.claim.run)
        final_files(self.folder, self.scene, "" if row is None else row["name"], live)
        return "stopped" if self.cancel.cancelled and self.told == "keep" else "done"

    def compare(self) -> None:
        """Score a shipped example against what is known of it. The person has the scene already, so others go first."""
        row = self.store.run(self.claim.run)
        if row is None or row["example"] is None:
            return
        self.cancel, self.told = CancelToken(), ""
        threading.Thread(target=self.make_room, daemon=True, name="others").start()
        try:
            add_ground_truth(self.folder, self.scene, row["example"], self.cancel)
        except (UserError, OSError, Cancelled) as error:
            print(f"No score against the true views: {error}", file=sys.stderr)

    def make_room(self) -> None:
        """End the scoring as soon as somebody waits for the device."""
        while not self.store.anyone_waits():
            time.sleep(POLL_SECONDS)
        self.cancel.cancel()

    def settle(self, state: str, error: str) -> None:
        """Tell the store; a full disk is waited out for a while, as all the work is done."""
        for patience in (0.5, 1, 2, 4, 8, None):
            try:
                if state == "pause":
                    self.store.interrupted(self.claim)
                else:
                    cost = cost_of(self.folder, self.options) if state == "done" else None
                    self.store.finish(self.claim, state, error, cost)
                return
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
    os.environ["TMPDIR"] = str(place)
    try:
        yield
    finally:
        shutil.rmtree(place, ignore_errors=True)


def in_words(error: Exception) -> str:
    if out_of_space(error):
        return str(disk_full())
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "There was not enough memory. Choose a smaller preset, or run it where there is more."
    return f"Something went wrong that should not have ({type(error).__name__}). The details are in the run's log.txt."


def cost_of(folder: Path, options: Options) -> dict[str, Any]:
    """What a finished run took, for later estimates. Parts taken over from another run count as if done here."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return {
        "preset": manifest["preset"],
        "device": manifest["device"],
        "deformation": options.deformation,
        "without": manifest["without"],
        "cameras_known": manifest["cameras"]["freeze"]["origin"]["method"] == "given",
        "seconds": manifest["seconds"]["total"],
        "memory_mb": manifest["peak_memory_mb"],
        "disk_mb": bytes_of(folder) / 2**20,
    }


def _first_to_go() -> None:
    """Where memory runs out, the system should end this process and neither the worker nor the page."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


if __name__ == "__main__":
    sys.exit(main())
