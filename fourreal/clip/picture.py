"""A picture from a file: a photo or a drawing that a video begins with."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from fourreal.errors import UserError
from fourreal.settings import ClipLimits

LEAST_SIDE = 32  # pixels; less shows nothing


def read_picture(
    path: Path, limits: ClipLimits | None = None, max_side: int | None = None
) -> UInt8[np.ndarray, "H W 3"]:
    """The picture of a file, upright; what is transparent in it is white. max_side: pixels to which it is made smaller.

    Raises UserError where it is none, damaged, too small or too large.
    """
    limits = limits or ClipLimits()
    try:
        with Image.open(path) as image:
            width, height = image.size
            if width * height > limits.max_pixels:
                raise UserError(f"{path.name} is {width}x{height}, which is too large. Scale it down.")
            if min(width, height) < LEAST_SIDE:
                raise UserError(f"{path.name} is {width}x{height}, which is too small to begin a video with.")
            if max_side is not None:
                image.draft("RGB", (max_side, max_side))  # a JPEG is decoded no larger than it is needed
            upright = ImageOps.exif_transpose(image)
            if upright.has_transparency_data:
                layers = upright.convert("RGBA")
                upright = Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers)
            upright = upright.convert("RGB")
            if max_side is not None:
                upright.thumbnail((max_side, max_side))
            return np.asarray(upright)
    except UnidentifiedImageError as error:
        raise UserError(f"{path.name} is no picture that can be read. Save it as JPEG or PNG.") from error
    except Image.DecompressionBombError as error:
        raise UserError(f"{path.name} is too large. Scale it down.") from error
    except (OSError, ValueError, SyntaxError) as error:  # whatever Pillow's readers make of a damaged file
        why = getattr(error, "strerror", None) or "it is damaged"
        raise UserError(f"{path.name} cannot be read ({why}). Give a picture, as JPEG or PNG.") from error
