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
from fourreal.jobs.claims import Claim
from fourreal.jobs.desk import StoreDesk
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
        shutil.copytree(folder, service.workspace.places.video(id))
        service.workspace.store.add_video(id, ANNA, name, info, None, time.time())
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
reference, freeze = service.library.add_example(owner, service.library.examples()[0].name)
assert service.inspections.check(owner, reference.id, freeze.id).ok
cameras = Path("assets/examples/fox_yard/cameras.json")
assert service.library.add_cameras(owner, reference.id, freeze.id, cameras) == freeze.frames
service.runs.estimate(owner, reference.id, freeze.id, Options())
run = service.runs.submit(owner, reference.id, freeze.id, Options())
service.runs.all(owner), service.jobs.journal(owner, run.id)
service.jobs.cancel(owner, run.id), service.jobs.delete(owner, run.id)
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
    run = service.runs.submit(ANNA, *videos, Options(preset="draft", seed=3), "  My \n scene\u202e ")
    assert (run.name, run.state, run.place, run.has_scene, run.progress) == ("My scene", "queued", 0, False, {})
    assert run.options == Options(preset="draft", seed=3)
    assert service.runs.submit(ANNA, *videos, Options()).place == 1
    folder = service.workspace.places.run(run.id)
    kept = (folder / "inputs" / "reference.mp4").read_bytes()
    for video in videos:
        service.library.delete_video(ANNA, video)
    assert (folder / "inputs" / "reference.mp4").read_bytes() == kept
    assert service.jobs.file(ANNA, run.id, "inputs/freeze.mp4").is_file()
    again = service.runs.duplicate(ANNA, run.id, Options(preset="draft", seed=4))
    assert (service.workspace.places.run(again.id) / "inputs" / "reference.mp4").read_bytes() == kept
    assert again.name == "My scene again"
    service.runs.rename(ANNA, run.id, "<b>other</b>")
    assert [one.name for one in service.runs.all(ANNA)] == ["My scene again", "one", "<b>other</b>"]


def test_an_example_brings_its_cameras_even_for_a_part_of_it(service):
    reference, freeze = service.library.add_example(ANNA, "fox_yard")
    assert (reference.frames, freeze.frames) == (24, 33)
    shipped = json.loads((ROOT / "assets" / "examples" / "fox_yard" / "cameras.json").read_text())
    known = lambda run: json.loads((service.workspace.places.run(run.id) / "inputs" / "cameras.json").read_text())
    whole = service.runs.submit(ANNA, reference.id, freeze.id, Options())
    assert known(whole)["freeze"] == [{**entry} for entry in shipped["freeze"]]
    assert known(whole)["canonical_index"] == shipped["canonical_index"]
    assert whole.example == "fox_yard"
    part = service.library.trim(ANNA, freeze.id, 4, 30)
    early = service.library.trim(ANNA, reference.id, 0, 8)
    cut = service.runs.submit(ANNA, early.id, part.id, Options())
    assert [entry["w2c"] for entry in known(cut)["freeze"]] == [e["w2c"] for e in shipped["freeze"][4:31]]
    assert known(cut)["freeze_reference_index"] == shipped["freeze_reference_index"] - 4
    assert "canonical_index" not in known(cut)  # that moment is cut away
    assert cut.example is None
    mixed = service.runs.submit(ANNA, freeze.id, reference.id, Options())
    assert not (service.workspace.places.run(mixed.id) / "inputs" / "cameras.json").exists()
    with pytest.raises(UserError, match="fox_yard"):
        service.library.add_example(ANNA, "../../etc")


def test_the_checks_of_an_example_speak_for_it_and_are_remembered(service, monkeypatch):
    reference, freeze = service.library.add_example(ANNA, "fox_yard")
    found = service.inspections.check(ANNA, reference.id, freeze.id)
    verdicts = {verdict.name: verdict for verdict in found.verdicts}
    assert {"reference_camera", "frozen_subject", "same_scene", "same_shape", "arc"} == set(verdicts)  # known cameras
    assert found.ok
    assert (found.canonical_frame, found.freeze_frame) == (11, 16)
    assert verdicts["arc"].value == pytest.approx(138, abs=2)
    monkeypatch.setattr(asking, "look", None)
    assert service.inspections.check(ANNA, reference.id, freeze.id) == found


def test_a_run_is_handed_the_moment_that_the_checks_saw(service, videos, monkeypatch):
    asked = []
    monkeypatch.setattr("fourreal.pipeline.reconstruct", lambda request, *_: asked.append(request))
    monkeypatch.setattr("fourreal.jobs.reconstructing.final_files", lambda *_: None)

    def request(run):
        folder = service.workspace.places.run(run.id)
        Reconstructing(
            folder,
            service.workspace.store.run(run.id),
            StoreDesk(service.workspace.store, Claim(run.id, 1)),
            {},
            OneModel(),
        ).do(Live(folder), CancelToken())
        return asked.pop()

    unseen = service.runs.submit(ANNA, *videos, Options())
    assert request(unseen).meeting is None
    seen = Checks((Verdict("same_scene", True, "They meet."),), 3, 7)
    monkeypatch.setattr(asking, "look", lambda *_: (seen, {}))
    service.inspections.check(ANNA, *videos)
    run = service.runs.submit(ANNA, *videos, Options())
    again = service.runs.duplicate(ANNA, run.id, Options(canonical_frame=5))
    assert (request(run).canonical_frame, request(run).meeting) == (None, (3, 7))
    assert (request(again).canonical_frame, request(again).meeting) == (5, (3, 7))
    (service.workspace.places.run(again.id) / "inputs" / "meeting.json").write_text(
        "[3,"
    )  # it is the same file in both runs
    service.workspace.places.checks(videos[1], videos[0]).write_text("")
    assert request(run).meeting is None
    assert service.inspections.check(ANNA, *videos) == seen
    other = Checks((Verdict("same_scene", False, "They do not."),), None, None)
    monkeypatch.setattr(asking, "look", lambda *_: (other, {}))
    service.inspections.check(ANNA, *reversed(videos))
    assert request(service.runs.submit(ANNA, *reversed(videos), Options())).meeting is None


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
    narrow = service.library.add_video(ANNA, encode(tmp_path / "narrow.mp4", numbered(size=(32, 48))), "narrow.mp4")
    found = service.inspections.check(ANNA, videos[0], narrow.id)
    verdicts = {verdict.name: verdict.ok for verdict in found.verdicts}
    assert not found.ok
    assert verdicts["same_shape"] is None  # each is taken as it is
    assert verdicts["freeze_camera"] is False
    reference, _ = service.library.add_example(ANNA, "fox_yard")
    _, freeze = service.library.add_example(ANNA, "robot_dance")
    found = service.inspections.check(ANNA, reference.id, freeze.id)
    assert {verdict.name: verdict.ok for verdict in found.verdicts}["same_scene"] is None
    assert (found.canonical_frame, found.freeze_frame) == (None, None)


def test_a_cap_of_waiting_runs_and_a_sentence_about_it(service, videos):
    service.workspace.limits = replace(service.workspace.limits, queued_per_person=2)
    runs = [service.runs.submit(ANNA, *videos, Options()) for _ in range(2)]
    with pytest.raises(UserError, match="2 jobs waiting"):
        service.runs.submit(ANNA, *videos, Options())
    with pytest.raises(UserError, match="2 jobs waiting"):
        service.runs.duplicate(ANNA, runs[0].id, Options())
    assert {folder.name for folder in service.workspace.places.runs.iterdir()} == {run.id for run in runs}
    service.jobs.cancel(ANNA, runs[0].id)
    service.runs.submit(ANNA, *videos, Options())
    with pytest.raises(UserError, match="waiting"):
        service.runs.resume(ANNA, runs[0].id)
    service.jobs.cancel(ANNA, runs[1].id)
    service.runs.resume(ANNA, runs[0].id)
    assert service.runs.get(ANNA, runs[0].id).state == "queued"


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
        service.runs.submit(ANNA, *videos, Options(canonical_frame=8))
    with pytest.raises(UserError, match="CUDA"):
        service.runs.submit(ANNA, *videos, Options(device="cuda"))
    assert service.runs.all(ANNA) == []


def rewrite(service: Service, id: str, **options) -> None:
    """Options of a run as another version may have stored them."""
    row = service.workspace.store.run(id)
    with service.workspace.store.database.writing() as db:
        told = json.dumps(json.loads(row["options"]) | options)
        db.execute("UPDATE runs SET options = ? WHERE id = ?", (told, id))


def test_a_run_with_an_option_that_is_no_more_stays_and_says_what_it_cannot_do(service, videos, monkeypatch):
    kept = Options(seed=7, canonical_frame=2)
    old, new = (service.runs.submit(ANNA, *videos, kept).id for _ in range(2))
    service.jobs.cancel(ANNA, old)
    rewrite(service, old, preset="huge", sharpness=3)
    assert [run.id for run in service.runs.all(ANNA)] == [new, old]
    run = service.runs.get(ANNA, old)
    assert (run.options, run.resumable) == (kept, False)
    assert "preset: huge, sharpness: 3" in run.outdated
    assert not service.runs.get(ANNA, new).outdated
    with pytest.raises(UserError, match="sharpness: 3"):
        service.runs.resume(ANNA, old)
    folder = service.workspace.places.run(old)
    for name in ("scene.r4d", "thumbnail.jpg", "manifest.json"):
        (folder / name).write_text("{}")
    monkeypatch.setattr("fourreal.jobs.exports.export_child", lambda arguments, *limits: _write(arguments[2]))
    assert service.jobs.file(ANNA, old, "scene.r4d").is_file()
    assert service.exports.make(ANNA, old, "ply").is_file()
    assert service.runs.metrics(ANNA, old) == {}
    assert service.jobs.journal(ANNA, old) == ([], 0)
    service.runs.rename(ANNA, old, "an old one")
    again = service.runs.duplicate(ANNA, old, service.runs.get(ANNA, old).options)
    assert (again.options, again.outdated) == (kept, "")
    service.jobs.delete(ANNA, old)
    assert old not in [run.id for run in service.runs.all(ANNA)]


def _write(path: str) -> None:
    Path(path).parent.mkdir()
    Path(path).touch()


def test_a_creation_that_asked_for_what_is_no_more_stays_and_says_what_it_cannot_do(service, videos):
    made = service.creations.create(ANNA, Wishes(role="reference", prompt="a red ball bouncing"), count=2)
    service.jobs.cancel(ANNA, made.id)
    rewrite(service, made.id, model="gone-9b", sparkle=True, frames=5)
    (found,) = service.creations.all(ANNA)
    assert (found.wishes.role, found.wishes.prompt) == ("reference", "a red ball bouncing")
    assert (found.wishes.model, found.wishes.frames, found.resumable) == ("gone-9b", 5, False)
    assert "cannot make more" in found.outdated
    place = service.workspace.places.run(made.id) / "candidates" / "reference-0.mp4"
    place.parent.mkdir()
    shutil.copy(service.workspace.places.video(videos[0]) / "clip.mp4", place)
    service.workspace.store.candidates.is_made(made.id, 0)
    about = ANNA, made.id
    for call in (
        lambda: service.candidates.more(*about),
        lambda: service.candidates.regenerate(*about, 0),
        lambda: service.candidates.renew(*about),
        lambda: service.candidates.longer(*about, 0, "left"),
        lambda: service.candidates.change(*about, 0, 0, 3),
        lambda: service.creations.resume(*about),
        lambda: service.candidates.add_own(*about, place, "own"),
    ):
        with pytest.raises(UserError, match="cannot make more"):
            call()
    assert place.is_file()  # what was refused changed nothing
    assert len(service.creations.get(*about).candidates) == 2
    assert service.candidates.take(*about, 0).frames == 8
    service.candidates.keep(*about, 0)
    service.candidates.discard(*about, 1)
    service.jobs.delete(*about)
    assert service.creations.all(ANNA) == []


@pytest.mark.parametrize("kind", ["reconstruct", "create"])
def test_an_option_that_is_no_more_fails_a_waiting_run_with_a_sentence(kind, service, videos):
    if kind == "create":
        id = service.creations.create(ANNA, Wishes(role="reference", prompt="a red ball bouncing"), count=1).id
        rewrite(service, id, model="gone-9b")
    else:
        id = service.runs.submit(ANNA, *videos, Options()).id
        rewrite(service, id, preset="huge")
    runner = Runner(
        service.workspace.store,
        service.workspace.places,
        service.workspace.store.claims.take("cpu:0"),
        PRESETS,
        OneModel(),
    )
    ended = runner.attempt(service.workspace.store.run(id))
    assert ended[0] == "failed"
    assert "version" in ended[1]
    assert runner.settle(*ended)
    assert service.workspace.store.run(id)["error"] == ended[1]


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
    "exports.ready_film",
    "exports.ready_film_file",
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


def test_a_disk_that_fills_up_leaves_no_half_run(service, videos, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("fourreal.jobs.runs.link", full)
        with pytest.raises(UserError, match="space"):
            service.runs.submit(ANNA, *videos, Options())
    assert list(service.workspace.places.runs.iterdir()) == []
    assert service.runs.all(ANNA) == []
    assert service.runs.submit(ANNA, *videos, Options()).state == "queued"


def test_many_people_at_once(service, videos):
    """Threads of a page: nobody gets an error, and each sees their own."""
    errors, seen = [], {}

    def visit(number: int) -> None:
        owner = Service.owner(f"visitor number {number:08d}")
        try:
            runs = [queue(service.workspace.store, owner, f"{number}") for _ in range(3)]
            for _ in range(10):
                assert {run.name for run in service.runs.all(owner)} == {str(number)}
            service.jobs.cancel(owner, runs[0])
            seen[number] = [run.state for run in service.runs.all(owner)]
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
