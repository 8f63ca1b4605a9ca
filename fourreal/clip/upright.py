"""Phones store pictures as the sensor saw them and note how to turn them: the display matrix."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from jaxtyping import UInt8


@dataclass(frozen=True)
class Turns:
    """First exchange rows and columns, then mirror."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    @property
    def rotation(self) -> int:
        """Degrees clockwise: 0, 90, 180 or 270; a mirrored picture counts as the rotation of its columns."""
        return (90 if self.mirror_x else 270) if self.transpose else (180 if self.mirror_y else 0)

    def __call__(self, picture: UInt8[np.ndarray, "H W C"]) -> UInt8[np.ndarray, "h w C"]:
        picture = picture.swapaxes(0, 1) if self.transpose else picture
        return picture[:: -1 if self.mirror_y else 1, :: -1 if self.mirror_x else 1]


def turns(frame: VideoFrame) -> Turns:
    """What a frame's display matrix asks for, to the nearest quarter turn; nothing where there is none."""
    side_data: Any = frame.side_data  # PyAV's types say that it holds strings
    data = next((d for d in side_data if d.type.name == "DISPLAYMATRIX"), None)
    if data is None:
        return Turns()
    # Row vectors: (x, y) goes to (x, y) @ [[a, b], [c, d]], y down, in 16.16 fixed point.
    (a, b, _), (c, d, _), _ = np.frombuffer(bytes(data), np.int32).reshape(3, 3).tolist()
    if abs(b) > abs(a):
        return Turns(transpose=True, mirror_x=c < 0, mirror_y=b < 0)
    return Turns(mirror_x=a < 0, mirror_y=d < 0)
