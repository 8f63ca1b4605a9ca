"""A plain backdrop: one colour behind the subject, as in a studio, of which stereo knows no depth.

Without a wall of its own it is made up of Gaussians at any depth, before the subject as well as behind it, and those
that are near go along when it moves.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.splat.gaussians import Gaussians

ALIKE = 0.05  # mean difference of colours in [0, 1] that one colour may have
RIM = 0.05  # width of the border that is looked at, of the picture's height
SHARE = 0.6  # least share of the border, over all frames, that is of one colour
SUBJECT = 0.01  # least share of the pictures that is something else
DISTANCE = 6.0  # from the middle to the wall; the cameras stand at 1
PIECES = 600  # Gaussians that the wall is made of
OVERLAP = 0.8  # standard deviation of one, in distances to the next
OPACITY = 4.0  # logit


def backdrop_colour(frames: Float[Tensor, "F H W 3"]) -> Float[Tensor, "3"] | None:
    """The colour of a plain backdrop; None where there is none, or nothing before it."""
    rim = max(1, round(RIM * frames.shape[1]))
    sides = frames[:, :rim], frames[:, -rim:], frames[:, rim:-rim, :rim], frames[:, rim:-rim, -rim:]
    border = torch.cat([side.reshape(-1, 3) for side in sides])
    colour = border.median(dim=0).values
    plain = float(of_colour(border, colour).float().mean()) >= SHARE
    return colour if plain and float(of_colour(frames, colour).float().mean()) < 1 - SUBJECT else None


def of_colour(colours: Float[Tensor, "*N 3"], colour: Float[Tensor, "3"]) -> Tensor:
    """Which of the colours are that one, (*N,) bool."""
    return (colours - colour).abs().mean(dim=-1) < ALIKE


def wall(pieces: int, colour: Float[Tensor, "3"]) -> Gaussians:
    """A sphere of one colour around everything, on a Fibonacci lattice, which is even in all directions."""
    number = torch.arange(pieces, device=colour.device) + 0.5
    height, turn = 1 - 2 * number / pieces, number * math.pi * (3 - math.sqrt(5))
    level = (1 - height.square()).sqrt()
    means = DISTANCE * torch.stack([level * turn.cos(), level * turn.sin(), height], dim=1)
    wide = math.log(OVERLAP * DISTANCE * math.sqrt(4 * math.pi / pieces))
    quats = colour.new_tensor([1.0, 0.0, 0.0, 0.0]).repeat(pieces, 1)
    scales, opacities = colour.new_full((pieces, 3), wide), colour.new_full((pieces,), OPACITY)
    return Gaussians.static(means, quats, scales, opacities, colour.repeat(pieces, 1))
