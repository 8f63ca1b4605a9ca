"""A guess at the cameras when structure from motion fails: a level arc around what the camera looks at.

Three numbers describe it: how far it goes around, how high it stands, and the focal length. The fit refines the poses
afterwards; here the numbers are chosen that explain the matches between frames best. For an arc, they fix the epipolar
geometry of every pair of frames, so each match says by its distance from its epipolar line how well they fit; that
needs neither depths nor agreement between distant frames, which is what mappers fail at.
"""

from dataclasses import dataclass, replace
from itertools import product
from math import radians

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.optimize import minimize
from torch import Tensor

from fourreal.camera.cameras import Cameras, Origin
from fourreal.camera.sfm_process import Matches
from fourreal.camera.trajectory import look_at

CONFIDENCE = 0.2
_ANGLES = tuple(sign * a for a in (20, 45, 70, 100, 130, 160, 190, 240, 300, 360) for sign in (1, -1))
_ELEVATIONS = (0, 15, 30)
_FOCALS = (0.9, 1.1)
_CAP = 4.0  # pixels from the epipolar line beyond which a match counts as wrong, however far it is
_MOST = 4000  # matches that are looked at


@dataclass(frozen=True)
class Arc:
    """A level arc of radius 1 around the origin.

    angle: from the first to the last camera in degrees, positive where the camera goes to its right.
    elevation: of the cameras above the centre, in degrees. focal: in the longer side of the picture.
    """

    angle: float
    elevation: float
    focal: float

    def poses(self, share: Float[Tensor, " F"]) -> Float[Tensor, "F 4 4"]:
        """World-to-camera transforms at `share` of the way, 0 to 1; world y points down, the middle looks along z."""
        around = torch.as_tensor(radians(self.angle)) * (share - 0.5)
        high = torch.as_tensor(radians(self.elevation))
        level = high.cos()
        centres = torch.stack([around.sin() * level, -high.sin().expand_as(around), -around.cos() * level], -1)
        return look_at(centres.to(share), torch.zeros(3).to(share), torch.tensor([0.0, -1.0, 0.0]).to(share))


def orbit_prior(matches: Matches, frames: int, size: tuple[int, int]) -> Cameras:
    """The arc that explains `matches` best, as cameras of `frames` frames of `size` (width, height)."""
    sample = _thin_out(matches)
    grid = [Arc(*map(float, values)) for values in product(_ANGLES, _ELEVATIONS, _FOCALS)]
    start = min(grid, key=lambda arc: misfit(arc, sample, frames))
    unit = np.array([10.0, 10.0, 0.1])  # how far the search steps at first: degrees, degrees, widths

    def objective(x: np.ndarray) -> float:
        angle, elevation, focal = x * unit
        # Matches of an arc hardly tell a long focal length from a wide arc, so what is usual decides.
        unusual = 0.05 * ((focal - 1) / 0.3) ** 2 + 0.05 * ((elevation - 10) / 30) ** 2
        return misfit(Arc(angle, elevation, max(focal, 0.1)), sample, frames) + unusual

    optimum = minimize(objective, np.array([start.angle, start.elevation, start.focal]) / unit, method="Nelder-Mead")
    arc = Arc(*map(float, optimum.x * unit))
    fits = 1 - misfit(arc, sample, frames)
    note = (
        f"The cameras are a guess: an arc of {abs(arc.angle):.0f} degrees, {arc.elevation:.0f} degrees above the "
        f"scene, which fits the matches between frames by {fits:.0%}. The fit refines it."
    )
    focal = arc.focal * max(size)
    intrinsics = torch.tensor([focal, focal, size[0] / 2, size[1] / 2])
    return Cameras(arc.poses(torch.linspace(0, 1, frames)), intrinsics, size, Origin("orbit prior", CONFIDENCE, note))


def misfit(arc: Arc, matches: Matches, frames: int) -> float:
    """How badly an arc explains matches: the mean distance from the epipolar line, 0 to 1 in units of the cap.

    A match that would lie behind a camera counts 1: this is what tells left from right.
    """
    poses = arc.poses(torch.linspace(0, 1, frames, dtype=torch.float64)).numpy()
    focal = arc.focal * max(matches.size)
    principal = np.array(matches.size) / 2
    one = np.ones(len(matches.first))
    x = np.c_[(matches.first - principal) / focal, one]
    y = np.c_[(matches.second - principal) / focal, one]
    a, b = poses[matches.links[:, 0]], poses[matches.links[:, 1]]
    turn = b[:, :3, :3] @ a[:, :3, :3].transpose(0, 2, 1)
    shift = b[:, :3, 3] - np.einsum("mij,mj->mi", turn, a[:, :3, 3])
    turned = np.einsum("mij,mj->mi", turn, x)
    line_y = np.cross(shift, turned)
    line_x = np.einsum("mji,mj->mi", turn, np.cross(y, shift))
    slope = np.sqrt((line_y[:, :2] ** 2).sum(1) + (line_x[:, :2] ** 2).sum(1))
    distance = np.abs((y * line_y).sum(1)) / np.maximum(slope, 1e-12) * focal
    normal = np.cross(y, turned)  # depth_y * y = depth_x * turned + shift
    depth_x = -(np.cross(y, shift) * normal).sum(1) / np.maximum((normal**2).sum(1), 1e-18)
    depth_y = ((depth_x[:, None] * turned + shift) * y).sum(1)
    return float(np.where((depth_x > 0) & (depth_y > 0), np.minimum(distance / _CAP, 1), 1).mean())


def _thin_out(matches: Matches) -> Matches:
    """At most `_MOST` matches, evenly from all pairs of frames."""
    keep: Int[np.ndarray, " K"] = np.unique(np.linspace(0, len(matches.links) - 1, _MOST).astype(int))
    return replace(matches, links=matches.links[keep], first=matches.first[keep], second=matches.second[keep])
