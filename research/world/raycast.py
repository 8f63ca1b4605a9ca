"""Exact pictures of solids on a floor by ray casting: compiled for CPUs, in torch elsewhere, alike."""

from jaxtyping import Float
from torch import Tensor

from fourreal.camera.cameras import Cameras
from research.world.solids import Solids, View


def cast(solids: Solids, cameras: Cameras, light: Float[Tensor, "3"], supersample: int = 2) -> View:
    """F cameras look at the solids, each at its own moment, with `supersample` squared rays a pixel.

    light: unit vector towards the light.
    """
    # loaded when they are needed: the compiled one takes half a second
    if solids.half.device.type == "cpu":
        from research.world import raycast_cpu as engine
    else:
        from research.world import raycast_torch as engine
    return engine.cast(solids, cameras, light, supersample)
