"""What the embedded model is judged by: prompts, shares, and the arc that a frozen clip was made along."""

import pytest
import torch

from fourreal.video import registry
from fourreal.video.mini import vocabulary
from research.mini import data, evaluate
from research.mini.probes import ASPECTS
from research.world.solo import make_solo


def test_prompts_are_in_its_words_and_ask_for_what_is_told():
    prompts, labels = evaluate.prompts(64)
    assert len({tuple(row) for row in labels.tolist()}) == 54  # every colour, shape and motion there is
    for prompt, label in zip(prompts, labels.tolist(), strict=True):
        reading = vocabulary.read(prompt)
        assert not reading.unknown
        assert [part - 1 for part in reading.slots()[:3]] == label
    assert [len(kinds) for kinds in ASPECTS.values()] == [6, 3, 3]


@pytest.mark.slow
def test_a_true_clip_was_made_along_the_arc_it_was_made_along():
    errors = []
    for number, factor in enumerate((0.5, 1.0, 1.5, 1.0)):
        world, arc, time = make_solo(number), 70.0, 0.4
        made = data.view(world, data.frozen_path(world, arc * factor, time))[0][1:]
        errors.append(evaluate._errors(made, world, arc, time))
        assert abs(float(evaluate.FACTORS[int(errors[-1].argmin())]) - factor) < 0.01
    assert abs(evaluate.fitted(torch.stack([errors[2]] * 4))["fitted"] - 1.5) < 0.01
    figures = evaluate.fitted(torch.stack(errors))
    assert figures["median alone"] == 1.0
    assert figures["interval"][0] <= figures["fitted"] <= figures["interval"][1]
    assert figures["interval"][0] < figures["interval"][1]


def test_a_share_has_wilsons_interval():
    assert evaluate.share(10, 20) == {"share": 0.5, "interval": [0.299, 0.701]}
    assert evaluate.share(20, 20)["interval"][1] == 1.0


@pytest.mark.slow
def test_frozen_clips_are_compared_and_shown(tmp_path):
    figures = evaluate.freezing(registry.load("mini", device="cpu"), 2, 2, tmp_path)
    assert figures["clips"] == 2
    assert 10 < figures["psnr"]["mean"] < 60
    assert (tmp_path / "frozen.png").stat().st_size > 1000
