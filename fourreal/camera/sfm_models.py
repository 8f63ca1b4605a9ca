"""What `sfm_worker` writes of COLMAP's models, for a judge who does not have COLMAP: arrays, whole or not at all."""

from pathlib import Path
from typing import Any

import numpy as np
import pycolmap

from fourreal.whole import whole

BESIDE = "beside/"  # where among the images the pictures from elsewhere are
MODELS = "models"
# Distance from the epipolar line, in the longer side of the picture: at 512 pixels the 4 that COLMAP allows when it
# verifies a match.
_EXPLAINED = 4 / 512


def describe(model: pycolmap.Reconstruction, matches: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of <mapper>-<k>.npz, see `sfm_worker`. matches: those of matches.npz."""
    seen = placed(model)
    poses = np.stack([np.vstack([image.cam_from_world().matrix(), [0, 0, 0, 1]]) for _, image in seen])
    frames = np.array([frame for frame, _ in seen])
    points = list(model.points3D.values())
    focal, principal = camera_of(model).params[0], camera_of(model).params[1:3]
    links, support = support_of(dict(zip(frames.tolist(), poses, strict=True)), focal, principal, matches)
    return {
        "frames": frames,
        "world_to_camera": poses,
        "focal": np.array(focal),
        "points": np.array([point.xyz for point in points]).reshape(-1, 3),
        "colours": np.array([point.color for point in points], np.uint8).reshape(-1, 3),
        "angle": np.array(_angle(model, points)),
        "miss": np.array(float(np.median([point.error for point in points])) if points else np.inf),
        "errors": np.array([_reprojection_error(model, image) for _, image in seen]),
        "links": links[:, :2],
        "matches": links[:, 2],
        "support": support,
    }


def placed(model: pycolmap.Reconstruction) -> list[tuple[int, pycolmap.Image]]:
    """The frames that a mapper placed, and their numbers, which rise."""
    frames = [image for image in model.images.values() if image.has_pose and not image.name.startswith(BESIDE)]
    return sorted(((frame_of(image.name), image) for image in frames), key=lambda pair: pair[0])


def camera_of(model: pycolmap.Reconstruction) -> pycolmap.Camera:
    """That of the frames."""
    return model.cameras[placed(model)[0][1].camera_id]


def _angle(model: pycolmap.Reconstruction, points: list) -> float:
    """The median over the points of the widest angle, in degrees, under which two frames see one."""
    centre = {number: image.projection_center() for number, image in model.images.items() if image.has_pose}
    widest = []
    for point in points:
        rays = np.array([centre[e.image_id] for e in point.track.elements if e.image_id in centre]) - point.xyz
        rays /= np.maximum(np.linalg.norm(rays, axis=1, keepdims=True), 1e-12)
        if len(rays) > 1:
            widest.append(np.degrees(np.arccos(np.clip((rays @ rays.T).min(), -1, 1))))
    return float(np.median(widest)) if widest else 0.0


def _reprojection_error(model: pycolmap.Reconstruction, image: pycolmap.Image) -> float:
    errors = [model.points3D[p.point3D_id].error for p in image.points2D if p.has_point3D()]
    return float(np.mean(errors)) if errors else float("inf")


def support_of(poses: dict[int, np.ndarray], focal: float, principal: np.ndarray, matches: dict[str, np.ndarray]):
    """For each matched pair of placed frames the share of its matches that lie on the model's epipolar line
    (Sampson's distance) and in front of both cameras.
    """
    ends = np.cumsum(matches["links"][:, 2])
    links, support = [], []
    for (a, b, count), end in zip(matches["links"].tolist(), ends.tolist(), strict=True):
        if a not in poses or b not in poses:
            continue
        x, y = (
            np.c_[(matches[side][end - count : end] - principal) / focal, np.ones(count)]
            for side in ("first", "second")
        )
        relative = poses[b] @ np.linalg.inv(poses[a])
        turn, shift = relative[:3, :3], relative[:3, 3]
        essential = np.cross(shift, np.eye(3)).T @ turn
        line_y, line_x = x @ essential.T, y @ essential
        slope = np.sqrt((line_y[:, :2] ** 2).sum(1) + (line_x[:, :2] ** 2).sum(1))
        distance = np.abs((y * line_y).sum(1)) / np.maximum(slope, 1e-12) * focal / (2 * principal.max())
        turned = x @ turn.T  # depth_y * y = depth_x * turned + shift
        normal = np.cross(y, turned)
        depth_x = -(np.cross(y, shift) * normal).sum(1) / np.maximum((normal**2).sum(1), 1e-18)
        depth_y = ((depth_x[:, None] * turned + shift) * y).sum(1)
        links.append((a, b, count))
        support.append(np.mean((distance < _EXPLAINED) & (depth_x > 0) & (depth_y > 0)))
    return np.array(links, np.int64).reshape(-1, 3), np.array(support, np.float64)


def keep(folder: Path, name: str, model: pycolmap.Reconstruction, matches: dict[str, np.ndarray]) -> None:
    """A model for the judge, and as COLMAP reads it."""
    (folder / MODELS / name).mkdir(parents=True, exist_ok=True)
    model.write(folder / MODELS / name)
    save(folder / f"{name}.npz", **describe(model, matches))


def save(path: Path, **arrays: Any) -> None:
    """Whole or not at all: this process may be killed at any moment."""
    with whole(path, path.with_suffix(".part"), sync=False) as part, part.open("wb") as file:
        np.savez(file, **arrays)


def frame_of(name: str) -> int:
    return int(Path(name).stem)
