"""The commands that begin with a prompt, as a person or a script meets them."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from PIL import Image

from fourreal import clip, system
from fourreal.cli.reporting import Plain
from fourreal.video import registry

ROOT = Path(__file__).parents[1]
SMALL = ["--candidates", "2", "--frames", "17", "--size", "96x64", "--steps", "2", "--device", "cpu"]
WAN = ["--model", "wan-vace-1.3b"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    return tiny_models.save("wan-vace-1.3b", tmp_path_factory.mktemp("weights") / "wan")


@pytest.fixture(autouse=True)
def no_hub(monkeypatch, tmp_path_factory):
    """An empty local copy, and nobody is asked."""
    from huggingface_hub import constants

    cache = tmp_path_factory.mktemp("hub")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return cache


def sentence(result: tuple[int, str, str]) -> str:
    code, out, err = result
    assert (code, out) == (2, ""), err
    assert "Traceback" not in err
    return err


def test_models_lists_what_there_is_and_what_is_on_disk(fourreal, no_hub):
    code, out, _ = fourreal("models", "--device", "cpu")
    assert code == 0
    for entry in registry.MODELS.values():
        line = next(line for line in out.splitlines() if line.startswith(entry.name))
        width, height = entry.capabilities.native_size
        there = " no" if entry.shipped is None else " yes"
        for words in (*entry.roles, entry.licence, f"{width}x{height}", entry.weights, there):
            assert words in line
        assert entry.page in out
    snapshot = no_hub / "models--Lightricks--LTX-Video-0.9.5" / "snapshots" / ("0" * 40)
    tiny_models.save("ltx-video", snapshot)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("0" * 40)
    disk = {line.split()[0]: line for line in fourreal("models", "--device", "cpu")[1].splitlines() if line}
    column = disk["NAME"].index("ON DISK")
    assert disk["ltx-video"][column:].startswith("yes")
    assert disk["wan-vace-1.3b"][column:].startswith("no")
    shutil.rmtree(snapshot / "vae")
    disk = {line.split()[0]: line for line in fourreal("models", "--device", "cpu")[1].splitlines() if line}
    assert disk["ltx-video"][column:].startswith("in part")


@pytest.mark.slow
def test_generate_prints_the_candidates_best_first_and_then_those_of_a_picture(fourreal, weights, tmp_path):
    common = ["--source", weights, "--out", tmp_path / "out", *SMALL]
    code, out, err = fourreal("generate", "A fox eats an apple", *common, "--seed", 3)
    assert code == 0, err
    lines = out.splitlines()
    said = [line.split("  ") for line in lines]
    totals = [float(score) for score, *_ in said if score != "not judged"]  # noise shows too little to tell
    assert totals == sorted(totals, reverse=True)
    assert {path for _, path, *_ in said} == {str(tmp_path / "out" / f"reference-{seed}.mp4") for seed in (3, 4)}
    assert fourreal("generate", "A fox eats an apple", *common, "--seed", 3)[1] == out
    video, still = tmp_path / "out" / "reference-3.mp4", tmp_path / "still.png"
    Image.fromarray(clip.read(video).frames[2]).save(still)
    code, out, err = fourreal("generate", "A fox eats an apple", *common, "--picture", video, "--frame", 2)
    assert code == 0, err
    assert "Camera circulating around a fox" in err
    notes = [json.loads((tmp_path / "out" / f"freeze-{seed}.json").read_text()) for seed in (0, 1)]
    assert {one["payload"]["prompt"][:25] for one in notes} == {"Camera circulating around"}
    first = clip.read(tmp_path / "out" / "freeze-0.mp4").frames[0].astype(float)
    assert np.abs(first - np.asarray(Image.open(still), float)).mean() < 4
    assert fourreal("generate", "A fox eats an apple", *common, "--picture", still)[1] == out  # the same picture


def test_run_on_noise_gets_as_far_as_the_reconstruction(fourreal, weights, tmp_path):
    out = tmp_path / "run"
    refusal = sentence(fourreal("run", "A fox", "--source", weights, "--out", out, "--windows", 0, *SMALL))
    assert "choices: freeze-time video" in refusal
    assert len(list(out.glob("candidates/*.mp4"))) == len(list(out.glob("candidates/*/*.mp4"))) == 2
    assert json.loads((out / "choices.json").read_text())["prompt"] == "A fox"
    assert not (out / "scene.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generate", "A fox", "--model", "sora"], "There are: wan-vace-1.3b"),
        (["run", "A fox", "--model", "sora"], "There are: wan-vace-1.3b"),
        (["run", "A ball", "--freeze-model", "sora"], "There are: wan-vace-1.3b"),
        (["generate", "A fox"], "Mini knows no word of this prompt"),
        (["run", "A ball", "--size", "96x64"], "256x144 and 64x36 alone"),
        (["run", "A ball", "--frames", "17"], "videos of 16 frames"),
        (["generate", "A fox", *WAN], "give its folder"),
        (["run", "A fox", *WAN], "give its folder"),
        (["generate", " "], "prompt is empty"),
        (["run", ""], "prompt is empty"),
        (["generate", "A fox", "--candidates", "0"], "1 to 64"),
        (["run", "A fox", "--candidates", "100"], "1 to 64"),
        (["run", "A fox", "--candidates", "-1"], "not a whole number"),
        (["generate", "A fox", *WAN, "--frames", "18"], "nearest is 17"),
        (["generate", "A fox", *WAN, "--size", "100x64"], "nearest is 96x64"),
        (["generate", "A ball", "--steps", "0"], "denoising"),
        (["generate", "A fox", "--frame", "3"], "goes with --picture"),
        (["generate", "A fox", "--as-is"], "goes with --picture"),
        (["generate", "A fox", "--picture", "nowhere.png"], "nowhere.png cannot be read"),
        (["generate", "A fox", "--picture", __file__], "is no picture"),
        (["generate", "A fox", "--source", "nowhere"], "is no folder"),
        (["generate", "A fox", "--adapter", "nowhere"], "nowhere"),
        (["run", "A fox", "--arc", "400"], "360"),
        (["run", "A fox", "--pick-frame", "x"], "whole number"),
    ],
)
def test_what_a_person_can_mend_is_a_sentence_and_nothing_is_left(fourreal, tmp_path, monkeypatch, arguments, message):
    monkeypatch.setattr(system, "free_memory", lambda: 64 * 2**30)
    assert message in sentence(fourreal(*arguments, "--out", tmp_path / "new" / "out"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["generate", "run"])
def test_a_place_that_cannot_be_written(fourreal, tmp_path, command):
    (tmp_path / "file").write_text("mine")
    assert "cannot be written" in sentence(fourreal(command, "A ball", "--out", tmp_path / "file" / "out"))
    assert (tmp_path / "file").read_text() == "mine"


def test_stopped_on_request_what_is_finished_stays(fourreal, weights, tmp_path, tiny_clip, monkeypatch):
    clip.write(tiny_clip, tmp_path / "reference-0.mp4")
    say = Plain.say

    def said(report: Plain, text: str) -> None:
        say(report, text)
        if "video 0/500" in text:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Plain, "say", said)
    code, out, err = fourreal("generate", "A fox", "--source", weights, "--out", tmp_path, *SMALL, "--steps", "500")
    assert (code, out) == (130, "")
    assert "Run the same command again to continue" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reference-0.json", "reference-0.mp4"]


def test_help_answers_without_loading_a_model_library():
    for command in ("models", "generate", "run"):
        code = (
            f"import sys; from fourreal.cli import main\ntry: main(['{command}', '-h'])\nfinally: print(*sys.modules)"
        )
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
        *shown, modules = run.stdout.splitlines()
        assert any("--device" in line for line in shown)
        assert {"torch", "diffusers", "transformers", "huggingface_hub", "av"} & set(modules.split()) == set()
