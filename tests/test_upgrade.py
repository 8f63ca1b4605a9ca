"""What a person had before an upgrade is there after it: a data folder that an earlier version made.

upgrades/92fe968.zip was made by that version's worker and runner, with the tiny presets of job_runner.py: a finished
run, one that was stopped in the middle of its motion, a creation with a video of somebody's own, and two videos.
"""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fit_samples import FRAMES, STAGE_ONE
from job_runner import TINY
from job_samples import ANNA, BEN, hand, until

from fourreal import clip
from fourreal.description import Options
from fourreal.jobs.service import Service
from fourreal.scene import bundle
from fourreal.scene.r4d import read_r4d
from fourreal.settings import JobLimits

STOPPED = replace(TINY, canonical=replace(STAGE_ONE, steps=300, growth=replace(STAGE_ONE.growth, stop=0.1)))


@pytest.fixture
def old(tmp_path):
    """The service of the folder as it is opened now, and the ids of what is in it."""
    with zipfile.ZipFile(Path(__file__).parent / "upgrades" / "92fe968.zip") as archive:
        archive.extractall(tmp_path)
    service = Service(tmp_path, replace(JobLimits(), free_bytes=0))
    yield service, json.loads((tmp_path / "ids.json").read_text())
    service.close()


def test_all_that_was_there_is_there_and_can_be_used(old):
    service, ids = old
    assert {video.id for video in service.library.videos(ANNA)} == {ids["reference"], ids["freeze"]}
    assert [run.id for run in service.runs.all(ANNA)] == [ids["stopped"], ids["done"]]
    assert service.runs.all(BEN) == []
    done = service.runs.get(ANNA, ids["done"])
    assert (done.state, done.name, done.has_scene, done.options) == ("done", "tiny", True, Options(preset="draft"))
    assert done.seconds > 1
    assert read_r4d(service.jobs.file(ANNA, done.id, "scene.r4d").read_bytes()).frames == FRAMES
    assert bundle.load(service.workspace.places.run(done.id)).frames == FRAMES
    assert service.runs.metrics(ANNA, done.id)["splats"] > 0
    assert service.jobs.journal(ANNA, done.id)[0][-1]["stage"]
    assert service.exports.make(ANNA, done.id, "r4d").name == "scene.r4d"
    assert service.runs.estimate(ANNA, ids["reference"], ids["freeze"], Options(preset="draft")).seconds > 0, "measured"
    assert service.inspections.check(ANNA, ids["reference"], ids["freeze"]).verdicts
    (creation,) = service.creations.all(ANNA)
    (candidate,) = creation.candidates
    assert (creation.id, creation.wishes.prompt, candidate.name) == (ids["made"], "a red ball", "mine.mp4")
    taken = service.candidates.take(ANNA, creation.id, candidate.number)
    ours, theirs = (
        clip.read(service.workspace.places.video(id) / "clip.mp4").frames for id in (taken.id, ids["reference"])
    )
    assert np.abs(ours.astype(int) - theirs).mean() < 3


def test_a_run_that_was_stopped_before_goes_on_where_it_was(old):
    service, ids = old
    run = service.runs.get(ANNA, ids["stopped"])
    assert (run.state, run.has_scene) == ("stopped", False)
    before = len(service.jobs.journal(ANNA, run.id)[0])
    service.runs.resume(ANNA, run.id)
    with hand(service.workspace.places.data, {"standard": STOPPED}):
        until(lambda: service.runs.get(ANNA, run.id).state not in ("queued", "running"), "its end")
    assert (service.runs.get(ANNA, run.id).state, service.runs.get(ANNA, run.id).error) == ("done", "")
    assert service.runs.get(ANNA, run.id).has_scene
    new = service.jobs.journal(ANNA, run.id)[0][before:]
    field = [line["step"] for line in new if line["stage"] == "motion: field"]
    assert "canonical" not in {line["stage"] for line in new if line["steps"]}, "stage one was finished"
    assert field[0] == 1, "stage two has limbs since: what was begun without them does not fit"
