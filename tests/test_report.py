"""The report: the paper's figures beside ours, intervals as they should be, files that open from the disk."""

import json
import re

import numpy as np
import pytest
from browser import chromium, needs_chromium
from study_samples import moving, request

from fourreal import cli, clip
from fourreal.errors import UserError
from fourreal.judge.judging import as_csv
from fourreal.judge.values import Row
from fourreal.report import ablations
from fourreal.report.means import mean, means
from fourreal.report.paper import BASELINES, TABLE1, baseline_of
from fourreal.report.writing import write
from fourreal.study import making
from fourreal.study.votes import Vote, Votes
from fourreal.whole import replace_files

EVIL = "<script>alert(1)</script>{{ 7 * 7 }}"


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Scores of two methods, one video of which is gone, as `judge` writes them."""
    folder = tmp_path_factory.mktemp("judged")
    rows = []
    for method, size in (("ours", (96, 64)), ("4dfy", (64, 64))):
        for number in range(4):
            path = moving(folder / method / f"{number}.mp4", size, frames=8 + 4 * number)
            scores = {"xclip": 20.0 + number, "still": 90.0, "psnr": None}
            rows.append(Row(method, f"p{number}", EVIL if number == 0 else f"prompt {number}", str(path), scores))
    (folder / "4dfy" / "3.mp4").unlink()
    content = {"rows": [vars(row) for row in rows], "notes": ["4dfy lacks something."]}
    replace_files(folder, {"scores.csv": as_csv(rows).encode(), "scores.json": json.dumps(content).encode()})
    return folder


def test_a_mean_has_the_bootstraps_interval_and_needs_three():
    values = np.random.default_rng(0).normal(10, 2, 50).tolist()
    interval = mean(values)
    half = 1.96 * np.std(values) / np.sqrt(50)
    assert interval.value == pytest.approx(np.mean(values))
    assert (interval.value - interval.low, interval.high - interval.value) == pytest.approx((half, half), rel=0.15)
    assert (mean([1.0, 2.0]).low, mean([1.0, 2.0]).count) == (None, 2)
    assert mean([]) is None


def test_means_leave_out_what_was_not_told():
    rows = [Row("m", str(n), "", "", {"psnr": value}) for n, value in enumerate((1.0, None, 3.0))]
    assert means([*rows, Row("n", "0", "", "", {})]) == {"m": {"psnr": mean([1.0, 3.0])}, "n": {}}


def test_the_papers_table_is_whole():
    assert all(len(row) == len(BASELINES) and all(len(both) == 2 for both in row) for row in TABLE1.values())
    assert TABLE1["xclip"][BASELINES.index("AYG")] == (23.09, 19.87)
    assert (baseline_of("dream_in_4d"), baseline_of("ours")) == ("Dream-in-4D", None)


def test_a_report_is_one_folder_that_asks_nobody(judged, tmp_path):
    study = making.make(request(tmp_path, 1), tmp_path / "study")
    Votes(tmp_path / "study").add(study, [Vote("r", 0, "motion", study.pairs[0].first.clip, True)])
    ablated = [
        {"variant": name, "seed": seed, "psnr": value + seed}
        for name, value in (("everything", 20.0), ("growth", 18.5))
        for seed in (0, 1)
    ]
    (tmp_path / "table.json").write_text(json.dumps(ablated))
    index = write(judged, tmp_path / "report", (tmp_path / "study",), (tmp_path,))
    text = index.read_text()
    assert "24.23" in text
    assert "21.50 <small>[20.50, 22.50]</small>" in text  # of 20, 21, 22, 23
    assert "without growth" in text
    assert "-1.50" in text
    assert "ours against 4Dfy" in text
    assert "4dfy/p3 is not shown" in text
    assert "<script>alert" not in text
    assert "{{ 7 * 7 }}" in text
    assert not re.search(r"(?:src|href)=[\"']https?:", text)
    assert {path.name for path in index.parent.iterdir()} == {
        "index.html",
        "clips",
        "plotly.min.js",
        "report.json",
        "scores.csv",
    }
    films = sorted((index.parent / "clips").iterdir())
    assert len(films) == 7
    assert len(clip.read(films[1])) == 12
    assert json.loads((index.parent / "report.json").read_text())["means"]["ours"]["xclip"]["count"] == 4


def test_a_report_replaces_a_report_and_nothing_else(judged, tmp_path):
    write(judged, tmp_path / "out")
    write(judged, tmp_path / "out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep me")
    with pytest.raises(UserError, match="is no report"):
        write(judged, tmp_path / "mine")
    with pytest.raises(UserError, match="fourreal judge"):
        write(tmp_path, tmp_path / "other")
    with pytest.raises(UserError, match="no ablations"):
        write(judged, tmp_path / "out", ablated=(tmp_path / "mine",))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "out"]


@pytest.mark.parametrize("text", ["[]", "{}", "[1]", '[{"variant": "a", "psnr": "high"}]', "nonsense", '[{"psnr": 1}]'])
def test_ablations_that_are_none_are_said(tmp_path, text):
    (tmp_path / "table.json").write_text(text)
    with pytest.raises(UserError, match="cannot be read"):
        ablations.read(tmp_path)


@needs_chromium
def test_clips_play_on_one_clock_from_the_disk(judged, tmp_path):
    assert cli.main(["report", str(judged), "--out", str(tmp_path / "report")]) == 0
    times = "[...document.querySelectorAll('video')].slice(0, 2).map((film) => film.currentTime)"
    with chromium() as browser:
        page = browser.new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((tmp_path / "report" / "index.html").as_uri())
        page.wait_for_selector(".main-svg")
        page.locator("video").first.scroll_into_view_if_needed()
        page.wait_for_function(f"{times}.every((time) => time > 0.1)")
        page.click("#play")
        page.wait_for_function("[...document.querySelectorAll('video')].every((film) => film.paused)")
        first, second = page.evaluate(times)
        assert abs(first - second) < 0.3
        page.context.close()
    assert errors == []
