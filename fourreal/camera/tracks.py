"""Corners of a picture, followed from frame to frame (Lucas and Kanade 1981, in a pyramid as Bouguet's)."""

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter, maximum_filter

Pyramid = list[np.ndarray]  # grey pictures, each half the size of the one before

LEVELS, ROUNDS = 4, 6
REACH = 5  # pixels around a corner that are compared
_OFFSETS = np.arange(-REACH, REACH + 2)  # one more, to interpolate
_CORNER = 1.0  # grey levels squared: the least eigenvalue of the structure tensor that counts as a corner
_ALIKE = 0.85  # correlation of what is around a corner in two frames; a thin leg before a passing wall has less
_RETURN = 0.7  # pixels by which a corner followed there and back may miss itself


def pyramid(picture: Float[np.ndarray, "h w"]) -> Pyramid:
    levels = [picture]
    for _ in range(LEVELS - 1):
        levels.append(gaussian_filter(levels[-1], 1.0)[::2, ::2])
    return levels


def corners(picture: Float[np.ndarray, "h w"], most: int, apart: int = 5) -> Float[np.ndarray, "N 2"]:
    """The `most` best corners (Shi and Tomasi 1994) as x, y in pixels, about `apart` pixels from each other."""
    down, right = np.gradient(gaussian_filter(picture, 1.0))
    xx, xy, yy = (gaussian_filter(x, 2.0) for x in (right * right, right * down, down * down))
    least = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    inside = np.zeros_like(least, bool)
    inside[2 * REACH : -2 * REACH, 2 * REACH : -2 * REACH] = True
    y, x = np.nonzero(inside & (least > _CORNER) & (least == maximum_filter(least, apart)))
    best = np.argsort(-least[y, x], kind="stable")[:most]
    return np.stack([x[best], y[best]], 1).astype(np.float64)


def follow(
    start: Pyramid, end: Pyramid, points: Float[np.ndarray, "N 2"]
) -> tuple[Float[np.ndarray, "N 2"], Bool[np.ndarray, " N"]]:
    """Where points of one frame are in another, and which of them surely: found there, alike, and followed back."""
    ends = _search(start, end, points)
    missed = np.hypot(*(_search(end, start, ends) - points).T)
    height, width = start[0].shape
    inside = ((ends >= REACH) & (ends < np.array([width, height]) - REACH)).all(1)
    alike = _likeness(_around(start[0], points), _around(end[0], ends))
    return ends, inside & (missed < _RETURN) & (alike > _ALIKE)


def _search(start: Pyramid, end: Pyramid, points: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "N 2"]:
    shift = np.zeros_like(points)
    for level in reversed(range(len(start))):
        here = points / 2**level
        down, right = np.gradient(start[level])
        goal, gx, gy = (_around(x, here) for x in (start[level], right, down))
        xx, xy, yy = _sums(gx, gx) + 1e-3, _sums(gx, gy), _sums(gy, gy) + 1e-3
        determinant = np.maximum(xx * yy - xy * xy, 1e-3)
        for _ in range(ROUNDS):
            miss = goal - _around(end[level], here + shift)
            miss -= miss.mean(1, keepdims=True)  # a change of brightness is no motion
            u, v = _sums(gx, miss), _sums(gy, miss)
            move = np.stack([yy * u - xy * v, xx * v - xy * u], 1) / determinant[:, None]
            shift = shift + move.clip(-2, 2)
        shift = shift * 2 if level else shift
    return points + shift


def _sums(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of products, row by row."""
    return np.einsum("np,np->n", a, b)


def _around(picture: Float[np.ndarray, "h w"], points: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "N P"]:
    """The picture in a window around each point, interpolated."""
    # a window has the same place between the pixels all over, so each pixel is looked up once and not four times
    height, width = picture.shape
    whole = np.floor(points)
    x, y = (points - whole).T.astype(picture.dtype)[:, :, None, None]
    column = (whole[:, :1].astype(np.intp) + _OFFSETS).clip(0, width - 1)
    row = (whole[:, 1:].astype(np.intp) + _OFFSETS).clip(0, height - 1)
    pixels = picture.ravel().take(row[:, :, None] * width + column[:, None])
    rows = pixels[:, :-1] + y * (pixels[:, 1:] - pixels[:, :-1])
    return (rows[:, :, :-1] + x * (rows[:, :, 1:] - rows[:, :, :-1])).reshape(len(points), (2 * REACH + 1) ** 2)


def _likeness(a: Float[np.ndarray, "N P"], b: Float[np.ndarray, "N P"]) -> Float[np.ndarray, " N"]:
    """Correlation coefficients, row by row."""
    a, b = (x - x.mean(1, keepdims=True) for x in (a, b))
    return (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1) + 1e-6)
