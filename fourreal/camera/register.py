"""Bringing cameras of a file into the frame of a scene whose cameras were estimated, by what they see."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation
from torch import Tensor

from fourreal.camera.align import Similarity, align
from fourreal.camera.cameras import Cameras

MOST = 500  # points that are looked at; up to twice as many
NEAR = 0.05  # of the median depth: what lies closer to a camera is not looked at
FEWEST = 20  # sightings below which the cameras alone decide
UNUSUAL = 0.01  # image widths: a sighting that is off by more counts less and less


@dataclass(frozen=True)
class Registration:
    """From the frame of a file's cameras into a scene's.

    zoom: > 0, the scene's focal length in units of the file's. It was estimated with the poses, and what was estimated
        with too short a one is seen as it was filmed by a camera with one as short.
    """

    similarity: Similarity
    zoom: float = 1.0

    @classmethod
    def identity(cls) -> "Registration":
        return cls(Similarity.identity())

    def apply_cameras(self, cameras: Cameras) -> Cameras:
        """The cameras as they stand in the scene's frame, zoomed about their principal points."""
        scale = cameras.intrinsics.new_tensor([self.zoom, self.zoom, 1, 1])
        return replace(self.similarity.apply_cameras(cameras), intrinsics=cameras.intrinsics * scale)


def register(source: Cameras, target: Cameras, points: Float[Tensor, "P 3"]) -> Registration:
    """The similarity and the zoom after which `source` cameras see points where `target` cameras of the same frames do.

    `align` compares the cameras themselves, and where they were estimated from warped frames the orientations of an
    arc contradict its centres. Here a scene's own points weigh them: least squares of their distances in the picture
    (soft L1), over what the target cameras see of them.

    Args:
        source: F cameras, of a file.
        target: F cameras, of the scene.
        points: of the scene, in the frame of `target`; 500 to 1,000 of them are looked at. Without any it is `align`.

    Raises:
        ValueError: the numbers of cameras differ.
    """
    focal, file_focal = (float(c.intrinsics[0] / c.size[0]) for c in (target, source))
    zoom, height = focal / file_focal, target.size[1] / target.size[0]
    start = align(source, target)
    some = points[:: max(1, len(points) // MOST)].double().cpu().numpy()
    theirs, ours = (c.world_to_camera.double().cpu().numpy() for c in (source, target))

    seen = _in_axes_of(ours, some)
    ahead = seen[..., 2] > 0
    if not ahead.any():
        return Registration(start, zoom)
    near = NEAR * float(np.median(seen[..., 2][ahead]))
    places = _places(seen, focal, near)
    visible = (seen[..., 2] > near) & (np.abs(places) < np.array([0.5, height / 2])).all(-1)
    if visible.sum() < FEWEST:
        return Registration(start, zoom)
    unit = float(np.median(seen[..., 2][visible]))  # a shift this long is seen as a turn by a radian is
    pivot = some[visible.any(0)].mean(0)

    def moved(step: np.ndarray) -> Similarity:
        """`start`, then a turn (radians), a shift (units) and a scale (logarithm) about the points."""
        turn, scale = Rotation.from_rotvec(step[:3]).as_matrix(), float(np.exp(step[6]))
        shift = pivot + unit * step[3:6] - scale * turn @ pivot
        return Similarity(scale, torch.from_numpy(turn), torch.from_numpy(shift)).compose(start)

    def misses(step: np.ndarray) -> np.ndarray:
        back = moved(step).inverse().apply_points(torch.from_numpy(some)).numpy()
        return (_places(_in_axes_of(theirs, back), focal, near / start.scale) - places)[visible].ravel()

    best = least_squares(misses, np.zeros(7), loss="soft_l1", f_scale=UNUSUAL)
    return Registration(moved(best.x), zoom)


def _in_axes_of(views: Float[np.ndarray, "F 4 4"], points: Float[np.ndarray, "P 3"]) -> Float[np.ndarray, "F P 3"]:
    return np.einsum("fij,pj->fpi", views[:, :3, :3], points) + views[:, None, :3, 3]


def _places(seen: Float[np.ndarray, "F P 3"], focal: float, near: float) -> Float[np.ndarray, "F P 2"]:
    """Where points are in the picture, in its widths from the middle; what is behind a camera as if it were near."""
    return focal * seen[..., :2] / np.maximum(seen[..., 2:], near)
