"""From where the videos saw a scene: what a viewer starts from and stays within."""

import math

import torch

from fourreal.camera.trajectory import Stage
from fourreal.scene.export_mp4 import FULL_CIRCLE
from fourreal.scene.scene4d import Scene4D

# How far beyond the videos' cameras a viewer may go before what it shows was never seen: no farther around, where the
# far side of things comes into sight, and no lower, where the sky does; but higher, as the ground was filmed.
ABOVE = math.radians(4)
NEARER, FURTHER = 0.6, 1.1  # times their nearest and farthest
STEEPEST = math.radians(85)  # straight from above, up is no longer up


def view(scene: Scene4D) -> dict:
    """The header's "view", JSON-able, in the normalised frame."""
    means = scene.gaussians.means.detach().cpu()
    stage = Stage.of(scene.freeze, scene.reference, means[means.isfinite().all(1)])
    low, high = stage.seen
    circle = high - low >= FULL_CIRCLE
    arms = torch.cat([scene.reference.centres, scene.freeze.centres]) - stage.centre
    distance = arms.norm(dim=1).clamp(min=1e-6)
    elevation = torch.asin((arms @ stage.up / distance).clamp(-1, 1))
    return {
        "reference": {
            "camera_to_world": scene.reference.camera_to_world[0].tolist(),
            "intrinsics": scene.reference.intrinsics.tolist(),
            "size": list(scene.reference.size),
        },
        "freeze": scene.freeze.camera_to_world.tolist(),
        "centre": stage.centre.tolist(),
        "up": stage.up.tolist(),
        "azimuth": [-math.pi, math.pi] if circle else [low, high],
        "elevation": [max(-STEEPEST, float(elevation.min())), min(STEEPEST, float(elevation.max()) + ABOVE)],
        "distance": [NEARER * float(distance.min()), FURTHER * float(distance.max())],
    }
