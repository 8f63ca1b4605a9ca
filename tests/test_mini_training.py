"""The embedded model's training: clips, checkpoints, an end in time."""

import json
from dataclasses import replace
from functools import partial

import pytest
import torch
from mini_samples import small_network

from fourreal.errors import UserError
from research.mini import data, feed, train


def test_clips_follow_from_their_numbers_and_show_what_is_said_of_them():
    one, same, other = (data.draw([4, 5], seed) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one.video, other.video)
    assert one.video.shape == (2, 16, 3, 36, 64)
    assert float(one.video.abs().max()) <= 1
    clips = data.draw(list(range(24)), 7)
    still = (clips.video[:, 1:] - clips.video[:, :1]).abs().amax((1, 2, 3, 4))
    assert clips.frozen.any()
    assert (~clips.frozen).any()
    assert (still > 0.05).all()  # something moves in each: the camera, or what it sees
    for number, frozen in enumerate(clips.frozen.tolist()):
        turns = float((clips.rays[number, :, 6:9] - clips.rays[number, :1, 6:9]).abs().max())
        assert (turns > 1e-3) == frozen
        assert not frozen or clips.slots[number, 2] == 0  # nothing is said of motion in a frozen world


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path):
    plan = train.Plan(clips=8, batch=2, warm_steps=1)
    clips = [data.draw(data.numbers(step, 2), 0) for step in range(4)]
    whole = train.Training(plan, small_network(), torch.device("cpu"))
    losses = [whole.advance(some, 0.5) for some in clips]
    first = train.Training(plan, small_network(), torch.device("cpu"))
    for some in clips[:2]:
        first.advance(some, 0.5)
    second = train.Training(plan, small_network(), torch.device("cpu"))
    second.restore(first.state(), 2)
    assert [second.advance(some, 0.5) for some in clips[2:]] == losses[2:]
    for one, other in zip(whole.mean.parameters(), second.mean.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=0, rtol=0)


@pytest.fixture
def quick_sheet(monkeypatch):
    """Sheets of two steps."""
    monkeypatch.setattr(train.sheet, "write", partial(train.sheet.write, steps=2))


@pytest.mark.slow
def test_a_training_leaves_weights_a_log_and_a_sheet_and_is_not_mixed_with_another(quick_sheet, tmp_path):
    plan = train.Plan(clips=2, batch=2)
    weights = train.train(plan, tmp_path, small_network())
    assert weights.is_file()
    assert "frozen, first known" in (tmp_path / "log.txt").read_text()
    assert (tmp_path / "samples.png").is_file()
    assert json.loads((tmp_path / "training.json").read_text())["step"] == 1
    with pytest.raises(UserError, match="another seed"):
        train.train(replace(plan, seed=1), tmp_path, small_network())
    train.train(replace(plan, clips=4), tmp_path, small_network())
    assert json.loads((tmp_path / "training.json").read_text())["step"] == 2
    assert len(list(tmp_path.glob("state-*"))) == 1


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_clips_are_fed_in_order_and_seen_again(workers, monkeypatch):
    monkeypatch.setattr(feed, "APART", 2)
    with feed.Feed(feed.Wanted(fresh=2, repeats=2, seed=3), 1, torch.device("cpu"), workers) as food:
        given = [food.next(data.USUAL) for _ in range(3)]
    fresh = [data.draw(data.numbers(step, 2), 3) for step in (1, 2, 3)]
    assert [len(clips.video) for clips in given] == [2, 2, 4]
    expected = [fresh[0], fresh[1], data.Clips(*(torch.cat(pair) for pair in zip(fresh[2], fresh[0], strict=True)))]
    for one, other in zip(given, expected, strict=True):
        for value, wanted in zip(one, other, strict=True):
            torch.testing.assert_close(value, wanted, atol=0, rtol=0)


@pytest.mark.slow
def test_a_training_ends_after_so_many_minutes(quick_sheet, tmp_path):
    train.train(train.Plan(batch=2, repeats=2, minutes=0.01), tmp_path, small_network())
    summary = json.loads((tmp_path / "training.json").read_text())
    assert 0.6 <= summary["seconds"] < 60
    assert summary["step"] >= 1
