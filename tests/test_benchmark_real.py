"""The benchmark of real footage: what it asks the command line for, and where the truth lies for harmed clips."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scene_files import write_ground_truth
from scene_samples import FRAMES, FREEZE, some_scene

from benchmarks.harmed import harmed_truth
from benchmarks.real import Trial, cases, line, pair, rows, scene
from fourreal import clip
from fourreal.camera.cameras import Origin
from fourreal.evaluate import ground_truth
from fourreal.scene import bundle


@pytest.fixture
def footage(tmp_path) -> Path:
    cameras = {
        "reference": "reference.mp4",
        "freeze": {"freeze_20.mp4": 20, "freeze_40.mp4": 40},
        "views": {"view_mid.mp4": 7, "view_end.mp4": 14},
    }
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "pair.json").write_text(json.dumps(cameras))
    return tmp_path / "cat"


def inputs(trial: Trial, folder: Path) -> str:
    return " ".join(trial.inputs).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("variant", "given", "scored"),
    [
        ("one", "--reference reference.mp4 --freeze freeze_20.mp4", {"view_mid.mp4": 7, "view_end.mp4": 14}),
        (
            "two",
            "--reference reference.mp4 --freeze freeze_20.mp4@20 --freeze freeze_40.mp4@40",
            {"view_mid.mp4": 7, "view_end.mp4": 14},
        ),
        ("second", "--reference reference.mp4 --reference view_mid.mp4 --freeze freeze_20.mp4", {"view_end.mp4": 14}),
    ],
)
def test_a_pair_is_never_scored_by_what_it_was_given(footage, variant, given, scored):
    (trial,) = pair(footage, variant)
    assert inputs(trial, footage) == given
    assert {view.video.name: view.frame for view in trial.views} == scored


def test_what_has_too_few_videos_for_a_variant_is_left_out(footage, tmp_path):
    assert list(pair(footage, "three")) == []
    (tmp_path / "scene").mkdir()
    (tmp_path / "scene" / "reference.mp4").touch()
    assert [len(list(scene(tmp_path / "scene", variant))) for variant in ("one", "two", "second")] == [1, 0, 0]


def test_a_case_takes_from_its_scene_what_it_lacks(tmp_path):
    (tmp_path / "cases" / "bars").mkdir(parents=True)
    for name in ("A_freeze.mp4", "D_reference.mp4", "D_freeze.mkv", "bars/reference.mp4", "notes.txt"):
        (tmp_path / "cases" / name).touch()
    videos = {case.name: inputs(case, tmp_path) for case in cases(tmp_path / "cases", tmp_path / "base")}
    assert videos == {
        "A": "--reference base/reference.mp4 --freeze cases/A_freeze.mp4",
        "D": "--reference cases/D_reference.mp4 --freeze cases/D_freeze.mkv",
        "bars": "--reference cases/bars/reference.mp4 --freeze base/freeze.mp4",
    }


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return write_ground_truth(some_scene(), tmp_path_factory.mktemp("truth") / "scene")


def test_the_truth_follows_frames_that_were_dropped_doubled_and_added(base, tmp_path):
    true = ground_truth.read(base)
    there_and_back, twice = [0, 1, 2, 4, 5, 6, 7, 8, 8, 7], [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    clip.write(true.freeze[there_and_back], tmp_path / "freeze.mp4")
    strange = np.full_like(true.reference.frames[:3], 255)
    clip.write(clip.Clip(np.concatenate([true.reference.frames[twice], strange]), 12.0), tmp_path / "reference.mp4")
    harmed = harmed_truth(true, tmp_path / "reference.mp4", tmp_path / "freeze.mp4")
    assert np.array_equal(harmed.cameras.freeze.world_to_camera, true.cameras.freeze.world_to_camera[there_and_back])
    assert (len(harmed.freeze), len(harmed.reference)) == (10, 13)
    # frame k of the scene is between 2k and 2k + 1 of 13, the other shot after it
    wanted = [(2 * view.view.time * (FRAMES - 1) + 0.5) / 12 for view in true.views]
    assert [view.view.time for view in harmed.views] == pytest.approx(wanted)


def test_a_video_of_the_same_length_keeps_its_times_whatever_it_looks_like(base, tmp_path):
    true = ground_truth.read(base)
    clip.write(replace(true.reference, frames=255 - true.reference.frames), tmp_path / "reference.mp4")
    harmed = harmed_truth(true, tmp_path / "reference.mp4", base / "freeze.mp4")
    assert [view.view.time for view in harmed.views] == pytest.approx([view.view.time for view in true.views])
    assert len(harmed.cameras.freeze) == FREEZE


def options(tmp_path: Path) -> argparse.Namespace:
    return argparse.Namespace(out=tmp_path, preset="draft", device="cpu", sheets=False)


def test_a_refusal_is_a_row_with_its_sentence(tmp_path):
    arguments = ("--reference", str(tmp_path / "a|b.mp4"), "--freeze", str(tmp_path / "none.mp4"))
    (row,) = rows(Trial("pairs", "cat", "one", arguments, lambda run, ours: {}), options(tmp_path))
    assert row["refusal"].startswith("a|b.mp4: there is no such file")
    assert line(row).startswith("| cat | one | no: a\\|b.mp4: there is no such file")
    assert line(row).replace("\\|", "").count("|") == 10


def test_a_finished_run_is_scored_and_not_made_again(tmp_path):
    ours = some_scene()
    ours = replace(ours, freeze=replace(ours.freeze, origin=Origin("global sfm", 0.9, "a note")))
    bundle.save(ours, tmp_path / "draft" / "pairs" / "cat" / "one", {"seconds": {"total": 61.0}})
    scores = {"psnr": 22.0, "moving": None, "static_psnr": 20.0, "static_moving": None}
    trial = Trial("pairs", "cat", "one", ("--no-such-option",), lambda run, ours: {"side": scores})
    (row,) = rows(trial, options(tmp_path))
    assert row["arc"] == pytest.approx(114, abs=1)  # they look down a little while they go round by 120
    assert line(row) == "| cat | one | yes | global sfm, 114°, 0.94 | side | 22.00 |  | 20.00 | 61 |"
