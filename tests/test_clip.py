"""A clip in memory, and the file it is written to."""

import os
import subprocess
import sys

import av
import numpy as np
import pytest
from videos import numbered, numbers

from fourreal.clip import Clip, content_hash, probe, read, sample_indices, write
from fourreal.errors import UserError


@pytest.mark.parametrize(
    ("frames", "fps"),
    [
        (np.zeros((2, 4, 4, 4), np.uint8), 12.0),
        (np.zeros((2, 4, 4, 3), np.float32), 12.0),
        (np.zeros((0, 4, 4, 3), np.uint8), 12.0),
        (np.zeros((2, 4, 4, 3), np.uint8), 0.0),
        (np.zeros((2, 4, 4, 3), np.uint8), float("nan")),
    ],
)
def test_what_is_no_clip_cannot_be_made(frames, fps):
    with pytest.raises((ValueError, TypeError)):
        Clip(frames, fps)


def test_size_and_seconds():
    clip = Clip(numbered(8, (64, 48)), 16.0)
    assert (len(clip), clip.size, clip.seconds) == (8, (64, 48), 0.5)
    assert numbers(clip[[3, 1]].frames) == [3, 1]
    assert numbers(clip[2].frames) == [2]


@pytest.mark.parametrize("total", [2, 7, 24, 33, 300])
@pytest.mark.parametrize("count", [1, 2, 5, 24, 400])
def test_samples_are_even(total, count):
    picks = sample_indices(total, count)
    assert len(picks) == min(total, count)
    assert 0 <= picks[0] <= picks[-1] < total
    if len(picks) > 1:
        assert (picks[0], picks[-1]) == (0, total - 1)
        assert np.ptp(np.diff(picks)) <= 1


@pytest.mark.parametrize("keep", [[0], [16], [5, 6, 7], [32, 31, 30, 29, 28], [1, 3, 31]])
def test_samples_keep_what_must_be_kept(keep):
    picks, plain = sample_indices(33, 9, keep), sample_indices(33, 9)
    assert set(keep) <= set(picks.tolist())
    assert len(picks) == 9
    assert (np.diff(picks) > 0).all()
    assert len(set(plain.tolist()) - set(picks.tolist())) <= len(keep)  # the others stay where they were


@pytest.mark.parametrize(("count", "keep"), [(0, []), (2, [1, 2, 3]), (5, [33]), (5, [-1])])
def test_impossible_samples_are_refused(count, keep):
    with pytest.raises(ValueError, match="frames"):
        sample_indices(33, count, keep)


def test_sampling_keeps_the_speed():
    """13 frames at 12 fps span one second from the first to the last; so do 4 of them at 3 fps."""
    clip = Clip(numbered(13), 12.0).sampled(4)
    assert numbers(clip.frames, 13) == [0, 4, 8, 12]
    assert clip.fps == pytest.approx(3)


def test_halving_is_the_mean_of_two_by_two_pixels():
    pictures = np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), np.uint8)
    half = Clip(pictures, 12.0).resized((32, 24)).frames
    mean = pictures.reshape(2, 24, 2, 32, 2, 3).mean((2, 4))
    assert np.abs(half - mean).max() <= 0.5


@pytest.mark.parametrize("size", [(40, 30), (32, 48), (17, 13), (64, 47)])
def test_shrinking_averages_the_covered_area(size):
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    exact = picture
    for axis, length in ((0, size[1]), (1, size[0])):
        edges = np.linspace(0, picture.shape[axis], length + 1)
        pixel = np.arange(picture.shape[axis])
        cover = np.clip(np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel), 0, None)
        exact = np.moveaxis(np.tensordot(cover / cover.sum(1, keepdims=True), exact, (1, axis)), 0, axis)
    assert np.abs(Clip(picture[None], 12.0).resized(size).frames[0] - exact).max() <= 0.51


def test_enlarging_keeps_a_gradient_smooth():
    ramp = np.broadcast_to(np.arange(0, 240, 10, dtype=np.uint8)[:, None], (8, 24, 3))
    large = Clip(np.ascontiguousarray(ramp)[None], 12.0).resized((96, 16))
    assert large.size == (96, 16)
    assert np.diff(large.frames[0, 8, :, 0].astype(int)).max() <= 4


def test_cropping_cuts_a_window():
    clip = Clip(np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), np.uint8), 12.0)
    assert (clip.cropped(5, 7, (20, 10)).frames == clip.frames[:, 7:17, 5:25]).all()
    with pytest.raises(ValueError, match="inside"):
        clip.cropped(50, 0, (20, 10))


@pytest.mark.parametrize("fps", [12.0, 24.0, 30000 / 1001, 7.5])
def test_a_written_clip_reads_back(tmp_path, fps):
    clip = Clip(numbered(8, (96, 64)), fps)
    write(clip, tmp_path / "new" / "clip.mp4")
    again = read(tmp_path / "new" / "clip.mp4")
    assert np.abs(again.frames.astype(int) - clip.frames).mean() < 1.5
    assert again.fps == pytest.approx(fps, rel=1e-6)
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["clip.mp4"]


def test_real_footage_survives_a_round_trip(tmp_path, fox_yard):
    """Above 40 dB: the fit must not see what the encoder did."""
    clip = read(fox_yard / "freeze.mp4")
    write(clip, tmp_path / "a.mp4")
    error = np.mean((read(tmp_path / "a.mp4").frames.astype(float) - clip.frames) ** 2)
    assert 10 * np.log10(255**2 / error) > 40


@pytest.mark.parametrize("size", [(95, 63), (1, 1), (63, 48)])
def test_odd_sizes_grow_by_a_repeated_edge(tmp_path, size):
    grey = np.random.default_rng(0).integers(0, 256, (3, size[1], size[0], 1), np.uint8)
    clip = Clip(np.repeat(grey, 3, -1), 12.0)
    write(clip, tmp_path / "a.mp4", crf=0)
    again = read(tmp_path / "a.mp4")
    assert again.size == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    padded = np.pad(clip.frames, ((0, 0), (0, size[1] % 2), (0, size[0] % 2), (0, 0)), "edge")
    assert np.abs(again.frames.astype(int) - padded).max() <= 2


def test_every_browser_can_play_what_is_written(tmp_path):
    write(Clip(numbered(), 12.0), tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert (stream.colorspace, stream.color_range, stream.color_primaries, stream.color_trc) == (1, 1, 1, 1)
    content = (tmp_path / "a.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # plays before it is loaded


def test_a_lower_crf_is_better(tmp_path):
    clip = Clip(np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), np.uint8), 12.0)
    for crf in (5, 40):
        write(clip, tmp_path / f"{crf}.mp4", crf=crf)
    assert (tmp_path / "5.mp4").stat().st_size > 2 * (tmp_path / "40.mp4").stat().st_size


def test_a_folder_in_the_way_is_explained_and_leaves_nothing(tmp_path):
    (tmp_path / "clip.mp4").mkdir()
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "clip.mp4", tmp_path / "file" / "clip.mp4"):
        with pytest.raises(UserError, match=r"clip\.mp4 could not be written.*choose a folder"):
            write(Clip(numbered(), 12.0), path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["clip.mp4", "file"]


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_full_disk_keeps_the_old_file(tmp_path, assets):
    """The limit on a file's size stands in for a full disk: writing stops in the middle."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"old")
    code = (
        "import resource, sys, numpy as np\n"
        "from fourreal.clip import Clip, write\n"
        "from fourreal.errors import UserError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40000, 40000))\n"
        "noise = np.random.default_rng(0).integers(0, 256, (30, 96, 128, 3), np.uint8)\n"
        "try: write(Clip(noise, 12.0), sys.argv[1])\n"
        "except UserError as error: print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, cwd=assets.parent)
    assert "clip.mp4 could not be written" in run.stdout, run.stderr
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["clip.mp4"]


def test_the_hash_follows_content_and_order_alone(tmp_path, fox_yard):
    first, copy = fox_yard / "reference.mp4", tmp_path / "other_name.mp4"
    copy.write_bytes(first.read_bytes())
    assert content_hash(first) == content_hash(copy)
    copy.write_bytes(first.read_bytes()[:-1] + b"x")
    assert content_hash(first) != content_hash(copy)

    for folder, names in {
        "a": ["1.png", "2.png"],
        "b": ["1.png", "2.png", "notes.txt"],
        "c": ["2.png", "1.png"],
    }.items():
        (tmp_path / folder).mkdir()
        for name, content in zip(names, (b"one", b"two", b"three"), strict=False):
            (tmp_path / folder / name).write_bytes(content)
    assert content_hash(tmp_path / "a") == content_hash(tmp_path / "b") != content_hash(tmp_path / "c")
    with pytest.raises(UserError, match="no such file"):
        content_hash(tmp_path / "nothing.mp4")


def test_probing_says_what_reading_gives(fox_yard):
    info, clip = probe(fox_yard / "freeze.mp4"), read(fox_yard / "freeze.mp4")
    assert (info.width, info.height) == clip.size == (512, 288)
    assert (info.frames, info.fps, info.seconds, info.codec) == (len(clip), clip.fps, clip.seconds, "h264")
