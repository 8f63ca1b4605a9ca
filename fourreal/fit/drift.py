"""Exposure and white balance that drift while a camera films: a gain a frame and channel, smooth in time."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

DARK, BRIGHT = 0.05, 0.95  # beyond these a picture may be clipped
ENOUGH = 0.4  # least share of the picture within these: with less, most of it may be what moves
WITHIN = 0.04  # of a colour's logarithm: what stands still changes by the median, give or take this
AGREE = 0.4  # least share of the pixels that does
SMOOTH = 30.0  # weight of second differences in time against the frames' own
NOTICED = 0.04  # least difference between the brightest frame's gain and the darkest's that is a drift
SIDE = 4  # pixels that are averaged: what is fitted is never as sharp as what was filmed


@torch.no_grad()
def drift(
    frames: Float[Tensor, "F H W 3"], standard: Float[Tensor, "S H W 3"], mask: Bool[Tensor, "H W"] | None = None
) -> Float[Tensor, "F 3"] | None:
    """What each frame is to be multiplied with, to be as bright as the standard is; None where it does not drift.

    standard: the same views without what moves, one for all frames or one of each. What moves is outvoted by what
    stands still; where that cannot be told nothing is said. The gains' geometric mean is 1.
    """
    rows = []
    for number, frame in enumerate(frames):
        change = _change(frame, standard[number if len(standard) > 1 else 0], mask)
        if change is None:
            return None
        rows.append(change)
    level = smoothed(torch.stack(rows))
    level = level - level.mean(dim=0)
    if float((level.amax(dim=0) - level.amin(dim=0)).max()) < NOTICED:
        return None
    return (-level).exp()


def smoothed(rows: Float[Tensor, "F C"]) -> Float[Tensor, "F C"]:
    """The values that are near to `rows` and hardly bend: a straight drift stays as it is, a flicker goes."""
    count = len(rows)
    if count < 3:
        return rows
    bend = torch.diff(torch.eye(count, dtype=torch.float64), n=2, dim=0)
    whole = torch.eye(count, dtype=torch.float64) + SMOOTH * bend.T @ bend
    return torch.linalg.solve(whole, rows.double().cpu()).to(rows)


def _change(
    frame: Float[Tensor, "H W 3"], standard: Float[Tensor, "H W 3"], mask: Bool[Tensor, "H W"] | None
) -> Float[Tensor, "3"] | None:
    """The logarithm of the frame's colours over the standard's, its median; None where too few pixels are near it."""
    counts = torch.ones_like(frame[..., :1]) if mask is None else mask[..., None].to(frame)
    seen, wanted, counts = (F.avg_pool2d(x.permute(2, 0, 1), SIDE) for x in (frame, standard, counts))
    both = torch.stack([seen, wanted])
    usable = ((both > DARK) & (both < BRIGHT)).all(dim=0).all(dim=0) & (counts[0] > 0.99)
    if usable.float().mean() < ENOUGH:
        return None
    change = seen[:, usable].log() - wanted[:, usable].log()
    middle = change.median(dim=1).values
    near = ((change - middle[:, None]).abs() < WITHIN).all(dim=0).float().mean()
    return middle if near > AGREE else None
