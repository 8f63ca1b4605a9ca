"""One bar and one time for a run as a whole."""

import itertools
from dataclasses import replace

import pytest

from fourreal.description import Options
from fourreal.jobs.how_far import costs, whole
from fourreal.jobs.values import Run
from fourreal.settings import PRESETS


def run_at(stage: str, step: int = 0, steps: int = 0, seconds: float = 0.0, **options) -> Run:
    progress = {"stage": stage, "step": step, "steps": steps} if stage else {}
    return Run(
        "a" * 32,
        "fox",
        "running",
        0,
        Options(**options),
        0.0,
        0.0,
        None,
        "",
        False,
        seconds,
        "r",
        "f",
        progress=progress,
    )


def test_the_bar_never_goes_back():
    stages = costs(PRESETS["draft"], cameras=True, critic=True)
    reports = [("", 0), *((stage, step) for stage in stages for step in (0, 50, 100))]
    shares = [whole(run_at(stage, step, 100, critic="mini", preset="draft"), "draft").share for stage, step in reports]
    assert shares[0] == 0
    assert shares[-1] == pytest.approx(1)
    assert all(before <= after for before, after in itertools.pairwise(shares))


def test_the_time_left_follows_the_pace():
    early = whole(run_at("videos", seconds=2), "draft")
    assert early.seconds_left is None
    stages = costs(PRESETS["draft"], cameras=True, critic=False)
    done = sum(itertools.islice(stages.values(), 3))
    slow = whole(run_at("canonical", seconds=3 * done), "draft")  # three times as slow as the table
    assert slow.seconds_left == pytest.approx(3 * (sum(stages.values()) - done))


def test_cameras_that_are_given_take_no_time():
    assert "cameras" not in costs(PRESETS["draft"], cameras=False, critic=False)
    given = whole(replace(run_at("canonical"), cameras_given=True), "draft").share
    assert given < whole(run_at("canonical"), "draft").share


@pytest.mark.parametrize("stage", ["canonical", "motion", "motion: joint", "finish", "something new"])
def test_every_preset_and_stage_has_a_place(stage):
    for name in PRESETS:
        assert 0 <= whole(run_at(stage), name).share < 1
