"""Pixels as a JPEG. It stands beside the rooms, as the page must not load what reads videos."""

from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from PIL import Image


def jpeg(pixels: UInt8[np.ndarray, "H W 3"], quality: int = 88, within: int | None = None) -> bytes:
    """The content of a JPEG. within: pixels of the longer side, to which it is made smaller."""
    image, content = Image.fromarray(pixels), BytesIO()
    if within is not None:
        image.thumbnail((within, within))
    image.save(content, "JPEG", quality=quality)
    return content.getvalue()
