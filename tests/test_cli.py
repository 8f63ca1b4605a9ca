"""The command line as a person or a script meets it: output, messages, exit codes."""

import json
import os
import pty
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from scene_files import write_ground_truth
from scene_samples import FRAMES, some_scene

from fourreal import clip
from fourreal.description import ABLATIONS
from fourreal.scene import bundle
from fourreal.scene.r4d import read_r4d

ROOT = Path(__file__).parents[1]
PATIENCE = 300  # seconds until a command has failed: far more than it takes, as others may use the machine

# A stand-in for the pipeline, which shows what it was asked for and stops when it is told to.
FAKE = """
import dataclasses, sys, time, types
import fourreal
from fourreal.cli import main
from fourreal.errors import UserError
from fourreal.progress import Event
fake = types.ModuleType("fourreal.pipeline")
class Request:
    def __init__(self, **options): self.__dict__.update(options)
def reconstruct(request, progress, cancel):
    for name, value in sorted(vars(request).items()):
        print(name, sorted(value) if isinstance(value, frozenset) else value, file=sys.stderr)
    if request.seed == 13: raise UserError("Thirteen is unlucky. Choose another.")
    if request.seed == 14: raise RuntimeError("a bug")
    progress(Event("canonical", 1, 10, 4.0, {"psnr": 20.0, "splats": 5000.0}, "working"))
    while request.seed == 15:
        cancel.check()
        time.sleep(0.01)
fake.Request, fake.reconstruct = Request, reconstruct
sys.modules["fourreal.pipeline"] = fourreal.pipeline = fake
sys.exit(main(["reconstruct", "--reference", "r.mp4", "--freeze", "f.mp4", "--out", "run", *sys.argv[1:]]))
"""


def faked(*arguments, code: str = FAKE) -> tuple[int, str, str]:
    """The command line with that pipeline, or `code`, in a process of its own."""
    start = [sys.executable, "-c", code, *map(str, arguments)]
    run = subprocess.run(start, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE)
    return run.returncode, run.stdout, run.stderr


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("run") / "run"
    bundle.save(some_scene(), folder, {"seconds": {"total": 1.0}})
    return folder


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    return write_ground_truth(some_scene(), tmp_path_factory.mktemp("truth") / "scene")


def sentence(result: tuple[int, str, str]) -> str:
    """The message of a command that a person has to mend something for."""
    code, out, err = result
    assert (code, out) == (2, ""), err
    assert "Traceback" not in err
    return err


def test_render_writes_the_views_and_says_where(fourreal, run, truth, tmp_path):
    code, out, err = fourreal("render", run, "--cameras", truth / "cameras.json", "--out", tmp_path / "views")
    assert (code, out) == (0, f"{tmp_path / 'views'}\n"), err
    assert sorted(os.listdir(tmp_path / "views")) == [f"{i:03d}.png" for i in range(5)]
    assert "render 5/5" in err


def test_evaluate_prints_one_json_object(fourreal, run, truth):
    code, out, err = fourreal("evaluate", run, "--ground-truth", truth)
    assert code == 0, err
    assert json.loads(out)["psnr"] == 100


def test_export_writes_each_format(fourreal, run, tmp_path):
    for form, name in (("ply", "a.zip"), ("splat", "b.zip")):
        code, out, err = fourreal("export", run, "--format", form, "--out", tmp_path / name)
        assert (code, out) == (0, f"{tmp_path / name}\n"), err
        assert len(zipfile.ZipFile(tmp_path / name).namelist()) == FRAMES
    code, out, err = fourreal("export", run, "--format", "r4d", "--out", tmp_path / "c.r4d")
    assert (code, out) == (0, f"{tmp_path / 'c.r4d'}\n"), err
    assert read_r4d((tmp_path / "c.r4d").read_bytes()).frames == FRAMES
    code, out, err = fourreal("export", run, "--format", "html", "--out", tmp_path / "d.html")
    assert (code, out) == (0, f"{tmp_path / 'd.html'}\n"), err
    assert f"<title>{run.name}</title>" in (tmp_path / "d.html").read_text(encoding="utf-8")
    code, _, err = fourreal("export", run, "--format", "ply", "--upright", "--out", tmp_path / "e.zip")
    assert code == 0, err
    assert b"f_rest_44" in zipfile.ZipFile(tmp_path / "e.zip").read("frame_0000.ply")
    film = tmp_path / "film.mp4"
    code, _, err = fourreal(
        "export",
        run,
        "--format",
        "mp4",
        "--out",
        film,
        "--trajectory",
        "swing",
        "--frames",
        5,
        "--fps",
        10,
        "--size",
        "64x48",
    )
    assert code == 0, err
    assert (len(clip.read(film)), clip.read(film).size) == (5, (64, 48))


@pytest.mark.parametrize("option", [["字" * 90, "--out", "a.zip"], ["run", "--out", "字" * 90 + "/a.zip"]])
def test_a_name_too_long_for_the_disk_is_said(fourreal, option, run, monkeypatch):
    monkeypatch.chdir(run.parent)
    assert "hoose" in sentence(fourreal("export", *option, "--format", "ply"))


def test_on_a_terminal_a_bar_is_drawn_and_stdout_stays_clean():
    ours, theirs = pty.openpty()
    env = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen([sys.executable, "-c", FAKE], stdout=subprocess.PIPE, stderr=theirs, cwd=ROOT, env=env)
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 4096)
        except OSError:  # the terminal was hung up: the process is done
            break
    os.close(ours)
    assert process.communicate(timeout=PATIENCE)[0].decode() == "run\n"
    assert process.returncode == 0
    assert "1/10" in shown.decode()
    assert "20.0 dB" in shown.decode()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required"),
        (["dance"], "invalid choice"),
        (["render", "nowhere", "--cameras", "c.json", "--out", "o"], "c.json"),
        (["evaluate", "nowhere", "--ground-truth", "."], "not the folder of a run"),
        (["export", "nowhere", "--format", "ply", "--out", "o.zip"], "not the folder of a run"),
        (["export", "nowhere", "--format", "ply", "--out", "o.zip", "--frames", "3"], "--frames is for --format mp4"),
        (["export", "nowhere", "--format", "splat", "--out", "o.zip", "--upright"], "--upright is for --format ply"),
        (["export", "nowhere", "--format", "mp4", "--out", "o.mp4", "--size", "big"], "512x288"),
        (["export", "nowhere", "--format", "mp4", "--out", "o.mp4", "--fps", "nan"], "not a number above 0"),
    ],
)
def test_what_a_person_can_mend_is_a_sentence_and_exit_code_2(fourreal, arguments, message):
    assert message in sentence(fourreal(*arguments))


def test_cameras_that_do_not_match_or_damage_leave_no_output(fourreal, run, truth, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{}")
    result = fourreal("render", tmp_path / "broken", "--cameras", truth / "cameras.json", "--out", tmp_path / "out")
    assert "damaged" in sentence(result)
    (tmp_path / "cameras.json").write_text("[]")
    result = fourreal("render", run, "--cameras", tmp_path / "cameras.json", "--out", tmp_path / "out")
    assert "cameras.json" in sentence(result)
    assert not (tmp_path / "out").exists()


def test_reconstruct_hands_its_options_on():
    code, out, err = faked(
        "--hold-out-freeze",
        "12, 4,4",
        "--without",
        "exposure",
        "growth",
        "--without",
        "small-motion",
        "--preset",
        "paper",
        "--canonical-frame",
        "7",
    )
    assert (code, out) == (0, "run\n"), err
    for line in (
        "hold_out_freeze (4, 12)",
        "without ['exposure', 'growth', 'small-motion']",
        "preset paper",
        "canonical_frame 7",
        "freeze_reference_frame None",
        "refine_poses False",
        "deformation None",
        "device auto",
        "seed 0",
        "reference r.mp4",
        "cameras None",
        "canonical: working",
        "canonical 1/10  20.0 dB  5000 splats",
    ):
        assert line in err


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--without", "magic", "per-frame-deformation, small-motion, exposure, freeze-time, joint-finetune, growth"),
        ("--hold-out-freeze", "4,x", "4,12,20"),
        ("--hold-out-freeze", "", "4,12,20"),
        ("--canonical-frame", "-1", "whole number"),
        ("--seed", "1e3", "whole number"),
        ("--preset", "best", "draft"),
    ],
)
def test_values_that_are_none_are_refused_with_those_that_are(option, value, message):
    assert message in sentence(faked(f"{option}={value}"))


def test_a_users_error_has_no_traceback_and_a_bug_has_one():
    assert "fourreal: Thirteen is unlucky." in sentence(faked("--seed", 13))
    code, _, err = faked("--seed", 14)
    assert code == 1
    assert "Traceback" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_on_request_says_how_to_continue(number):
    process = subprocess.Popen(
        [sys.executable, "-c", FAKE, "--seed=15"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    for line in process.stderr:
        if "working" in line:
            break
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (130, "")
    assert "Run the same command again to continue" in err
    assert "Traceback" not in err


def test_help_documents_every_part_and_default(fourreal):
    code, out, _ = fourreal("reconstruct", "--help")
    assert code == 0
    shown = "".join(out.split())  # lines are broken at hyphens, too
    defaults = ("draft on a CPU", "default: bases, with --preset paper mlp", "default: auto", "default: 0")
    for text in (*ABLATIONS, *defaults):
        assert text.replace(" ", "") in shown


def test_help_answers_at_once():
    code = "import sys, fourreal.cli as c; c.parser().format_help(); print(*sys.modules)"
    assert {"torch", "numba", "scipy", "av"} & set(faked(code=code)[1].split()) == set()
