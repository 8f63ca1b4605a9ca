"""Gaussians moved into another frame of reference."""

import math
from dataclasses import replace

import torch
from scipy.spatial.transform import Rotation

from fourreal.camera.align import Similarity
from fourreal.scene.scene4d import Scene4D
from fourreal.splat import quaternion
from fourreal.splat.gaussians import Gaussians


def place(gaussians: Gaussians, similarity: Similarity) -> Gaussians:
    """The Gaussians as a similarity moves, turns and scales them: cameras moved alike see the same picture."""
    turn = torch.from_numpy(Rotation.from_matrix(similarity.rotation.numpy()).as_quat(scalar_first=True))
    return replace(
        gaussians,
        means=similarity.apply_points(gaussians.means),
        quats=quaternion.multiply(turn.to(gaussians.quats), quaternion.normalize(gaussians.quats)),
        scales=gaussians.scales + math.log(similarity.scale),
    )


def outward(scene: Scene4D, t: float) -> Gaussians:
    """The Gaussians at time t in [0, 1] in the input's frame, on the CPU."""
    return place(scene.at(t), scene.similarity.inverse()).to("cpu")
