"""Videos besides the first two: what they are, that a run keeps them, and what it is handed."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
from inline_children import inline_children
from job_samples import ANNA, BEN

from fourreal import clip
from fourreal.camera.match import still_camera
from fourreal.description import Options
from fourreal.errors import Unusable, UserError
from fourreal.jobs import asking
from fourreal.jobs.claims import Claim
from fourreal.jobs.desk import StoreDesk
from fourreal.jobs.janitor import UNUSED_SECONDS, disposable
from fourreal.jobs.live import Live
from fourreal.jobs.reconstructing import Reconstructing
from fourreal.jobs.run_files import Refusal
from fourreal.jobs.service import Service
from fourreal.jobs.store import new_id
from fourreal.jobs.take_checks import role_of
from fourreal.jobs.take_values import FurtherVideo, further_videos
from fourreal.jobs.verdicts import FurtherChecks, Verdict
from fourreal.progress import CancelToken
from fourreal.settings import MOST_TAKES, JobLimits
from fourreal.video.one_model import OneModel


@pytest.fixture(scope="module")
def taken_in(assets, tmp_path_factory):
    """The folder of a video that was taken in once, and what is known of it."""
    folder = tmp_path_factory.mktemp("taken") / "in"
    with inline_children():
        path = assets / "examples" / "fox_yard" / "reference.mp4"
        return folder, asking.take_in(path, folder, "one.mp4", JobLimits(), as_is=True)


@pytest.fixture
def service(tmp_path):
    service = Service(tmp_path / "data", replace(JobLimits(), free_bytes=0))
    service.workspace.store.remember("devices", [{"kind": "cpu", "name": "cpu", "memory_mb": None}])
    yield service
    service.close()


@pytest.fixture
def videos(service, taken_in) -> list[str]:
    """Anna's videos: two, and two more."""
    folder, info = taken_in
    ids = [new_id() for _ in range(4)]
    for id, name in zip(ids, ("one.mp4", "two.mp4", "side <b>.mp4", "later.mp4"), strict=True):
        shutil.copytree(folder, service.workspace.places.video(id))
        service.workspace.store.add_video(id, ANNA, name, info, None, time.time() - 2 * UNUSED_SECONDS)
    return ids


def requests(service: Service, id: str, monkeypatch, error: Exception | None = None) -> list:
    """What a run hands to the pipeline, which answers with an error if one is given."""
    calls = []

    def reconstruct(request, *_):
        calls.append(request)
        if error is not None:
            raise error

    monkeypatch.setattr("fourreal.pipeline.reconstruct", reconstruct)
    monkeypatch.setattr("fourreal.jobs.reconstructing.final_files", lambda *_: None)
    folder = service.workspace.places.run(id)
    store = service.workspace.store
    reconstructing = Reconstructing(folder, store.run(id), StoreDesk(store, Claim(id, 1)), {}, OneModel())
    reconstructing.do(Live(folder), CancelToken())
    return calls


def test_a_run_keeps_its_further_videos_and_hands_them_on(service, videos, monkeypatch):
    further = FurtherVideo(video=videos[2], role="reference", at=5), FurtherVideo(video=videos[3], role="freeze")
    run = service.runs.submit(ANNA, *videos[:2], Options(), further=further)
    assert [(take.video, take.role, take.at) for take in run.further] == [
        (videos[2], "reference", 5),
        (videos[3], "freeze", None),
    ]
    assert not {
        path.name for path, _ in disposable(service.workspace.places, service.workspace.store, service.workspace.limits)
    } & {*videos}
    for id in videos:
        service.library.delete_video(ANNA, id)
    again = service.runs.duplicate(ANNA, run.id, Options(seed=1))
    assert again.further == run.further
    for id in (run.id, again.id):
        (request,) = requests(service, id, monkeypatch)
        assert [(take.role, take.at, take.name) for take in request.further] == [
            ("reference", 5, "side <b>.mp4"),
            ("freeze", None, "later.mp4"),
        ]
        assert all(take.path.is_file() for take in request.further)


def test_what_is_said_of_further_videos_is_checked_wherever_it_comes_from(service, videos):
    id = videos[2]
    for values, says in (
        ("all", "list"),
        ([id], "given as"),
        ([{"role": "freeze"}], "given as"),
        ([{"video": id, "more": 1}], "more"),
        ([{"video": id, "role": "side"}], "role"),
        ([{"video": id, "at": "x"}], "at"),
        ([{"video": id, "at": 10**9}], "no frame"),
        ([{"video": id}] * (MOST_TAKES + 1), "at most 10"),
    ):
        with pytest.raises(UserError, match=says):
            further_videos(values)
    for further, says in (
        (FurtherVideo(video="../../etc", role="freeze"), "no such video"),
        (FurtherVideo(video=new_id(), role="freeze"), "no such video"),
        (FurtherVideo(video=id, role="freeze", at=24), "0 to 23"),
    ):
        with pytest.raises(UserError, match=says):
            service.runs.submit(ANNA, *videos[:2], Options(), further=[further])
    with pytest.raises(UserError, match="no such"):
        service.inspections.check_further(BEN, id, *videos[:2])
    assert service.runs.all(ANNA) == []


def test_what_a_further_video_is_is_looked_for_once(service, videos, monkeypatch):
    seen = FurtherChecks("freeze", "It travels.", (), (Verdict("cut", False, "Cut.", part=(3, 9)),), ("freeze",))
    monkeypatch.setattr(asking, "look_at_take", lambda *_: (seen, {"freeze": b"\xff\xd8"}))
    assert service.inspections.check_further(ANNA, videos[2], *videos[:2]) == seen
    assert service.library.video_file(ANNA, videos[2], f"flaws-freeze-{videos[1]}.jpg").read_bytes() == b"\xff\xd8"
    with pytest.raises(UserError, match="no such"):
        service.library.video_file(ANNA, videos[2], f"take-{videos[1]}.json")
    monkeypatch.setattr(asking, "look_at_take", None)
    assert service.inspections.check_further(ANNA, videos[2], *videos[:2]) == seen
    run = service.runs.submit(ANNA, *videos[:2], Options(), further=[FurtherVideo(video=videos[2])])
    assert run.further[0].role == "freeze"


@pytest.mark.parametrize(("name", "says"), [("freeze", "holds still"), ("reference", "stands still")])
def test_frozen_is_what_holds_still_before_a_camera_that_travels(assets, name, says):
    frames = clip.read(assets / "examples" / "fox_yard" / f"{name}.mp4").frames
    role, sentence = role_of(frames, still_camera(frames).moves)
    assert role == name
    assert says in sentence


def test_a_run_that_its_videos_stopped_says_which_and_does_not_just_go_on(service, videos, monkeypatch):
    run = service.runs.submit(ANNA, *videos[:2], Options(), further=[FurtherVideo(video=videos[2], role="reference")])
    claims = service.workspace.store.claims
    fail = lambda error: claims.finish(claims.take("cpu:0"), "failed", str(error))
    for error, refusal in (
        (Unusable("Cut.", cut=(Path("a/take-0.mp4"), 3, 20)), Refusal("0", 3, 20)),
        (Unusable("Cut.", cut=(Path("a/freeze.mp4"), 0, 9)), Refusal("freeze", 0, 9)),
        (Unusable("Nothing to be seen."), Refusal()),
        (UserError("The disk is full."), None),
    ):
        with pytest.raises(type(error)):
            requests(service, run.id, monkeypatch, error)
        fail(error)
        ended = service.runs.get(ANNA, run.id)
        assert (ended.refusal, ended.resumable) == (refusal, refusal is None)
        service.runs.resume(ANNA, run.id)


def test_the_videos_of_a_run_can_be_had_again_even_where_they_were_deleted(service, videos):
    run = service.runs.submit(ANNA, *videos[:2], Options(), further=[FurtherVideo(video=videos[2], role="reference")])
    assert service.runs.videos_of(ANNA, run.id) == (*videos[:2], videos[2:3])
    for id in videos[1:3]:
        service.library.delete_video(ANNA, id)
    with inline_children():
        reference, freeze, (side,) = service.runs.videos_of(ANNA, run.id)
    assert reference == videos[0]
    assert {freeze, side} & {*videos} == set()
    assert service.library.video(ANNA, side).name == "side <b>.mp4"
    assert (
        service.library.video_file(ANNA, freeze, "clip.mp4").read_bytes()
        == service.library.video_file(ANNA, reference, "clip.mp4").read_bytes()
    )
