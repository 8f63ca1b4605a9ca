"""The ablations' command: all variants, scored and shown on one page that needs nothing else."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from fit_samples import STAGE_ONE, STAGE_TWO
from test_distill_pipeline import SHORT
from test_pipeline import request, videos  # noqa: F401 the fixture

from fourreal.errors import UserError
from fourreal.evaluate.ablation_page import Shown, Variant, page
from fourreal.pipeline import Request
from fourreal.pipeline.ablate import Ablation, ablate
from research.world.worlds import make_world
from research.world_files import write_scene

PRESET = replace(
    SHORT,
    canonical=replace(STAGE_ONE, steps=40, plain_steps=10),
    motion=replace(STAGE_TWO, phases=STAGE_TWO.phases[:1]),
)


@pytest.mark.slow
def test_variants_are_scored_against_the_truth_and_shown_beside_it(tmp_path):
    scene = write_scene(make_world(2), tmp_path / "scene", size=(64, 36), frames=8, freeze_frames=9, views=4)
    wanted = Request(
        reference=scene / "reference.mp4",
        freeze=scene / "freeze.mp4",
        out=tmp_path / "out",
        cameras=scene / "cameras.json",
        preset=PRESET,
        device="cpu",
    )
    events = []
    shown = ablate(Ablation(wanted, ("small-motion", "joint-sds"), scene, seeds=2), events.append).read_text()
    rows = json.loads((tmp_path / "out" / "table.json").read_text())
    assert [(row["variant"], row["seed"]) for row in rows] == [
        ("everything", 0),
        ("everything", 1),
        ("small-motion", 0),
        ("small-motion", 1),
    ]
    assert all(row["psnr_moving"] > 5 for row in rows)
    with open(tmp_path / "out" / "table.csv", newline="") as file:
        assert [float(row["psnr"]) for row in csv.DictReader(file)] == [row["psnr"] for row in rows]
    assert "no video" not in shown
    assert any("--critic" in event.message for event in events)
    assert shown.count("<img") == 3 * 3  # the truth and two variants at three views
    assert "<script src" not in shown
    assert 'src="http' not in shown


def test_without_the_truth_frames_left_out_are_scored(videos, tmp_path):  # noqa: F811
    wanted = request(videos, tmp_path / "out", preset=PRESET, hold_out_freeze=(2, 6))
    ablate(Ablation(wanted, ("exposure",), seeds=1))
    rows = json.loads((tmp_path / "out" / "table.json").read_text())
    assert [row["variant"] for row in rows] == ["everything", "exposure"]
    assert all(row["psnr_freeze_left_out"] > 10 for row in rows)
    assert (tmp_path / "out" / "page.html").read_text().count("<img") == 6


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"seeds": 0}, "0 seeds"), ({"variants": ("everything else",)}, "everything else"), ({}, "hold-out-freeze")],
)
def test_what_cannot_be_run_is_refused_before_the_first_run(changes, says, tmp_path):
    wanted = Request(reference=tmp_path / "a.mp4", freeze=tmp_path / "b.mp4", out=tmp_path / "out")
    with pytest.raises(UserError, match=says):
        ablate(Ablation(wanted, **changes))
    assert not (tmp_path / "out").exists()


def test_only_differences_beyond_the_seeds_are_marked():
    picture = (np.zeros((4, 6, 3), np.uint8),)
    rows = lambda *values: tuple({"psnr": value} for value in values)
    full = Variant("everything", "", rows(20.0, 21.0), picture)
    near, far = (Variant(n, f"without {n}", rows(*v), picture) for n, v in (("a", (19.5, 20.5)), ("b", (17.0, 18.0))))
    shown = page([full, near, far], Shown(("time 0",), picture))
    assert shown.count('class="worse"') == 1
    assert '<span class="worse">17.50' in shown
    assert 'class="better"' not in shown
    single = [replace(variant, rows=variant.rows[:1]) for variant in (full, far)]
    assert 'class="worse"' not in page(single, Shown(("time 0",), picture))  # one seed tells nothing of chance
