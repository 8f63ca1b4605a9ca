"""The viewer's file: what is read back shows the picture that was written, and the file is small."""

import json
import math
import re
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scene_samples import CANONICAL, FPS, FRAMES, arc_cameras, some_field, some_gaussians, some_scene

from fourreal import clip
from fourreal.camera import cameras_file
from fourreal.camera.align import Similarity
from fourreal.errors import UserError
from fourreal.evaluate.metrics import psnr
from fourreal.scene import bundle
from fourreal.scene.r4d import R4D, export_r4d, r4d_bytes, read_r4d
from fourreal.scene.scene4d import Scene4D
from fourreal.scene.sky import sky_of
from fourreal.scene.views import draw, into_scene, moved
from fourreal.splat.deformation_mlp import DeformationMLP
from fourreal.splat.motion_bases import MotionBases

DOCUMENT = Path(__file__).parents[1] / "docs" / "r4d.md"


def likeness(scene: Scene4D, file: R4D, camera, t: float) -> float:
    """PSNR of the file's picture against the scene's, both as 8-bit pictures. camera: in the input's frame."""
    truth, ours = draw(scene, camera, t, sky_of(scene)), file.draw(scene.inward(camera), t)
    return psnr(*(torch.from_numpy(picture.astype(np.float32) / 255) for picture in (ours, truth)))


@pytest.fixture(scope="module")
def shipped(assets):
    """The ready-made scene: its bundle, and its viewer file as it is shipped."""
    return bundle.load(assets / "scenes" / "fox_yard"), read_r4d((assets / "scenes" / "fox_yard.r4d").read_bytes())


@pytest.mark.slow
def test_the_shipped_file_shows_the_shipped_scene_at_every_held_out_camera(shipped, fox_yard):
    scene, file = shipped
    cameras = cameras_file.read(fox_yard / "cameras.json")
    views = moved(cameras.views, into_scene(cameras, scene))
    assert len(views) == 16
    for view in views:
        assert likeness(scene, file, view.camera, view.time) > 45, view.file  # promised are 40


def test_the_shipped_file_is_small_and_what_would_be_written_today(shipped, assets):
    scene, file = shipped
    again = read_r4d(r4d_bytes(scene, file.header["name"]))
    assert again.header["arrays"] == file.header["arrays"]
    assert again.header["view"]["azimuth"] == pytest.approx(file.header["view"]["azimuth"], abs=1e-4)
    assert (assets / "scenes" / "fox_yard.r4d").stat().st_size < 2.5e6


HEAD = slice(40, 170), slice(270, 450)  # rows and columns of the video that show the fox's


def test_the_shipped_scene_has_no_smeared_head_at_any_time(shipped, assets, fox_yard):
    scene, _ = shipped
    numbers = bundle.read_manifest(assets / "scenes" / "fox_yard")["reference_frames"]
    assert len(numbers) == scene.frames
    assert numbers[scene.field.canonical] == 11  # what the freeze-time video shows
    camera = scene.outward(scene.reference).resized((512, 288))
    video = clip.read(fox_yard / "reference.mp4").frames
    for frame in (0, 1, 6, 12, 18):
        seen = draw(scene, camera, frame / (scene.frames - 1))
        pictures = (torch.from_numpy(picture[HEAD] / 255) for picture in (seen, video[numbers[frame]]))
        assert psnr(*pictures) > 27, f"frame {frame}"  # 28 to 36; a smeared one had 25.9


@pytest.mark.parametrize("t", [0.0, 0.5, 1.0])
def test_at_a_reference_time_the_picture_is_the_scenes(t):
    scene = some_scene()
    file = read_r4d(r4d_bytes(scene))
    for camera in (0, 4, 8):
        assert likeness(scene, file, arc_cameras()[camera], t) > 45
    other = draw(scene, arc_cameras()[4], (t + 0.5) % 1)
    seen = draw(scene, arc_cameras()[4], t)
    assert psnr(*(torch.from_numpy(x / 255.0) for x in (seen, other))) < 35, "the times look alike"


@pytest.mark.parametrize("t", [0.1, 0.4, 0.875])
def test_between_the_reference_times_it_is_nearly_the_scenes(t):
    # the file blends places, the field its trajectories: with motion as small as that of a video, nearly the same
    scene = replace(some_scene(), field=some_field(reach=0.05))
    assert likeness(scene, read_r4d(r4d_bytes(scene)), arc_cameras()[4], t) > 40
    frozen = draw(scene, arc_cameras()[4], round(t * (FRAMES - 1)) / (FRAMES - 1))
    seen = draw(scene, arc_cameras()[4], t)
    assert psnr(*(torch.from_numpy(x / 255.0) for x in (seen, frozen))) < 35, "nothing is interpolated here"


def test_the_papers_network_and_its_stretches_are_kept():
    field = DeformationMLP(FRAMES, CANONICAL, width=16)
    torch.manual_seed(0)
    for head, size in zip(field.heads, (0.1, 0.3, 0.3), strict=True):
        torch.nn.init.normal_(head.weight, std=size)
    scene = replace(some_scene(), field=field.requires_grad_(False))
    file = read_r4d(r4d_bytes(scene))
    assert set(file.arrays) >= {"shifts", "turns", "stretches"}
    for t in (0.0, 0.25, 1.0):
        assert likeness(scene, file, arc_cameras()[4], t) > 40


def test_a_scene_that_is_still_being_fitted():
    scene = some_scene().static()
    for name in ("means", "quats", "scales", "opacities", "colors"):
        getattr(scene.gaussians, name).requires_grad_()
    progress = {"stage": "canonical", "step": 900, "steps": 3600}
    file = read_r4d(r4d_bytes(scene, "a name", progress, level=1))
    assert (file.header["moving"], file.header["progress"], file.header["name"]) == (0, progress, "a name")
    assert set(file.arrays) == {"means", "quats", "scales", "colors", "opacities"}
    assert likeness(scene, file, arc_cameras()[4], 0.3) > 45


def test_one_frame_is_a_scene_too():
    field = MotionBases(torch.zeros(3, 3), torch.ones(3), 1, 0).requires_grad_(False)
    file = read_r4d(r4d_bytes(replace(some_scene(), field=field)))
    assert len(file.at(0.0)) == len(file.at(1.0)) == 300


def test_what_does_not_move_visibly_is_not_kept_as_moving_and_comes_last():
    scene = some_scene()
    gaussians = scene.gaussians
    still = torch.zeros_like(gaussians.motion)
    still[:, -1] = 50.0  # all weight on staying put
    put = torch.arange(300) % 2 == 0
    gaussians = replace(gaussians, motion=torch.where(put[:, None], still, gaussians.motion))
    file = read_r4d(r4d_bytes(replace(scene, gaussians=gaussians)))
    assert file.header["moving"] == int((gaussians.moves & ~put).sum())
    moved_by = (file.at(0.0).means - file.at(scene.canonical_time).means).norm(dim=1)
    assert (moved_by[: file.header["moving"]] > 0).all()
    assert (moved_by[file.header["moving"] :] == 0).all()


def test_splats_that_are_not_finite_are_left_out():
    scene = some_scene()
    for name, row in (("means", 0), ("scales", 7), ("opacities", 9)):
        getattr(scene.gaussians, name)[row] = math.nan
    file = read_r4d(r4d_bytes(scene))
    assert file.header["splats"] == 297
    assert all(x.isfinite().all() for x in file.at(0.3).tensors().values())
    everything = replace(scene.gaussians, means=scene.gaussians.means * math.nan)
    with pytest.raises(ValueError, match="finite"):
        r4d_bytes(replace(scene, gaussians=everything))


def test_a_stray_splat_costs_no_precision_nearby():
    scene = some_scene()
    scene.gaussians.means[5] = torch.tensor([300.0, 0.0, 0.0])
    scene.gaussians.colors[6] = 90.0
    shown = likeness(scene, read_r4d(r4d_bytes(scene)), arc_cameras()[4], 0.0)
    assert shown > 40


def test_the_header_says_what_a_viewer_starts_from():
    scene = some_scene()
    header = read_r4d(r4d_bytes(scene)).header
    assert (header["frames"], header["canonical"], header["fps"]) == (FRAMES, CANONICAL, FPS)
    view = header["view"]
    assert view["reference"]["size"] == list(scene.reference.size)
    assert len(view["freeze"]) == len(scene.freeze)
    # the cameras went 60 degrees to each side at distance 1, a little from above: hardly farther may a viewer go
    assert view["azimuth"] == pytest.approx([-math.radians(60), math.radians(60)], abs=0.01)
    assert view["distance"] == pytest.approx([0.6, 1.1], abs=0.02)
    steep = math.atan(0.3)
    assert view["elevation"] == pytest.approx([steep, steep + math.radians(4)], abs=0.01)
    centre, up = np.array(view["centre"]), np.array(view["up"])
    assert np.linalg.norm(centre) < 1e-3
    place = np.array(view["reference"]["camera_to_world"])[:3, 3]
    assert math.asin((place - centre) @ up) == pytest.approx(steep, abs=0.01)


def test_cameras_all_around_may_go_all_around():
    around = arc_cameras(count=24, degrees=345)
    scene = some_scene()
    freeze = scene.inward(around)
    scene = replace(scene, freeze=freeze, freeze_frames=tuple(range(24)), reference=freeze[12])
    assert read_r4d(r4d_bytes(scene)).header["view"]["azimuth"] == [-math.pi, math.pi]


def test_render_takes_a_viewers_camera():
    scene = some_scene()
    file = read_r4d(r4d_bytes(scene))
    reference = scene.reference
    width, height = reference.size
    degrees = math.degrees(2 * math.atan(height / 2 / float(reference.intrinsics[1])))
    seen = file.render(reference.camera_to_world[0].numpy(), degrees, (2 * width, 2 * height), 0.5)
    assert (seen.shape, seen.dtype) == ((2 * height, 2 * width, 3), np.uint8)
    same = file.draw(reference.resized((2 * width, 2 * height)), 0.5)
    assert np.abs(seen.astype(int) - same).max() <= 1
    with pytest.raises(ValueError, match="rigid"):
        file.render(np.ones((4, 4)), degrees, (64, 64), 0.5)
    with pytest.raises(ValueError, match="time"):
        file.render(np.eye(4), degrees, (64, 64), 1.5)


def test_its_similarity_brings_cameras_of_the_input_into_its_frame():
    scene = some_scene()
    file = read_r4d(r4d_bytes(scene))
    similarity = Similarity.from_dict(file.header["similarity"])
    inward = similarity.apply_cameras(arc_cameras()[0]).camera_to_world[0]
    assert torch.allclose(inward, torch.tensor(file.header["view"]["freeze"][0]), atol=1e-5)


def test_a_large_scene_stays_under_ten_megabytes():
    content = r4d_bytes(large_scene(), level=6)
    file = read_r4d(content)
    assert (file.header["splats"], file.frames) == (100_000, 24)
    assert file.header["moving"] > 33_000
    assert set(file.arrays) >= {"shifts", "turns", "stretches"}
    assert len(content) < 10e6


class Breathing(MotionBases):
    """Motion bases whose splats also swell and shrink, each in its own rhythm, as the paper's network may have them."""

    def offsets(self, gaussians, code):
        moved = super().offsets(gaussians, code)
        phase = 2 * math.pi * code / self.frames + 9 * gaussians.means
        return moved._replace(ds=0.2 * (phase.sin() - (9 * gaussians.means).sin()))


def large_scene(splats: int = 100_000, frames: int = 24, bases: int = 24) -> Scene4D:
    """A third of the splats follow smooth trajectories, up to 1.4 units far; shapes and colours have no order."""
    g = torch.Generator().manual_seed(0)
    gaussians = some_gaussians(splats, bases)
    gaussians = replace(gaussians, motion=3 * gaussians.motion, colors=3 * gaussians.colors - 1)
    field = Breathing(gaussians.means[:bases], torch.full((bases,), 0.1), frames, frames // 2)
    time = torch.linspace(0, 2 * math.pi, frames)[:, None, None]
    with torch.no_grad():
        for path, size in ((field.rotation, 0.2), (field.translation, 0.15)):
            for wave in (1, 2):
                amount, phase = torch.randn(2, 1, bases, 3, generator=g)
                path += size / wave * amount * torch.sin(wave * time + 3 * phase)
    return replace(some_scene(), gaussians=gaussians, field=field.requires_grad_(False))


def test_the_same_scene_gives_the_same_file_and_a_failed_export_leaves_the_earlier_one_alone(tmp_path):
    path = tmp_path / "scene.r4d"
    export_r4d(some_scene(), path)
    before = path.read_bytes()
    export_r4d(some_scene(), path)
    assert path.read_bytes() == before
    with pytest.raises(UserError, match="cannot be written"):
        export_r4d(some_scene(), path / "below-a-file.r4d")
    assert [file.name for file in tmp_path.iterdir()] == ["scene.r4d"]


def test_the_documented_example_is_a_file_that_says_what_it_says():
    text = DOCUMENT.read_text(encoding="utf-8")
    header = json.loads(re.search(r"```json\n(.*?)```", text, re.DOTALL)[1])
    table = re.search(r"```text\n(.*?)```", text, re.DOTALL)[1]
    columns = re.findall(r"^.{11}[xyzrgb ]: ([0-9a-f |]+?)(?:  |$)", table, re.MULTILINE)
    arrays = bytes.fromhex("".join(columns).replace("|", ""))
    assert f"{len(arrays)} bytes before gzip" in text
    head = json.dumps(header).encode()
    packer = zlib.compressobj(wbits=31)
    content = packer.compress(b"R4D1" + len(head).to_bytes(4, "little") + head + arrays) + packer.flush()
    file = read_r4d(content)
    first, between, last = (file.at(t) for t in (0, 0.5, 1))
    assert first.means.tolist() == [[0.25, 0.0, 0.0], [1.0, -0.5, 2.0]]
    assert between.means[0].tolist() == [0.25, 0.125, 0.0]
    assert last.means[0].tolist() == [0.25, 0.25, 0.0]
    half = math.radians(45)
    assert last.quats[0].tolist() == pytest.approx([math.cos(half), 0, 0, math.sin(half)], abs=1e-3)
    assert first.colors.flatten().tolist() == pytest.approx([1.0, 0.5, 0.0, -0.5, 1.0, 1.5])
