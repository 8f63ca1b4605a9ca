"""Limbs: parts of a subject that turn about a joint, found in the canonical scene before anything has moved."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree, shortest_path
from scipy.spatial import cKDTree
from torch import Tensor

from fourreal.fit.movers import changes
from fourreal.fit.observations import Observations

LEAST, MOST = 0.025, 0.22  # shares of the subject that a limb may be
TOUCHING = 8  # neighbours of a point by which parts touch
SHARPNESS = 0.5  # of the border between a limb and the rest
BESIDE = 60  # points of the trunk next to a joint by which it is judged
STEADY = 0.85  # share of the frames in which these may look otherwise than at the canonical moment
REACH = 8.0  # the largest logit at the start, as of other bases


@dataclass(frozen=True)
class Limb:
    """pivots: the bases that it is made of. joint: (3,) what it turns about."""

    pivots: tuple[int, ...]
    joint: Float[Tensor, "3"]


def find_limbs(pivots: Float[Tensor, "B 3"], points: Float[Tensor, "N 3"]) -> list[Limb]:
    """The limbs of a subject, `points` of which surely move, by the tree that its parts around `pivots` make.

    Parts that touch hang together. Seen from the middle of the tree, the largest branches that are no more than a fifth
    of the subject are limbs; the joint is where a branch touches what it hangs on.
    """
    own = torch.cdist(points, pivots).argmin(dim=1).cpu().numpy()
    places, cores = pivots.double().cpu().numpy(), points.double().cpu().numpy()
    mass = np.bincount(own, minlength=len(places)) / max(len(own), 1)
    if len(places) < 3 or len(cores) <= TOUCHING:
        return []
    parent, children, root = _tree(places, cores, own, mass)
    limbs, open_parts = [], [root]
    while open_parts:
        for child in children[open_parts.pop()]:
            branch = _branch(child, children)
            share = mass[branch].sum()
            if share > MOST:
                open_parts.append(child)
            elif share >= LEAST and mass[child] > 0 and mass[parent[child]] > 0:
                joint = _contact(cores[own == parent[child]], cores[own == child])
                limbs.append(Limb(tuple(branch), torch.from_numpy(joint).to(pivots)))
    return limbs


def limb_logits(affinity: Float[Tensor, "N B"], limbs: list[Limb]) -> Float[Tensor, "N L"]:
    """How much each Gaussian belongs to each limb, as logits to start from."""
    share = torch.softmax(affinity, dim=1)
    if not limbs:
        return affinity.new_zeros(len(affinity), 0)
    inside = torch.stack([share[:, list(limb.pivots)].sum(dim=1) for limb in limbs], dim=1)
    return (SHARPNESS * torch.logit(inside, 1e-4)).clamp(-REACH, REACH)


def hinged(
    limbs: list[Limb], pivots: Float[Tensor, "B 3"], points: Float[Tensor, "N 3"], observations: Observations
) -> list[Limb]:
    """The limbs whose joints stay where they are, as far as the reference camera sees: a hinge does not travel.

    Where a dancer's torso goes, its arms' joints go along; hinges there cost half a dB.
    """
    seen = observations
    if not limbs or seen.reference_path is not None:  # what a camera that moves sees changes everywhere
        return []
    changed = changes(seen.reference, seen.canonical).float().sum(dim=0) / max(len(seen.reference) - 1, 1)
    camera, own = seen.reference_camera, torch.cdist(points, pivots).argmin(dim=1)
    pose = camera.world_to_camera[0]
    height, width = changed.shape
    steady = []
    for limb in limbs:
        trunk = points[~torch.isin(own, own.new_tensor(limb.pivots))]
        beside = trunk[(trunk - limb.joint).norm(dim=1).argsort()[:BESIDE]]
        pixels = (beside @ pose[:3, :3].T + pose[:3, 3]) @ camera.matrix.T
        x, y = (pixels[:, :2] / pixels[:, 2:].clamp(min=1e-6)).unbind(dim=-1)
        often = changed[y.long().clamp(0, height - 1), x.long().clamp(0, width - 1)].mean()
        if float(often) <= STEADY:
            steady.append(limb)
    return steady


def _tree(
    pivots: np.ndarray, points: np.ndarray, own: Int[np.ndarray, " N"], mass: np.ndarray
) -> tuple[np.ndarray, dict[int, list[int]], int]:
    """(parent, children of each part; the root) of the shortest tree over the parts; those that touch are nearer."""
    count = len(pivots)
    _, near = cKDTree(points).query(points, TOUCHING + 1)
    touching = np.zeros((count, count))
    np.add.at(touching, (np.repeat(own, TOUCHING), own[near[:, 1:]].ravel()), 1)
    distance = np.linalg.norm(pivots[:, None] - pivots, axis=-1)
    typical = np.median(np.sort(distance, axis=1)[:, 1])
    cost = distance / typical / (1 + touching + touching.T) ** 0.25
    np.fill_diagonal(cost, 0)
    tree = minimum_spanning_tree(csr_matrix(cost))
    tree = tree + tree.T
    root = int((shortest_path((tree > 0).astype(float)) @ mass).argmin())
    order, parent = breadth_first_order(tree, root, directed=False)
    children: dict[int, list[int]] = {part: [] for part in range(count)}
    for part in order[1:]:
        children[int(parent[part])].append(int(part))
    return parent, children, root


def _branch(part: int, children: dict[int, list[int]]) -> list[int]:
    return [part] + [below for child in children[part] for below in _branch(child, children)]


def _contact(parent: np.ndarray, child: np.ndarray) -> np.ndarray:
    """(3,) the middle of where two sets of points touch."""
    distance, nearest = cKDTree(parent).query(child)
    close = np.argsort(distance)[: max(3, len(distance) // 10)]
    return (child[close].mean(axis=0) + parent[nearest[close]].mean(axis=0)) / 2
