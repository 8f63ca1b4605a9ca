"""Structure from motion in a process of its own: `python -m fourreal.camera.sfm_worker FOLDER`.

COLMAP is C++ that may abort the whole process and cannot be interrupted, so it runs where it can be killed. Only files
pass between the two sides:

    in   frames.npy    (F, H, W, 3) uint8 RGB
         beside.npy    (B, h, w, 3) uint8 RGB, B may be 0: pictures of the same scene from elsewhere, by another lens;
                       they help to place the frames, and have no part in what comes out
         options.json  see `sfm.run_worker`
    out  <stage>.done  an empty file when a stage of `STAGES` is finished
         <mapper>-<k>.npz  one for each model that a mapper found: frames (R,) the frames it placed,
                           world_to_camera (R, 4, 4), focal in pixels, points (P, 3), colours (P, 3) uint8, errors (R,)
                           mean reprojection error in pixels, angle in degrees that the points are seen under,
                           links (L, 2) pairs of frames that were matched,
                           support (L,) the share of their matches that the model explains, matches (L,) their number
         <mapper>-<k>.usual.npz  the same of a model that came out with a long lens, solved with the usual one instead
         matches.npz   see `_gather_matches`
         log.txt       whatever COLMAP prints (written by the parent)
"""

import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap
from PIL import Image

from fourreal.system import end_with_parent
from fourreal.whole import whole

BESIDE = "beside/"
STAGES = ("features", "matches", "global", "incremental")
_FEWEST_MATCHES = 15  # below, COLMAP itself does not trust a pair
# Distance from the epipolar line, in image widths: at 512 pixels the 4 that COLMAP allows when it verifies a match.
_EXPLAINED = 4 / 512
FOCAL_STEPS = 4
ROBUST = 1.0  # pixels by which a point may miss before it counts less and less


def main(folder: Path) -> None:
    options = json.loads((folder / "options.json").read_text(encoding="utf-8"))
    frames = np.load(folder / "frames.npy", allow_pickle=False)
    images = folder / "images"
    images.mkdir()
    beside = np.load(folder / "beside.npy", allow_pickle=False)
    (images / BESIDE).mkdir()
    for place, pictures in (("", frames), (BESIDE, beside)):
        for index, picture in enumerate(pictures):
            Image.fromarray(picture).save(images / f"{place}{index:05d}.png", compress_level=1)
    pycolmap.set_random_seed(options["seed"])

    database = folder / "database.db"
    _extract(database, images, options)
    (folder / "features.done").touch()
    _match(database, options)
    if len(beside):
        _match_beside(database, folder, len(frames), len(beside), options)
    (folder / "matches.done").touch()
    _gather_matches(database, folder)

    def run(name: str, mapper) -> None:
        own = folder / name  # the mappers write into their database, so each has its own
        own.mkdir()
        models = mapper(Path(shutil.copy(database, own)), images, own, options)
        for k, model in enumerate(models.values()):
            if len(_placed(model)) >= 3:
                _save(folder / f"{name}-{k}.npz", **_describe(model, np.load(folder / "matches.npz")))
                long = _camera(model).params[0] > options["long"] * frames.shape[2]
                if len(beside) or long:  # takes as long as a mapper, and gains nothing where the frames leave no gap
                    model = _polished(model, own / "database.db", images, own / f"polished-{k}", options)
                    _save(folder / f"{name}-{k}.npz", **_describe(model, np.load(folder / "matches.npz")))
                if long:
                    focal = options["usual"] * frames.shape[2]
                    model = _polished(model, own / "database.db", images, own / f"usual-{k}", options, focal)
                    _save(folder / f"{name}-{k}.usual.npz", **_describe(model, np.load(folder / "matches.npz")))
        (folder / f"{name}.done").touch()

    # Side by side on one thread each: faster than one after the other on two, and the sums come in a fixed order, so
    # that the same clip gives the same cameras.
    with ThreadPoolExecutor(2) as pool:
        for job in [pool.submit(run, "global", _global), pool.submit(run, "incremental", _incremental)]:
            job.result()


def _extract(database: Path, images: Path, options: dict) -> None:
    reader = pycolmap.ImageReaderOptions()
    reader.camera_model = "SIMPLE_PINHOLE"
    extraction = pycolmap.FeatureExtractionOptions()
    extraction.num_threads = options["threads"]
    extraction.sift.peak_threshold = options["peak_threshold"]
    mode = pycolmap.CameraMode.PER_FOLDER
    pycolmap.extract_features(database, images, camera_mode=mode, reader_options=reader, extraction_options=extraction)


def _match(database: Path, options: dict) -> None:
    matching, verification = _matching(options)
    pairing = pycolmap.SequentialPairingOptions()
    pairing.overlap, pairing.quadratic_overlap = options["overlap"], True
    pycolmap.match_sequential(
        database, matching_options=matching, pairing_options=pairing, verification_options=verification
    )


def _match_beside(database: Path, folder: Path, frames: int, beside: int, options: dict) -> None:
    """Nobody knows which frames a picture from elsewhere is near to, so it is compared with all."""
    matching, verification = _matching(options)
    pairs = [f"{frame:05d}.png {BESIDE}{index:05d}.png" for index in range(beside) for frame in range(frames)]
    (folder / "pairs.txt").write_text("\n".join(pairs), encoding="utf-8")
    pairing = pycolmap.ImportedPairingOptions()
    pairing.match_list_path = str(folder / "pairs.txt")
    pycolmap.match_image_pairs(
        database, matching_options=matching, pairing_options=pairing, verification_options=verification
    )


def _matching(options: dict) -> tuple[pycolmap.FeatureMatchingOptions, pycolmap.TwoViewGeometryOptions]:
    matching, verification = pycolmap.FeatureMatchingOptions(), pycolmap.TwoViewGeometryOptions()
    matching.num_threads = options["threads"]
    matching.guided_matching = True
    verification.ransac.random_seed = options["seed"]
    return matching, verification


def _incremental(database: Path, images: Path, out: Path, options: dict) -> dict:
    mapping = pycolmap.IncrementalPipelineOptions()
    mapping.num_threads = mapping.mapper.num_threads = 1
    mapping.random_seed = mapping.mapper.random_seed = mapping.triangulation.random_seed = options["seed"]
    # From pairs 16 degrees apart (COLMAP's default) it started from wrong matches in two of five clips.
    mapping.mapper.init_min_tri_angle = 8.0
    mapping.max_num_models = 5
    mapping.max_runtime_seconds = options["mapper_seconds"]
    # A bound, not a prior: a prior on the focal length led this mapper astray. A little wider than what is accepted.
    low, high = options["focal_range"]
    mapping.min_focal_length_ratio, mapping.max_focal_length_ratio = 0.8 * low, 1.2 * high
    return pycolmap.incremental_mapping(database, images, out, mapping)


def _global(database: Path, images: Path, out: Path, options: dict) -> dict:
    mapping = pycolmap.GlobalPipelineOptions()
    mapper = mapping.mapper
    mapping.num_threads = mapper.num_threads = mapper.bundle_adjustment.ceres.solver_options.num_threads = 1
    for part in (mapping, mapper, mapper.rotation_averaging, mapper.global_positioning):
        part.random_seed = options["seed"]
    return pycolmap.global_mapping(database, images, out, mapping)


def _polished(
    model: pycolmap.Reconstruction, database: Path, images: Path, out: Path, options: dict, focal: float | None = None
) -> pycolmap.Reconstruction:
    """The model with its points made anew from all matches, and all of it adjusted together.

    A mapper keeps what it believed when it placed a frame, and its last adjustment trusts every match alike.

    focal: which the frames' camera is to have, in pixels; None to find it.
    """
    pipeline = pycolmap.IncrementalPipelineOptions()
    pipeline.num_threads = pipeline.mapper.num_threads = 1
    pipeline.random_seed = pipeline.mapper.random_seed = pipeline.triangulation.random_seed = options["seed"]
    out.mkdir()
    adjustment = pycolmap.BundleAdjustmentOptions()
    adjustment.print_summary = False
    adjustment.ceres.loss_function_type = pycolmap.LossFunctionType.CAUCHY
    adjustment.ceres.loss_function_scale = ROBUST
    adjustment.ceres.solver_options.num_threads = 1
    if focal is not None:  # in small steps, each of which the rest can follow
        adjustment.refine_focal_length = False
        camera = _camera(model)
        for step in np.geomspace(camera.params[0], focal, FOCAL_STEPS + 1)[1:]:
            camera.params = [step, *camera.params[1:]]
            pycolmap.bundle_adjustment(model, adjustment)
    for _ in range(2):
        model = pycolmap.triangulate_points(model, database, images, out, True, pipeline)
        pycolmap.bundle_adjustment(model, adjustment)
    return model


def _gather_matches(database: Path, folder: Path) -> None:
    """Writes matches.npz: verified matches, as pixel pairs with the frames they belong to, for the judgement.

    Among them the share of the frame pairs without depth: a turn on the spot explains them.
    """
    with pycolmap.Database.open(database) as db:
        images = [image for image in db.read_all_images() if not image.name.startswith(BESIDE)]
        frame = {image.image_id: _frame(image.name) for image in images}
        where = {image: np.asarray(db.read_keypoints(image))[:, :2] for image in frame}
        links, firsts, seconds, configs = [], [], [], []
        for pair, geometry in zip(*db.read_two_view_geometries(), strict=True):
            a, b = pycolmap.pair_id_to_image_pair(pair)
            if a not in frame or b not in frame:
                continue
            inliers = np.asarray(geometry.inlier_matches)
            if len(inliers) >= _FEWEST_MATCHES:
                links.append((frame[a], frame[b], len(inliers)))
                firsts.append(where[a][inliers[:, 0]])
                seconds.append(where[b][inliers[:, 1]])
                configs.append(int(geometry.config))
    # COLMAP's kinds of a pair: 5 is "panoramic", 6 "planar or panoramic".
    flat = float(np.isin(configs, (5, 6)).mean()) if configs else 0.0
    empty = [np.zeros((0, 2))]
    _save(
        folder / "matches.npz",
        links=np.array(links, np.int64).reshape(-1, 3),
        first=np.concatenate(firsts or empty),
        second=np.concatenate(seconds or empty),
        without_depth=np.array(flat),
    )


def _describe(model: pycolmap.Reconstruction, matches: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    placed = _placed(model)
    poses = np.stack([np.vstack([image.cam_from_world().matrix(), [0, 0, 0, 1]]) for _, image in placed])
    frames = np.array([frame for frame, _ in placed])
    points = list(model.points3D.values())
    camera = _camera(model)
    focal, principal = camera.params[0], camera.params[1:3]
    links, support = _support(dict(zip(frames.tolist(), poses, strict=True)), focal, principal, matches)
    return {
        "frames": frames,
        "world_to_camera": poses,
        "focal": np.array(focal),
        "points": np.array([point.xyz for point in points]).reshape(-1, 3),
        "colours": np.array([point.color for point in points], np.uint8).reshape(-1, 3),
        "angle": np.array(_angle(model, points)),
        "errors": np.array([_reprojection_error(model, image) for _, image in placed]),
        "links": links[:, :2],
        "matches": links[:, 2],
        "support": support,
    }


def _placed(model: pycolmap.Reconstruction) -> list[tuple[int, pycolmap.Image]]:
    """The frames that a mapper placed, and their numbers, which rise."""
    frames = [image for image in model.images.values() if image.has_pose and not image.name.startswith(BESIDE)]
    return sorted(((_frame(image.name), image) for image in frames), key=lambda pair: pair[0])


def _camera(model: pycolmap.Reconstruction) -> pycolmap.Camera:
    """That of the frames."""
    return model.cameras[_placed(model)[0][1].camera_id]


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


def _support(poses: dict[int, np.ndarray], focal: float, principal: np.ndarray, matches: dict[str, np.ndarray]):
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
        distance = np.abs((y * line_y).sum(1)) / np.maximum(slope, 1e-12) * focal / (2 * principal[0])
        turned = x @ turn.T  # depth_y * y = depth_x * turned + shift
        normal = np.cross(y, turned)
        depth_x = -(np.cross(y, shift) * normal).sum(1) / np.maximum((normal**2).sum(1), 1e-18)
        depth_y = ((depth_x[:, None] * turned + shift) * y).sum(1)
        links.append((a, b, count))
        support.append(np.mean((distance < _EXPLAINED) & (depth_x > 0) & (depth_y > 0)))
    return np.array(links, np.int64).reshape(-1, 3), np.array(support, np.float64)


def _save(path: Path, **arrays: Any) -> None:
    """Whole or not at all: this process may be killed at any moment."""
    with whole(path, path.with_suffix(".part"), sync=False) as part, part.open("wb") as file:
        np.savez(file, **arrays)


def _frame(name: str) -> int:
    return int(Path(name).stem)


if __name__ == "__main__":
    end_with_parent()
    pycolmap.logging.minloglevel = 2  # errors only
    main(Path(sys.argv[1]))
