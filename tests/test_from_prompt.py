"""The chain from a prompt to a scene: with tiny weights as far as noise goes, with real clips to the end."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import torch
from candidate_samples import Films
from fit_samples import STAGE_ONE, STAGE_TWO
from scene_samples import some_scene

from fourreal import clip
from fourreal.camera import cameras_file
from fourreal.clip import Clip
from fourreal.errors import Cancelled, UserError
from fourreal.pipeline import from_prompt as from_prompt_module
from fourreal.pipeline.from_prompt import PromptRequest, best_frame, from_prompt
from fourreal.progress import CancelToken
from fourreal.scene import bundle
from fourreal.settings import Preset
from fourreal.video import registry, score

TINY = Preset("tiny", 96 * 54, 24, 12, STAGE_ONE, STAGE_TWO)


def choices(out: Path) -> dict[str, dict]:
    return {choice["what"]: choice for choice in json.loads((out / "choices.json").read_text())["choices"]}


def everything(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    for name in ("wan-vace-1.3b", "sana-wm"):
        tiny_models.save(name, folder / name)
    return folder


@pytest.mark.slow
def test_tiny_weights_lead_to_two_videos_and_the_cameras_that_were_commanded(
    weights, quick_scores, tmp_path, monkeypatch
):
    """Two models, the second told a path. What comes out is noise, so what would be reconstructed is only looked at."""
    calls = []

    def reconstruct(request, progress, cancel):
        calls.append(request)
        return some_scene()

    monkeypatch.setattr(from_prompt_module, "reconstruct", reconstruct)
    out = tmp_path / "run"
    request = PromptRequest(
        prompt="A fox eats an apple",
        out=out,
        model="wan-vace-1.3b",
        source=weights / "wan-vace-1.3b",
        freeze_model="sana-wm",
        freeze_source=weights / "sana-wm",
        candidates=2,
        frames=17,
        size=(96, 64),
        steps=2,
        windows=2,
        arc=64,
        preset=TINY,
        device="cpu",
    )
    from_prompt(request)
    made = choices(out)
    assert made["reference video"]["picked"].startswith("candidates/reference-")
    assert len(made["reference video"]["others"]) == 1
    assert made["prompt of the freeze-time video"]["picked"].startswith("Camera circulating around a fox")
    frame = made["frame that is frozen"]["picked"]
    assert 5 <= frame <= 10
    assert f"-frame-{frame}/freeze-" in made["freeze-time video"]["picked"]
    for choice in made.values():
        assert all(isinstance(sentence, str) and sentence for sentence in choice["why"])
    freeze = clip.read(out / "inputs" / "freeze.mp4")
    given = cameras_file.read(out / "inputs" / "cameras.json").for_clips(freeze.size, len(freeze), 17)
    assert given.canonical_index == frame
    torch.testing.assert_close(given.freeze.world_to_camera[given.freeze_reference_index], torch.eye(4))
    # the same without any weights: all is there
    before = everything(out)
    gone = replace(request, source=tmp_path / "none", freeze_source=tmp_path / "none")
    from_prompt(gone)
    assert everything(out) == before
    assert calls[0] == calls[1]
    assert calls[0].cameras == out / "inputs" / "cameras.json"
    assert (calls[0].canonical_frame, calls[0].freeze_reference_frame) == (frame, given.freeze_reference_index)
    assert (clip.read(calls[0].reference).size, calls[0].refine_poses) == ((96, 64), True)


class Actor(Films):
    """A model that plays what it is given: the reference video from text, the freeze-time video from a picture."""

    identity = "actor"

    def __init__(self, folder: Path, name: str, calls: list):
        self.capabilities, self.folder, self.calls = registry.entry(name).capabilities, folder, calls

    def generate(
        self, prompt, *, conditioning=None, frames=None, size=None, seed=0, cameras=None, cancel=None, **others
    ):
        cancel.check()
        self.calls.append(("freeze" if conditioning else "reference", seed))
        if conditioning:
            shot = clip.read(self.folder / "freeze.mp4")[16:]
            picture = conditioning[0]
            return Clip(np.concatenate([picture[None], shot.resized(size).frames[1:]])[:frames], 12.0)
        return clip.read(self.folder / ("reference.mp4" if seed else "freeze.mp4"))[:frames].resized(size)


@pytest.fixture
def actor(monkeypatch, fox_yard):
    """Every model is an actor; what they are asked, and when they are loaded."""
    calls = []

    def load(name, source=None, device=None, adapter=None, progress=None, cancel=None):
        calls.append(("load", name))
        return Actor(fox_yard, name, calls)

    monkeypatch.setattr(registry, "load", load)
    return calls


@pytest.fixture
def quick_scores(monkeypatch):
    """Candidates are judged by what is quick to see; tests of the scores see to the rest."""
    monkeypatch.setattr(score, "_subject_stands", lambda frames: score.Score("subject", 0.0, 1.0, 3.0, "It stands."))


def acted(out: Path, **changes) -> PromptRequest:
    options = dict(
        candidates=2, frames=17, size=(256, 160), windows=0, arc=40, pick_frame=11, preset=TINY, device="cpu"
    )
    return PromptRequest(prompt="A fox", out=out, model="wan-ti2v-5b", freeze_model="sana-wm", **(options | changes))


@pytest.mark.slow  # test_mini_chain.py is quicker, and has a model
def test_a_prompt_ends_in_a_scene_and_a_chain_that_was_stopped_goes_on(actor, tmp_path):
    out, token = tmp_path / "run", CancelToken()

    def stop(event):
        if event.message.startswith("freeze-1 is being"):
            token.cancel()

    with pytest.raises(Cancelled):
        from_prompt(acted(out), stop, token)
    files = everything(out)
    assert not (out / "inputs").exists()
    stages = set()
    scene = from_prompt(acted(out), lambda event: stages.add(event.stage))
    assert actor == [
        ("load", "wan-ti2v-5b"),
        ("reference", 0),
        ("reference", 1),
        ("load", "sana-wm"),
        ("freeze", 0),
        ("load", "sana-wm"),
        ("freeze", 1),
    ]
    assert {"candidates", "choices", "canonical", "motion"} <= stages
    after = everything(out)
    assert {name: after[name] for name in files if name != "choices.json"} == {
        name: content for name, content in files.items() if name != "choices.json"
    }
    assert (
        choices(out)["reference video"]["picked"] == "candidates/reference-1.mp4"
    )  # the camera of the other one moves
    assert bundle.load(out).frames == scene.frames == 12
    manifest = bundle.read_manifest(out)
    assert manifest["freeze_reference_frame"] == 0
    assert manifest["refined_poses"]
    assert scene.field.canonical == manifest["reference_frames"].index(11)


@pytest.fixture
def own_videos(quick_scores, tmp_path, fox_yard) -> PromptRequest:
    """A request whose candidates are all there."""
    folder = tmp_path / "run" / "candidates"
    (folder / "reference-0-frame-11").mkdir(parents=True)
    for name, *places in (
        ("reference", "reference-0"),
        ("freeze_noisy", "reference-0-frame-11/freeze-0"),
        ("freeze", "reference-1", "reference-0-frame-11/freeze-1"),
    ):
        clip.write(clip.read(fox_yard / f"{name}.mp4").resized((256, 144)), tmp_path / f"{name}.mp4")
        for place in places:
            shutil.copy(tmp_path / f"{name}.mp4", folder / f"{place}.mp4")
    return PromptRequest(
        prompt="A fox",
        out=tmp_path / "run",
        model="wan-vace-1.3b",
        candidates=2,
        windows=0,
        pick_frame=11,
        preset=TINY,
        device="cpu",
    )


def test_ones_own_videos_are_taken_for_candidates(own_videos, monkeypatch, tmp_path):
    """No model is loaded and no network asked."""
    calls = []
    monkeypatch.setattr(from_prompt_module, "reconstruct", lambda request, *_: calls.append(request))
    from_prompt(own_videos)
    made = choices(tmp_path / "run")
    assert made["reference video"]["picked"] == "candidates/reference-0.mp4"
    assert made["freeze-time video"]["picked"] == "candidates/reference-0-frame-11/freeze-1.mp4"
    assert made["frames in which the two videos meet"]["picked"] == [11, 16]
    assert (tmp_path / "run" / "inputs" / "freeze.mp4").read_bytes() == (tmp_path / "freeze.mp4").read_bytes()
    (request,) = calls
    assert (request.canonical_frame, request.freeze_reference_frame, request.cameras) == (11, 16, None)


@pytest.mark.slow
def test_ones_own_videos_end_in_a_scene(own_videos):
    """The cameras are found from the pictures."""
    assert from_prompt(own_videos).frames == 12


@pytest.mark.slow
def test_the_person_picks_another_and_nothing_is_lost(actor, quick_scores, monkeypatch, tmp_path):
    monkeypatch.setattr(score, "_steady", lambda frames: ())
    out = tmp_path / "run"
    with pytest.raises(UserError, match="reference video has frames 0 to 16"):
        from_prompt(acted(out, pick_frame=17))
    for seed in (0, 1):
        token = CancelToken()

        def stop(event, token=token):
            if event.message.startswith("freeze-time video:"):
                token.cancel()

        with pytest.raises(Cancelled):
            from_prompt(acted(out, pick_reference=seed, pick_freeze=1), stop, token)
        made = choices(out)
        assert made["reference video"]["picked"] == f"candidates/reference-{seed}.mp4"
        assert made["freeze-time video"]["picked"] == f"candidates/reference-{seed}-frame-11/freeze-1.mp4"
        assert made["freeze-time video"]["why"][0] == "You picked it."
    assert len(list(out.glob("candidates/*/freeze-*.mp4"))) == 4


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"prompt": ""}, "empty"),
        ({"candidates": 0}, "1 to 64"),
        ({"pick_reference": 2}, "0 to 1"),
        ({"pick_freeze": 9}, "0 to 1"),
        ({"frames": 16}, "nearest"),
        ({"size": (250, 160)}, "nearest"),
        ({"arc": 0.0}, "degrees"),
        ({"arc": 361}, "degrees"),
        ({"freeze_prompt": " "}, "empty"),
        ({"model": "sana-wm"}, "starts from a picture"),
        ({"freeze_model": "x"}, "There are"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_made(actor, tmp_path, change, sentence):
    with pytest.raises(UserError, match=sentence):
        from_prompt(replace(acted(tmp_path / "run"), **change))
    assert actor == []
    assert list(tmp_path.iterdir()) == []


def test_the_frame_to_freeze_is_sharp_and_in_the_middle(tiny_clip):
    noise = np.random.default_rng(0).integers(0, 255, tiny_clip.frames.shape[1:], dtype=np.uint8)
    frames = tiny_clip.frames.copy()
    frames[3] = frames[0] = noise
    frames[0, ::2] = 255
    assert best_frame(Clip(frames, 12.0))[0] == 3
    for count in (1, 2, 3):
        assert 0 <= best_frame(tiny_clip[:count])[0] < count


def test_a_model_of_few_sizes_says_where_none_has_the_shape():
    able = registry.entry("mini").capabilities
    assert able.alike((512, 288)) == able.alike((640, 360)) == (256, 144)
    with pytest.raises(UserError, match="another shape"):
        able.alike((640, 480))


@pytest.mark.parametrize("name", [entry.name for entry in registry.MODELS.values() if not entry.capabilities.sizes])
@pytest.mark.parametrize(
    "size", [(832, 480), (1280, 704), (704, 480), (512, 288), (480, 832), (640, 640), (1920, 1080)]
)
def test_another_model_makes_pictures_of_the_same_shape(name, size):
    """Two videos are reconstructed only if their shapes agree within two per cent."""
    able = registry.entry(name).capabilities
    alike = able.alike(size)
    able.check_size(alike)
    assert abs(alike[0] / alike[1] / (size[0] / size[1]) - 1) < 0.018
    native = able.native_size[0] * able.native_size[1]
    assert 0.45 < alike[0] * alike[1] / native < 1.4
    assert able.alike((96, 64), (96, 64)) == (96, 64)
