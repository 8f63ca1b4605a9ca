"""Keeps the data folder within its budget, and removes what crashes left behind.

What runs or waits is never touched, nor the newest run. Of the others goes, oldest first and only until the budget is
kept: what can be made again, then videos that no run was made from, then whole runs older than `keep_days`.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from fourreal.jobs.files import TRASH, bytes_of, remove, remove_untouched
from fourreal.jobs.places import ID, Places
from fourreal.jobs.run_files import stored_takes
from fourreal.jobs.store import Store
from fourreal.settings import JobLimits

AGAIN = ("work", "exports", "live", "tmp")  # folders of a finished run that its scene does not need
SETTLED_SECONDS = 3600.0  # what is half-made and older was left by a crash
UNUSED_SECONDS = 24 * 3600.0  # a person may still be about to use a younger video
DAY = 24 * 3600.0

log = logging.getLogger("fourreal.jobs.janitor")


def tidy(places: Places, store: Store, limits: JobLimits) -> int:
    """Remove what may go until the budget is kept; returns by how many bytes it is still exceeded, 0 if it is kept."""
    sweep(places, store)
    excess = over_budget(places, limits)
    for folder, gone in disposable(places, store, limits):
        if excess <= 0:
            break
        size = bytes_of(folder)
        if gone():
            excess -= size
            log.info("removed %s, %.1f MB", folder.relative_to(places.data), size / 2**20)
    if excess > 0:
        log.warning("%.0f MB more than the budget are in use, and nothing more may go", excess / 2**20)
    return max(excess, 0)


def over_budget(places: Places, limits: JobLimits) -> int:
    """Bytes by which the data folder is too large, or the disk too full, whichever is more; below 0 there is room.

    What came in and is not taken in yet has a budget of its own, so that nobody's scene makes room for it.
    """
    used = sum(bytes_of(folder) for folder in (places.videos, places.runs, places.studies) if folder.is_dir())
    return max(used - limits.disk_bytes, limits.free_bytes - shutil.disk_usage(places.data).free)


def sweep(places: Places, store: Store) -> None:
    """Remove what crashed uploads, submissions and deletions left behind."""
    old = time.time() - SETTLED_SECONDS
    remove_untouched(places.uploads, old)  # the page does so too, if there is one
    remove_untouched(places.studies / ".making", old)
    videos, runs = store.ids()
    for path in places.studies.glob(f"{TRASH}*"):
        shutil.rmtree(path, ignore_errors=True)
    for parent, registered in ((places.videos, videos), (places.runs, runs)):
        for path in parent.iterdir() if parent.is_dir() else ():
            ours = ID.fullmatch(path.name) or path.name.startswith(".new-")
            if path.name.startswith(TRASH):
                shutil.rmtree(path, ignore_errors=True)
            elif ours and path.name not in registered and path.stat().st_mtime < old:
                remove(path)
    for row in store.all_runs("done", "stopped", "failed"):
        for path in places.run(row["id"]).glob(".*"):
            if path.is_file() and path.stat().st_mtime < old:
                path.unlink(missing_ok=True)


def disposable(places: Places, store: Store, limits: JobLimits) -> Iterator[tuple[Path, Callable[[], bool]]]:
    """What may go, in this order: each folder, and a call that removes it and returns whether it did."""
    finished = sorted(store.all_runs("done", "stopped", "failed"), key=lambda row: row["finished"] or row["created"])
    newest_of = {row["owner"]: row["id"] for row in finished}
    newest = finished[-1]["id"] if finished else None
    for row in finished:
        # of a stopped or failed run `work` is not made again but gone on from
        if row["state"] == "done" and row["id"] != newest_of[row["owner"]]:
            for name in AGAIN:
                if (folder := places.run(row["id"]) / name).is_dir():
                    yield folder, partial(_removed, folder)
    used = set()
    for row in store.all_runs():
        further = stored_takes(places.run(row["id"]) / "inputs")
        used |= {row["reference"], row["freeze"], *(take.video for take in further)}
    for row in store.videos():
        if row["id"] not in used and row["created"] < time.time() - UNUSED_SECONDS:
            yield places.video(row["id"]), partial(_remove_video, places, store, row["id"])
    if limits.keep_days is None:
        return
    for row in finished:
        if row["id"] != newest and (row["finished"] or row["created"]) < time.time() - limits.keep_days * DAY:
            yield places.run(row["id"]), partial(_remove_run, places, store, row["id"])


def _remove_video(places: Places, store: Store, id: str) -> bool:
    store.remove_video(id)
    remove(places.video(id))
    return True


def _remove_run(places: Places, store: Store, id: str) -> bool:
    if not store.retire(id):  # resumed meanwhile
        return False
    remove(places.run(id))
    store.forget(id)
    return True


def _removed(folder: Path) -> bool:
    remove(folder)
    return True
