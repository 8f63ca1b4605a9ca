"""Reconstruction with a critic: what it depends on, what it does without one that cannot be had, what it refuses."""

import shutil
import sys
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import tiny_models
import torch
from distill_samples import SETTINGS, Says, grey
from fit_samples import STAGE_ONE, STAGE_TWO
from test_pipeline import TINY, request, videos  # noqa: F401 the fixture

from fourreal import clip, settings
from fourreal.cli import main
from fourreal.description import Options
from fourreal.errors import UserError
from fourreal.fit import loop
from fourreal.pipeline import Request, reconstruct
from fourreal.pipeline.critic import critic_for
from fourreal.pipeline.request import criticised
from fourreal.progress import CancelToken, ignore
from fourreal.scene import bundle
from fourreal.settings import PRESETS, ablated
from fourreal.video import registry

SHORT = replace(
    TINY,
    canonical=replace(STAGE_ONE, steps=30, plain_steps=10),
    motion=replace(STAGE_TWO, phases=(replace(STAGE_TWO.phases[0], steps=20),)),
    distillation=SETTINGS,
)


def test_a_critic_is_asked_in_both_stages_and_only_where_it_is_wanted(videos, tmp_path, monkeypatch):  # noqa: F811
    seen = []

    @contextmanager
    def look(wanted, *others):
        with critic_for(wanted, *others) as (critic, notes):
            if critic is not None:
                seen.append(others[-1](critic))
            yield critic, notes

    monkeypatch.setattr(sys.modules["fourreal.pipeline.reconstruct"], "critic_for", look)
    model, events = Says(grey), []
    wanted = {"prompt": "a ball rolls to the right", "critic_model": model}
    reconstruct(request(videos, tmp_path / "run", preset=SHORT, **wanted), events.append)
    at = model.questions.index({"rest": True})
    assert all("sigma" in question for question in model.questions[:at])
    assert at == 4 + 2  # between the stages it makes room
    model.questions.pop(at)
    questions = [(question["prompt"] == wanted["prompt"], question["frames"]) for question in model.questions]
    assert len(questions) == 4 + 2 + 6 + 2  # steps, and examinations of each kind every third time
    assert sum(own for own, _ in questions) == 3 + 1
    assert {frames for _, frames in questions} == {5}
    assert any("distillation" in event.values for event in events)
    assert any(event.critique is not None for event in events)
    manifest = bundle.read_manifest(tmp_path / "run")
    assert manifest["critic"] == "says"
    assert manifest["settings"]["distillation"]["strength"] == 1.0
    count = len(model.questions)
    assert seen == [False]
    reconstruct(request(videos, tmp_path / "run", preset=SHORT, **wanted))
    assert len(model.questions) == count  # what is there is not made again
    assert seen == [False, True]  # and a model that has to be loaded would not be
    for part, expected in (("multi-view-sds", 8), ("joint-sds", 6)):
        other = Says(grey)
        ask = wanted | {"critic_model": other}
        reconstruct(request(videos, tmp_path / part, preset=SHORT, **ask, without=frozenset([part])))
        assert len([question for question in other.questions if "sigma" in question]) == expected
    plain = request(videos, tmp_path / "plain", preset=SHORT)
    reconstruct(plain)
    assert not any("distillation" in path.name for path in (tmp_path / "plain" / "work").iterdir())


class Killed(BaseException):
    """In place of a signal: nothing catches it."""


def test_killed_while_it_is_distilled_it_goes_on_with_what_it_knew_of_the_model(videos, tmp_path, monkeypatch):  # noqa: F811
    """Killed while the model is asked at step 3 of stage two, after it was examined, and not to be examined again."""
    last = 4 + 2 + 1 + 1 + 3 + 1  # stage one and its examinations, those of stage two, its steps 0 to 2, and this one
    frames = []

    def answer(video):
        frames.append(video)
        if len(frames) == last:
            raise Killed
        return grey(video)

    wanted = {"prompt": "a ball rolls to the right", "critic_model": Says(answer)}
    with monkeypatch.context() as patch:
        patch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)  # after each step
        with pytest.raises(Killed):
            reconstruct(request(videos, tmp_path / "run", preset=SHORT, **wanted))
    assert list((tmp_path / "run" / "work").glob("motion-*distillation.checkpoint"))

    monkeypatch.setattr(loop, "EVENT_SECONDS", -1.0)  # every step is told
    trust, models, scenes = {}, {}, {}
    for name in ("run", "whole"):
        model, shared = models.setdefault(name, Says(grey)), trust.setdefault(name, {})
        shares = lambda event, shared=shared: shared.update(
            {(event.step, kind): share for kind, share in event.values.items() if "trust" in kind}
        )
        again = request(videos, tmp_path / name, preset=SHORT, prompt="a ball rolls to the right", critic_model=model)
        reconstruct(again, lambda event, shares=shares: "distillation" in event.stage and shares(event))
        scenes[name] = bundle.load(tmp_path / name).gaussians.tensors()
    assert [question["prompt"] == "a ball rolls to the right" for question in models["run"].questions] == [
        True,
        False,
        True,
    ]
    assert len(trust["run"]) == 3
    assert all(share < 0.9 for share in trust["run"].values())  # a model that was never examined is believed wholly
    assert trust["run"] == pytest.approx({at: trust["whole"][at] for at in trust["run"]}, abs=1e-4)
    for name, tensor in scenes["whole"].items():
        torch.testing.assert_close(scenes["run"][name], tensor, atol=1e-4, rtol=1e-4)


def test_it_goes_on_without_a_model_that_cannot_be_had_and_says_so(videos, tmp_path, monkeypatch):  # noqa: F811
    def away(*arguments):
        raise UserError("The hub could not be reached.")

    monkeypatch.setattr(registry, "fetch", away)
    events = []
    wanted = {"prompt": "a ball", "critic": "wan-vace-1.3b"}
    reconstruct(request(videos, tmp_path / "run", preset=SHORT, **wanted), events.append)
    assert any("without the video model" in event.message for event in events)
    manifest = bundle.read_manifest(tmp_path / "run")
    assert manifest["critic"] is None
    assert any("could not be reached" in note for note in manifest["notes"])


def never(*arguments):
    raise AssertionError("it was fetched or loaded for nothing")


def test_weights_that_somebody_named_are_looked_at_before_anything_begins(videos, tmp_path, monkeypatch):  # noqa: F811
    wanted = {"prompt": "a ball", "critic": "wan-vace-1.3b", "critic_source": tmp_path / "nothing here"}
    with pytest.raises(UserError, match="nothing here is no folder"):
        reconstruct(request(videos, tmp_path / "run", preset=SHORT, **wanted))
    assert not (tmp_path / "run").exists()


def test_a_prompt_of_which_the_model_reads_a_part_is_refused_before_it_is_loaded(videos, tmp_path, monkeypatch):  # noqa: F811
    choice = {"critic": "wan-vace-1.3b", "critic_source": tiny_models.save("wan-vace-1.3b", tmp_path / "weights")}
    monkeypatch.setattr(registry, "load", never)
    for prompts in ({"prompt": "fox " * 250}, {"prompt": "a fox", "freeze_prompt": "fox " * 250}):
        with pytest.raises(UserError, match="reads 512 pieces of words"):
            reconstruct(request(videos, tmp_path / "run", preset=SHORT, **choice, **prompts))
    assert not (tmp_path / "run").exists()


def test_nothing_is_fetched_for_a_video_in_which_nothing_moves(videos, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(registry, "fetch", never)
    still = tmp_path / "still"
    shutil.copytree(videos, still)
    shot = clip.read(still / "reference.mp4")
    clip.write(shot[[0] * len(shot)], still / "reference.mp4")
    with pytest.raises(UserError, match="Nothing moves"):
        reconstruct(request(still, tmp_path / "run", preset=SHORT, prompt="a ball", critic="wan-vace-1.3b"))


def test_what_is_finished_is_named_without_loading_the_model(monkeypatch):
    monkeypatch.setattr(registry, "load", never)
    file, sentences = Path("unused"), []
    wanted = Request(reference=file, freeze=file, out=file, prompt="a red ball and a fox", critic="mini")
    hear = lambda event: sentences.append(event.message)
    with critic_for(wanted, SETTINGS, 12.0, "cpu", hear, CancelToken(), lambda critic: True) as (critic, notes):
        assert critic.model.identity == registry.fetch("mini")[1]
        critic.model.rest()
    assert [note for note in notes if '"fox"' in note] == sentences
    loads = []
    monkeypatch.setattr(registry, "load", lambda *arguments: loads.append(arguments) or Says(grey))
    with critic_for(wanted, SETTINGS, 12.0, "cpu", ignore, CancelToken(), lambda critic: False) as (critic, _):
        assert len(loads) == 1
        assert critic.model.denoise_once(torch.ones(2, 3, 4, 4), 0.5, "x").max() == 0.5
    assert len(loads) == 1


def test_without_a_prompt_it_is_asked_without_words_and_says_so(videos, tmp_path):  # noqa: F811
    model = Says(grey)
    reconstruct(request(videos, tmp_path / "run", preset=SHORT, critic_model=model))
    questions = [question for question in model.questions if "sigma" in question]
    assert {(question["prompt"], question["guidance"]) for question in questions} == {("", 1.0)}
    assert any("prompt" in note for note in bundle.read_manifest(tmp_path / "run")["notes"])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"strength": 0.0}, "strength of 0"),
        ({"strength": 11}, "strength of 11"),
        ({"distillation_steps": 0}, "0 distillation"),
        ({"distillation_steps": 10**6}, "1000000 distillation"),
        ({"critic_guidance": 0.5}, "guidance of 0.5"),
        ({"critic": "sora"}, "sora"),
        ({"prompt": "long " * 5000}, "characters"),
    ],
)
def test_what_is_out_of_range_is_refused_before_anything_is_made(changes, says, videos, tmp_path):  # noqa: F811
    with pytest.raises(UserError, match=says):
        reconstruct(request(videos, tmp_path / "run", **({"prompt": "a ball", "critic": "mini"} | changes)))
    assert not (tmp_path / "run").exists()


def test_the_command_line_wants_a_critic_for_its_options(tmp_path, capsys):
    files = ["--reference", "a.mp4", "--freeze", "b.mp4", "--out", str(tmp_path / "run")]
    assert main(["reconstruct", *files, "--prompt", "a fox"]) == 2
    assert "--critic" in capsys.readouterr().err
    assert main(["reconstruct", *files, "--critic", "sora"]) == 2
    assert "sora" in capsys.readouterr().err


def test_steps_are_shared_out_as_in_the_preset_and_strength_multiplies():
    preset = criticised(PRESETS["draft"], Options(distillation_steps=90, strength=2))
    before, after = PRESETS["draft"].distillation, preset.distillation
    assert after.canonical_steps + after.motion_steps == 90
    assert after.canonical_steps / 90 == pytest.approx(before.canonical_steps / 180, abs=0.02)
    assert after.strength == 2 * before.strength


def test_presets_distil_late_and_nothing_of_it_is_in_the_reconstruction_itself():
    for preset in PRESETS.values():
        work = preset.distillation
        assert work.canonical_steps * work.every < 0.5 * preset.canonical.steps
        distilled = work.place_in(preset.motion)
        phase = distilled.phases[-1]
        assert phase.name == work.phase.name
        assert phase.steps == work.motion_steps * work.every
        assert (phase.trained, phase.videos) == ("all", "both")
        assert ablated(preset, ["joint-sds"]).distillation.place_in(preset.motion) == preset.motion
    paper = PRESETS["paper"].distillation
    assert (paper.views_weight, paper.times_weight, paper.every, paper.examine) == (5.0, 20.0, 1, 0)
    assert [phase.name for phase in paper.place_in(PRESETS["paper"].motion).phases] == ["field", "growth", "joint"]
    assert asdict(settings.NO_DISTILLATION)["motion_steps"] == 0
