"""Writing: H.264 that every browser plays, whole or not at all."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter

from fourreal.clip.value import Clip
from fourreal.errors import UserError
from fourreal.whole import whole

SCALER = Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INP | Interpolation.ACCURATE_RND


def write(clip: Clip, path: Path | str, crf: int = 13) -> None:
    """Writes an MP4 (H.264, yuv420p, BT.709, faststart). The file appears only when it is complete.

    crf: x264's quality, 0 (lossless but for colour) to 51. The fit reads these files again, so the default is far
    better than what one would send over the web (about 23).

    yuv420p needs even sizes: an odd clip gets its last column or row once more. Padding, not cropping, so that no
    picture is lost; pixel (0, 0) stays where it was, so cameras fit the file as they fit the clip.

    Raises UserError where the disk is full or the folder may not be written.
    """
    write_pictures(clip.frames, clip.size, clip.fps, path, crf)


def write_pictures(
    pictures: Iterable[np.ndarray], size: tuple[int, int], fps: float, path: Path | str, crf: int = 13
) -> None:
    """`write` for pictures, (H, W, 3) uint8 each, that come one by one: no more than one is held at a time.

    size: (width, height) of all of them. An error of `pictures` leaves no file.
    """
    path = Path(path)
    try:
        with whole(path, sync=False) as part:
            _encode(pictures, size, fps, part, crf)
    except OSError as error:  # FFmpeg's errors are among them
        raise UserError(
            f"{path.name} could not be written: {error.strerror or error}. "
            "Free some space, or choose a folder that you may write to."
        ) from error


def _encode(pictures: Iterable[np.ndarray], size: tuple[int, int], fps: float, path: Path, crf: int) -> None:
    width, height = size
    even = ((0, height % 2), (0, width % 2), (0, 0))
    rate = Fraction(fps).limit_denominator(1001)
    with av.open(str(path), "w", format="mp4", container_options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        context = stream.codec_context
        context.colorspace, context.color_range = 1, ColorRange.MPEG  # 1: BT.709
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        scaler = VideoReformatter()
        for index, picture in enumerate(pictures):
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(np.pad(picture, even, "edge")), format="rgb24")
            frame = scaler.reformat(
                frame,
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
                interpolation=SCALER,
            )
            frame.pts, frame.time_base = index, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
