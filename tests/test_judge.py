"""Judges: each answers for itself and for its text, nothing is asked twice, and one bad video spoils no other."""

import numpy as np
import pytest
from judge_models import text_model, videoscore
from study_samples import moving

from fourreal import cli, clip
from fourreal.clip import Clip
from fourreal.errors import UserError
from fourreal.judge import weights
from fourreal.judge.judging import items_of, judge, read
from fourreal.judge.measured import Stillness, Truth
from fourreal.judge.offers import OFFERS, loaded, offer
from fourreal.judge.values import Item, Question
from fourreal.progress import CancelToken, ignore


def noise(seed: int, frames: int = 9, dark: int = 1) -> Clip:
    rng = np.random.default_rng(seed)
    return Clip(rng.integers(0, 255, (frames, 48, 64, 3)).astype(np.uint8) // dark, 8.0)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder as FOURREAL_MODELS names it."""
    folder = tmp_path_factory.mktemp("models")
    text_model(folder / "x-clip", "xclip")
    videoscore(folder / "videoscore")
    return folder


@pytest.mark.parametrize("name", ["xclip", "videoscore"])
def test_a_model_looks_at_video_and_text_and_a_batch_changes_nothing(models, name):
    one = loaded(offer(name), models / offer(name).folder, "cpu")
    questions = [
        Question(noise(seed, 20, dark), text) for seed, dark in ((0, 1), (1, 6)) for text in ("a fox", "two dogs")
    ]
    together = one(questions)
    alone = [one([question])[0] for question in questions]
    for many, single in zip(together, alone, strict=True):
        assert many == pytest.approx(single, abs=1e-3)
        assert set(many) == set(OFFERS[name].scores)
    assert len({tuple(np.round(list(scores.values()), 5)) for scores in alone}) == 4


def test_a_video_without_text_has_no_text_score(models):
    one = loaded(offer("xclip"), models / "x-clip", "cpu")
    scores = one([Question(noise(0), ""), Question(noise(0), "a fox")])
    assert scores[0] == {"xclip": None}
    assert -100 <= scores[1]["xclip"] <= 100


def test_weights_that_are_no_videoscore_are_refused(models, tmp_path):
    with pytest.raises(UserError, match="X-CLIP is needed"):
        loaded(offer("xclip"), text_model(tmp_path / "clip", "clip"), "cpu")
    with pytest.raises(UserError, match="lacks the model's card"):
        loaded(offer("videoscore"), models / "x-clip", "cpu")
    from transformers import Idefics2Model

    path = videoscore(tmp_path / "headless")
    Idefics2Model.from_pretrained(models / "videoscore").save_pretrained(path)
    with pytest.raises(UserError, match="does not hold VideoScore's weights"):
        loaded(offer("videoscore"), path, "cpu")


def test_the_truth_is_matched_where_there_is_one():
    exact, apart = (Truth()([Question(noise(0), "", truth)])[0] for truth in (noise(0), noise(1)))
    assert exact == {"psnr": 100.0, "ssim": pytest.approx(1.0)}
    assert apart["psnr"] < 15
    assert Truth()([Question(noise(0), "")])[0] == {"psnr": None, "ssim": None}
    with pytest.raises(UserError, match="another shape"):
        Truth()([Question(noise(0), "", Clip(noise(0).frames[:, :32], 8.0))])


def test_what_is_too_plain_to_tell_is_none():
    plain = Clip(np.full((9, 48, 64, 3), 90, np.uint8), 8.0)
    assert Stillness()([Question(plain, "")])[0] == {"still": None, "jerk": None, "flicker": None}


class Counting:
    """A judge that counts what it is asked, and cannot bear a certain text."""

    name, version, batch = "still", "1", 4

    def __init__(self) -> None:
        self.questions = []

    def __call__(self, questions):
        if any(question.text == "bad" for question in questions):
            raise UserError("That is too bad.")
        self.questions += [question.text for question in questions]
        return [{"still": float(len(question.text))} for question in questions]


def test_nothing_is_asked_twice_and_one_bad_video_spoils_no_other(tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    good = moving(tmp_path / "good.mp4")
    items = [
        Item("m", "a", good, "fox"),
        Item("m", "b", good, "bad"),
        Item("m", "c", tmp_path / "broken.mp4", "x"),
        Item("m", "d", good, "foxes"),
    ]
    counting = Counting()
    rows = judge(items, [counting], tmp_path / "out", ["a note"])
    assert [row.scores for row in rows] == [{"still": 3.0}, {}, {}, {"still": 5.0}]
    assert rows[1].errors == ("That is too bad.",)
    assert "broken.mp4" in rows[2].errors[0]
    assert read(tmp_path / "out") == (rows, ["a note"])
    assert judge(items, [counting], tmp_path / "out")[3].scores == {"still": 5.0}
    assert counting.questions == ["fox", "foxes"]
    moving(good, seed=5)  # another video under the same name
    judge(items[:1], [counting], tmp_path / "out")
    assert counting.questions == ["fox", "foxes", "fox"]


def test_folders_become_items_and_what_is_missing_is_said(tmp_path):
    for method, names in (("ours", ("a_fox", "a_cat")), ("4Dfy", ("a_fox",)), ("truth", ("a_fox",))):
        for name in names:
            moving(tmp_path / "all" / method / f"{name}.mp4")
    (tmp_path / "all" / "prompts.csv").write_text("a_cat,A cat that sleeps\n")
    items, notes = items_of([tmp_path / "all"], tmp_path / "out", tmp_path / "all" / "truth")
    assert [(item.method, item.prompt, item.truth is not None) for item in items] == [
        ("4Dfy", "a fox", True),
        ("ours", "A cat that sleeps", False),
        ("ours", "a fox", True),
    ]
    assert notes == ["4Dfy has no film of a_cat: its means are over the others."]
    with pytest.raises(UserError, match="no folder"):
        items_of([tmp_path / "none"], tmp_path / "out")


def test_weights_are_not_fetched_unless_asked_for_and_the_licence_comes_first(monkeypatch, models):
    from huggingface_hub.errors import LocalEntryNotFoundError

    sentences, fetched = [], []

    def download(**options):
        if options.get("local_files_only"):
            raise LocalEntryNotFoundError("not here")
        assert "licence MIT" in sentences[-1].message
        fetched.append(options["allow_patterns"])
        return "/somewhere"

    monkeypatch.delenv("FOURREAL_MODELS", raising=False)
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    with pytest.raises(UserError, match="add --download"):
        weights.folder_of(offer("xclip"), False, ignore, CancelToken())
    assert str(weights.folder_of(offer("xclip"), True, sentences.append, CancelToken())) == "/somewhere"
    assert not any(".bin" in pattern or ".pt" in pattern for pattern in fetched[0])
    monkeypatch.setenv("FOURREAL_MODELS", str(models))
    assert weights.folder_of(offer("xclip"), False, ignore, CancelToken()) == models / "x-clip"
    assert weights.folder_of(offer("still"), False, ignore, CancelToken()) is None


def test_the_command_line_judges_with_what_it_has(tmp_path, monkeypatch, models, capsys):
    monkeypatch.setenv("FOURREAL_MODELS", str(models))
    for method in ("ours", "4Dfy"):
        moving(tmp_path / method / "a_fox.mp4", seed=len(method))
    folders = [str(tmp_path / method) for method in ("ours", "4Dfy")]
    words = ["judge", *folders, "--out", str(tmp_path / "out"), "--judges", "xclip", "still", "--device", "cpu"]
    assert cli.main(words) == 0
    rows, _ = read(tmp_path / "out")
    assert {row.method for row in rows} == {"ours", "4Dfy"}
    assert all(set(row.scores) == {"xclip", "still", "jerk", "flicker"} for row in rows)
    assert (tmp_path / "out" / "scores.csv").read_text().startswith("method,name,prompt,xclip,still,jerk,flicker")
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("FOURREAL_MODELS", str(tmp_path / "empty"))
    assert cli.main([*words[:5], "--judges", "xclip", "still", "--device", "cpu"]) == 0
    rows, notes = read(tmp_path / "out")
    assert all(set(row.scores) == {"still", "jerk", "flicker"} for row in rows), (
        "a judge without weights stops no other"
    )
    assert notes[0].startswith("Not asked: ")
    capsys.readouterr()
    assert cli.main(["judge", "--list"]) == 0
    assert "Apache-2.0" in capsys.readouterr().out
    assert cli.main(["judge"]) == 2


@pytest.mark.slow
def test_views_of_one_scene_agree_and_noise_does_not(assets):
    views = loaded(offer("views"), None, "cpu")
    film = clip.read(assets / "examples" / "fox_yard" / "freeze.mp4")
    seen, random = views([Question(film, ""), Question(noise(0, 20), "")])
    assert seen["placed"] > 90
    assert 30 < seen["degrees"] < 360
    assert seen["agreement"] > 40
    assert random["agreement"] < 5
