"""From a prompt to a scene with the weights that come along, at toy length: nothing is downloaded, nobody asked."""

import json
import socket

import torch
from fit_samples import STAGE_ONE, STAGE_TWO

from fourreal import clip
from fourreal.pipeline.from_prompt import PromptRequest, from_prompt
from fourreal.settings import DISTILLED, DistillationSettings, Preset

PROMPT = "a red ball bouncing next to a blue box"
DISTILLATION = DistillationSettings(every=2, canonical_steps=2, motion_steps=4, phase=DISTILLED)
TINY = Preset("tiny", 96 * 54, 24, 12, STAGE_ONE, STAGE_TWO, DISTILLATION)


def test_a_prompt_ends_in_a_scene_that_the_same_model_criticised(tmp_path, monkeypatch):
    def alone(*arguments):
        raise OSError("there is no network")

    monkeypatch.setattr(socket.socket, "connect", alone)
    out, events = tmp_path / "run", []
    scene = from_prompt(
        PromptRequest(
            prompt=PROMPT, out=out, model="mini", candidates=1, steps=2, arc=120, preset=TINY, device="cpu", distil=True
        ),
        events.append,
    )
    assert scene.frames == 12
    freeze = clip.read(out / "inputs" / "freeze.mp4")
    assert (len(freeze), freeze.size) == (32, (256, 144))  # 8 + 16 + 8
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["refined_poses"]
    assert manifest["critic"].startswith("mini ")
    cameras = json.loads((out / "inputs" / "cameras.json").read_text())
    assert len(cameras["freeze"]) == 32
    first, last = (torch.tensor(cameras["freeze"][at]["w2c"]) for at in (0, -1))
    turned = torch.linalg.inv(first)[:3, :3] @ last[:3, :3]
    # around the vertical, from a camera that looks down: its axis shows the whole angle
    angle = torch.rad2deg(torch.acos(((turned.trace() - 1) / 2).clamp(-1, 1)))
    assert abs(float(angle) - 120) < 1
    assert any("the blue crate is left out" in event.message for event in events)
    assert any("distillation" in event.values for event in events)
