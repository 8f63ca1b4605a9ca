"""A cameras.json is read as it is meant, and whatever is wrong with it is said in a sentence."""

import json

import pytest
import torch

from fourreal.camera import cameras_file
from fourreal.errors import UserError

POSE = [[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 2.0], [0, 0, 0, 1.0]]
MIRROR = [[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, -1.0, 2.0], [0, 0, 0, 1.0]]
SCALED = [[2.0, 0, 0, 0], [0, 2.0, 0, 0], [0, 0, 2.0, 2.0], [0, 0, 0, 1.0]]
TRANSPOSED = [list(row) for row in zip(*POSE, strict=True)]


def content(**changes) -> dict:
    """A well-formed file's content for 3 freeze-time frames, with changes; a value of None leaves the key out."""
    base = {
        "intrinsics": {"fx": 500.0, "fy": 500.0, "cx": 256, "cy": 144.0, "w": 512, "h": 288},
        "freeze": [{"w2c": POSE}] * 3,
        "reference": [{"w2c": POSE, "time": 0.0}] * 2,
        "canonical_index": 1,
        "freeze_reference_index": 2,
        "heldout": [{"file": "heldout/000.png", "time": 0.5, "w2c": POSE}],
    }
    return {key: value for key, value in (base | changes).items() if value is not None}


def read(tmp_path, text: str | dict) -> cameras_file.CamerasFile:
    path = tmp_path / "cameras.json"
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return cameras_file.read(path)


def intrinsics(**changes) -> dict:
    return {"intrinsics": content()["intrinsics"] | changes}


def view(**changes) -> dict:
    return {"heldout": [content()["heldout"][0] | changes]}


def test_the_shipped_example_is_read_as_written(fox_yard):
    scene = cameras_file.read(fox_yard / "cameras.json").for_clips((256, 144), freeze_frames=33, reference_frames=24)
    assert (scene.canonical_index, scene.freeze_reference_index) == (11, 16)
    assert torch.allclose(scene.freeze.intrinsics, torch.tensor([287.4927, 287.4927, 128.0, 72.0]))
    assert torch.allclose(scene.freeze.world_to_camera[16], scene.reference.world_to_camera[0], atol=1e-5)
    assert scene.freeze.origin.method == "given"
    assert len(scene.views) == 16
    assert scene.views[3].file == "003.png"
    assert scene.views[0].camera.size == (512, 288), "views keep the size of the file"


def test_the_reference_camera_may_be_named_by_its_freeze_time_frame(tmp_path):
    scene = read(tmp_path, content(reference=None)).for_clips((512, 288), 3, 4)
    assert torch.equal(scene.reference.world_to_camera, scene.freeze.world_to_camera[2:])


def test_a_file_for_rendering_needs_only_intrinsics_and_views(tmp_path):
    scene = read(tmp_path, {**intrinsics(), "views": content()["heldout"]})
    assert scene.freeze is None
    assert [(v.file, v.time) for v in scene.views] == [("000.png", 0.5)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"intrinsics": None}, "needs `intrinsics`"),
        (intrinsics(fx=None), "intrinsics.fx must be a number, but is missing"),
        (intrinsics(fx="500"), "intrinsics.fx must be a number"),
        (intrinsics(fx=True), "intrinsics.fx must be a number"),
        (intrinsics(fx=float("nan")), "intrinsics.fx must be a number"),
        (intrinsics(fx=10**400), "intrinsics.fx must be a number"),
        (intrinsics(fx=35), "millimetres"),
        (intrinsics(fx=-500), "millimetres"),
        (intrinsics(cx=-3), "principal point"),
        (intrinsics(w=0), "whole numbers"),
        (intrinsics(h=287.5), "whole numbers"),
        ({"freeze": POSE}, "`freeze` must be a list of objects"),
        ({"freeze": {"w2c": POSE}}, "`freeze` must be a list of objects"),
        ({"freeze": [{}] * 3}, r"freeze\[0\].w2c must be a 4x4"),
        ({"freeze": [{"w2c": POSE[:3]}] * 3}, r"freeze\[0\].w2c must be a 4x4"),
        ({"freeze": [{"w2c": POSE}, {"w2c": SCALED}]}, r"freeze\[1\].w2c is not rigid"),
        ({"freeze": [{"w2c": MIRROR}]}, "mirrors the world"),
        ({"freeze": [{"w2c": TRANSPOSED}]}, "stored transposed"),
        ({"freeze": [{"w2c": [[float("inf")] * 4] * 4}]}, "must be a number"),
        ({"more_references": [{"w2c": POSE}]}, r"more_references\[0\].file must be a plain file name"),
        ({"canonical_index": -1}, "canonical_index must be a frame number"),
        ({"canonical_index": 1.5}, "canonical_index must be a frame number"),
        (view(file="../../etc/passwd/"), "plain file name"),
        (view(file=".."), "plain file name"),
        (view(file=7), "plain file name"),
        (view(time=1.5), "time is 1.5"),
        (view(time=None), "time must be a number"),
        ({"heldout": content()["heldout"] * 2}, "'000.png' 2 times"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, changes, says):
    with pytest.raises(UserError, match=says):
        read(tmp_path, content(**changes))


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", "[" * 100_000, '{"intrinsics": ' + "9" * 5000 + "}"])
def test_what_is_no_json_object_is_refused(tmp_path, text):
    with pytest.raises(UserError):
        read(tmp_path, text)


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        cameras_file.read(tmp_path / "nothing.json")
    (tmp_path / "cameras.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not JSON"):
        cameras_file.read(tmp_path / "cameras.json")


@pytest.mark.parametrize(
    ("changes", "clips", "says"),
    [
        ({}, ((512, 288), 5, 2), "lists 3 freeze-time cameras, but the freeze-time video has 5"),
        ({}, ((512, 512), 3, 2), "another aspect ratio"),
        ({}, ((512, 288), 3, 1), "canonical_index is 1"),
        ({"freeze_reference_index": 3}, ((512, 288), 3, 2), "freeze_reference_index is 3"),
        ({"freeze": None}, ((512, 288), 3, 2), "no `freeze` list"),
        ({"reference": None, "freeze_reference_index": None}, ((512, 288), 3, 2), "where the reference camera is"),
    ],
)
def test_a_file_for_other_clips_is_refused(tmp_path, changes, clips, says):
    with pytest.raises(UserError, match=says):
        read(tmp_path, content(**changes)).for_clips(*clips)
