"""Reading: whatever comes in becomes upright 8-bit RGB at a constant rate, or a sentence that says why not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc, Interpolation, VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import Int, UInt8
from PIL import Image

from fourreal.clip.pictures import animation, as_rgb, moments, over_white
from fourreal.clip.probe import (
    LIMITS,
    check_count,
    check_frames,
    check_memory,
    check_seconds,
    check_size,
    display_size,
    explained,
    opened,
    picture_files,
    pixel_aspect,
    probe,
)
from fourreal.clip.timing import constant_rate
from fourreal.clip.upright import turns
from fourreal.clip.value import Clip, resize_picture, sample_indices
from fourreal.errors import UserError
from fourreal.settings import ClipLimits

UNSPECIFIED = 2  # a colour matrix that a file does not name, as FFmpeg counts them
HD_HEIGHT = 720
MOST_COUNTED = 40_000  # frames of a video that is thinned out; two minutes of the fastest cameras
HDR = {ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67}  # PQ and HLG, the two curves of HDR video
# When it is shown, in seconds; (width, height) with square pixels, not yet upright; what makes a picture of it.
Shot = tuple[float | None, tuple[int, int], Callable[[], UInt8[np.ndarray, "H W 3"]]]
SCALER = Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND
QUICK_SCALER = Interpolation.BILINEAR


def read(
    path: Path | str,
    limits: ClipLimits = LIMITS,
    max_frames: int | None = None,
    max_side: int | None = None,
    fps: float | None = None,
    thin: bool = False,
    quick_colours: bool = False,
    mend: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Clip:
    """A video file or a folder of pictures (in natural order of their names) as a `Clip`.

    max_frames: at most so many frames, evenly sampled; max_side: at most so many pixels on the longer side, averaged
    down while decoding; fps: plays it at this rate instead of its own (24 for a folder); thin: of a video with more
    frames than `limits` allow evenly spaced ones are kept, and no more than these ever are in memory; quick_colours:
    colours are not interpolated between the pixels that have one, as most programs read a video; mend: what is done to
    each picture of a video file before it is averaged down.

    Turned upright and to square pixels; colours by the file's matrix and range (without one: BT.709 from 720 lines up
    and BT.601 below, as players do); transparency over white, as pages show it; an uneven rate onto a constant one
    (see `constant_rate`); HDR tone-mapped to what a common screen shows.

    Raises UserError for what cannot be read or is beyond `limits`; checked by `probe` first, and again on the way, as
    headers lie.
    """
    path = Path(path).absolute()
    info = probe(path, replace(limits, max_frames=MOST_COUNTED) if thin else limits)
    check_memory(path, min(info.frames, limits.max_frames), _shrunk((info.width, info.height), max_side), limits)
    with explained(path):
        if path.is_dir():
            pictures = [_fitted(_load(file), max_side) for file in picture_files(path)]
            picks, own_fps = np.arange(len(pictures)), info.fps
        else:
            pictures, picks, own_fps = _decode(path, limits, max_side, thin, quick_colours, mend)
    sizes = {picture.shape for picture in pictures}
    if len(sizes) > 1:
        raise UserError(f"{path.name} changes its picture size midway. Convert it to one size, e.g. with ffmpeg.")
    total = len(picks)
    if thin:
        max_frames = min(max_frames or limits.max_frames, limits.max_frames)
    if max_frames is not None:
        picks = picks[sample_indices(total, max_frames)]
    rate = (fps or own_fps) * (max(len(picks) - 1, 1) / (total - 1) if len(picks) < total else 1)
    return Clip(np.stack([pictures[pick] for pick in picks]), float(rate))


def _decode(
    path: Path,
    limits: ClipLimits,
    max_side: int | None,
    thin: bool,
    quick: bool,
    mend: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[list[UInt8[np.ndarray, "_ _ 3"]], Int[np.ndarray, " K"], float]:
    """All frames as pictures, which to show at each tick, and the rate; with `thin`, of too many frames, evenly
    spaced ones: whenever the room is full every other one goes, and half as many are kept from then on."""
    pictures: list[UInt8[np.ndarray, "_ _ 3"]] = []
    times: list[float | None] = []
    stride = 1
    with _shots(path, QUICK_SCALER if quick else SCALER) as (nominal, shots):
        for number, (time, size, picture) in enumerate(shots):
            if thin and len(pictures) == limits.max_frames and number % stride == 0:
                pictures, times, stride = pictures[::2], times[::2], 2 * stride
            if number % stride:
                continue
            check_size(path, *size, limits)
            times.append(time)
            if not thin:
                check_frames(path, len(times), limits, counting=True)
            check_seconds(path, (time or 0.0) - (times[0] or 0.0), limits)
            check_memory(path, len(times), _shrunk(size, max_side), limits)
            pictures.append(_fitted(mend(picture()) if mend else picture(), max_side))
    check_count(path, len(pictures))
    rate = nominal / stride if nominal else nominal
    picks, fps = constant_rate(times, rate, MOST_COUNTED if thin else limits.max_frames)
    if not thin:
        check_frames(path, len(picks), limits, counting=True)
    return pictures, picks, fps


def beginning(path: Path, count: int, limits: ClipLimits = LIMITS) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """The first frames of a video file, at full size. Raises UserError as `read` does."""
    path = Path(path).absolute()
    with explained(path), _shots(path, QUICK_SCALER) as (_, shots):
        for _, size, picture in islice(shots, count):
            check_size(path, *size, limits)
            yield picture()


@contextmanager
def _shots(path: Path, scaler: Interpolation) -> Iterator[tuple[Fraction | None, Iterator[Shot]]]:
    """The rate that a file states, and its frames in the order of showing."""
    with animation(path) as image:
        if image is not None:
            yield None, ((time, image.size, partial(as_rgb, image)) for time in moments(path, image))
            return
    with opened(path) as (container, stream):
        stream.thread_type = "AUTO"
        yield stream.average_rate, _video_shots(path, container, stream, scaler)


def _video_shots(
    path: Path, container: InputContainer, stream: VideoStream, interpolation: Interpolation
) -> Iterator[Shot]:
    aspect, scaler = pixel_aspect(stream), partial(VideoReformatter().reformat, interpolation=interpolation)
    for number, frame in enumerate(_frames(container, stream)):
        if frame.is_corrupt:
            raise UserError(f"{path.name} is damaged at frame {number}. Download or export it again.")
        size = display_size(frame.width, frame.height, aspect)
        yield frame.time, size, partial(_upright, frame, size, scaler)


def _upright(frame: VideoFrame, size: tuple[int, int], scaler: Callable[..., VideoFrame]) -> np.ndarray:
    return turns(frame)(_rgb(frame, size, scaler))


def _frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Decoded frames in the order of showing. WebM keeps transparency where only libvpx's own decoder looks."""
    name = {"vp9": "libvpx-vp9", "vp8": "libvpx"}.get(stream.codec_context.name)
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    if name is None or tags.get("alpha_mode") != "1":
        yield from container.decode(stream)
        return
    decoder: Any = av.CodecContext.create(name, "r")
    for packet in container.demux(stream):
        yield from decoder.decode(packet if packet.size else None)


def _rgb(frame: VideoFrame, size: tuple[int, int], scaler: Callable[..., VideoFrame]) -> UInt8[np.ndarray, "H W 3"]:
    """A decoded frame as RGB at `size`, over white where it is transparent."""
    clear = any(component.is_alpha for component in frame.format.components) or frame.format.name == "pal8"
    options: dict[str, Any] = {"format": "rgba" if clear else "rgb24"}
    if frame.colorspace == UNSPECIFIED and frame.height >= HD_HEIGHT:
        options["src_colorspace"] = Colorspace.ITU709
    if frame.color_trc in HDR:
        options |= {"dst_color_trc": ColorTrc.IEC61966_2_1, "dst_color_primaries": ColorPrimaries.BT709}
    picture = scaler(frame, *size, **options).to_ndarray()
    return over_white(picture) if clear else picture


def _load(file: Path) -> UInt8[np.ndarray, "H W 3"]:
    with explained(file), Image.open(file) as image:
        return as_rgb(image)


def _shrunk(size: tuple[int, int], max_side: int | None) -> tuple[int, int]:
    """`size` = (width, height), or smaller in proportion so that no side is longer than `max_side`."""
    scale = min(1.0, (max_side or max(size)) / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _fitted(picture: UInt8[np.ndarray, "H W 3"], max_side: int | None) -> UInt8[np.ndarray, "h w 3"]:
    size = picture.shape[1], picture.shape[0]
    return np.ascontiguousarray(resize_picture(picture, _shrunk(size, max_side)))
