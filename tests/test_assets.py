"""What ships is complete, readable by anyone and credited."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from fourreal.jobs.ready import FOLDER, ready_scenes
from fourreal.scene import bundle
from fourreal.scene.r4d import read_r4d

SCENES = ["fox_yard", "robot_dance"]


@pytest.mark.parametrize("name", SCENES)
def test_every_file_an_example_names_is_there(assets, name):
    scene = assets / "examples" / name
    cameras = json.loads((scene / "cameras.json").read_text())
    named = {view[key] for view in cameras["heldout"] for key in ("file", "mask", "depth") if key in view}
    if "freeze_noisy" in cameras:
        named.add(cameras["freeze_noisy"]["file"])
    shipped = {str(path.relative_to(scene)) for path in scene.rglob("*") if path.is_file()}
    assert shipped == named | {"cameras.json", "reference.mp4", "freeze.mp4"}


@pytest.mark.parametrize("name", SCENES)
def test_every_maker_is_attributed(assets, name):
    text = (assets / "ATTRIBUTION.md").read_text()
    cameras = json.loads((assets / "examples" / name / "cameras.json").read_text())
    assert cameras["licence_of_renders"].startswith("CC-BY 4.0")
    assert name in text
    for word in re.findall(r"[\w@-]{4,}", " ".join(cameras["credits"]).replace("see info.json", "")):
        assert word == "HDRI" or word.lower() in text.lower()


@pytest.mark.parametrize("scene", ready_scenes(), ids=lambda scene: scene.name)
def test_a_ready_scene_is_whole_small_and_credited(assets, scene):
    held, shown = bundle.load(scene.bundle), read_r4d(scene.viewer.read_bytes())
    assert len(shown.at(0)) == len(held.gaussians)
    assert scene.viewer.stat().st_size < 1.3e6
    assert sum(path.stat().st_size for path in scene.bundle.iterdir()) < 8e6
    with Image.open(scene.poster) as poster:
        assert poster.size == (480, 270)
        assert np.asarray(poster).std() > 20
    assert scene.title
    assert scene.made
    assert scene.credits
    assert f"scenes/{scene.name}" in (assets / "ATTRIBUTION.md").read_text()


def test_the_ready_scenes_are_those_of_the_list_whose_files_are_there(tmp_path):
    listed = [{"name": name, "title": name, "made": "here", "credits": ["us"]} for name in ("one", "two")]
    (tmp_path / "scenes.json").write_text(json.dumps(listed))
    (tmp_path / "two").mkdir()
    for file in ("two/manifest.json", "two.r4d", "two.jpg", "one.r4d"):
        (tmp_path / file).write_bytes(b"")
    assert [scene.name for scene in ready_scenes(tmp_path)] == ["two"]
    assert ready_scenes(tmp_path / "nowhere") == []
    assert len(ready_scenes()) == len(json.loads((FOLDER / "scenes.json").read_text()))
