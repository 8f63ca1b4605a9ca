"""How models go into the memory that there is."""

import pytest
import torch

from fourreal.errors import UserError
from fourreal.video import registry
from fourreal.video.memory import Memory, fits, free_memory, make_plan
from fourreal.video.registry import GB, MODELS

pytest_plugins = ["weights_fixtures"]

NAME = "wan-vace-1.3b"
ENTRY = MODELS[NAME]
SIZES = {name: int(billions * 2e9) for name, billions in ENTRY.parameters.items()}


@pytest.mark.parametrize(
    ("memory", "dtype", "offload"),
    [
        (Memory("cuda", 80 * GB, 100 * GB), "bfloat16", "none"),
        (Memory("cuda", 24 * GB, 64 * GB), "bfloat16", "none"),
        (Memory("cuda", 18 * GB, 64 * GB), "bfloat16", "model"),
        (Memory("cuda", 6 * GB, 64 * GB), "bfloat16", "sequential"),
        (Memory("cpu", 128 * GB, 128 * GB), "float32", "none"),
        (Memory("cpu", 20 * GB, 20 * GB), "bfloat16", "none"),
    ],
)
def test_the_layout_follows_the_memory(memory, dtype, offload):
    plan = make_plan(ENTRY, SIZES, memory)
    assert (plan.dtype, plan.offload) == (dtype, offload)
    assert plan.tiling or memory.free > 20 * GB


def test_a_model_that_a_cpu_takes_at_four_bytes_only_needs_them():
    sana = MODELS["sana-wm"]
    sizes = {name: int(billions * 2e9) for name, billions in sana.parameters.items()}
    assert make_plan(sana, sizes, Memory("cpu", 64 * GB, 64 * GB)).dtype == "float32"
    assert not fits(sana, Memory("cpu", 16 * GB, 16 * GB))


def test_a_large_model_on_24_gb_waits_partly_outside():
    large = MODELS["wan-vace-14b"]
    sizes = {name: int(billions * 2e9) for name, billions in large.parameters.items()}
    assert make_plan(large, sizes, Memory("cuda", 24 * GB, 64 * GB)).offload == "sequential"
    assert make_plan(large, sizes, Memory("cuda", 48 * GB, 64 * GB)).offload == "model"


def test_too_little_memory_names_the_models_that_would_fit():
    large = MODELS["wan-vace-14b"]
    sizes = {name: int(billions * 2e9) for name, billions in large.parameters.items()}
    with pytest.raises(UserError) as refusal:
        make_plan(large, sizes, Memory("cuda", 24 * GB, 20 * GB))
    assert MODELS["ltx-video"].title in str(refusal.value)
    assert large.title not in str(refusal.value).split("fit:")[1]
    with pytest.raises(UserError, match="None of the models would fit"):
        make_plan(large, sizes, Memory("cpu", GB // 1000, GB // 1000))


def test_tiny_weights_fit_in_little_memory(saved):
    assert make_plan(ENTRY, {"transformer": 10**6, "vae": 10**5}, Memory("cpu", 2 * GB, 2 * GB)).dtype == "float32"
    assert free_memory("cpu").free > 0
    assert not fits(MODELS["wan-vace-14b"], Memory("cpu", 8 * GB, 8 * GB))


def test_a_device_that_is_not_there(saved, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no CUDA device"):
        registry.load(NAME, saved, device="cuda")
