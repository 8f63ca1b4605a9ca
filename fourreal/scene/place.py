"""Gaussians moved into another frame of reference."""

import math
from dataclasses import replace

import torch
from scipy.spatial.transform import Rotation

from fourreal.camera.align import Similarity
from fourreal.camera.trajectory import Stage
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


def outward(scene: Scene4D, t: float, frame: Similarity | None = None) -> Gaussians:
    """The Gaussians at time t in [0, 1], on the CPU. frame: from the normalised one to theirs, None for the input's."""
    return place(scene.at(t), frame or scene.similarity.inverse()).to("cpu")


def to_upright(scene: Scene4D) -> Similarity:
    """From the normalised frame to one for other programs: the scene's centre at 0, x right, y down, z forward.

    Right and forward are the reference camera's, held level. Splat files have y down, and viewers turn it up.
    """
    points = scene.gaussians.means.detach().cpu()
    stage = Stage.of(scene.freeze, scene.reference, points[points.isfinite().all(1)])
    down = -stage.up.double()
    right, _, forward = scene.reference.camera_to_world[0, :3, :3].double().cpu().T
    level = forward - (forward @ down) * down
    if level.norm() < 1e-3:  # it looks straight down or up
        level = torch.linalg.cross(right, down)
    level = level / level.norm()
    turn = torch.stack([torch.linalg.cross(down, level), down, level])
    return Similarity(1.0, turn, -turn @ stage.centre.double())


def to_y_up(scene: Scene4D) -> Similarity:
    """As `to_upright`, but with y up and z towards the reference camera, as glTF, .4dgs and SPZ have it."""
    half_turn = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))
    return Similarity(1.0, half_turn, torch.zeros(3, dtype=torch.float64)).compose(to_upright(scene))
