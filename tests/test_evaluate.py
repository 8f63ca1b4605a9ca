"""Scores of a scene whose truth is known: its own pictures."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from scene_files import cameras_json, write_ground_truth
from scene_samples import FRAMES, FREEZE, some_scene

from fourreal.camera.align import Similarity
from fourreal.camera.cameras import Origin
from fourreal.camera.cameras_file import read as read_cameras
from fourreal.camera.rotation import from_vector
from fourreal.errors import UserError
from fourreal.evaluate import ground_truth
from fourreal.evaluate.score import score
from fourreal.scene import bundle
from fourreal.scene.views import render_views

REGIONS = ["psnr", "ssim", "psnr_moving", "ssim_moving", "psnr_static", "psnr_moving_reference_times"]
MANIFEST = {
    "inputs": {"reference": {"frames": FRAMES}, "freeze": {"frames": FREEZE}},
    "held_out_freeze": [2, 6],
    "seconds": {"poses": 0.0, "canonical": 1.0, "motion": 2.0, "total": 3.5},
    "peak_memory_mb": 321.0,
}


@pytest.fixture(scope="module")
def truth_folder(tmp_path_factory):
    return write_ground_truth(some_scene(), tmp_path_factory.mktemp("truth") / "scene")


def scored(scene, truth_folder, run, **manifest):
    bundle.save(scene, run, MANIFEST | manifest)
    return score(run, bundle.load(run), ground_truth.read(truth_folder))


def estimated(drop=()):
    """The same scene as if its cameras had been estimated: in a frame of their own, some not placed."""
    scene = some_scene()
    keep = [i for i in range(FREEZE) if i not in drop]
    turn = from_vector(torch.tensor([1.0, 0.4, -0.7], dtype=torch.float64))
    own = Similarity(0.37, turn, torch.tensor([5.0, 1.0, -3.0], dtype=torch.float64))
    freeze = replace(scene.freeze[keep], origin=Origin("global sfm", 0.9, "a note"))
    similarity = scene.similarity.compose(own.inverse())  # from the estimated frame to the normalised one
    return replace(scene, freeze=freeze, freeze_frames=tuple(keep), similarity=similarity)


def test_the_object_has_exactly_the_keys_of_the_contract_and_perfect_scores(truth_folder, tmp_path):
    result = scored(some_scene(), truth_folder, tmp_path)
    assert list(result) == [
        "views",
        *REGIONS,
        "baseline_static",
        "baseline_copy",
        "psnr_freeze_left_out",
        "pose",
        "seconds",
        "splats",
        "moving_splats",
        "peak_memory_mb",
        "full_size",
    ]
    assert list(result["baseline_static"]) == list(result["baseline_copy"]) == REGIONS
    assert result["views"] == 5
    assert result["psnr"] == result["psnr_moving"] == result["psnr_static"] == 100
    assert result["ssim"] == result["ssim_moving"] == pytest.approx(1, abs=1e-4)
    assert result["psnr_freeze_left_out"] > 35  # the truth went through a video codec
    assert result["pose"] == {"origin": "given", "rotation_deg": None, "position": None}
    assert result["seconds"] == MANIFEST["seconds"]
    assert (result["splats"], result["moving_splats"], result["peak_memory_mb"]) == (300, 100, 321.0)
    assert result["full_size"] == {"psnr": 100, "ssim": 1}
    json.dumps(result, allow_nan=False)


def test_baselines_are_worse_where_it_moves_and_static_is_right_at_the_canonical_time(truth_folder, tmp_path):
    result = scored(some_scene(), truth_folder, tmp_path)
    static = result["baseline_static"]
    assert static["psnr_moving_reference_times"] < 30
    # Two of the five views do not count as reference times; at the canonical one the static scene is perfect.
    assert static["psnr_moving"] > static["psnr_moving_reference_times"] + 10
    assert result["baseline_copy"]["psnr"] < 35
    assert scored(some_scene().static(), truth_folder, tmp_path / "still")["psnr"] == static["psnr"]


@pytest.mark.parametrize("drop", [(), (0, 6)])
def test_estimated_cameras_are_brought_into_the_runs_frame(truth_folder, tmp_path, drop):
    result = scored(estimated(drop), truth_folder, tmp_path)
    assert result["psnr"] > 45
    assert result["psnr_freeze_left_out"] > 35
    assert result["pose"]["origin"] == "global sfm"
    assert result["pose"]["rotation_deg"] < 0.05
    assert result["pose"]["position"] < 0.01


def test_a_pose_error_is_measured_in_degrees(truth_folder, tmp_path):
    scene = estimated()
    angle = torch.full((FREEZE,), 1.0).deg2rad() * torch.tensor([1.0, -1.0]).repeat(FREEZE)[:FREEZE]
    tilt = torch.eye(4).repeat(FREEZE, 1, 1)
    tilt[:, :3, :3] = from_vector(torch.stack([angle, angle * 0, angle * 0], -1))
    freeze = replace(scene.freeze, world_to_camera=tilt @ scene.freeze.world_to_camera)
    result = scored(replace(scene, freeze=freeze), truth_folder, tmp_path)
    assert result["pose"]["rotation_deg"] == pytest.approx(1.0, abs=0.2)


def test_nothing_was_left_out_and_nothing_is_known_of_the_time_it_took(truth_folder, tmp_path):
    bundle.save(some_scene(), tmp_path, {})
    result = score(tmp_path, some_scene(), ground_truth.read(truth_folder))
    assert result["psnr_freeze_left_out"] is None
    assert result["seconds"] == dict.fromkeys(("poses", "canonical", "motion", "total"))
    assert result["peak_memory_mb"] is None


def test_a_run_of_other_videos_is_told_apart(truth_folder, tmp_path):
    other = {"reference": {"frames": 24}, "freeze": {"frames": FREEZE}}
    with pytest.raises(UserError, match=r"24 frames.*do not belong together"):
        scored(some_scene(), truth_folder, tmp_path / "a", inputs=other)
    turned = replace(some_scene(), similarity=estimated().similarity)
    with pytest.raises(UserError, match="do not belong together"):
        scored(turned, truth_folder, tmp_path / "b")
    longer = replace(some_scene(), freeze_frames=tuple(range(1, FREEZE + 1)))
    with pytest.raises(UserError, match="do not belong together"):
        scored(longer, truth_folder, tmp_path / "c")


def copied(truth_folder, folder, **changes):
    """The ground truth with another cameras.json."""
    folder.mkdir()
    for entry in truth_folder.iterdir():
        (folder / entry.name).symlink_to(entry)
    (folder / "cameras.json").unlink()
    (folder / "cameras.json").write_text(json.dumps(cameras_json(**changes)))
    return folder


def test_views_without_a_mask_do_not_count_as_moving(truth_folder, tmp_path):
    views = [{k: v for k, v in view.items() if k != "mask"} for view in cameras_json()["heldout"]]
    result = scored(some_scene(), copied(truth_folder, tmp_path / "truth", heldout=views), tmp_path / "run")
    assert result["psnr"] == 100
    assert result["psnr_moving"] is None
    assert result["baseline_copy"]["psnr_static"] is None


@pytest.mark.parametrize("name", ["../outside.png", "/etc/hostname", "heldout/missing.png", "cameras.json"])
def test_pictures_outside_the_folder_missing_or_no_pictures_are_refused(truth_folder, tmp_path, name):
    views = cameras_json()["heldout"][:1]
    views[0]["mask"] = name
    (tmp_path / "outside.png").write_bytes((truth_folder / "heldout" / "000.png").read_bytes())
    with pytest.raises(UserError):
        scored(some_scene(), copied(truth_folder, tmp_path / "truth", heldout=views), tmp_path / "run")


def test_a_ground_truth_that_lacks_what_is_compared_is_refused(truth_folder, tmp_path):
    for change, message in (({"heldout": []}, "heldout"), ({"freeze": []}, "freeze")):
        with pytest.raises(UserError, match=message):
            ground_truth.read(copied(truth_folder, tmp_path / message, **change))
    with pytest.raises(UserError, match="no folder"):
        ground_truth.read(tmp_path / "nowhere")


def test_rendered_views_have_the_files_names_size_and_content(truth_folder, tmp_path):
    cameras = read_cameras(truth_folder / "cameras.json")
    written = render_views(some_scene(), cameras, tmp_path / "out")
    assert [path.relative_to(tmp_path / "out").as_posix() for path in written] == [f"{i:03d}.png" for i in range(5)]
    for path in written:
        assert np.array_equal(Image.open(path), Image.open(truth_folder / "heldout" / path.name))
    assert len(list((tmp_path / "out").iterdir())) == 5


def test_views_cannot_be_brought_into_an_estimated_frame_without_freeze_cameras(truth_folder, tmp_path):
    cameras = replace(read_cameras(truth_folder / "cameras.json"), freeze=None)
    with pytest.raises(UserError, match="freeze"):
        render_views(estimated(), cameras, tmp_path / "out")
    assert not (tmp_path / "out").exists()
