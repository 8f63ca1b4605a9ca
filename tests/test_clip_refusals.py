"""What cannot be used is refused with a sentence that says what to do: early, without a traceback, and never a hang."""

import contextlib
import dataclasses
import os
import re
import wave

import numpy as np
import pytest
from PIL import Image
from videos import encode, numbered

from fourreal.clip import decode, probe, read
from fourreal.errors import UserError
from fourreal.settings import ClipLimits


def refused(path, limits=None) -> str:
    """What a person is told; probing and reading must agree."""
    arguments = (path,) if limits is None else (path, limits)
    with pytest.raises(UserError) as probed:
        probe(*arguments)
    with pytest.raises(UserError) as refusal:
        read(*arguments)
    assert str(probed.value) == str(refusal.value)
    assert str(path.parent) not in str(refusal.value)  # a visitor of the page learns nothing of the server's folders
    return str(refusal.value)


@pytest.fixture
def video(tmp_path):
    return encode(tmp_path / "a.mp4", numbered(30), fps=10)


@pytest.mark.parametrize(
    "content", [b"just a text\n" * 100, os.urandom(5000), b"\x00" * 5000, b"\x1aE\xdf\xa3", b"GIF89a"]
)
def test_not_a_video(tmp_path, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    assert "cannot be read as a video" in refused(path) or "holds no" in refused(path)


def test_empty(tmp_path):
    (tmp_path / "a.mp4").touch()
    assert "is empty" in refused(tmp_path / "a.mp4")


def test_missing(tmp_path):
    assert "no such file or folder" in refused(tmp_path / "a.mp4")


def test_sound_only(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setnchannels(1), sound.setsampwidth(2), sound.setframerate(8000), sound.writeframes(b"\0\0" * 8000)
    refusal = refused(tmp_path / "a.wav")
    assert "sound only" in refusal


def test_sound_in_a_container_for_video(tmp_path):
    import av

    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert "sound only" in refused(tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.webp", "a.avif"])
def test_a_picture(tmp_path, name):
    Image.new("RGB", (64, 48), (200, 0, 0)).save(tmp_path / name)
    assert "is a picture, not a video" in refused(tmp_path / name)


@pytest.mark.parametrize("name", ["a.webp", "a.avif"])
def test_an_animated_picture_beyond_limits_or_damaged(tmp_path, name):
    path = tmp_path / name
    first, *others = map(Image.fromarray, numbered(8))
    first.save(path, save_all=True, append_images=others, duration=1000)
    assert "has 8 frames" in refused(path, ClipLimits(max_frames=7))
    assert "lasts 6 seconds" in refused(path, ClipLimits(max_seconds=5.0))
    assert "is 64x48" in refused(path, ClipLimits(max_pixels=64 * 48 - 1))
    whole = path.read_bytes()
    for share in (0.5, 0.95):
        path.write_bytes(whole[: int(share * len(whole))])
        assert re.search("damaged|cut short", refused(path))


def test_one_frame(tmp_path):
    assert "is a picture, not a video" in refused(encode(tmp_path / "a.mp4", numbered(1)))


@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.gif"])
def test_truncated(tmp_path, name, share):
    """A part of a file is refused or, where its frames are whole, read as the shorter video that it is."""
    pictures = np.random.default_rng(0).integers(0, 256, (30, 48, 64, 3), np.uint8)
    path = tmp_path / name
    if name == "a.gif":
        first, *rest = [Image.fromarray(picture) for picture in pictures]
        first.save(path, save_all=True, append_images=rest, duration=100)
    else:
        encode(path, pictures)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    if name == "a.mp4":
        assert "cut short" in refused(path)
    else:
        with contextlib.suppress(UserError):
            assert 2 <= len(read(path)) < 30


def test_truncated_though_its_index_is_whole(tmp_path, fox_yard):
    """A download that broke off: the index at the front still promises every frame."""
    content = (fox_yard / "freeze.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    (tmp_path / "a.mp4").write_bytes(content[: len(content) // 2])
    assert "cut short" in refused(tmp_path / "a.mp4")


def test_damaged(tmp_path, fox_yard):
    """Noise in the middle: refused, or read with every frame in place; never a crash."""
    content = bytearray((fox_yard / "freeze.mp4").read_bytes())
    rng = np.random.default_rng(0)
    for trial in range(12):
        broken = content.copy()
        for start in rng.integers(0, len(content) - 200, 10):
            broken[start : start + 200] = rng.bytes(200)
        path = tmp_path / f"{trial}.mp4"
        path.write_bytes(broken)
        with contextlib.suppress(UserError):
            assert len(read(path)) >= 2


@pytest.mark.parametrize(
    ("limit", "refusal"),
    [
        ({"max_bytes": 1000}, "MB are accepted"),
        ({"max_pixels": 64 * 48 - 1}, "is 64x48"),
        ({"max_seconds": 2.0}, "lasts 3 seconds; at most 2"),
        ({"max_frames": 29}, "has 30 frames; at most 29 are accepted. Trim it"),
    ],
)
def test_limits(video, limit, refusal):
    assert refusal in refused(video, ClipLimits(**limit))
    assert len(read(video, dataclasses.replace(ClipLimits(), max_frames=30))) == 30


def test_advice_can_be_pasted_into_a_shell(tmp_path):
    path = encode(tmp_path / "my holiday $1.mp4", numbered(30))
    assert "ffmpeg -i 'my holiday $1.mp4' -ss 0" in refused(path, ClipLimits(max_frames=20))


def test_memory_in_all_is_limited_unless_frames_are_shrunk(video):
    limits = ClipLimits(max_total_pixels=30 * 32 * 24)
    with pytest.raises(UserError, match=r"too large in all: 30 frames of 64x48.*scale="):
        read(video, limits)
    assert read(video, limits, max_side=32).size == (32, 24)


def test_8k_and_an_hour_are_too_much(tmp_path):
    assert "is 7680x4320" in refused(encode(tmp_path / "a.mp4", np.zeros((2, 4320, 7680, 3), np.uint8), "mpeg4"))
    path = encode(tmp_path / "b.mkv", numbered(3), at=[0, 1800, 3600])
    assert "lasts 3600 seconds" in refused(path)


@pytest.mark.parametrize(
    ("limit", "refusal"),
    [
        ({"max_pixels": 64 * 48 - 1}, "is 64x48"),
        ({"max_seconds": 2.0}, "lasts 2 seconds"),
        ({"max_frames": 29}, "more than 29 frames"),
        ({"max_total_pixels": 10 * 64 * 48}, "too large in all: 11 frames"),
    ],
)
def test_a_header_that_lies_is_stopped_while_decoding(video, monkeypatch, limit, refusal):
    harmless = dataclasses.replace(probe(video), width=2, height=2, frames=2)
    monkeypatch.setattr(decode, "probe", lambda path, limits: harmless)
    with pytest.raises(UserError, match=refusal):
        read(video, ClipLimits(**limit))


def test_counting_does_not_trust_the_header(tmp_path):
    """A transport stream states no number of frames; counting stops at the limit."""
    path = encode(tmp_path / "a.ts", numbered(30))
    assert "has more than 20 frames" in refused(path, ClipLimits(max_frames=20))


def test_a_pause_does_not_become_a_million_frames(tmp_path):
    path = encode(tmp_path / "a.mkv", numbered(6), at=[0, 0.01, 0.02, 0.03, 0.04, 100])
    assert "has more than 300 frames" in refused(path)


def test_a_playlist_in_disguise_opens_no_other_file(tmp_path, video):
    for name, content in {
        "hls.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:3,\n{video}\n#EXT-X-ENDLIST\n",
        "concat.mp4": f"ffconcat version 1.0\nfile {video.name}\n",
    }.items():
        (tmp_path / name).write_text(content)
        assert "cannot be read as a video" in refused(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_what_is_no_file_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "neither a file nor a folder" in refused(tmp_path / "pipe.mp4")


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="permissions are POSIX")
def test_unreadable(video):
    """Root may read everything, so the test steps down where it runs as root."""
    video.chmod(0)
    root = os.geteuid() == 0
    for folder in list(video.parents)[:3] if root else []:
        folder.chmod(0o755)
    if root:
        os.seteuid(65534)
    try:
        assert "may not be read" in refused(video)
    finally:
        if root:
            os.seteuid(0)


def test_folder_without_pictures(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    assert "holds no pictures" in refused(tmp_path)


def test_folder_with_one_picture(tmp_path):
    Image.new("RGB", (64, 48)).save(tmp_path / "1.png")
    assert "is a picture, not a video" in refused(tmp_path)


def test_folder_of_different_sizes(tmp_path):
    Image.new("RGB", (64, 48)).save(tmp_path / "1.png")
    Image.new("RGB", (64, 50)).save(tmp_path / "2.png")
    assert "2.png is 64x50 but 1.png is 64x48" in refused(tmp_path)


@pytest.mark.parametrize("content", [b"not a picture", b"", b"\x89PNG\r\n\x1a\n"])
def test_folder_with_a_broken_picture(tmp_path, content):
    Image.new("RGB", (64, 48)).save(tmp_path / "1.png")
    (tmp_path / "2.png").write_bytes(content)
    assert "2.png" in refused(tmp_path)


def test_folder_with_half_a_picture(tmp_path):
    Image.fromarray(numbered(1)[0]).save(tmp_path / "1.png")
    content = (tmp_path / "1.png").read_bytes()
    (tmp_path / "2.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"2\.png"):
        read(tmp_path)


def test_folder_limits(tmp_path):
    for index in range(4):
        Image.new("RGB", (64, 48)).save(tmp_path / f"{index}.png")
    assert "has 4 frames; at most 3 are accepted. Take some pictures out." in refused(
        tmp_path, ClipLimits(max_frames=3)
    )
    assert "0.png is 64x48" in refused(tmp_path, ClipLimits(max_pixels=3000))
    assert "MB" in refused(tmp_path, ClipLimits(max_bytes=10))
