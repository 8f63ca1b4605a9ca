"""The whole way of a job on a tiny scene: submitted, run, stopped, continued; and killed, in processes of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import torch
from fit_samples import CANONICAL, FRAMES, observations
from job_runner import CHECKPOINT_SECONDS, PRESETS, STEPS
from job_samples import ANNA, PATIENCE, hand, runners, until
from PIL import Image

from fourreal import cli, clip
from fourreal.clip import Clip
from fourreal.description import Options
from fourreal.errors import UserError
from fourreal.fit import loop
from fourreal.installed import ROOT
from fourreal.jobs import exports, journal
from fourreal.jobs.children import environment
from fourreal.jobs.service import Service
from fourreal.scene import bundle
from fourreal.scene.r4d import read_r4d
from fourreal.settings import JobLimits

CRITIC = "wan-vace-1.3b"


def write(frames: torch.Tensor, path: Path) -> Path:
    clip.write(Clip((frames * 255).round().byte().numpy(), 12.0), path)
    return path


class House:
    """A data folder with a service, a worker, and the two tiny videos in it."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.service = Service(self.data, replace(JobLimits(), free_bytes=0))
        self.service.workspace.store.remember("devices", [{"kind": "cpu", "name": "cpu", "memory_mb": None}])
        seen = observations()
        self.cameras = {
            "intrinsics": dict(zip(("fx", "fy", "cx", "cy"), seen.freeze_cameras.intrinsics.tolist(), strict=True))
            | {"w": seen.freeze_cameras.size[0], "h": seen.freeze_cameras.size[1]},
            "freeze": [{"w2c": pose} for pose in seen.freeze_cameras.world_to_camera.tolist()],
            "reference": [{"w2c": seen.reference_camera.world_to_camera[0].tolist()}],
        }
        self.reference, self.freeze = (
            self.service.library.add_video(ANNA, write(getattr(seen, name), folder / f"{name}.mp4"), f"{name}.mp4").id
            for name in ("reference", "freeze")
        )
        self.halted = contextlib.nullcontext()

    def submit(self, preset: str = "draft", seed: int = 0, **others) -> str:
        """A run with known cameras, which only examples have otherwise."""
        options = Options(preset=preset, seed=seed, **others)
        with self.halted:
            run = self.service.runs.submit(ANNA, self.reference, self.freeze, options, "tiny").id
            (self.data / "runs" / run / "inputs" / "cameras.json").write_text(json.dumps(self.cameras))
        return run

    def state(self, run: str) -> str:
        return self.service.runs.get(ANNA, run).state

    def wait(self, run: str, state: str = "done") -> None:
        over = until(lambda: self.state(run) not in ("queued", "running") and self.state(run), "the end")
        assert over == state, self.service.runs.get(ANNA, run).error

    def lines(self, run: str) -> list[dict]:
        return self.service.jobs.journal(ANNA, run)[0]

    def fitting(self, run: str):
        """True once a checkpoint of the first stage is there."""
        return lambda: list((self.data / "runs" / run / "work").glob("canonical-*.checkpoint"))


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A house whose runs are done by a thread of this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "CHECKPOINT_SECONDS", CHECKPOINT_SECONDS)
        house = House(tmp_path_factory.mktemp("house"))
        with hand(house.data, PRESETS) as house.halted:
            yield house
        house.service.close()


@pytest.fixture
def worker(tmp_path):
    """A house and a worker process, whose runs are processes as well; `worker.house`, `worker.start()`."""
    worker = RealWorker(House(tmp_path))
    yield worker
    worker.process.terminate()
    worker.process.wait(PATIENCE)
    worker.house.service.close()


class RealWorker:
    def __init__(self, house: House) -> None:
        self.house = house
        self.start()

    def start(self) -> None:
        command = [sys.executable, str(Path(__file__).with_name("job_runner.py")), "worker", str(self.house.data)]
        with open(self.house.data / "worker.log", "ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=ROOT, env=environment(), start_new_session=True
            )
        self.house.halted = self.halted()

    @contextmanager
    def halted(self):
        """It takes nothing from the line meanwhile."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)
            self.house.halted = self.halted()


@pytest.fixture(scope="module")
def finished(house) -> str:
    run = house.submit()
    house.wait(run)
    return run


def test_a_run_leaves_what_the_page_shows(house, finished):
    run = house.service.runs.get(ANNA, finished)
    assert (run.state, run.place, run.has_scene, run.error) == ("done", 0, True, "")
    assert run.finished > run.started >= run.created
    assert run.seconds == pytest.approx(run.finished - run.started, abs=1)
    scene = read_r4d(house.service.jobs.file(ANNA, finished, "scene.r4d").read_bytes())
    manifest = json.loads(house.service.jobs.file(ANNA, finished, "manifest.json").read_text())
    assert scene.header["name"] == "tiny"
    assert (scene.header["splats"], scene.header["frames"]) == (manifest["splats"], FRAMES)
    with Image.open(house.service.jobs.public_file(finished, "thumbnail.jpg")) as picture:
        shown = np.asarray(picture.resize((48, 32)), dtype=float) / 255
    video = clip.read(house.data / "videos" / house.reference / "clip.mp4").frames[CANONICAL] / 255
    assert np.abs(shown - video).mean() < 0.1
    metrics = house.service.runs.metrics(ANNA, finished)
    assert metrics["splats"] == manifest["splats"]
    assert metrics["stages"]["canonical"]["psnr"] > 10
    assert metrics["cameras"]["method"] == "given"
    assert not list((house.data / "runs" / finished).glob("tmp"))


def test_the_journal_tells_the_story_and_names_what_is_there(house, finished):
    lines = house.lines(finished)
    stages = [line["stage"] for line in lines if line["steps"]]
    assert list(dict.fromkeys(stages)) == ["canonical", "motion: field", "motion: growth", "motion: joint"]
    keys = {"stage", "step", "steps", "seconds_left", "values", "message", "scene", "preview", "critique", "time"}
    assert all(set(line) == keys for line in lines)
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    shown = {kind: [line[kind] for line in lines if line[kind]] for kind in ("scene", "preview")}
    for names in shown.values():
        assert len(set(names)) == len(names) > 0
        there = {path.name for path in (house.data / "runs" / finished / "live").glob(f"{names[0].split('-')[0]}-*")}
        assert there == set(names[-2:])
    first = next(i for i, line in enumerate(lines) if line["scene"])
    assert lines[first]["stage"] == "canonical"
    live = read_r4d(house.service.jobs.file(ANNA, finished, f"live/{shown['scene'][-1]}").read_bytes())
    assert live.header["progress"]["stage"] in {*stages, "motion"}  # a finished stage is shown once more
    layout = json.loads(house.service.jobs.file(ANNA, finished, "live/layout.json").read_text())
    assert np.array(layout["cameras"]).shape == (9, 4, 4)
    assert np.array(layout["points"]).shape == np.array(layout["colors"]).shape
    assert len(layout["points"]) > 0


def test_reading_the_journal_in_parts_is_reading_it_whole(house, finished, monkeypatch):
    whole, end = house.service.jobs.journal(ANNA, finished)
    monkeypatch.setattr(journal, "MOST_BYTES", 4096)
    parts, offset = [], 0
    while offset < end:
        lines, offset = house.service.jobs.journal(ANNA, finished, offset)
        parts += lines
    assert parts == whole
    assert house.service.jobs.journal(ANNA, finished, end) == ([], end)


def test_exports_are_made_once_until_the_scene_changes(house, finished, monkeypatch):
    path = house.service.exports.make(ANNA, finished, "ply")  # by a child, as for people; what follows in this process
    monkeypatch.setattr(exports, "export_child", lambda arguments, *limits: cli.main(["export", *arguments]))
    before = path.stat().st_mtime_ns
    assert house.service.exports.make(ANNA, finished, "ply").stat().st_mtime_ns == before
    assert house.service.jobs.file(ANNA, finished, "exports/ply.zip") == path
    assert house.service.exports.make(ANNA, finished, "r4d").name == "scene.r4d"
    os.utime(path, (0, 0))
    assert house.service.exports.make(ANNA, finished, "ply").stat().st_mtime_ns > before
    film = house.service.exports.make(ANNA, finished, "mp4", "swing")
    assert clip.probe(film).frames > 1
    with pytest.raises(UserError, match="no path"):
        house.service.exports.make(ANNA, finished, "mp4", "../../x")
    with pytest.raises(UserError, match="no format"):
        house.service.exports.make(ANNA, finished, "exe")


def test_other_settings_on_the_same_videos_do_only_what_they_change(house, finished):
    again = house.service.runs.duplicate(ANNA, finished, Options(preset="draft", without=("joint-finetune",)))
    house.wait(again.id)
    assert [line["stage"] for line in house.lines(again.id) if line["steps"]] == []  # all its phases were there
    manifest = json.loads(house.service.jobs.file(ANNA, again.id, "manifest.json").read_text())
    assert manifest["options"]["without"] == ["joint-finetune"]
    house.service.jobs.delete(ANNA, again.id)
    assert not (house.data / "runs" / again.id).exists()
    assert bundle.load(house.data / "runs" / finished).frames == FRAMES


def test_stop_and_keep_then_go_on(house):
    run = house.submit("standard")
    until(house.fitting(run), "a checkpoint")
    with pytest.raises(UserError, match="not finished"):
        house.service.exports.make(ANNA, run, "ply")
    house.service.jobs.cancel(ANNA, run, keep=True)
    house.wait(run, "stopped")
    assert house.service.runs.get(ANNA, run).has_scene
    manifest = json.loads(house.service.jobs.file(ANNA, run, "manifest.json").read_text())
    assert manifest["stopped"]["stage"] == "canonical"
    assert house.service.runs.metrics(ANNA, run)["stopped"] == manifest["stopped"]
    house.service.runs.resume(ANNA, run)
    house.wait(run)
    assert "stopped" not in json.loads(house.service.jobs.file(ANNA, run, "manifest.json").read_text())


def test_stopped_for_good_it_frees_the_device_and_still_can_go_on(house):
    run = house.submit("standard")
    until(house.fitting(run), "a checkpoint")
    house.service.jobs.cancel(ANNA, run)
    house.wait(run, "stopped")
    assert not house.service.runs.get(ANNA, run).has_scene
    house.service.runs.resume(ANNA, run)
    until(lambda: any("scene" in line for line in house.lines(run)[-1:]) and house.state(run) == "running", "going on")
    house.service.jobs.cancel(ANNA, run)
    house.wait(run, "stopped")


@pytest.mark.slow
def test_killed_in_the_middle_runner_and_worker_the_run_goes_on_from_its_checkpoint(worker):
    house = worker.house
    run = house.submit("standard")
    until(house.fitting(run), "a checkpoint")
    (pid,) = runners(worker.process.pid)
    os.kill(pid, signal.SIGKILL)
    steps = lambda: [line["step"] for line in house.lines(run) if line["stage"] == "canonical" and line["steps"]]
    until(lambda: any("goes on" in line["message"] for line in house.lines(run)), "the note")
    before = len(steps())
    until(lambda: len(steps()) > before + 2, "going on")
    assert steps()[before] > 1, "it began anew"
    worker.process.kill()  # and now both at once
    worker.process.wait()
    before = len(steps())
    worker.start()
    until(lambda: len(steps()) > before + 2, "going on")
    house.wait(run)
    assert house.service.runs.get(ANNA, run).has_scene
    assert [line["step"] for line in house.lines(run) if line["stage"] == "canonical"][-1] == STEPS


def test_on_a_full_disk_a_run_fails_in_words_and_can_be_resumed(house, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        run = house.submit()
        house.wait(run, "failed")
    assert "disk is full" in house.service.runs.get(ANNA, run).error
    assert not house.service.runs.get(ANNA, run).has_scene
    assert not list((house.data / "runs" / run).glob("manifest.json"))
    house.service.runs.resume(ANNA, run)
    house.wait(run)


def test_what_a_person_can_mend_is_said_and_nothing_of_our_disk(house):
    run = house.service.runs.submit(ANNA, house.freeze, house.freeze, Options(preset="draft")).id
    house.wait(run, "failed")
    error = house.service.runs.get(ANNA, run).error
    assert error
    assert str(house.data) not in error
    assert "Traceback" not in error


def test_a_bug_is_said_shortly_and_its_traceback_is_in_the_log(worker):
    """Through a worker and a runner of their own, as it is for people."""
    house = worker.house
    with house.halted:
        run = house.service.runs.submit(ANNA, house.reference, house.freeze, Options(preset="draft")).id
        with house.service.workspace.store.database.writing() as db:  # a preset that is unknown to this runner
            db.execute('UPDATE runs SET options = \'{"preset": "paper"}\' WHERE id = ?', (run,))
    house.wait(run, "failed")
    assert "log.txt" in house.service.runs.get(ANNA, run).error
    assert "Traceback" in (house.data / "runs" / run / "log.txt").read_text()


@pytest.mark.slow
def test_a_video_model_criticises_and_where_it_cannot_be_had_it_goes_on_without(house, monkeypatch, tmp_path):
    tiny_models.save(CRITIC, tmp_path / CRITIC)
    monkeypatch.setenv("FOURREAL_MODELS", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    wanted = {"prompt": "a box", "strength": 2.0, "distillation_steps": 4}
    before = house.service.runs.estimate(
        ANNA, house.reference, house.freeze, Options(preset="draft", critic=CRITIC)
    ).critic
    assert (before.seconds, before.steps) == (None, 180)  # of the real preset, not of this runner's
    assert "not measured" in before.reason
    runs = [house.submit(critic=critic, **wanted) for critic in (CRITIC, "ltx-video")]
    manifests = []
    for run in runs:
        house.wait(run)
        manifests.append(json.loads((house.data / "runs" / run / "manifest.json").read_text()))
    assert manifests[0]["critic"].startswith(CRITIC)
    assert manifests[1]["critic"] is None
    assert any("without a video model" in note for note in manifests[1]["notes"])
    distilled = manifests[0]["settings"]["distillation"]
    assert (distilled["canonical_steps"] + distilled["motion_steps"], distilled["strength"]) == (4, 2.0)
    assert manifests[0]["distillation"]["steps"] == 4
    lines = house.lines(runs[0])
    critiques = [line["critique"] for line in lines if line["critique"]]
    with Image.open(house.service.jobs.public_file(runs[0], f"live/{critiques[-1]}")) as picture:
        assert picture.width > picture.height
    assert any("distillation" in line["values"] for line in lines)
    assert not any(line["critique"] for line in house.lines(runs[1]))
    options = house.service.runs.get(ANNA, runs[0]).options
    assert (options.strength, options.distillation_steps) == (2.0, 4)
    again = house.service.runs.duplicate(ANNA, runs[0], replace(options, strength=1.0))
    assert again.options == replace(options, strength=1.0)
    house.service.jobs.delete(ANNA, again.id)
    without, with_it = list(house.service.workspace.store.costs())[
        :2
    ]  # a run that had to do without is like one that did so
    assert (without["critic"], without["distillation_steps"], without["distillation_pace"]) == (None, 0, None)
    assert (with_it["critic"], with_it["distillation_steps"]) == (CRITIC, 4)
    assert with_it["distillation_pace"] == pytest.approx(manifests[0]["distillation"]["seconds"] / 4)
