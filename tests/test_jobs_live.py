"""What others see of a run while it goes on, on disks that are full too; and a journal that was torn."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fourreal.jobs import files, journal, live
from fourreal.jobs.journal import JournalWriter
from fourreal.jobs.live import Live
from fourreal.progress import Event

PICTURE = np.zeros((8, 8, 3), np.uint8)


def lines(folder: Path) -> list[dict]:
    return journal.read(folder / "journal.jsonl")[0]


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(live, "time", clock)
    return clock


def test_about_four_lines_a_second_and_nothing_new_is_missed(tmp_path, clock):
    watch = Live(tmp_path)
    for step in range(1, 101):  # a hundred steps a second
        clock.now += 0.01
        watch(Event("canonical", step, 101, message="halfway" if step == 50 else ""))
    watch(Event("canonical", 101, 101))
    written = lines(tmp_path)
    assert len(written) <= 7
    assert [line["message"] for line in written if line["message"]] == ["halfway"]
    assert written[-1]["step"] == 101
    watch(Event("motion", 1, 5))
    assert lines(tmp_path)[-1]["stage"] == "motion"


def test_numbers_that_are_none_are_null(tmp_path):
    Live(tmp_path)(Event("canonical", 1, 2, float("inf"), {"loss": float("nan"), "psnr": 3}))
    (line,) = lines(tmp_path)
    assert line["seconds_left"] is None
    assert line["values"] == {"loss": None, "psnr": 3.0}


def test_what_is_no_text_costs_no_line(tmp_path):
    JournalWriter(tmp_path / "journal.jsonl").write({"message": "half a fox: \ud83e"})
    assert journal.last(tmp_path / "journal.jsonl") == {"message": "half a fox: ?"}


def test_the_newest_two_pictures_stay_under_names_never_used_before(tmp_path):
    watch = Live(tmp_path)
    for step in range(1, 13):
        watch(Event("canonical", step, 20, preview=PICTURE, critique=PICTURE))
    names = {kind: [line[kind] for line in lines(tmp_path)] for kind in ("preview", "critique")}
    assert [len(set(each)) for each in names.values()] == [12, 12]
    files = {path.name for path in (tmp_path / "live").iterdir()}
    assert files == {*names["preview"][-2:], *names["critique"][-2:]}
    Live(tmp_path)(Event("canonical", 13, 20, preview=PICTURE, critique=PICTURE))  # another attempt
    for kind, each in names.items():
        assert lines(tmp_path)[-1][kind] not in each


def test_pictures_are_no_wider_than_they_are_looked_at(tmp_path):
    Live(tmp_path)(Event("motion", 1, 2, critique=np.zeros((32, 2 * live.WIDEST, 3), np.uint8)))
    with Image.open(tmp_path / "live" / lines(tmp_path)[0]["critique"]) as picture:
        assert picture.size == (live.WIDEST, 16)


def test_scenes_take_a_small_share_of_the_time(tmp_path, clock, monkeypatch):
    def dear(made, *_, **__) -> bytes:
        clock.now += made
        return b"scene"

    monkeypatch.setattr("fourreal.scene.r4d.r4d_bytes", dear)
    for cost, wait in ((0.01, 2), (0.3, 6), (3.0, 60)):
        watch, written = Live(tmp_path), []
        for step in range(12 * wait):
            clock.now += 0.25
            before = clock.now
            watch(Event("canonical", step, 101, scene=lambda cost=cost: cost))
            if clock.now > before:
                written.append(before)
        gaps = np.diff(written)
        assert gaps.min() >= wait
        assert gaps.max() <= wait + cost + 0.3


def test_a_stage_without_a_scene_yet_writes_none(tmp_path):
    watch = Live(tmp_path)
    watch(Event("canonical", 1, 2, scene=lambda: None))
    assert lines(tmp_path)[0]["scene"] is None


def test_where_cameras_and_points_are_is_written_when_it_is_news(tmp_path):
    watch = Live(tmp_path)
    arrays = {"cameras": np.eye(4)[None].repeat(3, 0), "points": np.ones((20_000, 3)), "colors": np.ones((20_000, 3))}
    watch(Event("canonical", 1, 9, arrays=arrays))
    layout = json.loads((tmp_path / "live" / "layout.json").read_text())
    assert np.array(layout["cameras"]).shape == (3, 4, 4)
    assert 1000 < len(layout["points"]) == len(layout["colors"]) <= live.MOST_POINTS
    watch(Event("canonical", 2, 9, arrays={}))
    assert json.loads((tmp_path / "live" / "layout.json").read_text()) == layout


def test_a_full_disk_takes_the_pictures_and_the_journal_but_not_the_run(tmp_path, monkeypatch):
    watch = Live(tmp_path)
    watch(Event("canonical", 1, 9, preview=PICTURE))
    before = {path.name: path.read_bytes() for path in (tmp_path / "live").iterdir()}

    def full(self, *_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        patch.setattr("fourreal.scene.r4d.r4d_bytes", lambda *_, **__: b"scene")
        arrays = {"cameras": np.eye(4)[None]}
        watch(Event("canonical", 2, 9, message="full", preview=PICTURE, scene=lambda: 1, arrays=arrays))
        with pytest.raises(OSError, match="space"):
            files.put(tmp_path / "live" / "x", b"x")
    assert {path.name: path.read_bytes() for path in (tmp_path / "live").iterdir()} == before
    assert (lines(tmp_path)[-1]["preview"], lines(tmp_path)[-1]["scene"]) == (None, None)
    watch.journal.path = tmp_path / "absent" / "journal.jsonl"
    watch(Event("canonical", 3, 9, message="unheard"))
    assert watch.journal.lost == 1


def test_what_is_no_full_disk_is_a_bug_and_said(tmp_path, monkeypatch):
    watch = Live(tmp_path)
    monkeypatch.setattr(files.os, "replace", lambda *_: (_ for _ in ()).throw(OSError(5, "I/O error")))
    with pytest.raises(OSError, match="I/O"):
        watch(Event("canonical", 1, 9, preview=PICTURE))


def test_a_torn_line_is_left_out_and_what_follows_is_whole(tmp_path):
    path = tmp_path / "journal.jsonl"
    JournalWriter(path).write({"step": 1})
    with path.open("ab") as file:
        file.write(b'{"step": 2, "mess')
    assert journal.read(path) == ([{"step": 1}], 11)
    assert journal.last(path) == {"step": 1}
    JournalWriter(path).write({"step": 3})
    assert journal.read(path)[0] == [{"step": 1}, {"step": 3}]
    entries, end = journal.read(path, 11)
    assert entries == [{"step": 3}]
    assert end == path.stat().st_size


def test_a_journal_that_is_not_there_or_began_anew(tmp_path):
    path = tmp_path / "journal.jsonl"
    assert journal.read(path) == ([], 0)
    assert journal.last(path) == {}
    JournalWriter(path).write({"step": 1})
    assert journal.read(path, 10_000)[0] == [{"step": 1}]
    assert journal.read(path, -5)[0] == [{"step": 1}]
