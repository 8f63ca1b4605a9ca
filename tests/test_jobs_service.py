"""The service: what a person may do, that nobody else can, and that no name leads anywhere but where it should."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from asked_here import asked_here
from job_samples import ANNA, BEN, queue, service_in
from videos import encode, numbered

from fourreal.clip import Clip
from fourreal.clip.flaws import Cleaned
from fourreal.description import Options, Wishes
from fourreal.errors import UserError
from fourreal.installed import ROOT
from fourreal.jobs import asking, checks
from fourreal.jobs.children import environment
from fourreal.jobs.live import Live
from fourreal.jobs.reconstructing import Reconstructing
from fourreal.jobs.runner import Runner
from fourreal.jobs.service import Service
from fourreal.jobs.store import new_id
from fourreal.jobs.verdicts import Checks, Verdict
from fourreal.progress import CancelToken
from fourreal.settings import PRESETS, JobLimits
from fourreal.video.one_model import OneModel


@pytest.fixture(scope="module")
def upload(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("upload") / "upload.mp4", numbered())


@pytest.fixture
def service(tmp_path):
    with service_in(tmp_path / "data") as service:
        yield service


@pytest.fixture(scope="module")
def taken_in(upload, tmp_path_factory):
    """The folder of a video that was taken in once, and what is known of it."""
    folder = tmp_path_factory.mktemp("taken") / "in"
    with asked_here():
        return folder, asking.take_in(upload, folder, "one.mp4", JobLimits())


@pytest.fixture
def videos(service, taken_in) -> tuple[str, str]:
    folder, info = taken_in
    ids = new_id(), new_id()
    for id, name in zip(ids, ("one.mp4", "two.mp4"), strict=True):
        shutil.copytree(folder, service.places.video(id))
        service.store.add_video(id, ANNA, name, info, None, time.time())
    return ids


LIGHT = """
import sys
from pathlib import Path
from fourreal.description import Wishes
from fourreal.jobs.service import Service
from fourreal.jobs.supervisor import ensure_worker
from fourreal.description import Options
service = Service(Path(sys.argv[1]))
owner = service.owner("x" * 20)
reference, freeze = service.add_example(owner, service.examples()[0].name)
assert service.check(owner, reference.id, freeze.id).ok
cameras = Path("assets/examples/fox_yard/cameras.json")
assert service.add_cameras(owner, reference.id, freeze.id, cameras) == freeze.frames
service.estimate(owner, reference.id, freeze.id, Options())
run = service.submit(owner, reference.id, freeze.id, Options())
service.runs(owner), service.journal(owner, run.id), service.cancel(owner, run.id), service.delete(owner, run.id)
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""


def test_the_page_loads_neither_torch_nor_a_decoder_through_it(tmp_path):
    command = [sys.executable, "-c", LIGHT, str(tmp_path / "data")]
    said = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment(), timeout=300)
    assert said.returncode == 0, said.stderr
    loaded = set(said.stdout.split())
    assert "sqlite3" in loaded
    assert not loaded & {"torch", "numba", "av", "gradio", "scipy"}


def test_a_person_is_a_token_that_cannot_be_guessed_or_read_from_the_store():
    token = "an unguessable token"
    owner = Service.owner(token)
    assert owner == Service.owner(token) != Service.owner(token + "x")
    assert token not in owner
    for bad in ("", "short", "x" * 15):
        with pytest.raises(UserError, match="too short"):
            Service.owner(bad)


def test_a_run_waits_with_copies_of_its_videos(service, videos):
    run = service.submit(ANNA, *videos, Options(preset="draft", seed=3), "  My \n scene\u202e ")
    assert (run.name, run.state, run.place, run.has_scene, run.progress) == ("My scene", "queued", 0, False, {})
    assert run.options == Options(preset="draft", seed=3)
    assert service.submit(ANNA, *videos, Options()).place == 1
    folder = service.places.run(run.id)
    kept = (folder / "inputs" / "reference.mp4").read_bytes()
    for video in videos:
        service.delete_video(ANNA, video)
    assert (folder / "inputs" / "reference.mp4").read_bytes() == kept
    assert service.file(ANNA, run.id, "inputs/freeze.mp4").is_file()
    again = service.duplicate(ANNA, run.id, Options(preset="draft", seed=4))
    assert (service.places.run(again.id) / "inputs" / "reference.mp4").read_bytes() == kept
    assert again.name == "My scene again"
    service.rename(ANNA, run.id, "<b>other</b>")
    assert [one.name for one in service.runs(ANNA)] == ["My scene again", "one", "<b>other</b>"]


def test_an_example_brings_its_cameras_even_for_a_part_of_it(service):
    reference, freeze = service.add_example(ANNA, "fox_yard")
    assert (reference.frames, freeze.frames) == (24, 33)
    shipped = json.loads((ROOT / "assets" / "examples" / "fox_yard" / "cameras.json").read_text())
    known = lambda run: json.loads((service.places.run(run.id) / "inputs" / "cameras.json").read_text())
    whole = service.submit(ANNA, reference.id, freeze.id, Options())
    assert known(whole)["freeze"] == [{**entry} for entry in shipped["freeze"]]
    assert known(whole)["canonical_index"] == shipped["canonical_index"]
    assert whole.example == "fox_yard"
    part = service.trim(ANNA, freeze.id, 4, 30)
    early = service.trim(ANNA, reference.id, 0, 8)
    cut = service.submit(ANNA, early.id, part.id, Options())
    assert [entry["w2c"] for entry in known(cut)["freeze"]] == [e["w2c"] for e in shipped["freeze"][4:31]]
    assert known(cut)["freeze_reference_index"] == shipped["freeze_reference_index"] - 4
    assert "canonical_index" not in known(cut)  # that moment is cut away
    assert cut.example is None
    mixed = service.submit(ANNA, freeze.id, reference.id, Options())
    assert not (service.places.run(mixed.id) / "inputs" / "cameras.json").exists()
    with pytest.raises(UserError, match="fox_yard"):
        service.add_example(ANNA, "../../etc")


def test_the_checks_of_an_example_speak_for_it_and_are_remembered(service, monkeypatch):
    reference, freeze = service.add_example(ANNA, "fox_yard")
    found = service.check(ANNA, reference.id, freeze.id)
    verdicts = {verdict.name: verdict for verdict in found.verdicts}
    assert {"reference_camera", "frozen_subject", "same_scene", "same_shape", "arc"} == set(verdicts)  # known cameras
    assert found.ok
    assert (found.canonical_frame, found.freeze_frame) == (11, 16)
    assert verdicts["arc"].value == pytest.approx(138, abs=2)
    monkeypatch.setattr(asking, "look", None)
    assert service.check(ANNA, reference.id, freeze.id) == found


def test_a_run_is_handed_the_moment_that_the_checks_saw(service, videos, monkeypatch):
    asked = []
    monkeypatch.setattr("fourreal.pipeline.reconstruct", lambda request, *_: asked.append(request))
    monkeypatch.setattr("fourreal.jobs.reconstructing.final_files", lambda *_: None)

    def request(run):
        folder = service.places.run(run.id)
        Reconstructing(folder, service.store.run(run.id), service.store, {}, OneModel()).do(Live(folder), CancelToken())
        return asked.pop()

    unseen = service.submit(ANNA, *videos, Options())
    assert request(unseen).meeting is None
    seen = Checks((Verdict("same_scene", True, "They meet."),), 3, 7)
    monkeypatch.setattr(asking, "look", lambda *_: (seen, {}))
    service.check(ANNA, *videos)
    run = service.submit(ANNA, *videos, Options())
    again = service.duplicate(ANNA, run.id, Options(canonical_frame=5))
    assert (request(run).canonical_frame, request(run).meeting) == (None, (3, 7))
    assert (request(again).canonical_frame, request(again).meeting) == (5, (3, 7))
    (service.places.run(again.id) / "inputs" / "meeting.json").write_text("[3,")  # it is the same file in both runs
    service.places.checks(videos[1], videos[0]).write_text("")
    assert request(run).meeting is None
    assert service.check(ANNA, *videos) == seen
    other = Checks((Verdict("same_scene", False, "They do not."),), None, None)
    monkeypatch.setattr(asking, "look", lambda *_: (other, {}))
    service.check(ANNA, *reversed(videos))
    assert request(service.submit(ANNA, *reversed(videos), Options())).meeting is None


def test_the_moment_that_known_cameras_name_is_the_one_that_is_seen():
    reference = np.random.default_rng(0).integers(0, 256, (4, 54, 96, 3), dtype=np.uint8)
    reference[1:] = reference[0]  # nothing moves, so any moment will do
    freeze = np.concatenate([255 - reference[:1], reference[:2]])
    running, frozen = (whole(frames) for frames in (reference, freeze))
    assert checks.same_scene(running, frozen, {})[1:] == (0, 1)
    assert checks.same_scene(running, frozen, {"canonical_index": 2, "freeze_reference_index": 2})[1:] == (2, 2)
    verdict, *frames = checks.same_scene(running, frozen, {"freeze_reference_index": 0})
    assert (verdict["ok"], frames) == (None, [None, None])  # the run looks for the camera elsewhere


def test_moments_are_numbered_as_in_the_files_whatever_was_left_out():
    frames = np.random.default_rng(0).integers(0, 256, (4, 54, 96, 3), dtype=np.uint8)
    running = replace(whole(frames), frames=[3, 4, 5, 6])
    assert checks.same_scene(running, whole(frames[2:]), {})[1:] == (5, 0)


def whole(frames: np.ndarray) -> Cleaned:
    return Cleaned(Clip(frames, 12.0), list(range(len(frames))), (0, 0, 96, 54), None, ())


def test_the_checks_say_what_speaks_against_two_videos(service, videos, upload, tmp_path):
    narrow = service.add_video(ANNA, encode(tmp_path / "narrow.mp4", numbered(size=(32, 48))), "narrow.mp4")
    found = service.check(ANNA, videos[0], narrow.id)
    verdicts = {verdict.name: verdict.ok for verdict in found.verdicts}
    assert not found.ok
    assert verdicts["same_shape"] is None  # each is taken as it is
    assert verdicts["freeze_camera"] is False
    reference, _ = service.add_example(ANNA, "fox_yard")
    _, freeze = service.add_example(ANNA, "robot_dance")
    found = service.check(ANNA, reference.id, freeze.id)
    assert {verdict.name: verdict.ok for verdict in found.verdicts}["same_scene"] is None
    assert (found.canonical_frame, found.freeze_frame) == (None, None)


def test_a_cap_of_waiting_runs_and_a_sentence_about_it(service, videos):
    service.limits = replace(service.limits, queued_per_person=2)
    runs = [service.submit(ANNA, *videos, Options()) for _ in range(2)]
    with pytest.raises(UserError, match="2 jobs waiting"):
        service.submit(ANNA, *videos, Options())
    with pytest.raises(UserError, match="2 jobs waiting"):
        service.duplicate(ANNA, runs[0].id, Options())
    assert {folder.name for folder in service.places.runs.iterdir()} == {run.id for run in runs}
    service.cancel(ANNA, runs[0].id)
    service.submit(ANNA, *videos, Options())
    with pytest.raises(UserError, match="waiting"):
        service.resume(ANNA, runs[0].id)
    service.cancel(ANNA, runs[1].id)
    service.resume(ANNA, runs[0].id)
    assert service.run(ANNA, runs[0].id).state == "queued"


def test_options_are_checked_wherever_they_come_from(service, videos):
    for values, says in (
        ({"preset": "huge"}, "preset"),
        ({"device": "tpu"}, "device"),
        ({"without": ["everything"]}, "leave out"),
        ({"deformation": "rubber"}, "deformation"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"seed": True}, "seed"),
        ({"nonsense": 1}, "nonsense"),
        ({"without": [3]}, "names"),
        ({"canonical_frame": -1}, "Frames"),
        ({"critic": "sora"}, "critic"),
        ({"strength": 0}, "strength of 0"),
        ({"strength": 10.5}, "strength of 10.5"),
        ({"strength": float("nan")}, "strength of nan"),
        ({"strength": "much"}, "strength"),
        ({"distillation_steps": 0}, "0 distillation"),
        ({"distillation_steps": 20_001}, "20001 distillation"),
        ({"distillation_steps": 2.5}, "distillation_steps"),
        ({"use_cameras": "no"}, "use_cameras"),
    ):
        with pytest.raises(UserError, match=says):
            Options.from_dict(values)
    options = Options(
        preset="paper",
        without=("growth", "exposure"),
        canonical_frame=2,
        critic="ltx-video",
        strength=2.5,
        distillation_steps=40,
    )
    assert Options.from_dict(json.loads(json.dumps(options.as_dict()))) == options
    with pytest.raises(UserError, match="0 to 7"):
        service.submit(ANNA, *videos, Options(canonical_frame=8))
    with pytest.raises(UserError, match="CUDA"):
        service.submit(ANNA, *videos, Options(device="cuda"))
    assert service.runs(ANNA) == []


def rewrite(service: Service, id: str, **options) -> None:
    """Options of a run as another version may have stored them."""
    row = service.store.run(id)
    with service.store.database.writing() as db:
        told = json.dumps(json.loads(row["options"]) | options)
        db.execute("UPDATE runs SET options = ? WHERE id = ?", (told, id))


def test_a_run_with_an_option_that_is_no_more_stays_and_says_what_it_cannot_do(service, videos, monkeypatch):
    kept = Options(seed=7, canonical_frame=2)
    old, new = (service.submit(ANNA, *videos, kept).id for _ in range(2))
    service.cancel(ANNA, old)
    rewrite(service, old, preset="huge", sharpness=3)
    assert [run.id for run in service.runs(ANNA)] == [new, old]
    run = service.run(ANNA, old)
    assert (run.options, run.resumable) == (kept, False)
    assert "preset: huge, sharpness: 3" in run.outdated
    assert not service.run(ANNA, new).outdated
    with pytest.raises(UserError, match="sharpness: 3"):
        service.resume(ANNA, old)
    folder = service.places.run(old)
    for name in ("scene.r4d", "thumbnail.jpg", "manifest.json"):
        (folder / name).write_text("{}")
    monkeypatch.setattr("fourreal.jobs.service.export_child", lambda arguments, *limits: _write(arguments[2]))
    assert service.file(ANNA, old, "scene.r4d").is_file()
    assert service.export(ANNA, old, "ply").is_file()
    assert service.metrics(ANNA, old) == {}
    assert service.journal(ANNA, old) == ([], 0)
    service.rename(ANNA, old, "an old one")
    again = service.duplicate(ANNA, old, service.run(ANNA, old).options)
    assert (again.options, again.outdated) == (kept, "")
    service.delete(ANNA, old)
    assert old not in [run.id for run in service.runs(ANNA)]


def _write(path: str) -> None:
    Path(path).parent.mkdir()
    Path(path).touch()


def test_a_creation_that_asked_for_what_is_no_more_stays_and_says_what_it_cannot_do(service, videos):
    made = service.create(ANNA, Wishes(role="reference", prompt="a red ball bouncing"), count=2)
    service.cancel(ANNA, made.id)
    rewrite(service, made.id, model="gone-9b", sparkle=True, frames=5)
    (found,) = service.creations(ANNA)
    assert (found.wishes.role, found.wishes.prompt) == ("reference", "a red ball bouncing")
    assert (found.wishes.model, found.wishes.frames, found.resumable) == ("gone-9b", 5, False)
    assert "cannot make more" in found.outdated
    place = service.places.run(made.id) / "candidates" / "reference-0.mp4"
    place.parent.mkdir()
    shutil.copy(service.places.video(videos[0]) / "clip.mp4", place)
    service.store.candidates.is_made(made.id, 0)
    about = ANNA, made.id
    for call in (
        lambda: service.more(*about),
        lambda: service.regenerate(*about, 0),
        lambda: service.renew(*about),
        lambda: service.longer(*about, 0, "left"),
        lambda: service.change(*about, 0, 0, 3),
        lambda: service.resume_creation(*about),
        lambda: service.add_own(*about, place, "own"),
    ):
        with pytest.raises(UserError, match="cannot make more"):
            call()
    assert place.is_file()  # what was refused changed nothing
    assert len(service.creation(*about).candidates) == 2
    assert service.take(*about, 0).frames == 8
    service.keep(*about, 0)
    service.discard(*about, 1)
    service.delete(*about)
    assert service.creations(ANNA) == []


@pytest.mark.parametrize("kind", ["reconstruct", "create"])
def test_an_option_that_is_no_more_fails_a_waiting_run_with_a_sentence(kind, service, videos):
    if kind == "create":
        id = service.create(ANNA, Wishes(role="reference", prompt="a red ball bouncing"), count=1).id
        rewrite(service, id, model="gone-9b")
    else:
        id = service.submit(ANNA, *videos, Options()).id
        rewrite(service, id, preset="huge")
    runner = Runner(service.store, service.places, service.store.claim("cpu:0"), PRESETS, OneModel())
    ended = runner.attempt(service.store.run(id))
    assert ended[0] == "failed"
    assert "version" in ended[1]
    assert runner.settle(*ended)
    assert service.store.run(id)["error"] == ended[1]


def calls(service: Service, owner: str, video: str, run: str) -> dict:
    """Every call that names something of a person's."""
    return {
        "video": lambda: service.video(owner, video),
        "video_file": lambda: service.video_file(owner, video, "clip.mp4"),
        "frame": lambda: service.video_file(owner, video, 0),
        "picture": lambda: service.picture(owner, run),
        "trim": lambda: service.trim(owner, video, 0, 3),
        "delete_video": lambda: service.delete_video(owner, video),
        "check": lambda: service.check(owner, video, video),
        "check_further": lambda: service.check_further(owner, video, video, video),
        "further_checks": lambda: service.further_checks(owner, video, video, video),
        "seen_checks": lambda: service.seen_checks(owner, video, video),
        "videos_of": lambda: service.videos_of(owner, run),
        "place": lambda: service.place(owner, video, video, Options()),
        "add_cameras": lambda: service.add_cameras(owner, video, video, Path("cameras.json")),
        "cameras_known": lambda: service.cameras_known(owner, video, video),
        "estimate": lambda: service.estimate(owner, video, video, Options()),
        "submit": lambda: service.submit(owner, video, video, Options()),
        "run": lambda: service.run(owner, run),
        "journal": lambda: service.journal(owner, run),
        "cancel": lambda: service.cancel(owner, run),
        "resume": lambda: service.resume(owner, run),
        "rename": lambda: service.rename(owner, run, "mine"),
        "duplicate": lambda: service.duplicate(owner, run, Options()),
        "delete": lambda: service.delete(owner, run),
        "file": lambda: service.file(owner, run, "inputs/reference.mp4"),
        "export": lambda: service.export(owner, run, "ply"),
        "share": lambda: service.share(owner, run),
        "unshare": lambda: service.unshare(owner, run),
        "share_of": lambda: service.share_of(owner, run),
        "metrics": lambda: service.metrics(owner, run),
        "create": lambda: service.create(owner, FREEZE, reference_id=video),
        "creation": lambda: service.creation(owner, run),
        "resume_creation": lambda: service.resume_creation(owner, run),
        "more": lambda: service.more(owner, run),
        "retry": lambda: service.retry(owner, run, 0),
        "regenerate": lambda: service.regenerate(owner, run, 0),
        "discard": lambda: service.discard(owner, run, 0),
        "restore": lambda: service.restore(owner, run),
        "keep": lambda: service.keep(owner, run, 0),
        "renew": lambda: service.renew(owner, run),
        "add_own": lambda: service.add_own(owner, run, Path("own.mp4"), "own"),
        "change": lambda: service.change(owner, run, 0, 0, 5),
        "longer": lambda: service.longer(owner, run, 0, "left"),
        "take": lambda: service.take(owner, run, 0),
    }


FREEZE = Wishes(role="freeze", prompt="a fox", frame=0)


def test_what_is_anothers_is_not_there_in_the_same_words_as_what_is_nowhere(service, videos):
    run = service.submit(ANNA, *videos, Options()).id
    named = {name for name in dir(Service) if not name.startswith("_")}
    open_to_all = {
        "owner",
        "examples",
        "add_example",
        "add_video",
        "videos",
        "runs",
        "public_file",
        "public_name",
        "devices",
        "close",
        "shared_file",
        "shared_name",
        "ready_film",
        "ready_film_file",
        "models",
        "usual_model",
        "creations",
        "estimate_creation",
        "ablations",
        "ablation_page",
        "next_seed",
    }
    assert named - open_to_all == set(calls(service, BEN, videos[0], run)) - {"frame"}
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
    assert (service.runs(BEN), service.videos(BEN)) == ([], [])
    assert service.run(ANNA, run).state == "queued"
    assert len(service.videos(ANNA)) == 2


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
    run = queue(service.store, ANNA)
    folder = service.places.run(run)
    (tmp_path / "secret.txt").write_text("secret")
    for name in ("thumbnail.jpg", "log.txt", "journal.jsonl", "scene.safetensors"):
        (folder / name).write_text("x")
    for name in ("live", "exports", "work"):
        (folder / name).mkdir()
    (folder / "work" / "lock").touch()
    (folder / "live" / "scene-1.r4d").write_text("x")
    (folder / "exports" / ".hidden.zip").touch()
    assert service.file(ANNA, run, "live/scene-1.r4d") == folder / "live" / "scene-1.r4d"
    assert service.public_file(run, "thumbnail.jpg") == folder / "thumbnail.jpg"
    for name in TRICKS:
        for call in (lambda name=name: service.file(ANNA, run, name), lambda name=name: service.public_file(run, name)):
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
            service.file(ANNA, run, name)
    service.delete(ANNA, run)
    with pytest.raises(UserError, match="no such scene"):
        service.public_file(run, "thumbnail.jpg")


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "/abs/olute.mp4", "nul\0byte", "\n\u202e", "x" * 10_000, "a/b\\c", "."]
)
def test_names_are_for_show_only(name, service, videos):
    run = service.submit(ANNA, *videos, Options(), name)
    assert 0 < len(run.name) <= 80
    assert run.name.isprintable()
    assert {folder.name for folder in service.places.runs.iterdir()} == {run.id}


def test_a_video_by_an_odd_name_lies_where_all_do(service, upload):
    video = service.add_video(ANNA, upload, "../../\n\u202e\0" + "x" * 10_000)
    assert video.name == "../../ " + "x" * 73
    assert [folder.name for folder in service.places.videos.iterdir()] == [video.id]


def test_picture_numbers_and_names_of_videos_are_checked(service, videos):
    for name in (-1, 8, 10**9, "info.json", "../x", "clip.mp4/", "frames/0000.jpg", ""):
        with pytest.raises(UserError):
            service.video_file(ANNA, videos[0], name)


def test_a_disk_that_fills_up_leaves_no_half_run(service, videos, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("fourreal.jobs.service.link", full)
        with pytest.raises(UserError, match="space"):
            service.submit(ANNA, *videos, Options())
    assert list(service.places.runs.iterdir()) == []
    assert service.runs(ANNA) == []
    assert service.submit(ANNA, *videos, Options()).state == "queued"


def test_many_people_at_once(service, videos):
    """Threads of a page: nobody gets an error, and each sees their own."""
    errors, seen = [], {}

    def visit(number: int) -> None:
        owner = Service.owner(f"visitor number {number:08d}")
        try:
            runs = [queue(service.store, owner, f"{number}") for _ in range(3)]
            for _ in range(10):
                assert {run.name for run in service.runs(owner)} == {str(number)}
            service.cancel(owner, runs[0])
            seen[number] = [run.state for run in service.runs(owner)]
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert list(seen.values()) == [["queued", "queued", "stopped"]] * 16


def test_checks_know_whether_anything_speaks_against_a_run():
    fine, unknown, bad = (Verdict("x", ok, "") for ok in (True, None, False))
    assert Checks((fine, unknown), 0, 0).ok
    assert not Checks((fine, bad), 0, 0).ok


def test_studies_of_the_machine_are_there_for_everyone_and_nothing_else_is(service, tmp_path):
    (tmp_path / "secret").mkdir()
    for folder in (tmp_path / "secret", service.places.ablations / "fox", service.places.ablations / ".hidden"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "page.html").write_text("<p>study</p>")
    (service.places.ablations / "linked").symlink_to(tmp_path / "secret")
    assert service.ablations() == ["fox"]
    assert service.ablation_page("fox").read_text() == "<p>study</p>"
    for name in ("linked", ".hidden", "..", "", "fox/", "../ablations/fox", "nothing"):
        with pytest.raises(UserError, match="no such study"):
            service.ablation_page(name)
