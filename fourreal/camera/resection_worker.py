"""Resection in a process of its own: `python -m fourreal.camera.resection_worker FOLDER`, see `resection`.

in   placed.npy    (F, h, w, 3) uint8 RGB, frames whose cameras are known
     take-<k>.npy  (F, h, w, 3) uint8 RGB, frames of further takes
     options.json  poses (F, 4, 4) and intrinsics of the placed frames at that size; seed, threads, peak_threshold;
                   takes: of each the focal length to begin with in pixels, whether it may be another, and whether
                   its camera stands still
out  take-<k>.npz  frames (R,) that were placed, world_to_camera (R, 4, 4) or (1, 4, 4) where the camera stands
                   still, focal in pixels, sightings (R,) how many points each saw where they are
     log.txt       whatever COLMAP prints (written by the parent)
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap
from PIL import Image

from fourreal.camera import colmap

MOST_PLACED = 24  # frames with known cameras that others are matched to
MOST_ERROR = 4 / 512  # of the longer side of the picture, by which a point may miss where it was seen
LEAST_ANGLE = 1.5  # degrees between two rays to a point
FEWEST_POINTS = 15  # fewest points that place a frame
ZOOMS = (1.0, 0.7, 0.85, 1.2, 1.45, 1.75)  # focal lengths that are tried, as multiples of the one to begin with
BETTER = 1.1  # so many times as many points have to agree before another focal length is believed


def main(folder: Path) -> None:
    options = json.loads((folder / "options.json").read_text(encoding="utf-8"))
    pycolmap.set_random_seed(options["seed"])
    placed = np.load(folder / "placed.npy", allow_pickle=False)
    some = np.unique(np.linspace(0, len(placed) - 1, min(len(placed), MOST_PLACED)).round().astype(int))
    images = folder / "images"
    names = {"placed": colmap.write_pictures(images / "placed", placed[some])}
    for number, _ in enumerate(options["takes"]):
        take = np.load(folder / f"take-{number}.npy", allow_pickle=False)
        names[f"take-{number}"] = colmap.write_pictures(images / f"take-{number}", take)
    database = folder / "database.db"
    colmap.extract(database, images, options)
    takes = [take for take in names if take != "placed"]
    pairs = [f"placed/{a} {take}/{b}" for take in takes for a in names["placed"] for b in names[take]]
    colmap.match_pairs(database, folder, pairs, options)

    poses = np.array(options["poses"])[some]
    intrinsics = np.array(options["intrinsics"])
    where, matches = _matches(database)
    for number, take in enumerate(options["takes"]):
        name = f"take-{number}"
        sightings = [
            _points(matches[f"{name}/{file}"], where, f"{name}/{file}", poses, intrinsics, max(placed.shape[1:3]))
            for file in names[name]
        ]
        size = Image.open(images / name / names[name][0]).size
        placing: dict[str, Any] = _placed(sightings, take, size, options["seed"])
        np.savez(folder / f"{name}.npz", **placing)


def _matches(database: Path):
    """({image: (K, 2) pixels of its features}, {image: {placed frame: (M, 2) indices of features}})"""
    matches: dict[str, dict[int, np.ndarray]] = defaultdict(dict)
    with pycolmap.Database.open(database) as db:
        name = {image.image_id: image.name for image in db.read_all_images()}
        where = {name[image]: np.asarray(db.read_keypoints(image))[:, :2].astype(float) for image in name}
        for pair, geometry in zip(*db.read_two_view_geometries(), strict=True):
            inliers = np.asarray(geometry.inlier_matches)
            a, b = (name[image] for image in pycolmap.pair_id_to_image_pair(pair))
            if b.startswith("placed/"):
                a, b, inliers = b, a, inliers[:, ::-1]
            if len(inliers) and a.startswith("placed/"):
                matches[b][int(Path(a).stem)] = inliers
    return where, matches


def _points(
    matches: dict[int, np.ndarray], where: dict, image: str, poses: np.ndarray, intrinsics: np.ndarray, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """((M, 2) pixels of features of an image, (M, 3) where these are in the world), by their matches in placed frames.

    Two of the frames vote for a place; it is taken where most of the others agree.
    """
    rays: dict[int, list[tuple[int, np.ndarray]]] = defaultdict(list)
    for frame, pairs in matches.items():
        pixels = where[f"placed/{frame:05d}.png"]
        for mine, theirs in pairs:
            if theirs < len(where[image]):
                rays[int(theirs)].append((frame, pixels[mine]))
    pixels, points = [], []
    for feature, seen in rays.items():
        point = _triangulated(seen, poses, intrinsics, MOST_ERROR * side) if len(seen) > 1 else None
        if point is not None:
            pixels.append(where[image][feature])
            points.append(point)
    return np.array(pixels).reshape(-1, 2), np.array(points).reshape(-1, 3)


def _triangulated(seen, poses: np.ndarray, intrinsics: np.ndarray, most: float) -> np.ndarray | None:
    frames = [frame for frame, _ in seen]
    pixel = np.array([at for _, at in seen])
    direction = np.c_[(pixel - intrinsics[2:]) / intrinsics[:2], np.ones(len(pixel))]
    pose = poses[frames]
    direction = np.einsum("fji,fj->fi", pose[:, :3, :3], direction / np.linalg.norm(direction, axis=1, keepdims=True))
    centre = -np.einsum("fji,fj->fi", pose[:, :3, :3], pose[:, :3, 3])
    good = np.ones(len(seen), bool)
    for _ in range(3):  # least squares of the distances to the rays, less those that miss
        across = np.eye(3) - direction[good][:, :, None] * direction[good][:, None, :]
        spread = np.degrees(np.arccos(np.clip((direction[good] @ direction[good].T).min(), -1, 1)))
        if good.sum() < 2 or spread < LEAST_ANGLE:
            return None
        point = np.linalg.solve(across.sum(0), np.einsum("fij,fj->i", across, centre[good]))
        local = pose[:, :3, :3] @ point + pose[:, :3, 3]
        place = local[:, :2] / np.maximum(local[:, 2:], 1e-9) * intrinsics[:2] + intrinsics[2:]
        miss = np.where(local[:, 2] > 0, np.linalg.norm(place - pixel, axis=1), np.inf)
        now = miss < most
        if (now == good).all():
            return point
        # begun with all, some of which may be wrong: the better half first
        good = now if now.sum() >= 2 else miss <= np.sort(miss)[max(1, len(miss) // 2)]
    return None


def _placed(sightings: list, take: dict, size: tuple[int, int], seed: int) -> dict[str, np.ndarray]:
    pooled = [(np.concatenate([s[0] for s in sightings]), np.concatenate([s[1] for s in sightings]))]
    zooms = ZOOMS if take["zoom"] else ZOOMS[:1]
    best, most = 1.0, 0.0
    # the focal length by the frame that sees most; of a camera that stands still all see the same
    judged = pooled[0] if take["still"] else max(sightings, key=lambda s: len(s[0]))
    for zoom in zooms:
        answer = _pose(judged, take["focal"] * zoom, size, take["zoom"], seed)
        if answer is not None and answer[2] > most * (BETTER if most else 1.0):
            best, most = answer[1] / take["focal"], answer[2]
    frames, poses, counts = [], [], []
    for index, sighting in enumerate(pooled if take["still"] else sightings):
        answer = _pose(sighting, take["focal"] * best, size, False, seed)
        if answer is not None:
            frames.append(index)
            poses.append(answer[0])
            counts.append(answer[2])
    return {
        "frames": np.array(frames, np.int64),
        "world_to_camera": np.array(poses).reshape(-1, 4, 4),
        "focal": np.array(take["focal"] * best),
        "sightings": np.array(counts, np.int64),
    }


def _pose(sighting, focal: float, size: tuple[int, int], zoom: bool, seed: int):
    """(pose, focal, points that agree) of a camera by what it sees, None where too little agrees."""
    pixels, points = sighting
    if len(pixels) < FEWEST_POINTS:
        return None
    camera = pycolmap.Camera(
        model="SIMPLE_PINHOLE", width=size[0], height=size[1], params=[focal, size[0] / 2, size[1] / 2]
    )
    estimation, refinement = pycolmap.AbsolutePoseEstimationOptions(), pycolmap.AbsolutePoseRefinementOptions()
    estimation.ransac.max_error = MOST_ERROR * max(size)
    estimation.ransac.random_seed = seed
    estimation.ransac.min_num_trials = 1000
    refinement.refine_focal_length = zoom
    answer = pycolmap.estimate_and_refine_absolute_pose(pixels, points, camera, estimation, refinement)
    if answer is None or answer["num_inliers"] < FEWEST_POINTS:
        return None
    return np.vstack([answer["cam_from_world"].matrix(), [0, 0, 0, 1]]), float(camera.params[0]), answer["num_inliers"]


if __name__ == "__main__":
    colmap.main(main, sys.argv[1])
