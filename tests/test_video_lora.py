"""LoRAs: added into the weights, and refused where they do not belong."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from fourreal.errors import UserError
from fourreal.video import lora, registry
from fourreal.video.registry import MODELS

pytest_plugins = ["weights_fixtures"]

NAME = "wan-vace-1.3b"
ENTRY = MODELS[NAME]


def low_rank(saved: Path, names: list[str], rank: int = 2) -> dict[str, torch.Tensor]:
    weights = load_file(next((saved / "transformer").glob("*.safetensors")))
    generator, state = torch.Generator().manual_seed(0), {}
    for name in names:
        high, wide = weights[f"{name}.weight"].shape
        state[f"transformer.{name}.lora_A.weight"] = torch.randn(rank, wide, generator=generator)
        state[f"transformer.{name}.lora_B.weight"] = torch.randn(high, rank, generator=generator)
    return state


def test_a_lora_is_added_into_the_weights(saved, tmp_path):
    names = ["blocks.0.attn1.to_q", "blocks.1.ffn.net.2"]
    state = low_rank(saved, names)
    save_file(state, tmp_path / "orbit.safetensors")
    plain = registry.load(NAME, saved, device="cpu")
    bent = registry.load(NAME, saved, device="cpu", adapter=str(tmp_path / "orbit.safetensors"))
    layers = dict(bent.pipe.transformer.named_modules())
    for name, layer in plain.pipe.transformer.named_modules():
        if name in names:
            change = state[f"transformer.{name}.lora_B.weight"] @ state[f"transformer.{name}.lora_A.weight"]
            torch.testing.assert_close(layers[name].weight, layer.weight + change)
        elif hasattr(layer, "weight") and layer.weight is not None:
            torch.testing.assert_close(layers[name].weight, layer.weight)
    assert plain.identity != bent.identity
    ask = {"frames": 5, "size": (64, 64), "steps": 1}
    assert np.any(plain.generate("a fox", **ask).frames != bent.generate("a fox", **ask).frames)


def test_a_lora_of_another_model_is_refused(saved, tmp_path):
    name = "transformer.layers.9.q.lora_{}.weight"
    wrong = {name.format("A"): torch.zeros(2, 8), name.format("B"): torch.zeros(8, 2)}
    save_file(wrong, tmp_path / "wrong.safetensors")
    with pytest.raises(UserError, match="does not fit"):
        registry.load(NAME, saved, device="cpu", adapter=str(tmp_path / "wrong.safetensors"))
    (tmp_path / "broken.safetensors").write_bytes(b"broken")
    with pytest.raises(UserError, match="cannot be read"):
        registry.load(NAME, saved, device="cpu", adapter=str(tmp_path / "broken.safetensors"))


def test_known_loras_are_offered_only_where_they_belong(monkeypatch):
    with pytest.raises(UserError, match=r"Wan2\.1-I2V-14B"):
        lora.find("arc-shot", ENTRY.adapters)
    with pytest.raises(UserError, match="arc-shot"):
        lora.find("no such", ENTRY.adapters)
    monkeypatch.setattr(lora, "_download", lambda repository, file: Path(repository))
    assert lora.find("arc-shot", MODELS["wan-vace-14b"].adapters) == Path(lora.ADAPTERS["arc-shot"].repository)
