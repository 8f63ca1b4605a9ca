"""Text alignment, on tiny random CLIP and X-CLIP models built in code."""

import shutil

import numpy as np
import pytest
from judge_models import text_model

from fourreal import clip
from fourreal.clip import Clip
from fourreal.errors import UserError
from fourreal.pipeline.candidates import Wish, make
from fourreal.video.one_model import OneModel
from fourreal.video.text_score import TextAlignment


@pytest.fixture(scope="module", params=["clip", "xclip"])
def folder(request, tmp_path_factory):
    return text_model(tmp_path_factory.mktemp(request.param), request.param)


def test_it_looks_at_both_the_video_and_the_text(folder):
    score = TextAlignment(folder)
    random = np.random.default_rng(0)
    one, other = (Clip(random.integers(0, 255, (17, 48, 64, 3)).astype(np.uint8) // n, 8.0) for n in (1, 6))
    values = {score(clip, text).value for clip in (one, other) for text in ("a fox", "two dogs")}
    assert len(values) == 4
    assert all(-100 <= value <= 100 for value in values)
    assert score(one, "a fox").value == score(one, "a fox").value
    assert 0 <= score(one[:3], "a fox " * 100).good <= 1  # a short clip, a long text


def test_where_such_a_model_is_at_hand_candidates_are_scored_by_it(folder, tmp_path, monkeypatch, tiny_clip):
    """A person's own video, so that nothing has to be made."""
    wish = Wish(role="reference", prompt="a fox", frames=9, size=(64, 64), steps=2)
    for number in (0, 1):
        clip.write(tiny_clip, tmp_path / "videos" / f"reference-{number}.mp4")
    (without,) = make(wish, OneModel(), tmp_path / "videos", [0])
    assert "text" not in {score.name for score in without.scores}
    shutil.copytree(folder, tmp_path / "models" / ("x-clip" if "xclip" in folder.name else "clip"))
    monkeypatch.setenv("FOURREAL_MODELS", str(tmp_path / "models"))
    (candidate,) = make(wish, OneModel(), tmp_path / "videos", [1])
    (judgement,) = (score for score in candidate.scores if score.name == "text")
    assert "fits its text" in judgement.sentence
    assert judgement.sentence in candidate.reasons


def test_a_folder_without_such_a_model_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be loaded"):
        TextAlignment(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "t5"}')
    with pytest.raises(UserError, match="CLIP"):
        TextAlignment(tmp_path)
