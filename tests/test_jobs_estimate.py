"""Estimates: learned from earlier runs, else guessed from the schedule; refused only where it cannot fit."""

import json
from dataclasses import replace

import pytest

from fourreal.jobs import devices
from fourreal.jobs import estimate as module
from fourreal.jobs.estimate import estimate, memory_of_machine, spoken
from fourreal.jobs.values import Options
from fourreal.settings import JobLimits

GB = 2**30
CPU = [devices.CPU]
GPU = [{"kind": "cuda", "name": "Some GPU", "memory_mb": 24_000.0}]
DEFAULTS = Options()
LIMITS = replace(JobLimits(), free_bytes=0)


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """Two cores, 16 GB."""
    monkeypatch.setattr(module, "cores", lambda: 2)
    monkeypatch.setattr(module, "memory_of_machine", lambda: 16 * GB)


def cost(**changes) -> dict:
    return {
        "preset": "draft", "device": "cpu", "deformation": None, "without": [], "cameras_known": True,
        "seconds": 100.0, "memory_mb": 800.0, "disk_mb": 20.0,
    } | changes  # fmt: skip


def ask(tmp_path, options=DEFAULTS, found=CPU, earlier=(), known: bool = True, place: int = 0, limits=LIMITS):
    return estimate(options, known, found, list(earlier), place, tmp_path, limits)


def test_draft_is_what_it_was_measured_to_be(tmp_path):
    known, estimated = ask(tmp_path), ask(tmp_path, known=False)
    assert 140 < known.seconds < 200
    assert 20 < estimated.seconds - known.seconds < 80
    assert known.memory_mb < 1024
    assert known.fits
    assert (known.device, known.place) == ("cpu", 0)


def test_earlier_runs_like_it_know_better(tmp_path):
    found = ask(tmp_path, earlier=[cost(seconds=s) for s in (300, 500, 400)], place=4)
    assert found.seconds == pytest.approx(400, abs=30)
    assert found.memory_mb == 800
    assert "3" in found.reason
    assert found.place == 4
    unlike = [
        cost(preset="standard"), cost(device="cuda"), cost(deformation="mlp"), cost(without=["growth"]),
        cost(cameras_known=False),
    ]  # fmt: skip
    assert ask(tmp_path, earlier=unlike) == ask(tmp_path)


def test_larger_presets_are_allowed_on_a_cpu_with_a_word_about_the_hours(tmp_path):
    draft, standard, paper = (ask(tmp_path, Options(preset=name)) for name in ("draft", "standard", "paper"))
    assert draft.seconds < standard.seconds < paper.seconds
    assert draft.memory_mb < standard.memory_mb < paper.memory_mb
    assert (standard.fits, paper.fits) == (True, True)
    assert "minutes" in standard.reason
    assert "hours" in paper.reason
    assert ask(tmp_path, Options(deformation="mlp")).seconds > 3 * draft.seconds


def test_what_cannot_be_held_is_refused_with_a_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "memory_of_machine", lambda: 2 * GB)
    small = ask(tmp_path, Options(preset="paper"))
    assert not small.fits
    assert "memory" in small.reason
    assert ask(tmp_path).fits
    full = ask(tmp_path, limits=replace(LIMITS, free_bytes=10**18))
    assert not full.fits
    assert "disk" in full.reason
    assert not ask(tmp_path, Options(device="cuda")).fits
    tiny_gpu = [GPU[0] | {"memory_mb": 500.0}]
    assert "GPU" in ask(tmp_path, found=tiny_gpu).reason


def test_on_a_gpu_what_was_not_measured_is_not_made_up(tmp_path):
    found = ask(tmp_path, found=GPU)
    assert found.seconds is None
    assert found.fits
    assert "not measured" in found.reason
    assert found.device == "Some GPU"
    learned = ask(tmp_path, found=GPU, earlier=[cost(preset="standard", device="cuda", seconds=200.0)])
    assert learned.seconds == pytest.approx(200, abs=30)
    assert ask(tmp_path, Options(device="cpu"), found=GPU).device == "cpu"


def test_durations_in_words():
    assert spoken(1409) == "23 minutes"
    assert spoken(42_678) == "12 hours"


def test_a_container_has_the_memory_of_its_group(monkeypatch, tmp_path):
    monkeypatch.undo()
    whole = memory_of_machine()
    assert whole > 2**28
    (tmp_path / "memory.max").write_text(f"{2**28}\n")
    monkeypatch.setattr(module, "CGROUP_FILES", (str(tmp_path / "memory.max"),))
    assert memory_of_machine() == 2**28
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_of_machine() >= whole


def test_the_devices_of_this_machine_can_be_told():
    found = devices.find()
    assert found
    assert all(set(device) == {"kind", "name", "memory_mb"} for device in json.loads(json.dumps(found)))
