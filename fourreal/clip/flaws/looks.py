"""Small grey pictures at which clips are looked at, and words for frame numbers."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image


def grey(frames: UInt8[np.ndarray, "F H W 3"], width: int) -> Float[np.ndarray, "F h w"]:
    """Grey levels, averaged down by area to at most `width` pixels on the longer side."""
    scale = min(1.0, width / max(frames.shape[1:3]))
    size = max(1, round(frames.shape[2] * scale)), max(1, round(frames.shape[1] * scale))
    levels = (Image.fromarray(np.ascontiguousarray(frame)).convert("L") for frame in frames)
    small = [picture.convert("F").resize(size, Image.Resampling.BOX) for picture in levels]
    return np.stack([np.asarray(picture, dtype=np.float32) for picture in small])


def spread(count: int, most: int) -> list[int]:
    """At most `most` of `count` frames, evenly."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)).tolist()


def numbers(frames: Sequence[int]) -> str:
    """Frame numbers in words: "frame 3", "frames 0 to 5", "frames 2, 7 and 12", and no more than a few of them."""
    frames = sorted(frames)
    if len(frames) == 1:
        return f"frame {frames[0]}"
    if frames[-1] - frames[0] == len(frames) - 1:
        return f"frames {frames[0]} to {frames[-1]}"
    if len(frames) > 5:
        return f"frames {', '.join(map(str, frames[:4]))} and {len(frames) - 4} more"
    return f"frames {', '.join(map(str, frames[:-1]))} and {frames[-1]}"
