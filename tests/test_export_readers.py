"""What other people's libraries read of an export shows the picture that the scene shows."""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import gsply
import numpy as np
import pytest
import torch
from fourdgs.keyframe_delta_file import decode_streamed, render_at
from fourdgs.validate import validate
from scene_samples import FPS, FRAMES, some_scene

from fourreal.errors import Cancelled, UserError
from fourreal.evaluate.metrics import psnr
from fourreal.progress import CancelToken
from fourreal.scene import bundle, export_4dgs
from fourreal.scene.export_ply import SH_DC
from fourreal.scene.place import to_upright, to_y_up
from fourreal.scene.scene4d import Scene4D
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.rasterize import rasterize


def gaussians(means, quats, scales, opacities, colors) -> Gaussians:
    """Of arrays as `Gaussians` has them."""
    tensors = [
        torch.from_numpy(np.array(value, dtype=np.float32)) for value in (means, quats, scales, opacities, colors)
    ]
    return Gaussians.static(*tensors)


def by_gsply(path: Path, read: Callable) -> Gaussians:
    data = read(str(path))
    return gaussians(
        data.means, data.quats, data.scales, data.opacities.reshape(-1), data.sh0.reshape(-1, 3) * SH_DC + 0.5
    )


def by_fourdgs(sequence, seconds: float) -> Gaussians:
    seen = render_at(sequence, seconds)
    opacity = np.clip(seen["opacity"], 1e-6, 1 - 1e-6)
    return gaussians(
        seen["centers"],
        np.roll(seen["rotations"], 1, axis=1),
        np.log(seen["scales"]),
        np.log(opacity / (1 - opacity)),
        seen["rgb"],
    )


def likeness(scene: Scene4D, again: Gaussians, frame, t: float) -> float:
    """The least PSNR in dB from the reference camera and one to its side; frame: that of `again`."""
    values = []
    for own in (scene.reference, scene.freeze[len(scene.freeze) // 4]):
        camera = frame.apply_cameras(own)
        seen = rasterize(again, camera.world_to_camera[0], camera.intrinsics, camera.size, scene.background).colour
        values.append(psnr(seen.clamp(0, 1), scene.render(scene.outward(own), t).colour.clamp(0, 1)))
    return float(min(values))


@pytest.mark.parametrize(
    ("format", "read", "to_frame", "floor"),
    [("ply", gsply.plyread, to_upright, 60), ("spz", gsply.read_spz, to_y_up, 38)],
)
def test_gsply_reads_each_frame(tmp_path, format, read, to_frame, floor):
    scene, t = some_scene(), 3 / (FRAMES - 1)
    scene.export(tmp_path / "a.zip", format, upright=format == "ply")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == [f"frame_{i:04d}.{format}" for i in range(FRAMES)]
        archive.extract("frame_0003." + format, tmp_path)
    again = by_gsply(tmp_path / f"frame_0003.{format}", read)
    assert len(again) == len(scene.gaussians)
    assert likeness(scene, again, to_frame(scene), t) > floor
    assert likeness(scene, again, to_frame(scene), t - 0.5) < 30, "the times look alike, so this shows nothing"


@pytest.fixture
def fourdgs_file(tmp_path, fourreal) -> tuple[Scene4D, Path]:
    """A scene, and what the command line made of its bundle."""
    scene = some_scene()
    bundle.save(scene, tmp_path / "run", {})
    arguments = ["export", str(tmp_path / "run"), "--format", "4dgs", "--out", str(tmp_path / "scene.4dgs")]
    code, _, errors = fourreal(*arguments)
    assert code == 0, errors
    return scene, tmp_path / "scene.4dgs"


def test_the_library_reads_a_4dgs_file_at_and_between_frames(fourdgs_file):
    scene, path = fourdgs_file
    content = path.read_bytes()
    report = validate(content)
    assert report.ok, report.findings
    sequence, frame = decode_streamed(content), to_y_up(scene)
    assert sequence.header.duration_sec == pytest.approx((FRAMES - 1) / FPS)
    for moment in (0, 1, 1.5, 2.3, 3, 3.75, FRAMES - 1):
        t = moment / (FRAMES - 1)
        again = by_fourdgs(sequence, t * sequence.header.duration_sec)
        assert len(again) == len(scene.gaussians)
        assert likeness(scene, again, frame, t) > 35, moment
    assert likeness(scene, by_fourdgs(sequence, 0.0), frame, 0.5) < 30, "the times look alike, so this shows nothing"


def test_what_stands_still_is_written_once(fourdgs_file):
    scene, path = fourdgs_file
    chunks = decode_streamed(path.read_bytes()).chunks
    assert [chunk.kind for chunk in chunks] == [0] + [1] * (export_4dgs.STEPS * (FRAMES - 1) - 1)
    moving = int(scene.gaussians.moves.sum())
    assert all(chunk.update_count <= moving for chunk in chunks[1:])


def test_a_4dgs_file_is_whole_or_not_there(tmp_path, monkeypatch):
    cancel, path = CancelToken(), tmp_path / "a.4dgs"
    with pytest.raises(Cancelled):
        export_4dgs.export_4dgs(some_scene(), path, lambda event: cancel.cancel(), cancel)
    monkeypatch.setattr(export_4dgs, "MOST", 1000)
    with pytest.raises(UserError, match=r"too many for \.4dgs"):
        some_scene().export(path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_shipped_scene_keeps_its_pictures_as_4dgs(tmp_path, assets):
    scene = bundle.load(assets / "scenes" / "fox_yard")
    scene.export(tmp_path / "fox.4dgs")
    content = (tmp_path / "fox.4dgs").read_bytes()
    assert len(content) < 4e6
    sequence, frame = decode_streamed(content), to_y_up(scene)
    clamped = replace(scene, gaussians=replace(scene.gaussians, colors=scene.gaussians.colors.clamp(0, 1)))
    for moment in (0, 6, 6.5, 11.2, 18):
        t = moment / (scene.frames - 1)
        again = by_fourdgs(sequence, t * sequence.header.duration_sec)
        assert likeness(scene, again, frame, t) > 37  # colours beyond [0, 1] cannot be written,
        assert likeness(clamped, again, frame, t) > 55  # and cost nearly all of it
