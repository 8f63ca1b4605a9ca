"""What is somebody else's is not there, and no name leads anywhere but where it should."""

import os
from pathlib import Path

import pytest
from job_samples import ANNA, BEN, queue

from fourreal.description import Options, Wishes
from fourreal.errors import UserError
from fourreal.jobs.service import Service
from fourreal.jobs.store import new_id

pytest_plugins = ["service_fixtures"]


def test_a_person_is_a_token_that_cannot_be_guessed_or_read_from_the_store():
    token = "an unguessable token"
    owner = Service.owner(token)
    assert owner == Service.owner(token) != Service.owner(token + "x")
    assert token not in owner
    for bad in ("", "short", "x" * 15):
        with pytest.raises(UserError, match="too short"):
            Service.owner(bad)


def calls(service: Service, owner: str, video: str, run: str) -> dict:
    """Every call that names something of a person's."""
    return {
        "library.video": lambda: service.library.video(owner, video),
        "library.video_file": lambda: service.library.video_file(owner, video, "clip.mp4"),
        "frame": lambda: service.library.video_file(owner, video, 0),
        "creations.picture": lambda: service.creations.picture(owner, run),
        "library.trim": lambda: service.library.trim(owner, video, 0, 3),
        "library.delete_video": lambda: service.library.delete_video(owner, video),
        "inspections.check": lambda: service.inspections.check(owner, video, video),
        "inspections.check_further": lambda: service.inspections.check_further(owner, video, video, video),
        "inspections.further_checks": lambda: service.inspections.further_checks(owner, video, video, video),
        "inspections.seen_checks": lambda: service.inspections.seen_checks(owner, video, video),
        "runs.videos_of": lambda: service.runs.videos_of(owner, run),
        "placements.place": lambda: service.placements.place(owner, video, video, Options()),
        "library.add_cameras": lambda: service.library.add_cameras(owner, video, video, Path("cameras.json")),
        "library.has_cameras": lambda: service.library.has_cameras(owner, video, video),
        "runs.estimate": lambda: service.runs.estimate(owner, video, video, Options()),
        "runs.submit": lambda: service.runs.submit(owner, video, video, Options()),
        "runs.get": lambda: service.runs.get(owner, run),
        "jobs.journal": lambda: service.jobs.journal(owner, run),
        "jobs.cancel": lambda: service.jobs.cancel(owner, run),
        "runs.resume": lambda: service.runs.resume(owner, run),
        "runs.rename": lambda: service.runs.rename(owner, run, "mine"),
        "runs.duplicate": lambda: service.runs.duplicate(owner, run, Options()),
        "jobs.delete": lambda: service.jobs.delete(owner, run),
        "jobs.file": lambda: service.jobs.file(owner, run, "inputs/reference.mp4"),
        "exports.make": lambda: service.exports.make(owner, run, "ply"),
        "shares.share": lambda: service.shares.share(owner, run),
        "shares.unshare": lambda: service.shares.unshare(owner, run),
        "shares.token": lambda: service.shares.token(owner, run),
        "runs.metrics": lambda: service.runs.metrics(owner, run),
        "creations.create": lambda: service.creations.create(owner, FREEZE, reference_id=video),
        "creations.get": lambda: service.creations.get(owner, run),
        "creations.resume": lambda: service.creations.resume(owner, run),
        "candidates.more": lambda: service.candidates.more(owner, run),
        "candidates.retry": lambda: service.candidates.retry(owner, run, 0),
        "candidates.regenerate": lambda: service.candidates.regenerate(owner, run, 0),
        "candidates.discard": lambda: service.candidates.discard(owner, run, 0),
        "candidates.restore": lambda: service.candidates.restore(owner, run),
        "candidates.keep": lambda: service.candidates.keep(owner, run, 0),
        "candidates.renew": lambda: service.candidates.renew(owner, run),
        "candidates.add_own": lambda: service.candidates.add_own(owner, run, Path("own.mp4"), "own"),
        "candidates.change": lambda: service.candidates.change(owner, run, 0, 0, 5),
        "candidates.longer": lambda: service.candidates.longer(owner, run, 0, "left"),
        "candidates.take": lambda: service.candidates.take(owner, run, 0),
    }


FREEZE = Wishes(role="freeze", prompt="a fox", frame=0)
OPEN_TO_ALL = {
    "library.add_video",
    "library.videos",
    "library.examples",
    "library.add_example",
    "jobs.public_file",
    "jobs.public_name",
    "runs.all",
    "creations.all",
    "creations.models",
    "creations.usual_model",
    "creations.estimate",
    "creations.next_seed",
    "exports.public_film",
    "exports.public_film_file",
    "shares.name",
    "shares.file",
    "ablations.names",
    "ablations.page",
}
FOR_OTHER_PARTS = {  # of the service, which have asked whose it is
    "library.take_in",
    "library.row",
    "library.cameras",
    "inspections.stored",
    "inspections.takes",
    "placements.hand_over",
    "jobs.queue",
    "jobs.requeue",
    "jobs.row",
}


def test_what_is_anothers_is_not_there_in_the_same_words_as_what_is_nowhere(service, videos):
    run = service.runs.submit(ANNA, *videos, Options()).id
    named = {
        f"{part}.{name}"
        for part, one in vars(service).items()
        for name in vars(type(one))
        if not name.startswith("_") and part not in ("workspace", "studies")  # test_web_study asks those
    }
    assert named == (set(calls(service, BEN, videos[0], run)) - {"frame"}) | OPEN_TO_ALL | FOR_OTHER_PARTS
    foreign, unknown = calls(service, BEN, videos[0], run), calls(service, BEN, new_id(), new_id())
    odd_ids = ("", "../x", "a" * 31, "A" * 32, "a" * 33, "a" * 32 + "\n", "\0")
    nonsense = [calls(service, BEN, odd, odd) for odd in odd_ids]
    for name in foreign:
        words = []
        for call in (foreign[name], unknown[name], *(odd[name] for odd in nonsense)):
            with pytest.raises(UserError) as refused:
                call()
            words.append(str(refused.value))
        assert len(set(words)) == 1, name
    assert (service.runs.all(BEN), service.library.videos(BEN)) == ([], [])
    assert service.runs.get(ANNA, run).state == "queued"
    assert len(service.library.videos(ANNA)) == 2


TRICKS = (
    "../../store.sqlite",
    "/etc/passwd",
    "live/../inputs/cameras.json",
    "live/../../../store.sqlite",
    "inputs",
    "inputs/cameras.json",
    "live",
    "",
    ".",
    "..",
    "scene.r4d/..",
    "./thumbnail.jpg",
    "thumbnail.jpg/",
    "log.txt",
    "thumbnail.jpg\0",
    "thumbnail.jpg\n",
    "%2e%2e/store.sqlite",
    "exports/..",
    "exports/../scene.r4d",
    "work/lock",
    "exports/.hidden.zip",
    "live\\scene-1.r4d",
    "live/scene-1.r4d.part",
    "live//scene-1.r4d",
    "exports/a/b.zip",
    "scene.safetensors",
    "journal.jsonl",
    "THUMBNAIL.JPG",
    "live/scene-\u0661.r4d",
)


def test_no_name_leads_out_of_a_run_or_to_what_is_not_for_show(service, tmp_path):
    run = queue(service.workspace.store, ANNA)
    folder = service.workspace.places.run(run)
    (tmp_path / "secret.txt").write_text("secret")
    for name in ("thumbnail.jpg", "log.txt", "journal.jsonl", "scene.safetensors"):
        (folder / name).write_text("x")
    for name in ("live", "exports", "work"):
        (folder / name).mkdir()
    (folder / "work" / "lock").touch()
    (folder / "live" / "scene-1.r4d").write_text("x")
    (folder / "exports" / ".hidden.zip").touch()
    assert service.jobs.file(ANNA, run, "live/scene-1.r4d") == folder / "live" / "scene-1.r4d"
    assert service.jobs.public_file(run, "thumbnail.jpg") == folder / "thumbnail.jpg"
    for name in TRICKS:
        for call in (
            lambda name=name: service.jobs.file(ANNA, run, name),
            lambda name=name: service.jobs.public_file(run, name),
        ):
            with pytest.raises(UserError, match="no such file"):
                call()
    (folder / "scene.r4d").symlink_to(tmp_path / "secret.txt")
    (folder / "manifest.json").mkdir()
    (folder / "exports").rename(folder / "elsewhere")
    (folder / "exports").symlink_to(folder / "elsewhere")
    (folder / "elsewhere" / "ply.zip").touch()
    os.mkfifo(folder / "metrics.json")
    for name in ("scene.r4d", "manifest.json", "exports/ply.zip", "metrics.json", "live/scene-2.r4d"):
        with pytest.raises(UserError, match="no such file"):
            service.jobs.file(ANNA, run, name)
    service.jobs.delete(ANNA, run)
    with pytest.raises(UserError, match="no such scene"):
        service.jobs.public_file(run, "thumbnail.jpg")


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "/abs/olute.mp4", "nul\0byte", "\n\u202e", "x" * 10_000, "a/b\\c", "."]
)
def test_names_are_for_show_only(name, service, videos):
    run = service.runs.submit(ANNA, *videos, Options(), name)
    assert 0 < len(run.name) <= 80
    assert run.name.isprintable()
    assert {folder.name for folder in service.workspace.places.runs.iterdir()} == {run.id}


def test_a_video_by_an_odd_name_lies_where_all_do(service, upload):
    video = service.library.add_video(ANNA, upload, "../../\n\u202e\0" + "x" * 10_000)
    assert video.name == "../../ " + "x" * 73
    assert [folder.name for folder in service.workspace.places.videos.iterdir()] == [video.id]


def test_picture_numbers_and_names_of_videos_are_checked(service, videos):
    for name in (-1, 8, 10**9, "info.json", "../x", "clip.mp4/", "frames/0000.jpg", ""):
        with pytest.raises(UserError):
            service.library.video_file(ANNA, videos[0], name)


def test_studies_of_the_machine_are_there_for_everyone_and_nothing_else_is(service, tmp_path):
    (tmp_path / "secret").mkdir()
    for folder in (
        tmp_path / "secret",
        service.workspace.places.ablations / "fox",
        service.workspace.places.ablations / ".hidden",
    ):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "page.html").write_text("<p>study</p>")
    (service.workspace.places.ablations / "linked").symlink_to(tmp_path / "secret")
    assert service.ablations.names() == ["fox"]
    assert service.ablations.page("fox").read_text() == "<p>study</p>"
    for name in ("linked", ".hidden", "..", "", "fox/", "../ablations/fox", "nothing"):
        with pytest.raises(UserError, match="no such study"):
            service.ablations.page(name)
