"""Does the one thing in a plain picture keep to a smooth path?

For pictures with too few corners for `subject`: a thing of few colours on a plain floor before a plain sky. Of a scene
that stands still, seen by a camera on its way, the thing goes through the picture on a smooth path; what hops or sways
does not. Whoever walks straight on or turns on the spot cannot be told from a camera that moves.
"""

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from scipy.ndimage import label

_WIDTH = 160  # pixels at which the frames are compared
_UNLIKE = 24  # grey levels from the middle value of its row, of what is no background
_LEAST, _MOST = 0.01, 0.35  # shares of the picture that the thing may take
_RIM = 0.02  # share of the picture's outline that it may touch: else it is cut there, and so is its path
_DEGREE = 3  # of the path
_FEWEST = 8  # frames, and three quarters of them, in which it is seen whole


def stray(frames: UInt8[np.ndarray, "F H W 3"]) -> float | None:
    """How far the thing strays from its path, the root mean square in shares of the picture's width and height.

    None where there is no such thing, as in pictures of one colour or of many details, or it is not seen whole.
    """
    places = [_place(frame) for frame in frames]
    seen = np.array([place is not None for place in places])
    if seen.sum() < _FEWEST or seen.mean() < 0.75:
        return None
    path = np.array([place for place in places if place is not None])
    smooth = np.polynomial.legendre.legvander(np.linspace(-1, 1, len(frames))[seen], _DEGREE)
    off = path - smooth @ np.linalg.lstsq(smooth, path, rcond=None)[0]
    return float(np.sqrt((off**2).sum(1).mean()))


def _place(frame: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "2"] | None:
    """The middle of the thing, 0 to 1 from left to right and from top to bottom; its shadow belongs to it."""
    height = max(24, round(frame.shape[0] * _WIDTH / frame.shape[1]))
    small = np.asarray(Image.fromarray(frame).resize((_WIDTH, height), Image.Resampling.BOX), np.float32)
    unlike = np.abs(small - np.median(small, axis=1, keepdims=True)).max(-1) > _UNLIKE
    parts, count = label(unlike)
    if not count:
        return None
    sizes = np.bincount(parts.ravel())[1:]
    thing = parts == 1 + int(sizes.argmax())
    rim = np.concatenate([thing[0], thing[-1], thing[:, 0], thing[:, -1]])
    if thing.mean() < _LEAST or unlike.mean() > _MOST or rim.mean() > _RIM:
        return None
    y, x = np.nonzero(thing)
    return np.array([x.mean() / _WIDTH, y.mean() / height])
