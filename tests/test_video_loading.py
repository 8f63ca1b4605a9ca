"""Getting a model: the registry, downloads that fail, weights that are not whole."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from huggingface_hub import errors
from safetensors.torch import load_file, save_file

from fourreal.errors import Cancelled, UserError
from fourreal.progress import CancelToken
from fourreal.video import hub, registry
from fourreal.video.registry import GB, MODELS

pytest_plugins = ["weights_fixtures"]

NAME = "wan-vace-1.3b"
ENTRY = MODELS[NAME]


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
    given, new = able.window
    assert (given + new - 1) % able.frame_step == 0
    assert given == 1 or (given - 1) % able.frame_step == 0 or able.only_frames
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
    options, events = {}, []

    def download(repository, revision, allow_patterns, tqdm_class):
        options.update(repository=repository, revision=revision, patterns=allow_patterns)
        with tqdm_class(total=10, unit="B", desc="x") as bar:
            bar.update(4)
        return str(saved)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *args, **kwargs: str(saved / "model_index.json"))
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    model = registry.load(NAME, device="cpu", progress=events.append)
    model.release()
    assert (options["repository"], options["revision"]) == (ENTRY.repository, ENTRY.revision)
    assert {pattern.split("/")[0] for pattern in options["patterns"]} == {
        "model_index.json",
        "tokenizer",
        "text_encoder",
        "transformer",
        "vae",
        "scheduler",
    }
    assert all(
        pattern.endswith((".json", ".safetensors", ".txt", ".model", ".jinja")) for pattern in options["patterns"]
    )
    messages = " ".join(event.message for event in events)
    assert all(word in messages for word in (ENTRY.repository, ENTRY.revision, ENTRY.licence, "GB"))
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
