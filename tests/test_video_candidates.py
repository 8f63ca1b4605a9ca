"""Candidates on the disk: kept once they are finished, made once, never mixed up."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from candidate_samples import Models, Paper

from fourreal import clip
from fourreal.errors import Cancelled, UserError
from fourreal.pipeline import candidates
from fourreal.pipeline.candidates import Wish, make, seeds_from
from fourreal.progress import CancelToken
from fourreal.video import shelf
from fourreal.video.one_model import OneModel
from fourreal.video.score import Score

SIZE = (96, 64)
WISH = Wish(role="reference", prompt="A fox looks around", model="ltx-video", frames=17, size=SIZE, steps=2)


@pytest.fixture
def judged(monkeypatch):
    """Scores by the first pixel, at once; how often is counted."""
    count = []

    def judge(candidate, role):
        count.append(role)
        level = float(candidate.clip.frames[0, 0, 0, 0]) / 255
        return (Score("level", level, level, 1.0, f"Its level is {level:.2f}."),)

    monkeypatch.setattr(candidates, "judge", judge)
    return count


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_each_is_written_with_its_scores_as_soon_as_it_is_finished(tmp_path):
    """With the real scores."""
    seen = []
    model = Paper(before=lambda seed: seen.append(names(tmp_path)))
    made = make(WISH, Models(model), tmp_path, seeds_from(5, 2))
    assert seen == [[], ["reference-5.json", "reference-5.mp4"]]
    assert [stored.total for stored in made] == sorted((stored.total for stored in made), reverse=True)
    assert {stored.seed for stored in made} == {5, 6}
    for stored in made:
        assert (len(stored.read()), stored.read().size) == (17, SIZE)
        notes = json.loads(stored.path.with_suffix(".json").read_text())
        assert notes["payload"]["prompt"] == WISH.prompt
        assert notes["total"] == pytest.approx(stored.total)
        assert notes["reasons"] == list(stored.reasons)
        assert {score["name"] for score in notes["scores"]} >= {"camera", "motion", "sharpness"}
        assert shelf.find(tmp_path, "reference", stored.seed) == stored


def test_reference_videos_begin_with_a_picture_that_was_given(tmp_path, judged):
    paper, begun = Paper(), []
    generate = paper.generate
    paper.generate = lambda prompt, conditioning=None, **how: begun.append(conditioning) or generate(prompt, **how)
    photo = np.full((300, 200, 3), 90, np.uint8)
    wish = WISH.beginning_with(photo)
    assert wish.size[0] < wish.size[1], "in the shape of the picture"
    make(wish, Models(paper), tmp_path, [0])
    assert list(begun[0]) == [0]
    assert begun[0][0].shape == (wish.size[1], wish.size[0], 3)
    with pytest.raises(UserError, match="another picture"):
        make(replace(wish, picked=photo + 1), Models(), tmp_path, [0])
    embedded = Wish(role="reference", prompt="red ball", model="mini").beginning_with(photo)
    assert (embedded.size, embedded.picked is photo) == (None, True), "it has one shape, and takes the middle"


def test_what_is_there_is_neither_made_nor_judged_again(tmp_path, judged):
    first = make(WISH, Models(Paper()), tmp_path, range(2))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert make(WISH, Models(), tmp_path, range(2)) == first
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert len(judged) == 2
    more = Paper()
    assert len(make(WISH, Models(more), tmp_path, range(4))) == 4
    assert more.seeds == [2, 3]


@pytest.mark.parametrize("error", [Cancelled("stopped"), UserError("The card is full."), RuntimeError("a bug")])
def test_whatever_happens_finished_ones_stay_and_nothing_is_half_written(tmp_path, judged, error):
    def fail(seed):
        if seed == 1:
            raise error

    with pytest.raises(type(error)):
        make(WISH, Models(Paper(before=fail)), tmp_path, range(3))
    assert names(tmp_path) == ["reference-0.json", "reference-0.mp4"]
    model = Paper()
    make(WISH, Models(model), tmp_path, range(3))
    assert model.seeds == [1, 2]


def test_it_stops_between_two_candidates(tmp_path, judged):
    token, model = CancelToken(), Paper()

    def stop(event):
        if event.stage == "candidates" and event.step == 1:
            token.cancel()

    with pytest.raises(Cancelled):
        make(WISH, Models(model), tmp_path, range(3), stop, token)
    assert model.seeds == [0]


@pytest.mark.parametrize("error", [Cancelled("stopped"), RuntimeError("a bug")])
def test_a_video_whose_scores_could_not_be_found_is_kept_all_the_same(tmp_path, monkeypatch, error):
    def fail(candidate, role):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(candidates, "judge", fail)
        with pytest.raises(type(error)):
            make(WISH, Models(Paper()), tmp_path, range(1))
    (stored,) = make(WISH, Models(), tmp_path, range(1))
    assert not stored.own
    assert stored.scores


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"prompt": "A dog"}, "another prompt"),
        ({"steps": 3}, "another steps"),
        ({"frames": 9}, "another frames"),
        ({"size": (64, 64)}, "another size"),
        ({"negative": "rain"}, "another negative"),
        ({"adapter": "x.safetensors"}, "another adapter"),
    ],
)
def test_candidates_of_two_wishes_are_not_mixed(tmp_path, judged, change, sentence):
    make(WISH, Models(Paper()), tmp_path, range(1))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UserError, match=sentence):
        make(replace(WISH, **change), Models(Paper()), tmp_path, range(2))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_persons_own_video_is_a_candidate_and_stays_as_it_is(tmp_path, judged, tiny_clip):
    clip.write(tiny_clip, tmp_path / "reference-1.mp4")
    content = (tmp_path / "reference-1.mp4").read_bytes()
    model = Paper()
    made = make(WISH, Models(model), tmp_path, range(2))
    assert model.seeds == [0]
    assert {stored.seed: stored.own for stored in made} == {0: False, 1: True}
    assert (tmp_path / "reference-1.mp4").read_bytes() == content
    # put in the place of one that was made, it is the person's from then on
    shutil.copy(tmp_path / "reference-1.mp4", tmp_path / "reference-0.mp4")
    assert all(stored.own for stored in make(replace(WISH, prompt="A dog"), Models(), tmp_path, range(2)))


def test_an_own_video_is_judged_anew_beside_another_picture(tmp_path, judged, tiny_clip):
    clip.write(tiny_clip, tmp_path / "freeze-0.mp4")
    wish = replace(WISH, role="freeze", picked=tiny_clip.frames[0])
    for picked, count in ((0, 1), (0, 1), (3, 2)):
        make(replace(wish, picked=tiny_clip.frames[picked]), Models(), tmp_path, range(1))
        assert len(judged) == count


def test_an_own_video_that_is_none_is_named(tmp_path):
    (tmp_path / "reference-0.mp4").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"reference-0\.mp4"):
        make(WISH, Models(), tmp_path, range(1))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"sha256": 3}', "\x00"])
def test_damaged_notes_cost_what_they_said_and_no_video(tmp_path, judged, content):
    make(WISH, Models(Paper()), tmp_path, range(1))
    (tmp_path / "reference-0.json").write_text(content)
    (stored,) = make(WISH, Models(), tmp_path, range(1))
    assert stored.own
    assert json.loads((tmp_path / "reference-0.json").read_text())["scores"]


def test_notes_of_the_version_before_are_read(tmp_path, judged):
    (made,) = make(WISH, Models(Paper()), tmp_path, range(1))
    notes = json.loads((tmp_path / "reference-0.json").read_text())
    notes["asked"] = notes.pop("payload")
    (tmp_path / "reference-0.json").write_text(json.dumps(notes))
    assert shelf.find(tmp_path, "reference", 0).payload == made.payload


def test_notes_without_their_video_are_made_good(tmp_path, judged):
    make(WISH, Models(Paper()), tmp_path, range(1))
    (tmp_path / "reference-0.mp4").unlink()
    model = Paper()
    make(WISH, Models(model), tmp_path, range(1))
    assert model.seeds == [0]


def test_a_commanded_path_is_remembered(tmp_path, judged, tiny_clip):
    wish = Wish(
        role="freeze",
        prompt="A fox",
        model="sana-wm",
        picked=tiny_clip.frames[0],
        frames=17,
        size=SIZE,
        steps=2,
        arc=40,
    )
    make(wish, Models(Paper("sana-wm")), tmp_path, range(1))
    video = shelf.find(tmp_path, "freeze", 0).freeze_time()
    assert video.degrees == pytest.approx(40, abs=0.01)
    assert len(video.cameras) == 17


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"prompt": "  "}, "empty"),
        ({"prompt": "fox " * 5000}, "Shorten"),
        ({"frames": 16}, "nearest is 17"),
        ({"size": (100, 64)}, "nearest is 96x64"),
        ({"model": "x"}, "There are: wan-vace"),
        ({"model": "sana-wm"}, "starts from a picture"),
    ],
)
def test_what_a_model_cannot_do_is_said_before_it_is_loaded(tmp_path, change, sentence):
    with pytest.raises(UserError, match=sentence):
        make(replace(WISH, **change), Models(), tmp_path / "new", range(1))
    assert names(tmp_path) == []


@pytest.mark.parametrize(("first", "count"), [(0, 0), (0, 65), (0, -1), (-1, 2), (2**31, 1)])
def test_numbers_of_candidates_and_seeds_that_cannot_be(first, count):
    with pytest.raises(UserError, match=r"0 to|1 to"):
        seeds_from(first, count)


def test_a_place_that_cannot_be_written_is_found_before_the_model_is_loaded(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        make(WISH, Models(), tmp_path / "file" / "out", range(1))


def test_no_empty_folder_is_left_where_the_model_cannot_be_had(tmp_path):
    with pytest.raises(UserError, match="no folder"):
        make(replace(WISH, source=tmp_path / "none"), OneModel("cpu"), tmp_path / "a" / "b", range(1))
    assert names(tmp_path) == []
