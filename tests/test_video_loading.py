"""Getting a model: the registry, downloads that fail, weights that are not whole, memory that is too small."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
import tiny_models
import torch
from huggingface_hub import errors
from safetensors.torch import load_file, save_file

from fourreal.errors import Cancelled, UserError
from fourreal.progress import CancelToken
from fourreal.video import hub, lora, registry
from fourreal.video.memory import Memory, fits, free_memory, make_plan
from fourreal.video.registry import GB, MODELS

NAME = "wan-vace-1.3b"
ENTRY = MODELS[NAME]


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    return tiny_models.save(NAME, tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    """A copy that may be damaged."""
    copy = tmp_path / "model"
    for file in saved.rglob("*"):
        if file.is_file():
            target = copy / file.relative_to(saved)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    return copy


def test_the_registry_loads_nothing_heavy():
    code = "import sys, fourreal.video.registry; print(*{name.split('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert run.returncode == 0, run.stderr
    assert {"torch", "diffusers", "transformers", "huggingface_hub", "accelerate"} & set(run.stdout.split()) == set()


@pytest.mark.parametrize("entry", MODELS.values(), ids=MODELS)
def test_every_entry_says_what_one_wants_to_know_first(entry):
    able = entry.capabilities
    assert able.nearest_frames(able.native_frames) == able.native_frames
    assert able.nearest_size(able.native_size) == able.native_size
    known, new = able.window
    assert (known + new - 1) % able.frame_step == 0
    assert known == 1 or (known - 1) % able.frame_step == 0 or able.only_frames
    assert entry.shipped or entry.repository.count("/") == 1
    assert entry.licence
    assert 0 < max(entry.parameters.values()) * 1.8 < entry.download_gb < entry.memory_gb
    assert "freeze" in entry.roles
    assert ("reference" in entry.roles) == able.text_alone


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(UserError, match=NAME):
        registry.load("wan")


# --- Downloads --------------------------------------------------------------------------------------------------


def answer(kind: type, status: int = 404):
    request = httpx.Request("GET", "https://huggingface.co/x")
    return kind("no", response=httpx.Response(status, request=request))


FAILURES = [
    (lambda: answer(errors.GatedRepoError, 403), ["licence", ENTRY.page, "hf auth login"]),
    (lambda: answer(errors.RepositoryNotFoundError), ["not on the hub", ENTRY.page]),
    (lambda: answer(errors.RevisionNotFoundError), ["revision"]),
    (lambda: answer(errors.HfHubHTTPError, 503), ["could not be reached", "goes on where it stopped"]),
    (lambda: httpx.ConnectError("no route to host"), ["could not be reached", "network"]),
    (lambda: httpx.ReadTimeout("slow"), ["could not be reached"]),
    (lambda: errors.LocalEntryNotFoundError("not cached"), ["not on this machine"]),
    (lambda: errors.OfflineModeIsEnabled("offline"), ["could not be reached"]),
    (lambda: OSError(errno.ENOSPC, "No space left on device"), ["disk was full", "goes on"]),
    (lambda: PermissionError(errno.EACCES, "denied"), ["HF_HOME"]),
]


@pytest.fixture
def no_copy(monkeypatch, tmp_path):
    """No weights on this machine, and room for them."""
    monkeypatch.setattr(hub, "local_copy", lambda entry: None)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10**15})())


@pytest.mark.parametrize(("failure", "words"), FAILURES)
@pytest.mark.parametrize("when", ["hf_hub_download", "snapshot_download"])
def test_a_download_that_fails_is_explained(monkeypatch, no_copy, saved, failure, words, when):
    def fail(*args, **kwargs):
        raise failure()

    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *args, **kwargs: str(saved / "model_index.json"))
    monkeypatch.setattr(f"huggingface_hub.{when}", fail)
    with pytest.raises(UserError) as refusal:
        registry.load(NAME)
    assert all(word in str(refusal.value) for word in [*words, ENTRY.repository])


def test_a_failure_of_our_own_keeps_its_name(monkeypatch, no_copy):
    def fail(*args, **kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)
    with pytest.raises(ZeroDivisionError):
        registry.load(NAME)


def test_too_small_a_disk_is_noticed_before(monkeypatch):
    monkeypatch.setattr(hub, "local_copy", lambda entry: None)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 3 * GB})())
    with pytest.raises(UserError, match=r"3\.0 GB are free"):
        registry.load(NAME)


def test_only_what_the_index_names_is_downloaded_and_no_pickles(monkeypatch, no_copy, saved):
    asked, events = {}, []

    def download(repository, revision, allow_patterns, tqdm_class):
        asked.update(repository=repository, revision=revision, patterns=allow_patterns)
        with tqdm_class(total=10, unit="B", desc="x") as bar:
            bar.update(4)
        return str(saved)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *args, **kwargs: str(saved / "model_index.json"))
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    model = registry.load(NAME, device="cpu", progress=events.append)
    model.release()
    assert (asked["repository"], asked["revision"]) == (ENTRY.repository, ENTRY.revision)
    assert {pattern.split("/")[0] for pattern in asked["patterns"]} == {
        "model_index.json",
        "tokenizer",
        "text_encoder",
        "transformer",
        "vae",
        "scheduler",
    }
    assert all(pattern.endswith((".json", ".safetensors", ".txt", ".model", ".jinja")) for pattern in asked["patterns"])
    told = " ".join(event.message for event in events)
    assert all(word in told for word in (ENTRY.repository, ENTRY.revision, ENTRY.licence, "GB"))
    assert [(event.step, event.steps) for event in events if event.steps] == [(4, 10)]


def test_a_download_can_be_stopped(monkeypatch, no_copy, saved):
    token = CancelToken()

    def download(repository, revision, allow_patterns, tqdm_class):
        with tqdm_class(total=10, unit="B") as bar:
            token.cancel()
            bar.update(1)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *args, **kwargs: str(saved / "model_index.json"))
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    with pytest.raises(Cancelled):
        registry.load(NAME, cancel=token)


def test_weights_that_are_there_and_whole_need_no_network(monkeypatch, saved):
    monkeypatch.setattr(hub, "local_copy", lambda entry: saved)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *args, **kwargs: pytest.fail("asked the hub"))
    assert hub.on_disk(ENTRY)
    registry.load(NAME, device="cpu").release()


# --- Folders ----------------------------------------------------------------------------------------------------


def cut(folder: Path) -> None:
    file = next((folder / "transformer").glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-100])


def garble(folder: Path) -> None:
    next((folder / "vae").glob("*.safetensors")).write_bytes(b"<html>not found</html>")


def without(name: str):
    def remove(folder: Path) -> None:
        for file in folder.glob(name):
            if file.is_dir():
                for inner in file.iterdir():
                    inner.unlink()
            else:
                file.unlink()

    return remove


def index_of_missing_shards(folder: Path) -> None:
    index = {"weight_map": {"a": "diffusion_pytorch_model-00001-of-00002.safetensors"}}
    (folder / "transformer" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))


def of_another_kind(folder: Path) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    index["transformer"] = ["diffusers", "LTXVideoTransformer3DModel"]
    (folder / "model_index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (cut, ["cut short", "Start the download again"]),
        (garble, ["damaged"]),
        (without("transformer/*.safetensors"), ["transformer", "no weights"]),
        (without("tokenizer"), ["tokenizer is missing"]),
        (without("model_index.json"), ["no diffusers model"]),
        (lambda folder: (folder / "model_index.json").write_text("{"), ["cannot be read"]),
        (lambda folder: (folder / "model_index.json").write_text("[]"), ["cannot be read"]),
        (index_of_missing_shards, ["00001-of-00002", "missing"]),
        (of_another_kind, ["LTXVideoTransformer3DModel", "WanVACETransformer3DModel"]),
        (lambda folder: (folder / "vae" / "config.json").write_text("{"), ["cannot be loaded"]),
    ],
)
def test_a_folder_that_is_not_whole_is_named_with_what_is_missing(folder, damage, words):
    damage(folder)
    with pytest.raises(UserError) as refusal:
        registry.load(NAME, folder, device="cpu")
    assert all(word in str(refusal.value) for word in words)


def test_weights_are_told_apart_by_what_they_are_not_where(saved, folder):
    here, there = (registry.load(NAME, place, device="cpu").identity for place in (saved, folder))
    assert here == there
    file = next((folder / "transformer").glob("*.safetensors"))
    state = load_file(file)
    name = next(iter(state))
    save_file(state | {name: state[name] + 1}, file)
    assert registry.load(NAME, folder, device="cpu").identity != here


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(UserError, match="no folder"):
        registry.load(NAME, tmp_path / "nowhere")


# --- Memory -----------------------------------------------------------------------------------------------------

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


# --- LoRAs ------------------------------------------------------------------------------------------------------


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
    assert lora.find("arc-shot", MODELS["wan-vace-14b"].adapters) == Path(lora.KNOWN["arc-shot"].repository)
