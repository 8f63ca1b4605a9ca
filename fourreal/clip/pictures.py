"""Pictures and animations that Pillow reads: files of a folder, and animated WebP and AVIF, which FFmpeg takes for
pictures or for nothing at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from fourreal.errors import UserError

ANIMATIONS = ("WEBP", "AVIF")  # GIF and PNG are FFmpeg's
AVIF = (b"ftypavif", b"ftypavis")  # how these files begin, after four bytes
BROKEN = (OSError, EOFError, RuntimeError, ValueError, SyntaxError)  # what Pillow's decoders say of damaged files


@contextmanager
def animation(path: Path) -> Iterator[Image.Image | None]:
    """An open animated WebP or AVIF; None where the file is no such thing. Raises UserError where it is damaged."""
    with path.open("rb") as stream:
        head = stream.read(12)
        stream.seek(0)
        try:
            image = Image.open(stream, formats=ANIMATIONS)
        except BROKEN as error:
            if not isinstance(error, UnidentifiedImageError) or head[4:] in AVIF or head[8:] == b"WEBP":
                raise UserError(f"{path.name} is cut short or damaged. Download or export it again.") from error
            image = None
        yield image if image is not None and getattr(image, "n_frames", 1) > 1 else None


def moments(path: Path, image: Image.Image) -> Iterator[float]:
    """When each frame of an animation is shown, in seconds; `image` is that frame meanwhile.

    Raises UserError at a frame that is damaged.
    """
    time = 0
    for number in range(getattr(image, "n_frames", 1)):
        try:
            image.seek(number)
            image.load()
        except BROKEN as error:
            raise UserError(f"{path.name} is damaged at frame {number}. Download or export it again.") from error
        yield time / 1000
        time += image.info.get("duration", 0)


def as_rgb(image: Image.Image) -> UInt8[np.ndarray, "H W 3"]:
    """A picture turned upright, over white where it is transparent."""
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):  # 16-bit greys, which a plain conversion would clip to white
        upright = Image.fromarray((np.asarray(upright).astype(np.uint32) // 257).astype(np.uint8))
    if upright.has_transparency_data:
        return over_white(np.asarray(upright.convert("RGBA")))
    return np.asarray(upright.convert("RGB"))


def over_white(picture: UInt8[np.ndarray, "H W 4"]) -> UInt8[np.ndarray, "H W 3"]:
    colour, alpha = picture[..., :3].astype(np.uint16), picture[..., 3:].astype(np.uint16)
    return ((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
