"""Which Gaussians move: found from the reference video, so that the static background can stay locked."""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from torch import Tensor

from fourreal.camera.cameras import Cameras
from fourreal.errors import UserError
from fourreal.fit.observations import Observations
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.rasterize import rasterize

CHANGE = 0.03  # least mean absolute difference that counts as change, pixels in [0, 1]
DIFFERENCE = 0.06  # the same against the canonical scene as it is drawn, which is never quite right
NOISE_MULTIPLE = 4.0  # ... and at least so many times the frames' median difference, which is noise
OFTEN = 0.2  # share of the reference frames in which a pixel must change
VISIBLE = 0.1  # pixels that a Gaussian must make up to count as seen
MOSTLY = 0.5  # share of these that must change often
EXTENT = 1.5  # standard deviations that a Gaussian reaches
LINK = 0.035  # single-linkage distance of clusters, in distances from the reference camera to the subject
SMALLEST = (15, 0.04)  # clusters of fewer Gaussians than this, or of a smaller share, are noise
CORE = 0.02  # everything within this distance of a seen mover surely moves, in camera distances
MARGIN = 0.12  # everything within this distance of a mover may move, in camera distances


def change_masks(
    reference: Float[Tensor, "T H W 3"], canonical: int
) -> tuple[Bool[Tensor, "H W"], Bool[Tensor, "H W"]]:
    """(changed often, changed ever) against the canonical frame."""
    changed = changes(reference, canonical)
    return changed.float().mean(dim=0) > OFTEN, changed.any(dim=0)


def changes(reference: Float[Tensor, "T H W 3"], canonical: int) -> Bool[Tensor, "T H W"]:
    """Where each frame differs from the canonical one by more than noise."""
    difference = (reference - reference[canonical]).abs().mean(dim=-1)
    difference = F.avg_pool2d(difference[:, None], 3, 1, 1)[:, 0]
    others = torch.arange(len(reference), device=reference.device) != canonical
    threshold = max(CHANGE, NOISE_MULTIPLE * float(difference[others].median()))
    return difference > threshold


def nothing_moves() -> UserError:
    return UserError(
        "Nothing moves in the reference video, as far as can be told. Pick a reference video in which the subject "
        "moves, or a canonical frame (--canonical-frame) that shows it."
    )


def find_movers(gaussians: Gaussians, observations: Observations) -> tuple[Bool[Tensor, " N"], Bool[Tensor, " N"]]:
    """Which Gaussians may move, and which surely do.

    Surely: what a reference camera sees at pixels that change often, and in a cluster of its kind, or right beside
    such a one. May move: near one of these, since backs and insides move along unseen.

    Raises:
        UserError: nothing in the reference video moves.
    """
    seen = observations
    camera = seen.reference_camera
    if seen.reference_path is None:
        shows = changing(gaussians, camera, change_masks(seen.reference, seen.canonical)[0])
    else:
        shows = differing(gaussians, seen.reference_path, seen.reference)
    for take in seen.others:
        if len(take.cameras) == 1:
            codes = torch.tensor(take.codes)
            first = int((codes - seen.canonical).abs().argmin())
            shows |= changing(gaussians, take.cameras, change_masks(take.frames, first)[0])
    candidates = shows.nonzero()[:, 0]
    if len(candidates) == 0:
        raise nothing_moves()
    points = gaussians.means[candidates]
    distance = float((points.median(dim=0).values - camera.centres[0]).norm())
    clustered = candidates[_clustered(points.cpu().numpy(), LINK * distance).to(candidates.device)]
    tree = cKDTree(gaussians.means[clustered].cpu().numpy())
    nearest = torch.from_numpy(tree.query(gaussians.means.cpu().numpy(), workers=-1)[0]).to(points)
    nearest = nearest - shows * EXTENT * gaussians.scales.amax(dim=1).exp()  # large ones reach far from their centres
    return nearest < MARGIN * distance, nearest < CORE * distance


def changing(gaussians: Gaussians, camera: Cameras, often: Bool[Tensor, "H W"]) -> Bool[Tensor, " N"]:
    """What a camera (F = 1) sees mostly at pixels that change often."""
    changed, seen = _shown(gaussians, camera, often)
    return (seen > VISIBLE) & (changed > MOSTLY * seen)


def differing(gaussians: Gaussians, path: Cameras, frames: Float[Tensor, "T H W 3"]) -> Bool[Tensor, " N"]:
    """What a moving camera, one of each frame, sees often otherwise than it was at the canonical moment."""
    grey = torch.full((3,), 0.5, device=frames.device)
    differs, looked = gaussians.means.new_zeros(2, len(gaussians))
    for number, frame in enumerate(frames):
        camera = path[number]
        with torch.no_grad():
            still = rasterize(gaussians, camera.world_to_camera[0], camera.intrinsics, camera.size, grey).colour
        difference = F.avg_pool2d((still - frame).abs().mean(dim=-1)[None], 3, 1, 1)[0]
        threshold = max(DIFFERENCE, NOISE_MULTIPLE * float(difference.median()))
        changed, seen = _shown(gaussians, camera, difference > threshold)
        differs += (seen > VISIBLE) & (changed > MOSTLY * seen)
        looked += seen > VISIBLE
    return (looked > 0) & (differs > OFTEN * looked)


def _shown(
    gaussians: Gaussians, camera: Cameras, where: Bool[Tensor, "H W"]
) -> tuple[Float[Tensor, " N"], Float[Tensor, " N"]]:
    """How much of the pixels of `where`, and of the whole picture, each Gaussian makes up, in pixels.

    Its blending weights, summed: a large one shows at pixels far from where its centre is.
    """
    weight = torch.zeros_like(gaussians.colors, requires_grad=True)
    black = torch.zeros(3, device=weight.device)
    with torch.enable_grad():
        drawn = rasterize(
            replace(gaussians.detach(), colors=weight), camera.world_to_camera[0], camera.intrinsics, camera.size, black
        )
        (drawn.colour[..., 0][where].sum() + drawn.colour[..., 1].sum()).backward()
    assert weight.grad is not None
    return weight.grad[:, 0], weight.grad[:, 1]


def _clustered(points: np.ndarray, link: float) -> Bool[Tensor, " P"]:
    """Which of `points` (P, 3) belong to a cluster worth the name."""
    pairs = cKDTree(points).query_pairs(link, output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
    _, labels = connected_components(graph, directed=False)
    sizes = np.bincount(labels)
    large = sizes >= min(max(SMALLEST[0], SMALLEST[1] * len(points)), sizes.max())
    return torch.from_numpy(large[labels])


def moving_window(reference: Float[Tensor, "T H W 3"], canonical: int, margin: int = 10) -> tuple[int, int, int, int]:
    """(left, top, width, height) of the part of the picture that ever changes; all of it where nothing does."""
    _, ever = change_masks(reference, canonical)
    height, width = ever.shape
    # a pixel alone is noise: look at what is left after an opening by 3 x 3
    solid = F.avg_pool2d(ever[None, None].float(), 3, 1, 1)[0, 0] > 0.99
    rows, columns = solid.any(dim=1).nonzero()[:, 0], solid.any(dim=0).nonzero()[:, 0]
    if len(rows) == 0:
        return 0, 0, width, height
    left, top = max(int(columns[0]) - margin, 0), max(int(rows[0]) - margin, 0)
    right, bottom = min(int(columns[-1]) + margin + 1, width), min(int(rows[-1]) + margin + 1, height)
    return left, top, right - left, bottom - top
