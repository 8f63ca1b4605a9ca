"""Figures are found, named and compared."""

import re
from dataclasses import replace
from types import SimpleNamespace

from fourreal.description import Options
from fourreal.errors import UserError
from fourreal.jobs.values import Run
from fourreal.web.compare import short
from fourreal.web.explore import remarks
from fourreal.web.metrics import differences, flat, rows, table
from fourreal.web.scenes import cards, picture

# --- Figures ---------------------------------------------------------------------------------------------------------


def test_figures_are_found_named_and_subtracted():
    psnr = {"canonical": 30.0, "motion: field": 28.0, "motion: joint": 29.0}
    metrics = {
        "splats": 1000,
        "stages": {stage: {"psnr": value} for stage, value in psnr.items()},
        "stopped": None,
        "ground_truth": {"psnr": 25.0, "pose": {"rotation_deg": None}},
        "notes": ["x"],
    }
    assert flat(metrics)["fit.freeze"] == 30.0
    assert flat(metrics)["fit.reference"] == 29.0  # that of the last phase
    assert dict(rows(metrics))["Unseen views"] == "25.0 dB"
    assert differences(metrics, {"splats": 1500})["splats"] == {"first": 1000.0, "second": 1500.0, "difference": 500.0}
    assert rows({}) == []


def test_a_comparison_has_a_column_each_and_says_what_is_the_same():
    one = {"took": 61.0, "splats": 1000, "frames": 8, "bytes": {"scene.r4d": 300_000}, "peak_memory_mb": 520.2}
    two = {"took": 58.0, "splats": 1000, "frames": 8, "bytes": {"scene.r4d": 300_900}, "peak_memory_mb": 520.3}
    drawn = table([("A <b>", one), ("B", two)])
    cells = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", drawn)][1:]
    assert ["Took", "1 min 01 s", "58 s", "−3 s"] in cells
    assert ["Splats", "1,000", "1,000", "same"] in cells
    assert ["Viewer file", "300 kB", "301 kB", "+900 B"] in cells
    assert ["Memory at most", "520 MB", "520 MB", "same"] in cells
    assert "A &lt;b&gt;" in drawn
    assert "<b>" not in drawn
    three = table([("A", one), ("B", two), ("C", {"bytes": {"video": 12}})])
    assert "difference</th>" not in three
    assert "<td>Video file</td><td>–</td><td>–</td><td>12 B</td>" in three
    assert table([("A", {}), ("B", {})]) == ""


def test_a_long_title_is_cut_where_nothing_tells_it_from_another():
    name = "A red fox looking around in a park with stone walls"
    assert short("A fox") == "A fox"
    assert short(name) == "A red fox looking around in a park with…"
    assert short(f"{name}: reference video") == "A red fox looking arou…: reference video"


def test_what_a_person_should_know_of_a_run_is_told():
    sentences = remarks({"notes": ["", "Done without <it>."], "splats": 3})
    assert sentences.count('class="note"') == 1
    assert "Done without &lt;it&gt;." in sentences
    assert remarks({}) == ""


def test_a_scene_of_another_version_says_what_it_cannot_do():
    run = Run("a" * 32, "a fox", "stopped", 0, Options(), 0.0, 1.0, 2.0, "", False, 1.0, "", "", outdated="Not <on>.")
    assert "Not &lt;on&gt;." in cards([(run, None)])
    assert "Not &lt;on&gt;." in cards([(run, None)], renaming=run.id)


def test_a_run_without_a_scene_shows_a_frame_of_its_video():
    seen: list[tuple[str, str]] = []
    library = SimpleNamespace(video=lambda owner, video: seen.append((owner, video)))
    page = SimpleNamespace(service=SimpleNamespace(library=library))
    failed = Run("a" * 32, "a fox", "failed", 0, Options(canonical_frame=7), 0, 1, 2, "No.", False, 1, "ref", "freeze")
    assert picture(page, failed, "anna") == "clips/anna/ref/frames/0007.jpg"
    assert seen == [("anna", "ref")]
    assert 'src="clips/anna/ref/frames/0007.jpg"' in cards([(failed, picture(page, failed, "anna"))])
    assert picture(page, replace(failed, has_scene=True), "anna") == f"files/{'a' * 32}/thumbnail.jpg"

    def gone(owner: str, video: str):
        raise UserError("There is no such video.")

    library.video = gone
    assert picture(page, failed, "anna") is None
    assert '<span class="blank">' in cards([(failed, None)])
