"""A bundle comes back as it was saved, and whatever is not whole is refused with a word on what to do."""

import errno
import hashlib
import json
import os
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from scene_samples import CANONICAL, FRAMES, arc_cameras, some_scene

from fourreal.errors import UserError
from fourreal.scene import bundle
from fourreal.scene.parts import tensors
from fourreal.splat.deformation_mlp import DeformationMLP
from fourreal.whole import writing


@pytest.fixture
def run(tmp_path):
    """The folder of a finished run."""
    bundle.save(some_scene(), tmp_path / "run", {"seed": 7, "seconds": {"total": 1.5}})
    return tmp_path / "run"


def edit(run, **changes):
    """Change the manifest by hand."""
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | changes))


def reseal(run, change):
    """Change the tensors by hand, and the checksum with them, as somebody who means harm would."""
    named = load_file(run / "scene.safetensors")
    change(named)
    save_file(named, run / "scene.safetensors")
    digest = hashlib.sha256((run / "scene.safetensors").read_bytes()).hexdigest()
    edit(run, tensors={"sha256": digest})


def test_what_is_loaded_is_what_was_saved_bit_for_bit(run):
    before, after = some_scene(), bundle.load(run)
    assert {k: (v.dtype, v.shape) for k, v in tensors(before).items()} == {
        k: (v.dtype, v.shape) for k, v in tensors(after).items()
    }
    assert all(torch.equal(v, tensors(after)[k]) for k, v in tensors(before).items())
    assert before.similarity.to_dict() == after.similarity.to_dict()
    assert (before.fps, before.freeze_frames) == (after.fps, after.freeze_frames)
    assert before.freeze.origin == after.freeze.origin
    assert before.freeze.size == after.freeze.size
    camera = arc_cameras()[0]
    assert torch.equal(before.render(camera, 0.1).colour, after.render(camera, 0.1).colour)


def test_the_papers_network_is_kept_as_well(tmp_path):
    field = DeformationMLP(FRAMES, CANONICAL, width=16)
    torch.nn.init.normal_(field.heads[0].weight)
    scene = replace(some_scene(), field=field)
    bundle.save(scene, tmp_path, {})
    assert torch.equal(bundle.load(tmp_path).at(0.0).means, scene.at(0.0).means)


def test_the_manifest_tells_what_was_made_and_with_what(run):
    manifest = bundle.read_manifest(run)
    assert manifest["seed"] == 7
    assert manifest["splats"] == 300
    assert manifest["moving_splats"] == 100
    assert manifest["canonical_frame"] == CANONICAL
    assert manifest["cameras"]["freeze"]["origin"]["method"] == "given"
    assert sorted(os.listdir(run)) == ["manifest.json", "scene.safetensors"]


def test_structural_keys_are_not_the_callers_to_write(tmp_path):
    with pytest.raises(ValueError, match="splats"):
        bundle.save(some_scene(), tmp_path, {"splats": 1})


def test_what_could_not_be_read_again_is_not_written(run):
    before, scene = bundle.load(run).gaussians.means, some_scene()
    for broken in (
        replace(scene, gaussians=replace(scene.gaussians, means=scene.gaussians.means * float("nan"))),
        replace(scene, fps=1e-9),
        replace(scene, freeze_frames=scene.freeze_frames[::-1]),
    ):
        with pytest.raises(UserError, match="cannot be kept"):
            bundle.save(broken, run, {})
    assert torch.equal(bundle.load(run).gaussians.means, before)


def test_an_infinite_opacity_is_one_that_is_wholly_opaque(run):
    """Earlier versions wrote them; what is finite stays as it was."""
    infinite = torch.tensor([float("inf"), -float("inf")])
    reseal(run, lambda t: t["gaussians.opacities"][:2].copy_(infinite))
    read = bundle.load(run).gaussians.opacities
    assert torch.equal(read[:2].sigmoid().round(), torch.tensor([1.0, 0.0]))
    assert torch.equal(read[2:], some_scene().gaussians.opacities[2:])
    scene = some_scene()
    scene.gaussians.opacities[0] = float("inf")
    bundle.save(scene, run, {})
    assert float(bundle.load(run).gaussians.opacities[0]) == 20.0


def test_a_splat_that_is_not_finite_does_not_cost_the_others():
    gaussians = replace(some_scene().gaussians, motion=torch.zeros(300, 0))
    before, after = gaussians.tensors(), gaussians.finite().tensors()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    gaussians.scales[7, 1], gaussians.opacities[8] = float("inf"), float("inf")
    assert len(gaussians.finite()) == 299
    assert float(gaussians.finite().opacities[7]) == 20.0
    gaussians.means[:] = float("nan")
    assert len(gaussians.finite()) == 300  # which `save` refuses


def test_a_full_disk_leaves_the_earlier_scene_alone(run, monkeypatch):
    before = {file.name: file.read_bytes() for file in run.iterdir()}

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        bundle.save(some_scene().static(), run, {})
    assert {file.name: file.read_bytes() for file in run.iterdir()} == before


def test_the_longest_name_that_a_disk_takes_can_be_written(tmp_path):
    path = tmp_path / ("字" * 83 + "xx.zip")
    with writing(path) as temporary:
        temporary.write_bytes(b"x")
    assert path.read_bytes() == b"x"


def test_a_folder_that_is_a_file_is_an_error_that_says_so(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(UserError, match="taken"):
        bundle.save(some_scene(), tmp_path / "taken", {})


def test_no_run_there(tmp_path):
    with pytest.raises(UserError, match="not the folder of a run"):
        bundle.load(tmp_path / "nowhere")
    with pytest.raises(UserError, match="empty"):
        bundle.load(tmp_path)


def test_an_unfinished_run_is_told_to_continue(run):
    (run / "manifest.json").unlink()
    with pytest.raises(UserError, match="same command again"):
        bundle.load(run)


def test_a_newer_format_asks_for_an_update(run):
    edit(run, format=99)
    with pytest.raises(UserError, match="newer version"):
        bundle.load(run)


@pytest.mark.parametrize(
    "change",
    [
        {"splats": 299},
        {"splats": "many"},
        {"splats": True},
        {"frames": 10**9},
        {"fps": 0},
        {"fps": 1e400},
        {"fps": 10**400},
        {"field": {}},
        {"field": {"kind": "os.system"}},
        {"cameras": {}},
        {"reference_frames": [0, 1]},
        {"reference_frames": [0, 2, 1, 3, 4]},
        {"reference_frames": [0, 1, 2, 3, 10**30]},
        {"reference_frames": 5},
        {"similarity": {"scale": -1}},
        {"field": {"kind": "bases", "count": 10**12, "frames": FRAMES, "canonical": CANONICAL}},
        {"field": {"kind": "bases", "count": 9999, "frames": FRAMES, "canonical": CANONICAL}},
        {"field": {"kind": "bases", "count": 3, "frames": FRAMES, "canonical": FRAMES}},
        {"field": {"kind": "bases", "count": 3, "frames": FRAMES, "canonical": CANONICAL, "surprise": 1}},
        {"tensors": []},
        {"format": "1"},
    ],
)
def test_a_manifest_that_was_tampered_with_is_refused(run, change):
    edit(run, **change)
    with pytest.raises(UserError, match="damaged"):
        bundle.load(run)


@pytest.mark.parametrize("frames", [[], [0, 0], [1, 0], [-1], ["0"], list(range(8)), list(range(99))])
def test_freeze_time_frames_that_do_not_fit_the_cameras_are_refused(run, frames):
    cameras = json.loads((run / "manifest.json").read_text())["cameras"]
    cameras["freeze"]["frames"] = frames
    edit(run, cameras=cameras)
    with pytest.raises(UserError, match="damaged"):
        bundle.load(run)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, "\udcff"])
def test_a_manifest_that_is_not_one_is_refused(run, text):
    (run / "manifest.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match="damaged"):
        bundle.load(run)


@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_a_truncated_scene_is_refused(run, keep):
    content = (run / "scene.safetensors").read_bytes()
    (run / "scene.safetensors").write_bytes(content[:keep])
    with pytest.raises(UserError, match="damaged"):
        bundle.load(run)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.pop("gaussians.quats"),
        lambda t: t.update({"gaussians.means": t["gaussians.means"] * float("nan")}),
        lambda t: t.update({"gaussians.means": t["gaussians.means"].double()}),
        lambda t: t.update({"gaussians.moves": t["gaussians.moves"].float()}),
        lambda t: t.update({"gaussians.scales": t["gaussians.scales"][:-1].clone()}),
        lambda t: t.update({"gaussians.motion": t["gaussians.motion"][:, :-1].clone()}),
        lambda t: t.update({"field.rotation": t["field.rotation"][:-1].clone()}),
        lambda t: t.update({"freeze.world_to_camera": t["freeze.world_to_camera"] * 2}),
        lambda t: t.update({"freeze.intrinsics": -t["freeze.intrinsics"]}),
        lambda t: t.pop("background"),
    ],
)
def test_tensors_that_make_no_scene_are_refused(run, change):
    reseal(run, change)
    with pytest.raises(UserError, match="damaged"):
        bundle.load(run)
