"""What a ray caster is given and what it gives back: solids at moments, and pictures of them."""

from typing import Literal, NamedTuple

from jaxtyping import Float, Integer
from torch import Tensor

Kind = Literal["ball", "box", "drum"]
KINDS: tuple[Kind, ...] = ("ball", "box", "drum")
DOME = 7.0  # radius of what closes the scene off, world units
AMBIENT = 0.45
PENUMBRA = 0.25  # chord length, in distances to the occluder, over which a shadow fades
FAR = 1e6


class Solids(NamedTuple):
    """N solids at F moments. The last two entries of the textures are the floor's and the dome's.

    kind: (N,) index into KINDS. half: (N, 3) half extents, world units. rotation, centre: where each is at each moment.
    colours: (N + 2, 2, 3) RGB in [0, 1], the two that the texture mixes.
    waves: (N + 2, 2, 3) angular frequencies a world unit, and phases, of its three factors.
    contrast: (N + 2,) how sharp its edges are.
    moving: (N,) 1 for the parts of what moves, else 0.
    """

    kind: Integer[Tensor, " N"]
    half: Float[Tensor, "N 3"]
    rotation: Float[Tensor, "F N 3 3"]
    centre: Float[Tensor, "F N 3"]
    colours: Float[Tensor, "S 2 3"]
    waves: Float[Tensor, "S 2 3"]
    contrast: Float[Tensor, " S"]
    moving: Float[Tensor, " N"]


class View(NamedTuple):
    """What cameras see.

    colour: RGB in [0, 1]. moving: the share of a pixel that movers cover. depth: along z in world units, the nearest
    of a pixel's rays.
    """

    colour: Float[Tensor, "F H W 3"]
    moving: Float[Tensor, "F H W"]
    depth: Float[Tensor, "F H W"]
