"""What ships is complete, readable by anyone and credited."""

import json
import re

import pytest

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
