"""A scene from its own freeze-time cameras: drawn there over time, and scored against videos taken from there."""

import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from scene_files import write_ground_truth
from scene_samples import FRAMES, FREEZE, SIZE, some_scene

from fourreal import clip
from fourreal.errors import UserError
from fourreal.evaluate.other_view import OtherView, score_views
from fourreal.scene import bundle
from fourreal.scene.moments import ReferenceVideo, render_moments
from fourreal.scene.views import draw

KEYS = ["psnr", "moving", "static_psnr", "static_moving"]
PLACED = tuple(frame for frame in range(FREEZE) if frame not in (0, 5))
FILM, FILM_SIZE = 13, (120, 80)  # the reference video's frames, of which the scene has fewer, and its pixels


def thinned():
    """The scene with two freeze-time frames that could not be placed: a frame's number is not its place in the list."""
    scene = some_scene()
    return replace(scene, freeze=scene.freeze[list(PLACED)], freeze_frames=PLACED)


def camera_of(scene, frame):
    return scene.outward(scene.freeze)[scene.freeze_frames.index(frame)]


def filmed(scene, frame, size=SIZE, count=FRAMES):
    """(F, H, W, 3) uint8: what the camera of a freeze-time frame sees of the scene."""
    camera = camera_of(scene, frame).resized(size)
    return np.stack([draw(scene, camera, t) for t in np.linspace(0, 1, count).tolist()])


def view_folder(folder: Path, pictures) -> Path:
    """The pictures without loss, as a video that is a folder."""
    folder.mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{number:03d}.png")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run that remembers its reference video."""
    folder = tmp_path_factory.mktemp("run") / "run"
    inputs = {"reference": {"frames": FILM, "size": list(FILM_SIZE)}, "freeze": {"frames": FREEZE, "size": [96, 64]}}
    bundle.save(thinned(), folder, {"inputs": inputs})
    return folder


@pytest.fixture(scope="module")
def side(tmp_path_factory):
    """A video from where freeze-time frame 7 was taken, exactly as the scene has it."""
    return view_folder(tmp_path_factory.mktemp("views") / "side", filmed(thinned(), 7))


def test_the_scenes_own_pictures_score_high_and_those_without_motion_low(side):
    scores = score_views(thinned(), [OtherView(side, 7)])
    assert list(scores) == ["side"]
    assert list(scores["side"]) == KEYS
    assert min(scores["side"]["psnr"], scores["side"]["moving"]) > 50  # they were rounded to eight bits
    assert scores["side"]["static_moving"] < scores["side"]["static_psnr"] < 35


def test_a_neighbouring_camera_is_another_one(side):
    assert score_views(thinned(), [OtherView(side, 6)])["side"]["psnr"] < 35


def test_where_nothing_moves_no_figure_is_given_for_it(tmp_path):
    still = thinned().static()
    scores = score_views(still, [OtherView(view_folder(tmp_path / "still", filmed(still, 7)), 7)])["still"]
    assert scores["psnr"] > 50
    assert (scores["moving"], scores["static_moving"]) == (None, None)


def test_figures_are_those_of_the_plain_way_to_compute_them(tmp_path):
    """The measure step by step, on a compressed video of another size: colours, shrinking, moments, region."""
    scene, path = thinned(), tmp_path / "large.mp4"
    clip.write(clip.Clip(filmed(some_scene(), 4, (250, 166), 20), 12.0), path, crf=30)
    with av.open(str(path)) as file:
        frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    (width, height), camera = SIZE, camera_of(scene, 4)
    video = np.stack([np.asarray(Image.fromarray(f).resize(SIZE, Image.Resampling.BOX)) for f in frames]) / 255.0
    values = {key: [] for key in KEYS}
    decibels = lambda error: -10 * np.log10(error.mean())
    for t in np.linspace(0, 19, 12).round().astype(int):
        apart = np.pad(np.abs(video[t] - np.median(video, axis=0)).max(axis=-1) > 0.08, 2)
        near = [apart[y : y + height, x : x + width] for y in range(5) for x in range(5)]
        where = np.logical_or.reduce(near)
        for name, shown in (("", scene), ("static_", scene.static())):
            error = (shown.render(camera, t / 19).colour.clamp(0, 1).numpy() - video[t]) ** 2
            values[f"{name}psnr"].append(decibels(error))
            if where.sum() > 50:
                values[f"{name}moving"].append(decibels(error[where]))
    wanted = {key: float(np.mean(figures)) for key, figures in values.items()}
    assert score_views(scene, [OtherView(path, 4)])["large"] == pytest.approx(wanted, abs=0.002)


def test_two_videos_of_one_name_are_told_apart_by_their_paths(side, tmp_path):
    (tmp_path / "other").mkdir()
    other = view_folder(tmp_path / "other" / "side", filmed(thinned(), 2))
    scores = score_views(thinned(), [OtherView(side, 7), OtherView(other, 2)])
    assert list(scores) == [str(side), str(other)]
    with pytest.raises(UserError, match="twice"):
        score_views(thinned(), [OtherView(side, 7), OtherView(side, 2)])


def test_evaluate_prints_one_object_of_both_kinds(fourreal, tmp_path, side):
    truth = write_ground_truth(some_scene(), tmp_path / "truth")
    bundle.save(some_scene(), tmp_path / "run", {})
    code, out, err = fourreal("evaluate", tmp_path / "run", "--ground-truth", truth, "--other-view", f"{side}=7")
    assert code == 0, err
    result = json.loads(out)
    assert result["psnr"] == 100
    assert result["other_views"]["side"]["psnr"] > 50


def test_a_path_may_have_equals_signs(fourreal, run, tmp_path):
    video = view_folder(tmp_path / "a=1", filmed(thinned(), 2))
    code, out, err = fourreal("evaluate", run, "--other-view", f"{video}=2")
    assert code == 0, err
    assert list(json.loads(out)) == ["other_views"]
    assert list(json.loads(out)["other_views"]) == ["a=1"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--ground-truth, --other-view or both"),
        (["--other-view", "{side}=5"], "Freeze-time frame 5 has no camera"),
        (["--other-view", "{side}=99"], "from 1 to 8"),
        (["--other-view", "{side}=7", "--other-view", "nowhere.mp4=7"], "nowhere.mp4: there is no such file"),
        (["--other-view", "{run}/manifest.json=7"], "manifest.json cannot be read"),
        (["--other-view", "{side}"], "side.mp4=7"),
        (["--other-view", "{side}=-1"], "whole number"),
        (["--other-view", "{side}="], "whole number"),
        (["--other-view", "=7"], "side.mp4=7"),
    ],
)
def test_what_evaluate_cannot_compare_is_said(fourreal, run, side, options, message):
    options = [option.format(side=side, run=run) for option in options]
    code, out, err = fourreal("evaluate", run, *options)
    assert (code, out) == (2, ""), err
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize("times", [1, 5, 30, None])
def test_render_draws_even_times_of_the_reference_video_at_its_size(fourreal, run, tmp_path, times):
    option = [] if times is None else ["--times", times]
    code, out, err = fourreal("render", run, "--freeze-frame", 6, *option, "--out", tmp_path / "out")
    assert (code, out) == (0, f"{tmp_path / 'out'}\n"), err
    moments = np.linspace(0, FILM - 1, times or FILM).round() / (FILM - 1)
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == [f"{number:03d}.png" for number in range(len(moments))]
    scene = thinned()
    camera = camera_of(scene, 6).resized(FILM_SIZE)
    for file, t in zip(files, moments.tolist(), strict=True):
        assert np.array_equal(Image.open(file), draw(scene, camera, t))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "either --cameras or --freeze-frame"),
        (["--freeze-frame", "6", "--cameras", "c.json"], "either --cameras or --freeze-frame"),
        (["--cameras", "c.json", "--times", "3"], "--times goes with --freeze-frame"),
        (["--freeze-frame", "5"], "Freeze-time frame 5 has no camera"),
        (["--freeze-frame", "6", "--times", "0"], "1 to 1000"),
        (["--freeze-frame", "6", "--times", "999999999"], "1 to 1000"),
        (["--freeze-frame", "x"], "whole number"),
    ],
)
def test_what_cannot_be_drawn_is_said_and_nothing_written(fourreal, run, tmp_path, options, message):
    code, out, err = fourreal("render", run, *options, "--out", tmp_path / "out")
    assert (code, out) == (2, ""), err
    assert message in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("inputs", [None, [], {"reference": 3}, {"reference": {"frames": True, "size": [0, 64]}}])
def test_a_run_that_does_not_know_its_videos_is_drawn_as_the_scene_has_it(tmp_path, inputs):
    scene = thinned()
    reference = ReferenceVideo.of({"inputs": inputs}, scene)
    assert reference == ReferenceVideo(FRAMES, SIZE)
    assert len(render_moments(scene, reference, 6, tmp_path)) == FRAMES
