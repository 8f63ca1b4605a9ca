"""The janitor: what goes, in which order, and above all what stays."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from job_samples import ANNA, BEN, queue

from fourreal.jobs import janitor
from fourreal.jobs.places import Places
from fourreal.jobs.store import Store, new_id
from fourreal.settings import JobLimits

MB = 2**20
DAY = 24 * 3600
TIGHT = replace(JobLimits(), disk_bytes=0, free_bytes=0, keep_days=30.0)


@pytest.fixture
def places(tmp_path):
    return Places(tmp_path)


@pytest.fixture
def store(places):
    store = Store(places.store)
    yield store
    store.close()


def fill(path: Path, size: int = MB) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))


def run(store: Store, places: Places, state: str, owner: str = ANNA, days: float = 0, video: str | None = None) -> str:
    """A run with a megabyte in each of its parts, that ended so many days ago."""
    id = queue(store, owner)
    for file in ("work/canonical", "exports/ply.zip", "live/scene-1.r4d", "scene.r4d", "inputs/reference.mp4"):
        fill(places.run(id) / file)
    with store.database.writing() as db:
        db.execute(
            "UPDATE runs SET state = ?1, finished = ?2, created = ?2, reference = coalesce(?3, reference)"
            " WHERE id = ?4",
            (state, time.time() - days * DAY, video, id),
        )
    return id


def video(store: Store, places: Places, days: float) -> str:
    id = new_id()
    fill(places.video(id) / "clip.mp4")
    store.add_video(id, ANNA, "video", {}, None, time.time() - days * DAY)
    return id


def parts(places: Places, id: str) -> set[str]:
    folder = places.run(id)
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


WHOLE = {"work", "exports", "live", "scene.r4d", "inputs"}
BARE = {"scene.r4d", "inputs"}


def test_within_the_budget_everything_stays(store, places):
    runs = [run(store, places, "done", days=99) for _ in range(3)]
    unused = video(store, places, 99)
    assert janitor.tidy(places, store, replace(TIGHT, disk_bytes=100 * MB)) == 0
    assert all(parts(places, id) == WHOLE for id in runs)
    assert places.video(unused).exists()


def test_what_can_be_made_again_goes_first_the_oldest_before_the_others(store, places):
    oldest, older, newest = (run(store, places, "done", days=days) for days in (9, 8, 7))
    assert janitor.tidy(places, store, replace(TIGHT, disk_bytes=14 * MB)) == 0
    assert [parts(places, id) for id in (oldest, older, newest)] == [WHOLE - {"work"}, WHOLE, WHOLE]
    janitor.tidy(places, store, replace(TIGHT, disk_bytes=10 * MB))
    assert [parts(places, id) for id in (oldest, older, newest)] == [BARE, {"live"} | BARE, WHOLE]


def test_then_videos_that_no_run_was_made_from(store, places):
    used, unused, fresh = video(store, places, 5), video(store, places, 4), video(store, places, 0)
    run(store, places, "done", video=used)
    janitor.tidy(places, store, TIGHT)
    assert [places.video(id).exists() for id in (used, unused, fresh)] == [True, False, True]
    assert {row["id"] for row in store.videos()} == {used, fresh}


def test_then_whole_runs_that_are_old_enough(store, places):
    old, other, young, newest = (
        run(store, places, state, owner, days)
        for state, owner, days in (("done", ANNA, 99), ("failed", BEN, 98), ("done", ANNA, 20), ("done", ANNA, 1))
    )
    janitor.tidy(places, store, replace(TIGHT, keep_days=None))
    assert [parts(places, id) for id in (old, other, young, newest)] == [BARE, WHOLE, BARE, WHOLE]
    janitor.tidy(places, store, TIGHT)
    assert [parts(places, id) for id in (old, other, young, newest)] == [set(), set(), BARE, WHOLE]
    assert {row["id"] for row in store.all_runs()} == {young, newest}


def test_what_runs_or_waits_and_the_newest_is_never_touched(store, places):
    busy = [run(store, places, state, days=400) for state in ("running", "queued")]
    stopped = run(store, places, "stopped", days=2)  # its checkpoint is all there is of it
    newest = run(store, places, "done", days=1)
    left = janitor.tidy(places, store, replace(TIGHT, free_bytes=10**18))
    assert left > 0
    assert [parts(places, id) for id in (*busy, stopped, newest)] == [WHOLE] * 4


def test_the_newest_stays_however_old(store, places):
    newest = run(store, places, "done", days=400)
    janitor.tidy(places, store, TIGHT)
    assert parts(places, newest) == WHOLE


def test_a_run_that_is_resumed_just_now_is_left_alone(store, places, monkeypatch):
    old, _ = run(store, places, "failed", days=99), run(store, places, "done")
    sizes = janitor.bytes_of

    def meanwhile(folder: Path) -> int:
        if folder == places.run(old):
            assert store.requeue(old, 5)
        return sizes(folder)

    monkeypatch.setattr(janitor, "bytes_of", meanwhile)
    janitor.tidy(places, store, TIGHT)
    assert parts(places, old) == WHOLE
    assert store.run(old)["state"] == "queued"


def test_what_crashes_left_behind_goes_and_what_is_just_being_made_stays(store, places):
    finished = run(store, places, "done")
    fresh, stale = new_id(), new_id()
    uploads = [places.videos / f".new-{id}" for id in (fresh, stale)]
    for folder in (*uploads, places.runs / new_id(), places.runs / "notes"):
        fill(folder / "file", 100)
    lost = places.videos / new_id()
    trash = places.runs / f".trash-{new_id()}"
    hidden, young = places.run(finished) / ".scene-0123.safetensors", places.run(finished) / ".metrics.json.part"
    left, coming = (places.uploads / new_id() / "a.mp4" for _ in range(2))
    for path in (lost / "clip.mp4", trash / "x", hidden, young, left, coming):
        fill(path, 100)
    long_ago = time.time() - 2 * janitor.SETTLED_SECONDS
    for path in (places.videos / f".new-{stale}", lost, hidden, places.runs / "notes"):
        os.utime(path, (long_ago, long_ago))
    for path in (left, left.parent, coming.parent):
        os.utime(path, (long_ago, long_ago))
    janitor.tidy(places, store, replace(TIGHT, disk_bytes=100 * MB))
    assert (places.videos / f".new-{fresh}").exists()
    assert not (places.videos / f".new-{stale}").exists()
    assert not lost.exists()
    assert [path.parent for path in places.uploads.glob("*/*")] == [coming.parent]
    assert not trash.exists()
    assert not hidden.exists()
    assert young.exists()
    assert (places.runs / "notes").exists()  # not ours
    assert parts(places, finished) >= WHOLE
    assert len(list(places.runs.iterdir())) == 3


def test_files_with_two_names_count_once(places):
    fill(places.videos / "a" / "clip.mp4", 4 * MB)
    (places.runs / "b").mkdir(parents=True)
    os.link(places.videos / "a" / "clip.mp4", places.runs / "b" / "reference.mp4")
    assert janitor.over_budget(places, replace(TIGHT, disk_bytes=0)) == pytest.approx(4 * MB, rel=0.01)
