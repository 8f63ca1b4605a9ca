"""Videos from a prompt as jobs: the real worker, runner and loading code on tiny random weights of the real classes."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import asdict, replace

import numpy as np
import pytest
import tiny_models
from job_samples import ANNA, BEN, PATIENCE, hand, runners, until
from PIL import Image

from fourreal import clip
from fourreal.description import Wishes
from fourreal.errors import UserError
from fourreal.installed import ROOT
from fourreal.jobs.children import environment
from fourreal.jobs.database import VERSION, Database
from fourreal.jobs.offered import Offered, offered
from fourreal.jobs.service import Service
from fourreal.jobs.store import Store
from fourreal.settings import PRESETS, JobLimits
from fourreal.video import registry

VACE, SANA = "wan-vace-1.3b", "sana-wm"
SMALL = {"frames": 9, "size": (64, 64), "steps": 2}
LIMITS = replace(JobLimits(), free_bytes=0)


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory):
    """A folder of models, as an administrator would provide it."""
    folder = tmp_path_factory.mktemp("models")
    for name in (VACE, SANA):
        tiny_models.save(name, folder / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOURREAL_MODELS", str(folder))
        yield folder


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    service = Service(tmp_path_factory.mktemp("create") / "data", LIMITS)
    service.workspace.store.remember("devices", [{"kind": "cpu", "name": "cpu", "memory_mb": None}])
    yield service
    service.close()


@pytest.fixture(scope="module")
def worker(service):
    """Makes what is asked for, in a thread of this process."""
    with hand(service.workspace.places.data, PRESETS):
        yield


@pytest.fixture
def worker_process(idle):
    """Makes what is asked for as it is for people, in processes of its own."""
    command = [
        sys.executable,
        "-m",
        "fourreal.jobs.worker",
        "--data",
        str(idle.workspace.places.data),
        "--device",
        "cpu",
        "--stay",
        "--limits",
        json.dumps(asdict(LIMITS)),
    ]
    process = subprocess.Popen(command, cwd=ROOT, env=environment())
    yield process
    process.terminate()
    process.wait(PATIENCE)


@pytest.fixture
def idle(tmp_path, fox_yard):
    """A service for which nobody works."""
    service = Service(tmp_path / "idle", LIMITS)
    service.workspace.store.remember("devices", [{"kind": "cpu", "name": "cpu", "memory_mb": None}])
    yield service
    service.close()


def over(service, id):
    return lambda: not service.creations.get(ANNA, id).busy


def reference(**changes) -> Wishes:
    return Wishes(**({"role": "reference", "prompt": "a fox looks around", "model": VACE, **SMALL} | changes))


@pytest.mark.slow
def test_from_a_prompt_to_two_videos_a_person_choosing(service, worker, fox_yard):
    made = service.creations.create(ANNA, reference(), count=2, seed=5)
    assert [one.number for one in made.candidates] == [5, 6]
    assert not any(one.made for one in made.candidates)
    until(over(service, made.id), "the candidates")

    found = service.creations.get(ANNA, made.id)
    assert (found.state, found.error) == ("done", "")
    assert sorted(one.number for one in found.candidates) == [5, 6]
    for one in found.candidates:
        shown = clip.read(service.jobs.file(ANNA, made.id, one.file))
        assert (len(shown), shown.size) == (9, (64, 64))
        assert one.total is None or 0 <= one.total <= 1  # noise shows too little to be judged
        assert one.reasons
        assert (one.frames, one.fps) == (9, 16)
        assert 0 <= one.best_frame < 9
    first, second = (one.total or 0 for one in found.candidates)
    assert first >= second
    assert any(service.workspace.places.run(made.id).glob("live/preview-*.jpg"))

    # one is made anew, one is kept, one is somebody's own, one is cut and reversed: all while it goes on
    service.candidates.keep(ANNA, made.id, 6)
    service.candidates.regenerate(ANNA, made.id, 5)
    service.candidates.add_own(ANNA, made.id, fox_yard / "reference.mp4", "my fox.mp4")
    until(over(service, made.id), "more candidates")
    found = service.creations.get(ANNA, made.id)
    assert {one.number: (one.way, one.kept) for one in found.candidates} == {
        6: ("model", True),
        7: ("model", False),
        8: ("own", False),
    }
    own = next(one for one in found.candidates if one.way == "own")
    assert own.name == "my fox.mp4"
    assert own == found.candidates[0], "a real video with a still camera is better than noise"
    service.candidates.change(ANNA, made.id, 8, 3, 12, reverse=True)
    service.candidates.discard(ANNA, made.id, 7)
    until(over(service, made.id), "the reversed one")
    whole, back = (clip.read(service.jobs.file(ANNA, made.id, f"candidates/reference-{n}.mp4")).frames for n in (8, 9))
    assert len(back) == 10
    assert np.abs(whole[12].astype(int) - back[0]).mean() < 3
    assert np.abs(whole[3].astype(int) - back[-1]).mean() < 3

    # what is taken is a video like an uploaded one, and can be frozen
    video = service.candidates.take(ANNA, made.id, 6)
    assert (video.frames, video.width, video.height) == (9, 64, 64)
    wishes = Wishes(role="freeze", prompt="camera circling around a fox", model=VACE, **SMALL, frame=4)
    frozen = service.creations.create(ANNA, wishes, count=1, reference_id=video.id)
    until(over(service, frozen.id), "the freeze-time video")
    service.candidates.longer(ANNA, frozen.id, 0, "left")
    until(over(service, frozen.id), "the longer one")
    found = service.creations.get(ANNA, frozen.id)
    assert found.error == ""
    assert found.reference == video.id
    lengths = {one.number: len(clip.read(service.jobs.file(ANNA, frozen.id, one.file))) for one in found.candidates}
    assert lengths == {0: 9, 1: 17}
    assert all(one.degrees is not None for one in found.candidates), "the gauge has something to show"
    first, longer = (clip.read(service.jobs.file(ANNA, frozen.id, f"candidates/freeze-{n}.mp4")).frames for n in (0, 1))
    assert np.abs(first.astype(int) - longer[8:]).mean() < 4, "the frames there were come after the new ones"
    again = service.creations.estimate(ANNA, reference(), 2)
    assert again.seconds > 0
    assert "took here" in again.reason


@pytest.mark.slow
def test_commanded_cameras_go_along_with_the_video_that_is_taken(service, worker, fox_yard):
    video = service.library.add_video(ANNA, fox_yard / "reference.mp4", "fox.mp4")
    wishes = Wishes(role="freeze", prompt="a fox", model=SANA, frames=9, size=(64, 64), steps=2, frame=11, arc=30)
    made = service.creations.create(ANNA, wishes, count=1, reference_id=video.id)
    until(over(service, made.id), "the freeze-time video")
    (one,) = service.creations.get(ANNA, made.id).candidates
    assert one.degrees == pytest.approx(30)
    taken = service.candidates.take(ANNA, made.id, one.number)
    assert service.library.has_cameras(ANNA, video.id, taken.id)
    cameras = json.loads((service.workspace.places.video(taken.id) / f"cameras-{video.id}.json").read_text())
    assert (len(cameras["freeze"]), cameras["canonical_index"], cameras["freeze_reference_index"]) == (9, 11, 0)


@pytest.mark.slow
def test_killed_stopped_and_gone_on_with_what_is_finished_stays(idle, worker_process):
    service = idle
    made = service.creations.create(ANNA, reference(steps=60), count=2)
    until(lambda: any(one.made for one in service.creations.get(ANNA, made.id).candidates), "the first candidate")
    first = next(one for one in service.creations.get(ANNA, made.id).candidates if one.made)
    path = service.jobs.file(ANNA, made.id, first.file)
    before = path.stat()
    (runner,) = runners(worker_process.pid)
    os.kill(runner, signal.SIGKILL)
    until(over(service, made.id), "the second one")
    assert all(one.made for one in service.creations.get(ANNA, made.id).candidates)
    service.candidates.more(ANNA, made.id, 1)
    until(lambda: service.creations.get(ANNA, made.id).state == "running", "a third one is begun")
    service.jobs.cancel(ANNA, made.id)
    until(over(service, made.id), "it stops")
    assert service.creations.get(ANNA, made.id).state == "stopped"
    (unmade,) = (one for one in service.creations.get(ANNA, made.id).candidates if not one.made)
    service.candidates.discard(ANNA, made.id, unmade.number)
    service.creations.resume(ANNA, made.id)
    until(over(service, made.id), "it ends")
    found = service.creations.get(ANNA, made.id)
    assert (found.state, len(found.candidates)) == ("done", 2)
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns), "it was made twice"


def test_what_cannot_be_made_is_refused_with_what_can(idle, monkeypatch, tmp_path):
    for wrong, said in (
        ({"prompt": "  "}, "empty"),
        ({"prompt": "a" * 9000}, "characters"),
        ({"frames": 10}, "nearest is 9"),
        ({"size": (65, 64)}, "nearest"),
        ({"steps": 0}, "steps"),
        ({"model": "sora"}, "no video model"),
        ({"model": SANA, "size": None, "frames": None}, "starts from a picture"),
        ({"arc": 0}, "degrees"),
        ({"prompt": "a fox \ud83e"}, "broken character"),
        ({"negative": "\ud83e"}, "broken character"),
        ({"role": "dream"}, "role"),
        ({"adapter": "arc-shot"}, "adapter"),
        ({"adapter": "/etc/passwd"}, "adapter"),
    ):
        with pytest.raises(UserError, match=said):
            reference(**wrong)
    for values, said in (
        ({"role": "reference"}, "needs prompt"),
        ({"role": "reference", "prompt": "a", "x": 1}, "no option"),
        ({"role": "reference", "prompt": "a", "frames": "9"}, "no value"),
    ):
        with pytest.raises(UserError, match=said):
            Wishes.from_dict(values)
    for how, said in (({"count": 0}, "candidates"), ({"count": 99}, "candidates"), ({"seed": -1}, "Seed")):
        with pytest.raises(UserError, match=said):
            idle.creations.create(ANNA, reference(), **how)
    monkeypatch.setenv("FOURREAL_MODELS", str(tmp_path / "nothing"))
    monkeypatch.setattr("fourreal.jobs.create_estimate.memory_of_machine", lambda: 4 * 1024**3)
    with pytest.raises(UserError, match="memory free"):
        idle.creations.create(ANNA, reference())
    assert idle.creations.all(ANNA) == []
    assert list(idle.workspace.places.runs.glob("*")) == []


def test_before_a_download_its_source_size_and_licence_are_told(idle, monkeypatch, tmp_path):
    monkeypatch.setenv("FOURREAL_MODELS", str(tmp_path / "nothing"))
    monkeypatch.setattr("fourreal.jobs.create_estimate.memory_of_machine", lambda: 64 * 1024**3)
    offers = {offer.name: offer for offer in idle.creations.models()}
    assert not offers[VACE].on_disk
    assert offers[VACE].fits
    told = idle.creations.estimate(ANNA, reference(), 4)
    offer = offers[VACE]
    for what in (offer.repository, offer.revision, offer.licence, f"{offer.download_gb:.0f} GB"):
        assert what in told.reason
    assert told.seconds is None


def test_of_the_embedded_model_it_is_known_how_long_it_takes_before_it_was_used_here(idle):
    told = idle.creations.estimate(ANNA, Wishes(role="reference", prompt="a red ball", model="mini"), 4)
    assert 5 < told.seconds < 30
    assert "two processor cores" in told.reason
    assert "slow" not in told.reason


def test_what_is_somebody_elses_is_not_there(idle, fox_yard):
    made = idle.creations.create(ANNA, reference())
    calls = [
        lambda: idle.creations.get(BEN, made.id),
        lambda: idle.candidates.more(BEN, made.id),
        lambda: idle.candidates.discard(BEN, made.id, 0),
        lambda: idle.candidates.keep(BEN, made.id, 0),
        lambda: idle.candidates.take(BEN, made.id, 0),
        lambda: idle.jobs.cancel(BEN, made.id),
        lambda: idle.candidates.add_own(BEN, made.id, fox_yard / "reference.mp4", "x"),
        lambda: idle.jobs.delete(BEN, made.id),
        lambda: idle.candidates.longer(BEN, made.id, 0, "left"),
        lambda: idle.candidates.renew(BEN, made.id),
        lambda: idle.jobs.file(BEN, made.id, "candidates/reference-0.mp4"),
        lambda: idle.runs.get(ANNA, made.id),
    ]
    for call in calls:
        with pytest.raises(UserError, match="There is no such"):
            call()
    assert idle.creations.all(BEN) == []
    assert idle.runs.all(ANNA) == []
    assert [one.id for one in idle.creations.all(ANNA)] == [made.id]
    with pytest.raises(UserError, match="There is no such"):
        idle.jobs.public_file(made.id, "candidates/../../store.sqlite")


def test_candidates_come_and_go_and_no_number_is_given_twice(idle, fox_yard, tmp_path):
    made = idle.creations.create(ANNA, reference(), count=3)
    numbers = lambda: [one.number for one in idle.creations.get(ANNA, made.id).candidates]
    idle.candidates.discard(ANNA, made.id, 2)
    idle.candidates.more(ANNA, made.id, 2)
    assert numbers() == [0, 1, 3, 4]
    idle.candidates.keep(ANNA, made.id, 3)
    assert idle.candidates.renew(ANNA, made.id) == 3
    assert numbers() == [3, 5, 6, 7]
    with pytest.raises(UserError, match="no such candidate"):
        idle.candidates.discard(ANNA, made.id, 0)
    with pytest.raises(UserError, match="not finished"):
        idle.candidates.take(ANNA, made.id, 3)
    with pytest.raises(UserError, match="at once"):
        idle.candidates.more(ANNA, made.id, 99)
    (tmp_path / "notes.mp4").write_text("no video at all")
    with pytest.raises(UserError, match=r"notes\.mp4"):
        idle.candidates.add_own(ANNA, made.id, tmp_path / "notes.mp4", "notes.mp4")
    assert numbers() == [3, 5, 6, 7]
    idle.candidates.add_own(ANNA, made.id, fox_yard / "reference.mp4", "fox")
    with pytest.raises(UserError, match="of your own"):
        idle.candidates.regenerate(ANNA, made.id, 8)
    with pytest.raises(UserError, match="freeze-time"):
        idle.candidates.longer(ANNA, made.id, 8, "left")
    idle.jobs.delete(ANNA, made.id)
    assert idle.creations.all(ANNA) == []
    assert not idle.workspace.places.run(made.id).exists()


def finished(service, wishes: Wishes, count: int, **asked) -> str:
    """A creation whose candidates are there, as far as the store and the disk say; its id."""
    made = service.creations.create(ANNA, wishes, count, **asked)
    claim = service.workspace.store.claims.take("cpu:0")
    folder = service.workspace.places.run(made.id) / "candidates"
    folder.mkdir()
    for number in range(count):
        (folder / f"{wishes.role}-{number}.mp4").write_bytes(b"video")
        (folder / f"{wishes.role}-{number}.json").write_text('{"total": 0.5}')
        content = {"frames": 9, "fps": 16.0, "best_frame": 3}
        (folder / f"{wishes.role}-{number}.clip.json").write_text(json.dumps(content))
        assert service.workspace.store.candidates.is_made(made.id, number)
    assert service.workspace.store.claims.finish(claim, "done")
    return made.id


def test_what_was_discarded_can_come_back_the_last_one_first(idle):
    id = finished(idle, reference(), 3)
    numbers = lambda: sorted(one.number for one in idle.creations.get(ANNA, id).candidates)
    idle.candidates.discard(ANNA, id, 0)
    idle.candidates.discard(ANNA, id, 1)
    assert (numbers(), idle.creations.get(ANNA, id).discarded) == ([2], 1)
    folder = idle.workspace.places.run(id) / "candidates"
    assert len(list(folder.glob("*.mp4"))) == 3, "either may come back"
    assert [idle.candidates.restore(ANNA, id) for _ in range(2)] == [1, 0]
    assert numbers() == [0, 1, 2]
    assert idle.creations.get(ANNA, id).state == "done", "nothing is made anew for it"
    with pytest.raises(UserError, match="nothing to bring back"):
        idle.candidates.restore(ANNA, id)
    idle.candidates.discard(ANNA, id, 1)
    with pytest.raises(UserError, match="no such"):
        idle.candidates.restore(BEN, id)
    idle.candidates.more(ANNA, id)
    assert 1 not in numbers()


def test_only_so_many_that_were_discarded_can_come_back(idle, monkeypatch):
    monkeypatch.setattr("fourreal.jobs.candidate_rows.MOST_UNDONE", 2)
    id = finished(idle, reference(), 4)
    for number in (2, 0, 3):
        idle.candidates.discard(ANNA, id, number)
    folder = idle.workspace.places.run(id) / "candidates"
    assert sorted(path.name for path in folder.glob("*.mp4")) == [f"reference-{n}.mp4" for n in (0, 1, 3)]
    assert [idle.candidates.restore(ANNA, id) for _ in range(2)] == [3, 0]
    with pytest.raises(UserError, match="nothing to bring back"):
        idle.candidates.restore(ANNA, id)


def test_what_is_discarded_before_it_was_made_is_made_once_it_is_back(idle):
    made = idle.creations.create(ANNA, reference(), count=2)
    idle.candidates.discard(ANNA, made.id, 1)
    idle.candidates.restore(ANNA, made.id)
    assert [(one.number, one.made) for one in idle.creations.get(ANNA, made.id).candidates] == [(0, False), (1, False)]


def test_asked_for_again_the_next_seeds_are_taken(idle):
    assert idle.creations.next_seed(ANNA, reference()) == 0
    made = idle.creations.create(ANNA, reference(), count=3, seed=4)
    assert idle.creations.next_seed(ANNA, reference()) == 7
    idle.candidates.discard(ANNA, made.id, 6)
    assert idle.creations.next_seed(ANNA, reference()) == 7, "a discarded one is not made again"
    assert idle.creations.next_seed(ANNA, reference(prompt="a cat")) == idle.creations.next_seed(BEN, reference()) == 0


def test_a_score_that_means_nothing_is_none(idle):
    id = finished(idle, reference(), 2)
    path = idle.workspace.places.run(id) / "candidates" / "reference-1.json"
    path.write_text('{"total": 0.76, "judged": false}')
    assert {one.number: one.total for one in idle.creations.get(ANNA, id).candidates} == {0: 0.5, 1: None}


def test_a_picture_is_taken_in_and_can_be_used_again(idle, tmp_path):
    photo = tmp_path / "me.png"
    Image.new("RGBA", (300, 200), (200, 30, 30, 128)).save(photo)
    made = idle.creations.create(ANNA, reference(), 1, picture=photo)
    with Image.open(idle.jobs.file(ANNA, made.id, made.picture)) as stored:
        assert (stored.format, stored.size) == ("JPEG", (300, 200))
    again = idle.creations.create(ANNA, reference(), 1, picture_of=made.id)
    assert (
        idle.jobs.file(ANNA, again.id, again.picture).read_bytes()
        == idle.jobs.file(ANNA, made.id, made.picture).read_bytes()
    )
    assert idle.creations.create(ANNA, reference(), 1).picture == ""
    with pytest.raises(UserError, match="no such"):
        idle.creations.create(BEN, reference(), 1, picture_of=made.id)
    assert (
        "photo"
        in idle.creations.estimate(
            ANNA, Wishes(role="reference", prompt="red ball", model="mini"), 1, picture=True
        ).reason
    )


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 60, b"<svg/>"])
def test_what_is_no_picture_is_refused_and_leaves_nothing(idle, tmp_path, content):
    (tmp_path / "odd.png").write_bytes(content)
    with pytest.raises(UserError, match=r"odd\.png"):
        idle.creations.create(ANNA, reference(), 1, picture=tmp_path / "odd.png")
    assert idle.creations.all(ANNA) == []
    assert list(idle.workspace.places.runs.iterdir()) == []


def test_an_owner_says_which_models_are_started_and_whether_anything_is_downloaded(idle, monkeypatch):
    ltx = reference(model="ltx-video", frames=None, size=None)
    id = finished(idle, reference(), 1)
    assert idle.creations.estimate(ANNA, ltx, 1).fits
    monkeypatch.setenv("FOURREAL_DOWNLOADS", "no")
    with pytest.raises(UserError, match="nothing is downloaded here"):
        idle.creations.create(ANNA, ltx, 1)
    assert idle.creations.create(ANNA, reference(), 1).busy, "it is on the disk"
    monkeypatch.setenv("FOURREAL_MODELS_OFFERED", "mini")
    for call in (lambda: idle.creations.create(ANNA, reference(), 1), lambda: idle.candidates.more(ANNA, id)):
        with pytest.raises(UserError, match=r"not offered here\. Choose Mini"):
            call()
    assert {offer.name for offer in idle.creations.models() if offer.fits} == {"mini"}
    assert idle.creations.usual_model() == "mini"


@pytest.mark.parametrize(
    ("said", "downloads", "names"),
    [
        ({}, True, tuple(registry.MODELS)),
        ({"SPACE_ID": "a/b"}, False, tuple(registry.MODELS)),
        ({"SPACE_ID": "a/b", "FOURREAL_DOWNLOADS": "Yes"}, True, tuple(registry.MODELS)),
        ({"FOURREAL_MODELS_OFFERED": " mini, ltx-video,"}, True, ("mini", "ltx-video")),
    ],
)
def test_a_space_downloads_nothing_unless_its_owner_says_so(said, downloads, names):
    assert offered(said) == Offered(names, downloads)


@pytest.mark.parametrize("said", [{"FOURREAL_MODELS_OFFERED": "minni"}, {"FOURREAL_DOWNLOADS": "perhaps"}])
def test_settings_that_mean_nothing_are_refused(said):
    with pytest.raises(UserError, match="|".join(said)):
        offered(said)


def full_line(service) -> None:
    for _ in range(service.workspace.limits.queued_per_person):
        service.creations.create(ANNA, reference(), 1)


def full_disk(service) -> None:
    service.workspace.limits = replace(service.workspace.limits, free_bytes=1 << 60)


@pytest.mark.parametrize(("fill", "said"), [(full_line, "jobs waiting"), (full_disk, "disk is full")])
def test_what_cannot_be_queued_changes_nothing(idle, fill, said):
    id = finished(idle, reference(), 3)
    before = idle.creations.get(ANNA, id).candidates
    assert all(one.made for one in before)
    fill(idle)
    calls = [
        lambda: idle.candidates.regenerate(ANNA, id, 0),
        lambda: idle.candidates.renew(ANNA, id),
        lambda: idle.candidates.more(ANNA, id, 2),
    ]
    for call in calls:
        with pytest.raises(UserError, match=said):
            call()
    found = idle.creations.get(ANNA, id)
    assert (found.state, found.candidates) == ("done", before)
    assert all(idle.jobs.file(ANNA, id, one.file).read_bytes() == b"video" for one in before)


def test_a_frame_that_the_video_does_not_have_is_refused(idle, fox_yard):
    video = idle.library.add_video(ANNA, fox_yard / "reference.mp4", "fox")
    wishes = Wishes(role="freeze", prompt="a fox", model=VACE, frame=0, **SMALL)
    for frame in (None, -1, 24):
        with pytest.raises(UserError, match="0 to 23"):
            idle.creations.create(ANNA, replace(wishes, frame=frame), 1, reference_id=video.id)
    with pytest.raises(UserError, match="no such video"):
        idle.creations.create(BEN, wishes, 1, reference_id=video.id)


def test_a_store_of_the_version_before_is_brought_up_to_date(tmp_path):
    path = tmp_path / "store.sqlite"
    new = Database(tmp_path / "new.sqlite")
    with closing(sqlite3.connect(path)) as old, new.reading() as db:
        for name in ("people", "videos", "runs", "facts"):
            (schema,) = db.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
            lines = [line for line in schema.splitlines() if not line.strip().startswith(("kind ", "beat "))]
            old.execute("\n".join(lines))
        old.execute(
            "INSERT INTO runs (id, owner, name, reference, freeze, options, state, ticket, created)"
            " VALUES ('a', 'b', 'c', 'd', 'e', '{}', 'done', 1, ?)",
            (time.time(),),
        )
        old.execute("PRAGMA user_version = 1")
        old.commit()
    new.close()
    database = Database(path)
    with database.reading() as db:
        assert db.execute("SELECT kind FROM runs").fetchone()["kind"] == "reconstruct"
        assert db.execute("SELECT count(*) FROM candidates").fetchone()[0] == 0
        assert db.execute("PRAGMA user_version").fetchone()[0] == VERSION
    database.close()


def test_candidates_of_the_version_before_are_kept(tmp_path):
    with closing(sqlite3.connect(tmp_path / "store.sqlite")) as old:
        old.executescript("""
            CREATE TABLE candidates (run TEXT NOT NULL, number INTEGER NOT NULL, how TEXT NOT NULL, made INTEGER
                NOT NULL DEFAULT 0, kept INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0,
                PRIMARY KEY (run, number)) STRICT;
            INSERT INTO candidates VALUES ('a', 3, '{"way": "model"}', 1, 1, 0);
            CREATE TABLE runs (id TEXT); CREATE TABLE videos (id TEXT); CREATE TABLE people (id TEXT);
            PRAGMA user_version = 2;
        """)
    store = Store(tmp_path / "store.sqlite")
    (row,) = store.candidates.of("a")
    assert (row["number"], row["made"], row["kept"], row["error"]) == (3, 1, 1, "")
    store.close()
