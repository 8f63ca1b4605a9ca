"""What a video file claims to hold, checked against the limits before anything of size is decoded."""

import hashlib
import re
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream
from PIL import Image, UnidentifiedImageError

from fourreal.clip.pictures import animation, as_rgb, moments
from fourreal.clip.timing import constant_rate
from fourreal.clip.upright import turns
from fourreal.errors import UserError
from fourreal.settings import ClipLimits

LIMITS = ClipLimits()
FOLDER_FPS = 24.0  # a folder of pictures says nothing about time; cinema's rate, which video models use too
PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".avif"}

# Containers of video, and of sound to tell people so. Playlists and scripts (HLS, DASH, concat) are left out: under the
# name of an innocent .mp4 they would make the reader open other files, or addresses on the network.
FORMATS = "mov,mp4,matroska,webm,gif,apng,avi,flv,ogg,asf,ivf,mpegts,mpeg,mpegvideo,m4v,h264,hevc,obu,wav,mp3,flac,aac"


@dataclass(frozen=True)
class ClipInfo:
    """What `read` would give, and how it is stored.

    width, height: pixels, upright and with square pixels.
    fps, frames, seconds: after bringing an uneven rate onto a constant one.
    codec: the decoder's name ("h264", "vp9", "gif", "webp", ...), or "pictures" for a folder.
    rotation: degrees clockwise by which the stored pictures are turned to stand upright: 0, 90, 180 or 270.
    """

    width: int
    height: int
    fps: float
    frames: int
    seconds: float
    codec: str
    rotation: int = 0


def probe(path: Path | str, limits: ClipLimits = LIMITS) -> ClipInfo:
    """Looks at a video file or a folder of pictures; of a video only the first frame is decoded (an animated WebP or
    AVIF tells its times only while it is decoded).

    Raises UserError for what cannot be read or is beyond `limits`.
    """
    path = Path(path).absolute()  # so that "." has a name
    with explained(path):
        if path.is_dir():
            return _probe_folder(path, limits)
        try:
            return _probe_video(path, limits)
        except av.FFmpegError:
            check_count(path, 1 if _is_picture(path) else 2)
            raise


def content_hash(path: Path | str) -> str:
    """SHA-256 in hex of a file's bytes, or of a folder's pictures in playing order with their names."""
    path, digest = Path(path).absolute(), hashlib.sha256()
    with explained(path):
        files = picture_files(path) if path.is_dir() else [path]
        for file in files:
            if path.is_dir():
                digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
            with file.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


# --- What both probing and reading need -------------------------------------------------------------------------


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns what the decoder or the disk complains about into a UserError about `path`."""
    try:
        yield
    except av.FFmpegError as error:  # before OSError's children, as a broken file can look like a forbidden one to it
        raise UserError(
            f"{path.name} cannot be read as a video ({error.strerror}). It may be cut short, damaged or of another "
            "kind. Download or export it again, or convert it to MP4 (H.264)."
        ) from error
    except FileNotFoundError as error:
        raise UserError(f"{path.name}: there is no such file or folder. Check the path.") from error
    except PermissionError as error:
        raise UserError(f"{path.name} may not be read. Give yourself permission to read it.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UserError(f"{path.name} holds a picture far too large to open. Make it smaller first.") from error
    except (UnidentifiedImageError, SyntaxError) as error:  # Pillow's two words for a broken head and a broken body
        raise UserError(f"{path.name} is damaged or no picture at all. Replace it, or take it out.") from error
    except OSError as error:
        raise UserError(
            f"{path.name} cannot be read ({error.strerror or error}). Check the file and its disk."
        ) from error


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its first real video stream (cover art of a song does not count)."""
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    with av.open(str(path.resolve()), container_options=options, metadata_errors="replace") as container:
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            what = "sound only" if container.streams.audio else "no video"
            raise UserError(f"{path.name} holds {what}. Choose a file with moving pictures.")
        if streams[0].codec_context is None:
            raise UserError(f"{path.name} is encoded in a way that is not known here. Convert it to MP4 (H.264).")
        yield container, streams[0]


def picture_files(folder: Path) -> list[Path]:
    """The pictures of a folder in the order people count: frame_2 comes before frame_10."""
    files = [f for f in folder.iterdir() if f.suffix.lower() in PICTURES and not f.name.startswith(".")]
    natural = lambda name: [(text, int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", name)]
    return sorted(files, key=lambda file: (natural(file.name), file.name))


def display_size(width: int, height: int, pixel_aspect: float) -> tuple[int, int]:
    """The size with square pixels; the short side is stretched, so no detail is lost."""
    if pixel_aspect > 1:
        return round(width * pixel_aspect), height
    return width, round(height / pixel_aspect)


def pixel_aspect(stream: VideoStream) -> float:
    return float(stream.sample_aspect_ratio or 1) or 1.0


def check_size(path: Path, width: int, height: int, limits: ClipLimits) -> None:
    if width * height > limits.max_pixels:
        raise UserError(
            f"{path.name} is {width}x{height}; at most {limits.max_pixels / 1e6:.1f} million pixels a frame are "
            f"accepted. {_shrink(path)}"
        )


def check_memory(path: Path, frames: int, size: tuple[int, int], limits: ClipLimits) -> None:
    if frames * size[0] * size[1] > limits.max_total_pixels:
        raise UserError(f"{path.name} is too large in all: {frames} frames of {size[0]}x{size[1]}. {_shrink(path)}")


def check_seconds(path: Path, seconds: float, limits: ClipLimits) -> None:
    if seconds > limits.max_seconds:
        raise UserError(
            f"{path.name} lasts {seconds:.0f} seconds; at most {limits.max_seconds:.0f} are accepted. {_trim(path)}"
        )


def check_frames(path: Path, frames: int, limits: ClipLimits, counting: bool = False) -> None:
    """Refuses too many frames; `counting` says that there may be more of them than `frames`."""
    if frames > limits.max_frames:
        count = f"more than {limits.max_frames}" if counting else str(frames)
        raise UserError(f"{path.name} has {count} frames; at most {limits.max_frames} are accepted. {_trim(path)}")


def _trim(path: Path) -> str:
    if path.is_dir():
        return "Take some pictures out."
    return f"Trim it, e.g. ffmpeg -i {shlex.quote(path.name)} -ss 0 -t 5 trimmed.mp4"


def _shrink(path: Path) -> str:
    if path.is_dir() or path.suffix.lower() in PICTURES:
        return "Make the pictures smaller."
    return f"Make it smaller, e.g. ffmpeg -i {shlex.quote(path.name)} -vf scale=1280:-2 smaller.mp4"


def check_count(path: Path, frames: int) -> None:
    if frames == 0:
        raise UserError(f"{path.name} holds no frames. It may be cut short: download or export it again.")
    if frames == 1:
        raise UserError(f"{path.name} is a picture, not a video: it has one frame. Choose a video of two or more.")


# --- Files -----------------------------------------------------------------------------------------------------------


def _probe_video(path: Path, limits: ClipLimits) -> ClipInfo:
    _check_file(path, limits)
    with animation(path) as image:
        if image is not None:
            return _probe_animation(path, image, limits)
    with opened(path) as (container, stream):
        check_size(path, *display_size(stream.width, stream.height, pixel_aspect(stream)), limits)
        check_seconds(path, _stated_seconds(container, stream), limits)
        check_frames(path, stream.frames, limits)
        times = _packet_times(path, container, stream, limits)
        check_count(path, len(times))
        picks, fps = constant_rate(times, stream.average_rate, limits.max_frames)
        check_frames(path, len(picks), limits, counting=True)
        codec = stream.codec_context.name
    with opened(path) as (container, stream):
        first = next(container.decode(stream), None)
        check_count(path, 0 if first is None else 2)
        assert first is not None
        width, height = display_size(first.width, first.height, pixel_aspect(stream))
        turn = turns(first)
    if turn.rotation in (90, 270):
        width, height = height, width
    return ClipInfo(
        width=width,
        height=height,
        fps=fps,
        frames=len(picks),
        seconds=len(picks) / fps,
        codec=codec,
        rotation=turn.rotation,
    )


def _stated_seconds(container: InputContainer, stream: VideoStream) -> float:
    """How long the pictures last as the header says it; 0 where it says only how long the longest stream does, which
    may be the sound."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    if stated := re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", tags.get("duration", "").strip(), re.ASCII):
        hours, minutes, seconds = map(float, stated.groups())
        return 3600 * hours + 60 * minutes + seconds
    return (container.duration or 0) / av.time_base if len(container.streams) == 1 else 0.0


def _probe_animation(path: Path, image: Image.Image, limits: ClipLimits) -> ClipInfo:
    check_size(path, *image.size, limits)
    check_frames(path, getattr(image, "n_frames", 1), limits)
    times = []
    for time in moments(path, image):
        check_seconds(path, time, limits)
        times.append(time)
    picks, fps = constant_rate(times, None, limits.max_frames)
    check_frames(path, len(picks), limits, counting=True)
    height, width, _ = as_rgb(image).shape
    return ClipInfo(
        width=width,
        height=height,
        fps=fps,
        frames=len(picks),
        seconds=len(picks) / fps,
        codec=(image.format or "picture").lower(),
    )


def _is_picture(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            return getattr(image, "n_frames", 1) == 1
    except UnidentifiedImageError:
        return False


def _check_file(path: Path, limits: ClipLimits) -> None:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{path.name} is neither a file nor a folder. Choose a video file or a folder of pictures.")
    if status.st_size == 0:
        raise UserError(f"{path.name} is empty. Download or export it again.")
    if status.st_size > limits.max_bytes:
        raise UserError(
            f"{path.name} takes {status.st_size / 1e6:.0f} MB; at most {limits.max_bytes / 1e6:.0f} MB are accepted. "
            "Trim it or make it smaller."
        )
    path.open("rb").close()  # asks for permission in words that the decoder does not have


def _packet_times(path: Path, container: InputContainer, stream: VideoStream, limits: ClipLimits) -> list[float | None]:
    """When each stored frame is shown, in seconds, in the order of showing; counted without decoding.

    Headers lie, so this counts what is there and stops as soon as that is too much.
    """
    times, stored = [], 0
    for packet in container.demux(stream):
        stored += bool(packet.size)
        if packet.size and not packet.is_discard:  # an edit list may hide frames that others are built on
            times.append(None if packet.pts is None else float(packet.pts * packet.time_base))
            check_frames(path, len(times), limits, counting=True)
    if "mp4" in container.format.name and stored < stream.frames:  # elsewhere the header's count is a rough one
        raise UserError(
            f"{path.name} is cut short: {stored} of {stream.frames} frames are there. Download or export it again."
        )
    stated = [time for time in times if time is not None]
    if stated:
        check_seconds(path, max(stated) - min(stated), limits)
    return [*sorted(stated)] if len(stated) == len(times) else times


def _probe_folder(path: Path, limits: ClipLimits) -> ClipInfo:
    files = picture_files(path)
    if not files:
        raise UserError(f"{path.name} holds no pictures ({', '.join(sorted(PICTURES))}). Choose another folder.")
    check_count(path, len(files))
    check_frames(path, len(files), limits)
    size: tuple[int, int] | None = None
    for file in files:
        with explained(file):
            _check_file(file, limits)
            with Image.open(file) as image:
                stored, sideways = image.size, image.getexif().get(0x0112, 1) >= 5
        own = stored[::-1] if sideways else stored
        check_size(file, *own, limits)
        size = size or own
        if own != size:
            raise UserError(
                f"{file.name} is {own[0]}x{own[1]} but {files[0].name} is {size[0]}x{size[1]}. "
                "All pictures of a folder must have one size."
            )
    width, height = own
    return ClipInfo(
        width=width, height=height, fps=FOLDER_FPS, frames=len(files), seconds=len(files) / FOLDER_FPS, codec="pictures"
    )
