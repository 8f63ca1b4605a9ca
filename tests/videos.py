"""Small videos made on the spot, in whatever codec, colours and timing a test wants."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation

EXACT = Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INP | Interpolation.ACCURATE_RND
QUIET = {"libx265": {"x265-params": "log-level=none"}, "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"}}


def numbered(count: int = 8, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    """(F, H, W, 3) uint8: a colour gradient with a grey left half whose level tells the frame's number."""
    width, height = size
    pictures = np.empty((count, height, width, 3), np.uint8)
    pictures[..., 0] = np.linspace(40, 220, width)
    pictures[..., 1] = np.linspace(200, 60, height)[:, None]
    pictures[..., 2] = 120
    levels = np.arange(count, dtype=np.uint8) * (200 // count) + 30
    pictures[:, :, : width // 2] = levels[:, None, None, None]
    return pictures


def numbers(pictures: np.ndarray, count: int = 8) -> list[int]:
    """Which of `numbered(count)` each picture is."""
    levels = pictures[:, 8:-8, 4 : pictures.shape[2] // 2 - 8].mean((1, 2, 3))
    return ((levels - 30) / (200 // count)).round().astype(int).tolist()


@contextmanager
def scheduled_as_before() -> Iterator[None]:
    """For an encoder (SVT-AV1, where root runs it) that gives the thread which calls it real-time priority for good:
    whatever is started from it afterwards, a browser among it, would have all of the machine."""
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, parameter = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameter)


def encode(
    path: Path,
    pictures: np.ndarray,
    codec: str = "libx264",
    fps: Fraction | int = 12,
    pix_fmt: str = "yuv420p",
    matrix: Colorspace = Colorspace.ITU601,
    value_range: ColorRange = ColorRange.MPEG,
    tagged: bool = True,
    at: Sequence[float] | None = None,
    transfer: int = 2,
    pixel_aspect: Fraction | None = None,
    turn: dict | None = None,
) -> Path:
    """Writes (F, H, W, 3 or 4) uint8 or uint16 pictures, each shown at its second of `at`, else at a constant rate."""
    if codec not in av.codecs_available:
        pytest.skip(f"this build of PyAV has no encoder {codec}")
    layout = {3: "rgb24", 4: "rgba"}[pictures.shape[-1]] if pictures.dtype == np.uint8 else "rgb48le"
    tick = Fraction(1, 1000) if at else 1 / Fraction(fps)
    yuv = pix_fmt.startswith("yuv")
    with scheduled_as_before(), av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps, options={"crf": "8", "g": "12"} | QUIET.get(codec, {}))
        stream.width, stream.height, stream.pix_fmt = pictures.shape[2], pictures.shape[1], pix_fmt
        stream.codec_context.time_base = tick
        if pixel_aspect:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if turn:
            stream.set_display_rotation(**turn)
        if yuv and tagged:
            names = {Colorspace.ITU601: 6, Colorspace.ITU709: 1, Colorspace.BT2020: 9}  # as in the file
            stream.codec_context.colorspace, stream.codec_context.color_range = names[matrix], value_range
            stream.codec_context.color_trc = transfer
            stream.codec_context.color_primaries = 9 if matrix is Colorspace.BT2020 else 2
        for index, picture in enumerate(pictures):
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=layout)
            colours = {"dst_colorspace": matrix, "dst_color_range": value_range} if yuv else {}
            if pix_fmt != layout:
                frame = frame.reformat(format=pix_fmt, interpolation=EXACT, **colours)
            if yuv and not tagged:
                frame.colorspace, frame.color_range = 2, 0
            frame.pts, frame.time_base = (round(at[index] * 1000) if at else index), tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
