"""What was exported, read back by itself, shows the picture that the scene shows."""

import zipfile

import numpy as np
import pytest
import torch
from scene_samples import FRAMES, SIZE, arc_cameras, some_scene
from splat_files import read_ply, read_splat

from fourreal.errors import Cancelled, UserError
from fourreal.evaluate.metrics import psnr
from fourreal.progress import CancelToken
from fourreal.scene.export_ply import PROPERTIES, export_ply
from fourreal.scene.export_splat import RECORD, export_splat
from fourreal.scene.place import place, to_upright
from fourreal.splat.rasterize import rasterize

FORMATS = {"ply": (export_ply, read_ply, 50), "splat": (export_splat, read_splat, 35)}


@pytest.fixture(params=FORMATS)
def case(request, tmp_path):
    """The exported zip, its suffix, the reader, and the PSNR it must keep."""
    export, read, floor = FORMATS[request.param]
    scene, path = some_scene(), tmp_path / "scene.zip"
    export(scene, path)
    return scene, path, request.param, read, floor


def test_a_file_for_each_reference_time(case):
    _, path, suffix, *_ = case
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [f"frame_{i:04d}.{suffix}" for i in range(FRAMES)]
        assert archive.testzip() is None
    assert [file.name for file in path.parent.iterdir()] == ["scene.zip"]


@pytest.mark.parametrize("frame", [0, 2, 4])
def test_a_re_imported_file_renders_the_same_picture(case, frame):
    scene, path, suffix, read, floor = case
    camera = arc_cameras()[3]  # of the input's frame: where other programs have their cameras
    with zipfile.ZipFile(path) as archive:
        gaussians = read(archive.read(f"frame_{frame:04d}.{suffix}"))
    again = rasterize(gaussians, camera.world_to_camera[0], camera.intrinsics, SIZE, scene.background).colour
    truth = scene.render(camera, frame / (FRAMES - 1)).colour
    assert psnr(again.clamp(0, 1), truth.clamp(0, 1)) > floor
    other = scene.render(camera, (frame + 2) % FRAMES / (FRAMES - 1)).colour
    assert psnr(again.clamp(0, 1), other.clamp(0, 1)) < 35, "the times look alike, so this shows nothing"


def test_a_ply_has_the_header_that_viewers_look_for(tmp_path):
    export_ply(some_scene(), tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        content = archive.read("frame_0000.ply")
    header, body = content.split(b"end_header\n", 1)
    assert header.startswith(b"ply\nformat binary_little_endian 1.0\nelement vertex 300\nproperty float x\n")
    assert len(body) == 300 * 17 * 4


def test_splats_come_by_weight(tmp_path):
    export_splat(some_scene(), tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        records = np.frombuffer(archive.read("frame_0000.splat"), RECORD)
    weight = records["scale"].prod(axis=1) * records["rgba"][:, 3]
    assert (weight[1:] <= weight[:-1] * 1.02).all()  # opacity is rounded to bytes


def test_a_cancelled_or_failed_export_leaves_the_earlier_file_alone(tmp_path):
    path = tmp_path / "a.zip"
    path.write_text("precious")
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        export_ply(some_scene(), path, lambda event: cancel.cancel(), cancel)
    assert [file.name for file in tmp_path.iterdir()] == ["a.zip"]
    assert path.read_text() == "precious"
    with pytest.raises(UserError, match="cannot be written"):
        export_ply(some_scene(), path / "below-a-file.zip")


def test_the_same_scene_gives_the_same_file(tmp_path):
    export_ply(some_scene(), tmp_path / "a.zip")
    export_ply(some_scene(), tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert torch.equal(some_scene().gaussians.means, some_scene().gaussians.means)


def test_an_upright_ply_is_centred_has_all_harmonics_and_holds_the_same_gaussians(tmp_path):
    scene = some_scene()
    scene.export(tmp_path / "a.zip", "ply", upright=True)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == [f"frame_{i:04d}.ply" for i in range(FRAMES)]
        content = archive.read("frame_0002.ply")
    header, body = content.split(b"end_header\n", 1)
    names = [line.split()[-1].decode() for line in header.split(b"\n") if line.startswith(b"property float ")]
    rest = [f"f_rest_{i}" for i in range(45)]
    assert names == [*PROPERTIES[:9], *rest, *PROPERTIES[9:]]
    assert b"comment" not in header
    assert not np.frombuffer(body, "<f4").reshape(len(scene.gaussians), -1)[:, 9:54].any()
    frame = to_upright(scene)
    again, truth = read_ply(content), place(scene.at(2 / (FRAMES - 1)), frame)
    for name in ("means", "scales", "opacities", "colors"):
        assert torch.allclose(getattr(again, name), getattr(truth, name), atol=1e-5), name
    camera = frame.apply_cameras(scene.reference)
    seen = rasterize(again, camera.world_to_camera[0], camera.intrinsics, SIZE, scene.background).colour
    assert psnr(seen.clamp(0, 1), scene.render(scene.camera(), 2 / (FRAMES - 1)).colour.clamp(0, 1)) > 50
    # The camera looks at the centre, from where -z is, and a little from above, where -y is; the freeze-time cameras
    # stand at one height around it.
    x, y, z = camera.centres[0].tolist()
    assert abs(x) < 0.1
    assert y < 0
    assert z < -0.5
    heights = frame.apply_cameras(scene.freeze).centres[:, 1]
    assert float(heights.max() - heights.min()) < 1e-3
