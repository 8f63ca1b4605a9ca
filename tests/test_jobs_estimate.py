"""Estimates: learned from earlier runs, else guessed from the schedule; refused only where it cannot fit."""

import json
from dataclasses import replace

import pytest

from fourreal import system
from fourreal.description import Options
from fourreal.jobs import devices
from fourreal.jobs import estimate as module
from fourreal.jobs.critic_estimate import estimate_with_critic
from fourreal.jobs.estimate import estimate, memory_of_machine, spoken
from fourreal.settings import JobLimits

GB = 2**30
CPU = [devices.CPU]
GPU = [{"kind": "cuda", "name": "Some GPU", "memory_mb": 24_000.0}]
DEFAULTS = Options()
LIMITS = replace(JobLimits(), free_bytes=0)


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """Two cores, 16 GB."""
    monkeypatch.setattr(system, "processors", lambda: 2)
    monkeypatch.setattr(module, "memory_of_machine", lambda: 16 * GB)


def cost(**changes) -> dict:
    return {
        "preset": "draft",
        "device": "cpu",
        "deformation": None,
        "without": [],
        "cameras_given": True,
        "seconds": 100.0,
        "memory_mb": 800.0,
        "disk_mb": 20.0,
    } | changes


def ask(
    tmp_path, options=DEFAULTS, device=CPU, earlier=(), with_cameras: bool = True, place: int = 0, limits=LIMITS, more=0
):
    return estimate(options, with_cameras, device, list(earlier), place, tmp_path, limits, more)


def test_draft_is_what_it_was_measured_to_be(tmp_path):
    given, estimated = ask(tmp_path), ask(tmp_path, with_cameras=False)
    assert 140 < given.seconds < 200
    assert 20 < estimated.seconds - given.seconds < 80
    assert given.memory_mb < 1024
    assert given.fits
    assert (given.device, given.place) == ("cpu", 0)


def test_further_videos_take_time_and_memory_of_their_own(tmp_path):
    two, five = ask(tmp_path), ask(tmp_path, more=3)
    assert five.seconds - two.seconds > 30
    assert five.memory_mb - two.memory_mb > 50
    earlier = [cost(seconds=100.0), cost(seconds=900.0, further=3)]
    assert ask(tmp_path, earlier=earlier).seconds < 200
    assert ask(tmp_path, earlier=earlier, more=3).seconds > 900


def test_earlier_runs_like_it_know_better(tmp_path):
    estimated = ask(tmp_path, earlier=[cost(seconds=s) for s in (300, 500, 400)], place=4)
    assert estimated.seconds == pytest.approx(400, abs=30)
    assert estimated.memory_mb == 800
    assert "3" in estimated.reason
    assert estimated.place == 4
    unlike = [
        cost(preset="standard"),
        cost(device="cuda"),
        cost(deformation="mlp"),
        cost(without=["growth"]),
        cost(cameras_given=False),
    ]
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
    assert "GPU" in ask(tmp_path, device=tiny_gpu).reason


def test_on_a_gpu_what_was_not_measured_is_not_made_up(tmp_path):
    estimated = ask(tmp_path, device=GPU)
    assert estimated.seconds is None
    assert estimated.fits
    assert "not measured" in estimated.reason
    assert estimated.device == "Some GPU"
    learned = ask(tmp_path, device=GPU, earlier=[cost(preset="standard", device="cuda", seconds=200.0)])
    assert learned.seconds == pytest.approx(200, abs=30)
    assert ask(tmp_path, Options(device="cpu"), device=GPU).device == "cpu"


# --- With a video model as critic ----------------------------------------------------------------------------------

CRITIC = Options(preset="draft", critic="wan-vace-1.3b", prompt="a fox")


def ask_critic(tmp_path, options=CRITIC, device=CPU, earlier=()):
    return estimate_with_critic(options, True, device, list(earlier), 0, tmp_path, LIMITS)


@pytest.fixture
def room(monkeypatch):
    """64 GB for the model."""
    monkeypatch.setattr("fourreal.jobs.create_estimate.memory_of_machine", lambda: 64 * GB)


def criticised(**changes) -> dict:
    more = {"critic": "wan-vace-1.3b", "distillation_steps": 180, "distillation_pace": 0.5, "memory_mb": 5000.0}
    return cost(**more | changes)


def test_without_a_critic_nothing_is_told_of_one(tmp_path):
    assert ask_critic(tmp_path, DEFAULTS) == ask(tmp_path)
    assert ask(tmp_path).critic is None


def test_what_was_not_measured_of_a_critic_is_said_to_be_so(tmp_path, room):
    bare, estimated = ask(tmp_path), ask_critic(tmp_path)
    assert estimated.seconds is None
    assert (estimated.critic.steps, estimated.critic.seconds) == (30 + 150, None)
    assert estimated.critic.seconds_without == bare.seconds
    assert "not measured" in estimated.critic.reason
    assert estimated.memory_mb == pytest.approx(bare.memory_mb + estimated.critic.memory_mb)
    assert 35_000 < estimated.critic.memory_mb < 40_000  # 8 billion weights at four bytes, and what they work on
    assert "words" in ask_critic(tmp_path, replace(CRITIC, prompt=" ")).critic.reason
    assert "words" not in estimated.critic.reason


def test_earlier_runs_tell_what_a_critics_steps_take(tmp_path, room):
    earlier = [criticised(distillation_pace=pace, seconds=300.0) for pace in (0.4, None, 0.6)]
    same = ask_critic(tmp_path, earlier=earlier)
    assert same.critic.seconds == pytest.approx(180 * 0.5)
    assert same.seconds == pytest.approx(300, abs=30)
    assert same.memory_mb == 5000
    fewer = ask_critic(tmp_path, replace(CRITIC, distillation_steps=60, strength=3), earlier=earlier)
    assert (fewer.critic.steps, fewer.critic.seconds) == (60, pytest.approx(30))
    bare = fewer.critic.seconds_without
    assert bare + 30 < fewer.seconds < bare + 30 + 0.1 * bare  # its own phase has steps of the usual kind, too
    half = ask_critic(tmp_path, replace(CRITIC, without=("multi-view-sds",)), earlier=earlier)
    assert half.critic.steps == 150
    unlike = [criticised(critic="ltx-video"), criticised(device="cuda"), criticised(preset="standard")]
    assert ask_critic(tmp_path, earlier=unlike) == ask_critic(tmp_path)
    assert ask(tmp_path, earlier=earlier) == ask(tmp_path)  # nor do they tell of runs without one


@pytest.mark.parametrize("options", [CRITIC, replace(CRITIC, without=("multi-view-sds", "joint-sds"))])
def test_a_critic_that_cannot_be_asked_is_done_without_and_that_is_said(tmp_path, options, monkeypatch):
    memory = 2 * GB if options is CRITIC else 64 * GB
    monkeypatch.setattr("fourreal.jobs.create_estimate.memory_of_machine", lambda: memory)
    estimated = ask_critic(tmp_path, options)
    assert estimated.fits
    assert (estimated.seconds, estimated.critic.steps) == (ask(tmp_path, options).seconds, 0)
    assert "without the video model" in estimated.critic.reason


def test_a_critic_whose_parts_take_turns_on_the_gpu_takes_what_memory_there_is(tmp_path, room):
    whole = ask_critic(tmp_path, device=[GPU[0] | {"memory_mb": 60_000.0}])
    assert 20_000 < whole.critic.memory_mb < 25_000
    tight = ask_critic(tmp_path, device=[GPU[0] | {"memory_mb": 18_000.0}])
    assert (tight.critic.memory_mb, tight.memory_mb) == (None, None)
    assert "waiting" in tight.critic.reason
    assert tight.fits


def test_durations_in_words():
    assert spoken(1409) == "23 minutes"
    assert spoken(42_678) == "12 hours"


def test_a_container_has_the_memory_of_its_group(monkeypatch, tmp_path):
    monkeypatch.undo()
    whole = memory_of_machine()
    assert whole > 2**28
    (tmp_path / "memory.max").write_text(f"{2**28}\n")
    (tmp_path / "memory.current").write_text("4096\n")
    monkeypatch.setattr(system, "CGROUPS", ((tmp_path / "memory.max", tmp_path / "memory.current"),))
    assert memory_of_machine() == 2**28
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_of_machine() >= whole


def test_the_devices_of_this_machine_can_be_told():
    devices_here = devices.find()
    assert devices_here
    assert all(set(device) == {"kind", "name", "memory_mb"} for device in json.loads(json.dumps(devices_here)))
