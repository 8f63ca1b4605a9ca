"""Frames that are given: in what form, how pictures are made to fit, and how they get back into what was generated."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from fourreal.clip.value import Clip, resize_picture
from fourreal.errors import UserError

Picture = UInt8[np.ndarray, "_ _ 3"]
Pictures = dict[int, np.ndarray]  # by the number of the frame

# A model that brightens or tints what it was given does so by a few per cent; more is not its tint but another picture.
_GAIN, _BIAS = (0.8, 1.25), 25.0


@dataclass(frozen=True, eq=False)
class Conditioning:
    """Frames that are given: `clip` has one picture for each of `indices`, their places in the video to come."""

    clip: Clip
    indices: tuple[int, ...]

    def __post_init__(self):
        if len(self.clip) != len(self.indices) or len(set(self.indices)) != len(self.indices):
            raise ValueError(f"{len(self.clip)} pictures for frames {self.indices}")


ConditioningOrNone = Conditioning | Mapping[int, np.ndarray] | None


def pictures(conditioning: ConditioningOrNone, size: tuple[int, int]) -> Pictures:
    """Known frames by their number, checked to be of `size` = (width, height)."""
    if isinstance(conditioning, Conditioning):
        conditioning = dict(zip(conditioning.indices, conditioning.clip.frames, strict=True))
    out = {int(index): np.asarray(picture) for index, picture in sorted((conditioning or {}).items())}
    for index, picture in out.items():
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ValueError(f"frame {index} must be (H, W, 3) uint8, not {picture.shape} {picture.dtype}")
        if picture.shape[1::-1] != tuple(size):
            raise UserError(
                f"Frame {index} has {picture.shape[1]}x{picture.shape[0]} pixels, but the video is to have "
                f"{size[0]}x{size[1]}. Make both alike."
            )
    return out


def fitted(picture: Picture, size: tuple[int, int]) -> Picture:
    """The middle of a picture at `size` = (width, height): as much of it as has this shape, scaled."""
    height, width = picture.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    if scale <= 1:
        crop = min(width, round(size[0] / scale)), min(height, round(size[1] / scale))
        left, top = (width - crop[0]) // 2, (height - crop[1]) // 2
        return np.ascontiguousarray(resize_picture(picture[top : top + crop[1], left : left + crop[0]], size))
    large = Image.fromarray(picture).resize(
        (max(size[0], round(width * scale)), max(size[1], round(height * scale))), Image.Resampling.BICUBIC
    )
    left, top = (large.width - size[0]) // 2, (large.height - size[1]) // 2
    return np.asarray(large.crop((left, top, left + size[0], top + size[1])))


def settled(raw: Float[np.ndarray, "F H W 3"], conditioning: Mapping[int, np.ndarray]) -> UInt8[np.ndarray, "F H W 3"]:
    """What a model made, as pictures, with the known frames exactly as they were given.

    raw: [0, 1]. Models return the known frames a little off in colour, and the new ones with them; what that takes to
    mend is measured on the known ones, a gain and a bias a channel, and applied to all. So errors do not add up when a
    video is extended by what was generated before.
    """
    frames = raw.astype(np.float32) * 255
    if conditioning:
        made = np.stack([frames[index] for index in conditioning]).reshape(-1, 3)
        given = np.stack(list(conditioning.values())).reshape(-1, 3).astype(np.float32)
        spread = made.std(0)
        gain = np.clip(np.where(spread > 1, given.std(0) / np.maximum(spread, 1e-6), 1.0), *_GAIN)
        bias = np.clip(given.mean(0) - gain * made.mean(0), -_BIAS, _BIAS)
        frames = frames * gain.astype(np.float32) + bias.astype(np.float32)
    out = np.clip(frames + 0.5, 0, 255).astype(np.uint8)
    for index, picture in conditioning.items():
        out[index] = picture
    return out
