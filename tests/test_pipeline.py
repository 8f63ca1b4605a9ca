"""The whole chain on two tiny videos: what it makes, what it reuses, what it survives, what it refuses."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fit_samples import CANONICAL, FRAMES, SHARED, SIZE, STAGE_ONE, STAGE_TWO, observations, write, write_videos

from fourreal import clip
from fourreal.errors import Cancelled, UserError
from fourreal.fit import loop
from fourreal.pipeline import Request, reconstruct
from fourreal.pipeline import footage as films
from fourreal.pipeline.observe import fit_size
from fourreal.progress import CancelToken, ignore
from fourreal.scene import bundle
from fourreal.settings import ABLATIONS, PRESETS, Preset, ablated

TINY = Preset("tiny", SIZE[0] * SIZE[1], 40, 32, STAGE_ONE, STAGE_TWO)


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    """A folder with reference.mp4, freeze.mp4 and cameras.json."""
    write_videos(folder := tmp_path_factory.mktemp("videos"))
    return folder


def request(videos: Path, out: Path, **changes) -> Request:
    inputs = dict(reference=videos / "reference.mp4", freeze=videos / "freeze.mp4", cameras=videos / "cameras.json")
    return Request(**(inputs | {"out": out, "preset": TINY, "device": "cpu"} | changes))


@pytest.fixture(scope="module")
def finished(videos, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "finished"
    reconstruct(request(videos, out))
    return out


def test_a_scene_is_left_behind(finished, videos):
    scene, manifest = bundle.load(finished), bundle.read_manifest(finished)
    assert scene.frames == FRAMES
    assert scene.field.canonical == CANONICAL
    assert 0 < manifest["moving_splats"] < manifest["splats"]
    assert manifest["inputs"]["reference"]["sha256"] == clip.content_hash(videos / "reference.mp4")
    assert manifest["preset"] == "tiny"
    assert manifest["seconds"]["total"] > 0
    assert not list((finished / "work").glob("*.checkpoint"))
    # a camera in the frame of cameras.json sees what the video shows
    frames = clip.read(videos / "freeze.mp4").frames[SHARED].astype(float) / 255
    drawn = scene.render(scene.outward(scene.reference), scene.canonical_time).colour.clamp(0, 1).numpy()
    assert np.abs(drawn - frames).mean() < 0.1
    assert float(scene.similarity.scale) == pytest.approx(0.5, rel=0.05)


def test_the_same_command_again_does_no_step_again(finished, videos):
    events = []
    before = bundle.load(finished)
    reconstruct(request(videos, finished), events.append)
    assert {e.stage for e in events if e.steps} == set()
    assert torch.equal(bundle.load(finished).gaussians.means, before.gaussians.means)


def test_only_what_a_change_affects_is_done_again(finished, videos, tmp_path):
    out = shutil.copytree(finished, tmp_path / "copy")
    phases = (*STAGE_TWO.phases[:2], replace(STAGE_TWO.phases[2], steps=3))
    events = []
    changed = replace(TINY, motion=replace(STAGE_TWO, phases=phases))
    reconstruct(request(videos, out, preset=changed), events.append)
    assert {e.stage for e in events if e.steps} == {"motion: joint"}


def test_nothing_of_another_recipe_is_read(finished, videos, tmp_path, monkeypatch):
    """Its checkpoints may hold other Gaussians than a stage of now has."""
    monkeypatch.setattr(sys.modules["fourreal.pipeline.naming"], "RECIPE", "another")
    events = []
    reconstruct(request(videos, shutil.copytree(finished, tmp_path / "copy")), events.append)
    assert {e.stage for e in events if e.steps} >= {"canonical", "motion: field", "motion: joint"}


def test_cancelled_and_continued(videos, tmp_path, device):
    cancel = CancelToken()
    stop = lambda event: cancel.cancel() if event.stage == "motion: field" else None
    with pytest.raises(Cancelled):
        reconstruct(request(videos, tmp_path / "run", device=device), stop, cancel)
    with pytest.raises(UserError, match="interrupted"):
        bundle.load(tmp_path / "run")
    events = []
    reconstruct(request(videos, tmp_path / "run", device=device), events.append)
    assert "canonical" not in {e.stage for e in events if e.steps}
    assert bundle.load(tmp_path / "run").frames == FRAMES
    assert bundle.read_manifest(tmp_path / "run")["device"] == device


def test_stopped_and_kept(videos, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "EVENT_SECONDS", 0.0)  # each step is told, so where it stops is no matter of speed
    cancel, seen = CancelToken(), []

    def stop(event):
        if event.scene is not None:
            seen.append((event.stage, event.scene(), event.arrays))
        if event.stage == "motion: field" and event.step > event.steps // 3:
            cancel.cancel(keep=True)

    stopped = reconstruct(request(videos, tmp_path / "run"), stop, cancel)
    manifest = bundle.read_manifest(tmp_path / "run")
    assert manifest["stopped"]["stage"] == "motion: field"
    assert 0 < manifest["stopped"]["step"] < manifest["stopped"]["steps"]
    assert torch.equal(bundle.load(tmp_path / "run").gaussians.means, stopped.gaussians.means)
    # every scene on the way can be drawn; none moves before the motion is fitted
    first, last = seen[0], seen[-1]
    camera = first[1].outward(first[1].reference)
    picture = lambda scene, t: scene.render(camera, t).colour
    assert first[0] == "canonical"
    assert torch.equal(picture(first[1], 0.0), picture(first[1], 1.0))
    assert not torch.equal(picture(last[1], 0.0), picture(last[1], 1.0))
    # cameras and points are told once, in the frame of the scene
    assert [set(arrays) for _, _, arrays in seen if arrays] == [{"cameras", "points", "colors"}]
    assert np.allclose(first[2]["cameras"], first[1].freeze.world_to_camera.numpy(), atol=1e-5)
    # and the same request goes on from there
    events = []
    reconstruct(request(videos, tmp_path / "run"), events.append)
    assert "canonical" not in {e.stage for e in events if e.steps}
    assert next(e.step for e in events if e.steps) > manifest["stopped"]["step"]
    assert "stopped" not in bundle.read_manifest(tmp_path / "run")


def test_nothing_is_kept_of_what_has_not_begun(videos, tmp_path):
    cancel = CancelToken()
    cancel.cancel(keep=True)
    with pytest.raises(Cancelled):
        reconstruct(request(videos, tmp_path / "run"), cancel=cancel)


KILLED = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_pipeline import TINY, reconstruct, request
from fourreal.fit import loop
loop.CHECKPOINT_SECONDS, loop.EVENT_SECONDS = 0.1, -1.0  # every step is told
told = lambda event: print(event.stage, event.step, flush=True)
reconstruct(request(Path({videos!r}), Path({out!r})), told)
"""


@pytest.mark.parametrize(
    "moments",
    [
        ["motion: field 20"],
        pytest.param(["canonical 20", "canonical 50", "motion: field 40", "motion: joint 10"], marks=pytest.mark.slow),
    ],
)
def test_killed_at_any_moment_the_same_command_ends_the_same(moments, finished, videos, tmp_path):
    out = tmp_path / "run"
    code = KILLED.format(tests=str(Path(__file__).parent), videos=str(videos), out=str(out))
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    for moment in moments:
        start = dict(stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
        with subprocess.Popen([sys.executable, "-c", code], **start) as process:
            for line in process.stdout:
                if line.strip() == moment:
                    process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL, moment
    reconstruct(request(videos, out))
    ours, whole = bundle.load(out), bundle.load(finished)
    picture = lambda scene: scene.render(scene.outward(scene.reference), 1.0).colour
    assert float((picture(ours) - picture(whole)).abs().mean()) < 0.01


def test_two_at_once_do_not_share_a_folder(videos, tmp_path):
    def second(event):
        if event.stage == "canonical":
            with pytest.raises(UserError, match="Another reconstruction"):
                reconstruct(request(videos, tmp_path / "run"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reconstruct(request(videos, tmp_path / "run"), second)


def bad(videos: Path, tmp_path: Path) -> dict:
    seen = observations()
    narrow = write(seen.freeze[:, :, 8:40], tmp_path / "narrow.mp4")
    one = write(seen.freeze[:1], tmp_path / "one.mp4")
    (tmp_path / "text.mp4").write_text("not a video")
    other = json.loads((videos / "cameras.json").read_text())
    other["freeze"] = other["freeze"][:-1]
    (tmp_path / "other.json").write_text(json.dumps(other))
    (tmp_path / "file").write_text("in the way")
    still = write(seen.reference[CANONICAL].expand(FRAMES, -1, -1, -1), tmp_path / "still.mp4")
    return {
        "different shapes": ({"freeze": narrow}, "crop=32:22"),
        "one frame": ({"freeze": one}, "one.mp4"),
        "no video": ({"reference": tmp_path / "text.mp4"}, "text.mp4"),
        "no such file": ({"reference": tmp_path / "absent.mp4"}, "absent.mp4"),
        "canonical frame out of range": ({"canonical_frame": 99}, "no frame 99"),
        "held-out frame out of range": ({"hold_out_freeze": (0, 99)}, "no frame 99"),
        "everything held out": ({"hold_out_freeze": tuple(range(9))}, "hold out fewer"),
        "cameras of another video": ({"cameras": tmp_path / "other.json"}, "8 freeze-time cameras"),
        "a folder that cannot be": ({"out": tmp_path / "file" / "run"}, "Cannot write"),
        "nothing moves": ({"reference": still}, "Nothing moves"),
        "cuda without a device": ({"device": "cuda"}, "no CUDA device"),
    }


@pytest.mark.parametrize(
    "case",
    [
        "different shapes",
        "one frame",
        "no video",
        "no such file",
        "canonical frame out of range",
        "held-out frame out of range",
        "everything held out",
        "cameras of another video",
        "a folder that cannot be",
        "nothing moves",
        "cuda without a device",
    ],
)
def test_what_a_person_can_mend_is_said(case, finished, videos, tmp_path, monkeypatch):
    if case == "cuda without a device":
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    changes, says = bad(videos, tmp_path)[case]
    before = (finished / "manifest.json").read_bytes()
    with pytest.raises(UserError, match=says):
        reconstruct(request(videos, **({"out": finished} | changes)))
    assert (finished / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(("without", "most"), [(frozenset(), 3), (frozenset(["freeze-time"]), 5)])
def test_more_held_out_frames_than_the_preset_takes_are_refused_in_words(without, most, videos, tmp_path):
    preset = replace(TINY, freeze_frames=6)
    wanted = request(videos, tmp_path / "run", preset=preset, hold_out_freeze=tuple(range(7)), without=without)
    with pytest.raises(UserError, match=rf"takes 6 frames .* hold out fewer, at most {most}"):
        films.read(wanted, preset, ignore)
    fine = films.read(replace(wanted, hold_out_freeze=(0, 3, 7)), preset, ignore)
    assert {0, 3, 7} <= set(fine.freeze_frames)


def test_nothing_is_left_of_a_run_that_could_not_begin(videos, tmp_path):
    still = write(observations().reference[CANONICAL].expand(FRAMES, -1, -1, -1), tmp_path / "still.mp4")
    with pytest.raises(UserError, match="Nothing moves"):
        reconstruct(request(videos, tmp_path / "run", reference=still))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("part", sorted(ABLATIONS))
def test_every_part_can_be_left_out(part, videos, tmp_path):
    short = replace(
        TINY,
        canonical=replace(STAGE_ONE, steps=6, plain_steps=2),
        motion=replace(STAGE_TWO, phases=tuple(replace(p, steps=4) for p in STAGE_TWO.phases)),
    )
    if part == "freeze-time":
        short = replace(short, canonical=replace(short.canonical, steps=60))
    reconstruct(request(videos, tmp_path / part, preset=short, without=frozenset([part]), refine_poses=True))
    assert bundle.read_manifest(tmp_path / part)["options"]["without"] == [part]


def test_ablations_change_the_preset_and_nothing_else_of_it():
    draft = PRESETS["draft"]
    assert ablated(draft, ["joint-finetune"]).motion.phases == draft.motion.phases[:2]
    assert ablated(draft, ["exposure"]).canonical == replace(draft.canonical, exposure_rate=0.0)
    assert ablated(draft, []) == draft


@pytest.mark.parametrize(
    ("size", "expected"),
    [((512, 288), (256, 144)), ((1280, 854), (234, 158)), ((100, 80), (100, 80)), ((33, 31), (32, 32))],
)
def test_frames_are_fitted_at_about_the_presets_pixels(size, expected):
    width, height = fit_size(size, 256 * 144)
    assert abs(width - expected[0]) <= 2
    assert abs(height - expected[1]) <= 2
    assert width % 2 == height % 2 == 0
    assert width <= size[0] + 1
