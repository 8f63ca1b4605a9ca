"""Taking videos in: what comes out of good ones, and that bad ones are refused in words and leave nothing behind."""

import json
import os
import struct
import subprocess
import sys
import time
import zlib
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from inline_children import inline_children
from job_samples import ANNA, PATIENCE, gone, until
from PIL import Image
from videos import encode, numbered, numbers

from fourreal import clip
from fourreal.clip.flaws import Cleaned
from fourreal.errors import UserError
from fourreal.installed import ROOT
from fourreal.jobs import asking, checks
from fourreal.jobs.children import BrokeOff, ask, environment
from fourreal.jobs.service import Service
from fourreal.settings import JobLimits

LIMITS = replace(JobLimits(), free_bytes=0)


@pytest.fixture
def service(tmp_path):
    """Takes videos in by this process; see `real_children`."""
    service = Service(tmp_path / "data", LIMITS)
    with inline_children():
        yield service
    service.close()


@pytest.fixture
def real_children(service):
    """The service asks children after all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asking, "ask", ask)
        yield


def test_a_video_is_kept_as_h264_with_a_small_picture_of_each_frame(service, tmp_path):
    path = encode(tmp_path / "upload.webm", numbered(12, (720, 480)), "libvpx-vp9")
    video = service.library.add_video(ANNA, path, "My film.webm")
    assert (video.width, video.height, video.fps, video.frames, video.seconds) == (720, 480, 12.0, 12, 1.0)
    assert video.name == "My film.webm"
    assert service.library.video(ANNA, video.id) == video
    written = service.library.video_file(ANNA, video.id, "clip.mp4")
    with av.open(str(written)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
    assert numbers(clip.read(written).frames, 12) == list(range(12))
    with Image.open(service.library.video_file(ANNA, video.id, 7)) as picture:
        assert picture.size == (320, 213)
        assert numbers(np.asarray(picture)[None], 12) == [7]
    info = json.loads((written.parent / "info.json").read_text())
    assert info["frames"] == 12
    assert video.bytes == sum(
        f.stat().st_size for f in written.parent.rglob("*") if f.name != "info.json" and f.is_file()
    )


def test_large_pictures_are_kept_at_the_size_that_is_of_use(service, tmp_path):
    path = encode(tmp_path / "large.mp4", numbered(3, (1600, 900)))
    video = service.library.add_video(ANNA, path, "large.mp4")
    assert (video.width, video.height) == (1024, 576)


def test_odd_sizes_are_told_as_they_are_kept(service, tmp_path):
    folder = tmp_path / "odd.gif"
    pictures = [Image.fromarray(frame) for frame in numbered(4, (65, 49))]
    pictures[0].save(folder, save_all=True, append_images=pictures[1:], duration=100)
    video = service.library.add_video(ANNA, folder, "odd.gif")
    written = clip.probe(service.library.video_file(ANNA, video.id, "clip.mp4"))
    assert (video.width, video.height, video.frames) == (66, 50, 4) == (written.width, written.height, written.frames)


def test_a_part_of_a_video(service, tmp_path):
    path = encode(tmp_path / "long.mp4", numbered(12))
    by_seconds = service.library.add_video(ANNA, path, "long.mp4", start=0.25, end=0.75)
    assert numbers(clip.read(service.library.video_file(ANNA, by_seconds.id, "clip.mp4")).frames, 12) == list(
        range(3, 9)
    )
    by_frames = service.library.trim(ANNA, by_seconds.id, 1, 3)
    assert numbers(clip.read(service.library.video_file(ANNA, by_frames.id, "clip.mp4")).frames, 12) == [4, 5, 6]
    with pytest.raises(UserError, match="0 to 5"):
        service.library.trim(ANNA, by_seconds.id, 2, 6)
    with pytest.raises(UserError, match="two or more"):
        service.library.trim(ANNA, by_seconds.id, 2, 2)
    with pytest.raises(UserError, match="Too little"):
        service.library.add_video(ANNA, path, "long.mp4", start=5)


def png(width: int, height: int) -> bytes:
    """A PNG of a few bytes that unfolds to width x height."""
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * (3 * width + 1) * min(height, 64), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def h264_bomb(folder: Path) -> Path:
    """An MP4 that says 64x48, whose pictures say 8192x8192."""
    small, large = encode(folder / "s.mp4", numbered(4)), folder / "bomb.h264"
    with av.open(str(large), "w", format="h264") as container:
        stream = container.add_stream("libx264", rate=12, options={"preset": "ultrafast", "crf": "40"})
        stream.width = stream.height = 8192
        black = av.VideoFrame(8192, 8192, "yuv420p")
        for plane in black.planes:
            plane.update(bytes(plane.buffer_size))
        for i in range(2):
            black.pts = i
            container.mux(stream.encode(black))
        container.mux(stream.encode())
    small.unlink()
    return large


def hostile(case: str, folder: Path) -> Path:
    path = folder / f"{case.replace(' ', '_')}.mp4"
    whole = encode(folder / "whole.mp4", numbered(24, (320, 240))).read_bytes()
    if case == "text":
        path.write_text("not a video")
    elif case == "empty":
        path.write_bytes(b"")
    elif case == "noise":
        path.write_bytes(np.random.default_rng(0).bytes(200_000))
    elif case == "a script by the name of a video":
        path.write_text("#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n")
    elif case == "a picture":
        Image.fromarray(numbered(1)[0]).save(path, format="PNG")
    elif case == "a picture bomb":
        path.write_bytes(png(60_000, 60_000))
    elif case == "a video bomb":
        path = h264_bomb(folder)
    elif case == "cut short":
        path.write_bytes(whole[: len(whole) // 2])
    elif case == "broken midway":
        broken = bytearray(whole)
        middle = len(whole) // 2
        broken[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
        path.write_bytes(broken)
    elif case == "too long":
        path = encode(folder / "long.mp4", np.zeros((4, 16, 16, 3), np.uint8), at=[0, 1, 2, 4000])
    elif case == "too many bytes":
        path.write_bytes(whole + bytes(2_000_000))
    elif case == "a link":
        path.symlink_to(folder / "whole.mp4")
    elif case == "a pipe":
        os.mkfifo(path)
    elif case == "a folder":
        path.mkdir()
    return path


def test_a_long_video_is_thinned_out(service, tmp_path):
    path = encode(tmp_path / "long.mp4", numbered(200).repeat(4, 0), fps=60)
    video = service.library.add_video(ANNA, path, "long.mp4")
    assert (video.frames, video.fps) == (200, 15.0)
    seen = numbers(clip.read(service.library.video_file(ANNA, video.id, "clip.mp4")).frames, 200)
    assert np.abs(np.array(seen) - np.arange(200)).max() <= 2, "grey levels are one apart, and coding loses a little"
    part = service.library.add_video(ANNA, path, "long.mp4", start=5, end=10)
    assert (part.frames, part.fps) == (75, 15.0)


@pytest.mark.parametrize(
    "case",
    [
        "text",
        "empty",
        "noise",
        "a script by the name of a video",
        "a picture",
        "a picture bomb",
        "a video bomb",
        "cut short",
        "broken midway",
        "too long",
        "too many bytes",
        "absent",
        "a link",
        "a pipe",
        "a folder",
    ],
)
def test_hostile_uploads_are_refused_and_leave_nothing(case, service, tmp_path):
    if case == "too many bytes":
        service.workspace.limits = replace(LIMITS, max_upload_bytes=1_000_000)
    path = hostile(case, tmp_path)
    with pytest.raises(UserError) as refused:
        service.library.add_video(ANNA, path, "holiday.mp4")
    assert "holiday.mp4" in str(refused.value)
    assert str(tmp_path) not in str(refused.value)
    assert path.name not in str(refused.value)
    assert list(service.workspace.places.videos.iterdir()) == []
    assert service.library.videos(ANNA) == []


@pytest.mark.parametrize(
    ("limits", "shape", "says"),
    [
        ({"intake_bytes": 700 * 2**20}, (60, 1080, 1920, 3), "memory|cannot be read"),
        ({"intake_seconds": 0.05}, (8, 48, 64, 3), "too long"),  # not even enough to start
    ],
)
def test_a_decoder_that_takes_too_much_is_ended(limits, shape, says, service, real_children, tmp_path):
    path = encode(tmp_path / "large.mp4", np.zeros(shape, np.uint8))
    service.workspace.limits = replace(LIMITS, max_side=4096, **limits)
    with pytest.raises(UserError, match=says):
        service.library.add_video(ANNA, path, "large.mp4")
    assert list(service.workspace.places.videos.iterdir()) == []
    service.workspace.limits = LIMITS
    service.library.add_video(ANNA, encode(tmp_path / "good.mp4", numbered()), "good.mp4")


SMALL_DISK = """
from fourreal.jobs import children, intake
children.LARGEST_FILE = 50_000
children.answer(intake.work)
"""


def test_a_full_disk_is_said_and_leaves_nothing(service, tmp_path, monkeypatch):
    path = encode(tmp_path / "good.mp4", np.random.default_rng(0).integers(0, 255, (12, 240, 320, 3), np.uint8))
    (out := tmp_path / "out").mkdir()
    question = {"path": str(path), "folder": str(out), "name": "good.mp4", "start": 0, "end": None, "frames": None}
    question |= {"reverse": False, "as_is": False, "max_bytes": 10**9, "max_side": 512}
    request = json.dumps({"question": question, "limits": {"seconds": 60, "memory": 2**33}})
    start = dict(input=request, capture_output=True, text=True, cwd=ROOT, env=environment(), timeout=PATIENCE)
    child = subprocess.run([sys.executable, "-c", SMALL_DISK], **start)
    assert "space" in json.loads(child.stdout.splitlines()[-1])["error"]
    assert list(out.iterdir()) == []
    service.workspace.limits = replace(LIMITS, free_bytes=10**18)
    with pytest.raises(UserError, match="disk is full"):
        service.library.add_video(ANNA, path, "good.mp4")
    assert service.library.videos(ANNA) == []


def test_the_oldest_videos_of_a_person_make_room(service, tmp_path):
    path = encode(tmp_path / "good.mp4", numbered())
    service.workspace.limits = replace(LIMITS, videos_per_person=2)
    videos = [service.library.add_video(ANNA, path, f"{i}.mp4") for i in range(3)]
    assert [video.name for video in service.library.videos(ANNA)] == ["2.mp4", "1.mp4"]
    assert {folder.name for folder in service.workspace.places.videos.iterdir()} == {video.id for video in videos[1:]}


ORPHAN = """
import sys
from fourreal.jobs.children import ask
print("asking", flush=True)
ask("job_sleeper", {"folder": sys.argv[1]}, 600, 2**33)
"""


def test_a_child_leaves_with_its_parent(tmp_path):
    here = str(Path(__file__).parent)
    env = environment() | {"PYTHONPATH": os.pathsep.join([str(ROOT), here])}
    page = subprocess.Popen([sys.executable, "-c", ORPHAN, str(tmp_path)], env=env, stdout=subprocess.DEVNULL)
    pid_file = tmp_path / "pid.txt"
    child = until(lambda: pid_file.exists() and pid_file.read_text() and int(pid_file.read_text()), "the child")
    page.kill()
    page.wait()
    until(lambda: gone(child), "its end")


def test_a_child_whose_parent_was_gone_before_it_looked_leaves_too(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    here = {"FOURREAL_PARENT": str(dead.pid), "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)])}
    request = json.dumps({"question": {"sleep": True}, "limits": {"seconds": 600, "memory": 2**33}})
    child = subprocess.run(
        [sys.executable, "-m", "job_sleeper"],
        input=request,
        text=True,
        env=os.environ | here,
        timeout=PATIENCE,
        start_new_session=True,
    )
    assert child.returncode == -9


def test_a_child_that_dies_or_babbles_is_told_apart_from_one_that_answers(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    with pytest.raises(BrokeOff) as broke:
        ask("job_sleeper", {"die": True}, PATIENCE, 2**33)
    assert broke.value.why == "crash"
    begin = time.monotonic()
    with pytest.raises(BrokeOff) as broke:
        ask("job_sleeper", {"sleep": True}, 1, 2**33)
    assert broke.value.why == "time"
    assert time.monotonic() - begin < PATIENCE  # it would have slept for longer
    with pytest.raises(BrokeOff) as broke:
        ask("job_sleeper", {"eat": True}, PATIENCE, 2**30)
    assert broke.value.why == "memory"
    assert ask("job_sleeper", {"babble": "x" * 2**20}, PATIENCE, 2**33) == {"said": True}


def test_frames_that_are_interlaced_are_made_whole_before_they_are_made_smaller(assets, tmp_path):
    whole = clip.read(assets / "examples" / "fox_yard" / "freeze.mp4", max_frames=20).frames
    woven = whole[:-1].copy()
    woven[:, 1::2] = whole[1:, 1::2]
    interlaced = []
    for name, frames in (("woven", woven), ("plain", whole)):
        path = tmp_path / f"{name}.mp4"
        clip.write(clip.Clip(frames, 12.0), path)
        with inline_children():
            info = asking.take_in(path, tmp_path / name, path.name, replace(JobLimits(), max_side=256))
        assert info["width"] == 256
        interlaced.append(info.get("interlaced", False))
    assert interlaced == [True, False]
    result = Cleaned(clip.Clip(whole, 12.0), [], (0, 0, 512, 288), None, ())
    assert [one["name"] for one in checks.flaws("freeze", result, mended=True)] == ["freeze_interlaced"]
