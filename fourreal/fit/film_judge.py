"""Whether a film that a video model made is to be believed, and how far.

The model is examined where the truth is known: it films from the reference camera, with all frames but the canonical
one withheld. Its error there and its proposal elsewhere give Wiener's share (`fit.trust`). Besides, what stands still
must stand still in the film, and where it stands in the scene.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from fourreal.fit.movers import CHANGE
from fourreal.fit.observations import Observations
from fourreal.fit.trajectories import looked_at
from fourreal.fit.trust import Trust

if TYPE_CHECKING:
    from fourreal.fit.imagine import Film

SHIFT = 0.5  # pixels by which the static part may be off
LEAST = 0.05  # a film trusted less is put aside
MOST = 0.95  # no film is trusted more: it is less certain than what a camera filmed
RESTLESS = 0.03  # mean absolute change of the static part, pixels in [0, 1]
ENOUGH = 60  # fewest pixels that stand still from which the two can be measured
ROOM = 7  # pixels around what moves that are not taken to stand still


@dataclass(frozen=True)
class Verdict:
    """trust: in [0, 1]. why: a film is not believed; "" where it is. shift: pixels. restless: mean change in [0, 1]."""

    trust: float
    why: str = ""
    shift: float = 0.0
    restless: float = 0.0


def error_of(examined: "Film", observations: Observations) -> float:
    """How far a film from the reference camera is from what was filmed, relative to how much happens there."""
    place, size = examined.place, (examined.made.shape[3], examined.made.shape[2])
    filmed = np.stack([looked_at(picture, place.window, size) for picture in observations.reference])
    truth = torch.from_numpy(filmed).permute(0, 3, 1, 2).to(examined.made) / 255
    return Trust().examined("times", examined.made, truth)


def judged(film: "Film", error: float, canonical: int) -> Verdict:
    """error: of the model where the truth is known, see `error_of`."""
    static = standing(film.rendered, canonical)
    shift, restless = 0.0, 0.0
    if int(static.sum()) >= ENOUGH:
        away = (film.made - film.made[canonical]).abs().mean(dim=1)
        restless = float(away[:, static].mean())
        shift = float(shifted(film.made.mean(dim=0), film.rendered.mean(dim=0), static).norm())
    trust = Trust()
    trust.error["times"] = error
    share = MOST * trust.share("times", film.made, film.rendered)
    why = ""
    if share < LEAST:
        why = "the model was about as far off where the truth is known as all that it changed"
    elif restless > RESTLESS:
        why = "what stands still moved in it"
    elif shift > SHIFT:
        why = f"what stands still was {shift:.1f} pixels beside where it is"
    return Verdict(0.0 if why else share, why, shift, restless)


def standing(rendered: Float[Tensor, "T 3 h w"], canonical: int) -> Bool[Tensor, "h w"]:
    """Where the scene never changes, with room around what does."""
    changes = (rendered - rendered[canonical]).abs().mean(dim=1).amax(dim=0) > CHANGE
    return F.max_pool2d(changes[None].float(), ROOM, 1, ROOM // 2)[0] == 0


def shifted(
    picture: Float[Tensor, "3 h w"], other: Float[Tensor, "3 h w"], where: Bool[Tensor, "h w"]
) -> Float[Tensor, "2"]:
    """By how many pixels (x, y) `picture` is beside `other`, apart from brightness: one step of Lucas and Kanade."""
    grey, base = picture.mean(dim=0), other.mean(dim=0)
    down, right = torch.gradient((grey + base) / 2)
    columns = [x[where] for x in (right, down, base, torch.ones_like(base))]
    system = torch.stack(columns, dim=1).double()
    if float(system[:, :2].square().mean()) < 1e-6:  # a plain wall tells nothing
        return grey.new_zeros(2)
    solution = torch.linalg.lstsq(system.cpu(), (base - grey)[where].double().cpu()[:, None]).solution
    return solution[:2, 0].to(grey)
