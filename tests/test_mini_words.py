"""The words and cameras that the embedded model is told."""

import pytest
import torch
from mini_samples import FROZEN, WORDS

from fourreal.camera.align import Similarity
from fourreal.errors import UserError
from fourreal.video import registry
from fourreal.video.freeze_time import around
from fourreal.video.mini import vocabulary
from fourreal.video.mini.rig import FLOOR, on_rig, ray_features
from research.world.world import cameras_at

# --- Words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "actors", "floor", "frozen", "unknown"),
    [
        ("a red ball bouncing on a grassy floor", [("red", "ball", "hops")], "grassy", False, ()),
        ("A crimson sphere hops across the sand.", [("red", "ball", "hops")], "sandy", False, ()),
        ("a blue box", [("blue", "crate", "")], "", False, ()),
        ("a red ball bouncing next to a blue box", [("red", "ball", "hops"), ("blue", "crate", "")], "", False, ()),
        (FROZEN, [("red", "ball", "")], "", True, ()),
        ("a cylinder circling", [("", "drum", "circles")], "", False, ()),
        ("the fox eats a yelow ball", [("", "ball", "")], "", False, ("fox", "eats", "yelow")),
        ("", [], "", False, ()),
    ],
)
def test_a_prompt_is_read(prompt, actors, floor, frozen, unknown):
    reading = vocabulary.read(prompt)
    assert (list(reading.actors), reading.floor, reading.frozen, reading.unknown) == (actors, floor, frozen, unknown)


def test_every_word_offered_is_understood_and_says_something_of_its_own():
    slots = [vocabulary.read(word).slots() for words in vocabulary.WORDS.values() for word in words]
    assert all(any(row) for row in slots)
    assert len(set(slots)) == len(slots)
    assert max(row[0] for row in slots) == len(vocabulary.COLOURS)


def test_slots_tell_of_as_many_things_as_the_model_learnt():
    reading = vocabulary.read("a red ball bouncing next to a blue box on a grassy floor")
    assert reading.slots(1) == (1, 1, 1, 0, 0, 0, 3)
    assert reading.slots(2) == (1, 1, 1, 4, 2, 0, 3)


def test_words_that_are_not_known_are_named_with_the_nearest():
    entry = registry.entry(registry.EMBEDDED)
    remark = entry.remark("a purpel ball and a green crate")
    assert '"purpel" (do you mean "purple"?)' in remark
    assert "the green crate is left out" in remark
    assert entry.remark(WORDS) == ""
    assert registry.entry("ltx-video").remark("a purpel ball") == ""
    with pytest.raises(UserError, match=r"knows no word.*red"):
        entry.check("reference", "a fox eats an apple", 16, (256, 144), 4)


@pytest.mark.parametrize("prompt", ["красный мяч", "红色的球", "🔴", "a 🔴🔥", "123", "!!!", "Würfel"])
def test_a_prompt_without_a_word_that_it_knows_is_refused_in_whatever_language(prompt):
    with pytest.raises(UserError, match=r"knows no word.*red"):
        registry.entry(registry.EMBEDDED).check("reference", prompt, 16, (256, 144), 4)


def test_what_is_no_english_word_is_named_as_well():
    remark = registry.entry(registry.EMBEDDED).remark("a red ball 🔥 мяч")
    assert '"🔥"' in remark
    assert '"мяч"' in remark


# --- Cameras ---------------------------------------------------------------------------------------------------------


def test_cameras_that_go_around_are_told_alike_in_whatever_frame_they_come():
    own = cameras_at(torch.linspace(0, 80, 16), (64, 36))
    rig = registry.entry(registry.EMBEDDED).capabilities.rig
    commanded = around(torch.linspace(0, 80, 16).deg2rad(), (64, 36), rig)
    torch.testing.assert_close(on_rig(own), on_rig(commanded), atol=1e-4, rtol=0)
    basis = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)).double())[0]
    turned = Similarity(2.7, basis * torch.linalg.det(basis), torch.tensor([1.0, -2.0, 0.5]).double())
    torch.testing.assert_close(on_rig(turned.apply_cameras(own)), on_rig(own), atol=1e-3, rtol=0)


def test_a_ray_is_told_where_it_meets_the_floor():
    cameras = cameras_at(torch.tensor([0.0, 40.0]), (64, 36), elevation=8)
    poses = on_rig(cameras)
    features = ray_features(poses, cameras.intrinsics, cameras.size)
    assert features.shape == (2, 12, 36, 64)
    direction, origin, meets, below = features[:, :3], features[:, 6:9], features[:, 9:11], features[:, 11]
    torch.testing.assert_close(origin[0, :, 0, 0].norm(), torch.tensor(1.0))
    assert (below[:, -1] == 1).all()
    assert (below[:, 0] == 0).all()  # above the horizon
    away = meets / 2 / (1 - meets.norm(dim=1, keepdim=True) / 2)  # undo the drawing in
    reach = (FLOOR - origin[:, 2]) / direction[:, 2]
    expected = origin[:, :2] + reach[:, None] * direction[:, :2]
    torch.testing.assert_close(away[:, :, -1], expected[:, :, -1], atol=1e-4, rtol=1e-4)
