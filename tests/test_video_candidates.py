"""Candidates on the disk: kept once they are finished, made once, never mixed up; and a picked one made longer."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fourreal import clip
from fourreal.clip import Clip
from fourreal.errors import Cancelled, UserError
from fourreal.pipeline import candidates
from fourreal.pipeline.candidates import Wish, make, seeds_from
from fourreal.progress import CancelToken
from fourreal.settings import ClipLimits
from fourreal.video import lengthen, registry, shelf
from fourreal.video.extend import How
from fourreal.video.freeze_time import FreezeTime
from fourreal.video.lengthen import Goal
from fourreal.video.one_model import Choice, OneModel
from fourreal.video.score import Score

SIZE = (96, 64)
WISH = Wish(role="reference", prompt="A fox looks around", model="ltx-video", frames=17, size=SIZE, steps=2)


class Paper:
    """A model that makes grey noise of its seed, and may do something before."""

    def __init__(self, name: str = "ltx-video", before=lambda seed: None):
        self.capabilities, self.identity = registry.entry(name).capabilities, "paper"
        self.before, self.asked = before, []

    def generate(self, prompt, *, known=None, frames=None, size=None, seed=0, fps=None, cancel=None, **others):
        self.before(seed)
        cancel.check()
        self.asked.append(seed)
        noise = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
        picture = noise.repeat(size[1] // 8, 0).repeat(size[0] // 8, 1)
        return Clip(np.stack([np.roll(picture, n, 1) for n in range(frames)]), 12.0)

    def denoise_once(self, *args, **kwargs):
        raise NotImplementedError

    def rest(self):
        pass

    def release(self):
        pass


class Models(OneModel):
    """Hands out a paper model, or fails where none is to be loaded."""

    def __init__(self, paper: Paper | None = None):
        super().__init__()
        self.paper = paper

    def get(self, choice):
        assert self.paper is not None, "a model was loaded for nothing"
        return self.paper


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
    assert [kept.total for kept in made] == sorted((kept.total for kept in made), reverse=True)
    assert {kept.seed for kept in made} == {5, 6}
    for kept in made:
        assert (len(kept.read()), kept.read().size) == (17, SIZE)
        told = json.loads(kept.path.with_suffix(".json").read_text())
        assert told["asked"]["prompt"] == WISH.prompt
        assert told["total"] == pytest.approx(kept.total)
        assert told["reasons"] == list(kept.reasons)
        assert {score["name"] for score in told["scores"]} >= {"camera", "motion", "sharpness"}
        assert shelf.find(tmp_path, "reference", kept.seed) == kept


def test_reference_videos_begin_with_a_picture_that_was_given(tmp_path, judged):
    paper, begun = Paper(), []
    generate = paper.generate
    paper.generate = lambda prompt, known=None, **how: begun.append(known) or generate(prompt, **how)
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
    assert more.asked == [2, 3]


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
    assert model.asked == [1, 2]


def test_it_stops_between_two_candidates(tmp_path, judged):
    token, model = CancelToken(), Paper()

    def stop(event):
        if event.stage == "candidates" and event.step == 1:
            token.cancel()

    with pytest.raises(Cancelled):
        make(WISH, Models(model), tmp_path, range(3), stop, token)
    assert model.asked == [0]


@pytest.mark.parametrize("error", [Cancelled("stopped"), RuntimeError("a bug")])
def test_a_video_whose_scores_could_not_be_found_is_kept_all_the_same(tmp_path, monkeypatch, error):
    def fail(candidate, role):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(candidates, "judge", fail)
        with pytest.raises(type(error)):
            make(WISH, Models(Paper()), tmp_path, range(1))
    (kept,) = make(WISH, Models(), tmp_path, range(1))
    assert not kept.own
    assert kept.scores


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"prompt": "A dog"}, "another prompt"),
        ({"steps": 3}, "another steps"),
        ({"frames": 9}, "another frames"),
        ({"size": (64, 64)}, "another size"),
        ({"negative": "rain"}, "another negative"),
        ({"adapter": "x.safetensors"}, "another adapter"),
    ],
)
def test_candidates_of_two_wishes_are_not_mixed(tmp_path, judged, change, told):
    make(WISH, Models(Paper()), tmp_path, range(1))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UserError, match=told):
        make(replace(WISH, **change), Models(Paper()), tmp_path, range(2))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_persons_own_video_is_a_candidate_and_stays_as_it_is(tmp_path, judged, tiny_clip):
    clip.write(tiny_clip, tmp_path / "reference-1.mp4")
    content = (tmp_path / "reference-1.mp4").read_bytes()
    model = Paper()
    made = make(WISH, Models(model), tmp_path, range(2))
    assert model.asked == [0]
    assert {kept.seed: kept.own for kept in made} == {0: False, 1: True}
    assert (tmp_path / "reference-1.mp4").read_bytes() == content
    # put in the place of one that was made, it is the person's from then on
    shutil.copy(tmp_path / "reference-1.mp4", tmp_path / "reference-0.mp4")
    assert all(kept.own for kept in make(replace(WISH, prompt="A dog"), Models(), tmp_path, range(2)))


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
    (kept,) = make(WISH, Models(), tmp_path, range(1))
    assert kept.own
    assert json.loads((tmp_path / "reference-0.json").read_text())["scores"]


def test_notes_without_their_video_are_made_good(tmp_path, judged):
    make(WISH, Models(Paper()), tmp_path, range(1))
    (tmp_path / "reference-0.mp4").unlink()
    model = Paper()
    make(WISH, Models(model), tmp_path, range(1))
    assert model.asked == [0]


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
    ("change", "told"),
    [
        ({"prompt": "  "}, "empty"),
        ({"prompt": "fox " * 5000}, "Shorten"),
        ({"frames": 16}, "nearest is 17"),
        ({"size": (100, 64)}, "nearest is 96x64"),
        ({"model": "x"}, "There are: wan-vace"),
        ({"model": "sana-wm"}, "starts from a picture"),
    ],
)
def test_what_a_model_cannot_do_is_said_before_it_is_loaded(tmp_path, change, told):
    with pytest.raises(UserError, match=told):
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


# --- A picked one made longer -----------------------------------------------------------------------------------


HOW = How("A fox", steps=2)


@pytest.fixture
def picked(tmp_path, tiny_clip):
    """A freeze-time candidate of 8 frames whose camera goes 7 degrees around."""
    (tmp_path / "c").mkdir()
    angles = torch.linspace(0, 7, 8).deg2rad()
    kept = shelf.Kept(tmp_path / "c" / "freeze-0.mp4", "freeze", 0, "", {}, "paper")
    return shelf.keep(FreezeTime(Clip(tiny_clip.frames.repeat(2, 1).repeat(2, 2), 12.0), angles), kept)


@pytest.fixture
def calm(monkeypatch):
    monkeypatch.setattr(lengthen, "trouble", lambda before, after, side: "")


def test_windows_are_added_until_the_camera_goes_far_enough(picked, tmp_path, calm):
    path, sana, model = tmp_path / "inputs" / "freeze.mp4", Choice("sana-wm"), Paper("sana-wm")
    video, why = lengthen.lengthen(picked, Goal(20, 5), HOW, sana, Models(model), path)
    assert (len(video.clip), video.canonical) == (24, 8)  # one on the right, one on the left: 23 degrees
    assert "23 degrees" in why[-1]
    again, reasons = lengthen.lengthen(picked, Goal(20, 5), HOW, sana, Models(), path)
    np.testing.assert_array_equal(again.clip.frames, video.clip.frames)
    torch.testing.assert_close(again.angles, video.angles)
    assert (again.canonical, reasons) == (8, why)
    more, _ = lengthen.lengthen(picked, Goal(30, 5), HOW, sana, Models(model), path)
    assert len(more.clip) == 32


def test_without_windows_the_file_is_the_same_to_the_bit(picked, tmp_path):
    path = tmp_path / "freeze.mp4"
    video, why = lengthen.lengthen(picked, Goal(180, 0), HOW, Choice("sana-wm"), Models(), path)
    assert path.read_bytes() == picked.path.read_bytes()
    assert video.degrees == pytest.approx(7)
    assert why == ("No windows were asked for.",)


@pytest.mark.parametrize(("degrees", "frames"), [(0.0, 8), (7.0, 24), (30.0, 8)])
def test_without_a_command_the_arc_is_measured(picked, tmp_path, calm, monkeypatch, degrees, frames):
    """7 degrees in 8 frames, so 8 more for each window: two for 20."""
    found = (Score("coverage", degrees, 1.0, 1.0, f"It goes {degrees} degrees."),)
    monkeypatch.setattr(lengthen, "coverage", lambda clip, cancel: found)
    model = Models(Paper("wan-vace-1.3b")) if frames > 8 else Models()
    free = replace(picked, angles=None)
    video, why = lengthen.lengthen(free, Goal(20, 5), HOW, Choice(), model, tmp_path / "freeze.mp4")
    assert len(video.clip) == frames
    assert why[0] == f"It goes {degrees} degrees."


def test_a_size_that_the_model_does_not_make_is_left_alone(picked, tmp_path, tiny_clip):
    clip.write(Clip(tiny_clip.frames[:, :40, :50], 12.0), picked.path)
    video, why = lengthen.lengthen(picked, Goal(), HOW, Choice(), Models(), tmp_path / "freeze.mp4")
    assert len(video.clip) == 8
    assert "50x40" in why[0]


def test_no_video_gets_longer_than_can_be_read_again():
    most = ClipLimits().max_frames
    for name in registry.MODELS:
        for frames in (17, 161, 257, 299, 300):
            room = Goal(180, 60).room(Choice(name), frames)
            assert frames + 8 * room <= most
            assert room == 60 or frames + 8 * (room + 1) > most


def test_the_first_arc_leaves_the_rest_to_the_windows():
    goal = Goal(180, 12)
    first = goal.first_arc(Choice("sana-wm"), 161)
    assert first + 12 * 8 * first / 160 == pytest.approx(180)
    assert Goal(180, 0).first_arc(Choice("sana-wm"), None) == 180
