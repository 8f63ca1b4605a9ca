"""Structure from motion in a process of its own: `python -m fourreal.camera.sfm_worker FOLDER`.

COLMAP is C++ that may abort the whole process and cannot be interrupted, so it runs where it can be killed. After an
abort the same folder is worked on again, with the mappers that had not finished. Only files pass between the two sides:

    in   frames.npy    (F, H, W, 3) uint8 RGB
         beside.npy    (B, h, w, 3) uint8 RGB, B may be 0: pictures of the same scene from elsewhere, by another lens;
                       they help to place the frames, and have no part in what comes out
         options.json  see `sfm_process.run_worker`
    out  <stage>.done  an empty file when a stage of `STAGES` is finished
         <mapper>-<k>.npz  one for each model that a mapper found: frames (R,) the frames it placed,
                           world_to_camera (R, 4, 4), focal in pixels, points (P, 3), colours (P, 3) uint8, errors (R,)
                           mean reprojection error in pixels, miss the median one of the points, angle in degrees that
                           these are seen under,
                           links (L, 2) pairs of frames that were matched,
                           support (L,) the share of their matches that the model explains, matches (L,) their number
         <mapper>-<k>.usual.npz  the same of a model that came out with a long lens, solved with the usual one instead
         <mapper>-<k>.sharp.npz  the same of the one that options.json names under "sharpen", in a run of its own
         matches.npz   see `_gather_matches`
         log.txt       whatever COLMAP prints (written by the parent)
"""

import json
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pycolmap
from PIL import Image

from fourreal.camera import colmap
from fourreal.camera.sfm_models import BESIDE, MODELS, camera_of, describe, frame_of, keep, placed, save
from fourreal.camera.worker import PATIENCE

MAPPERS = ("global", "incremental")
STAGES = ("features", "matches", *MAPPERS)
_FEWEST_MATCHES = 15  # below, COLMAP itself does not trust a pair
FOCAL_STEPS = 4
SHARP = 1.0  # pixels by which a match may miss in the end
ROBUST = 1.0  # pixels by which a point may miss before it counts less and less


def main(folder: Path) -> None:
    options = json.loads((folder / "options.json").read_text(encoding="utf-8"))
    options["began"] = time.monotonic()
    pycolmap.set_random_seed(options["seed"])
    if options.get("sharpen"):
        _sharpen(folder, options["sharpen"], options)
        return
    if not (folder / "matches.npz").exists():
        _prepare(folder, options)

    # side by side on one thread each: faster than one after the other on two
    with ThreadPoolExecutor(len(MAPPERS)) as pool:
        for job in [pool.submit(_map, folder, name, options) for name in options["mappers"]]:
            job.result()


def _prepare(folder: Path, options: dict) -> None:
    """The database: features of all pictures, and their matches."""
    frames = np.load(folder / "frames.npy", allow_pickle=False)
    beside = np.load(folder / "beside.npy", allow_pickle=False)
    images, database = folder / "images", folder / "database.db"
    names, others = (colmap.write_pictures(images / place, one) for place, one in (("", frames), (BESIDE, beside)))
    colmap.extract(database, images, options)
    (folder / "features.done").touch()
    pairing = pycolmap.SequentialPairingOptions()
    pairing.overlap, pairing.quadratic_overlap = options["overlap"], True
    pycolmap.match_sequential(database, pairing_options=pairing, **colmap.matching(options))
    if others:  # nobody knows which frames a picture from elsewhere is near to, so it is compared with all
        colmap.match_pairs(database, folder, [f"{name} {BESIDE}{other}" for other in others for name in names], options)
    (folder / "matches.done").touch()
    _gather_matches(database, folder)


def _map(folder: Path, name: str, options: dict) -> None:
    """All models of a mapper, each with its points made anew where that helps."""
    images, own = folder / "images", folder / name  # the mappers write into their database, so each has its own
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    database = Path(shutil.copy(folder / "database.db", own))
    if options["lens"] is not None:
        _begin_with(database, options["lens"])
    side, beside = max(Image.open(images / "00000.png").size), any((images / BESIDE).iterdir())
    matches = dict(np.load(folder / "matches.npz"))
    mapper = {"global": _global, "incremental": _incremental}[name]
    for k, model in enumerate(mapper(database, images, own, options).values()):
        if len(placed(model)) < 3:
            continue
        keep(folder, f"{name}-{k}", model, matches)
        focal = camera_of(model).params[0] / side
        # The rest takes as long as a mapper, and COLMAP has aborted in it over models that nobody would believe.
        if len(placed(model)) < options["fewest"] or focal > options["focal_range"][1]:
            continue
        if (long := focal > options["long"]) or beside:  # it gains nothing where the frames leave no gap
            model = _polished(model, database, images, own / f"polished-{k}", options)
            keep(folder, f"{name}-{k}", model, matches)
        if long:
            model = _polished(model, database, images, own / f"usual-{k}", options, options["usual"] * side)
            keep(folder, f"{name}-{k}.usual", model, matches)
    (folder / f"{name}.done").touch()


def _sharpen(folder: Path, name: str, options: dict) -> None:
    """A model once more, from what it sees to a pixel only: <mapper>-<k>.sharp.npz.

    Mappers believe what lies within four pixels, and among that are points next to those meant, always to the same
    side: over an arc of 137 degrees they added up to 0.8 degrees.
    """
    model = pycolmap.Reconstruction(folder / MODELS / name)
    database = folder / name.split("-")[0] / "database.db"
    focal = camera_of(model).params[0] if name.endswith(".usual") else None
    out = folder / MODELS / f"{name}.work"
    model = _polished(
        model,
        database,
        folder / "images",
        out,
        options,
        focal,
        within=SHARP,
        loss=SHARP / 4,
        threads=options["threads"],
    )
    save(folder / f"{name}.sharp.npz", **describe(model, dict(np.load(folder / "matches.npz"))))


def _begin_with(database: Path, lens: float) -> None:
    """Another focal length to begin with, in the longer side of the picture."""
    with pycolmap.Database.open(database) as db:
        for camera in db.read_all_cameras():
            camera.params = [lens * max(camera.width, camera.height), *camera.params[1:]]
            db.update_camera(camera)


def _incremental(database: Path, images: Path, out: Path, options: dict) -> dict:
    mapping = pycolmap.IncrementalPipelineOptions()
    mapping.num_threads = mapping.mapper.num_threads = 1
    mapping.random_seed = mapping.mapper.random_seed = mapping.triangulation.random_seed = options["seed"]
    # From pairs 16 degrees apart (COLMAP's default) it started from wrong matches in two of five clips.
    mapping.mapper.init_min_tri_angle = 8.0
    mapping.max_num_models = 5
    mapping.max_runtime_seconds = round(options["mapper_seconds"] * _crowding(options["began"]))
    # A bound, not a prior: a prior on the focal length led this mapper astray. A little wider than what is accepted.
    low, high = options["focal_range"]
    mapping.min_focal_length_ratio, mapping.max_focal_length_ratio = 0.8 * low, 1.2 * high
    return pycolmap.incremental_mapping(database, images, out, mapping)


def _crowding(began: float) -> float:
    """How much longer than on an idle machine things took so far, from 1 to PATIENCE."""
    return min(PATIENCE, max(1.0, (time.monotonic() - began) / max(time.process_time(), 1e-3)))


def _global(database: Path, images: Path, out: Path, options: dict) -> dict:
    mapping = pycolmap.GlobalPipelineOptions()
    mapper = mapping.mapper
    mapping.num_threads = mapper.num_threads = mapper.bundle_adjustment.ceres.solver_options.num_threads = 1
    for part in (mapping, mapper, mapper.rotation_averaging, mapper.global_positioning):
        part.random_seed = options["seed"]
    return pycolmap.global_mapping(database, images, out, mapping)


def _polished(
    model: pycolmap.Reconstruction,
    database: Path,
    images: Path,
    out: Path,
    options: dict,
    focal: float | None = None,
    within: float = 4.0,
    loss: float = ROBUST,
    threads: int = 1,
) -> pycolmap.Reconstruction:
    """The model with its points made anew from all matches, and all of it adjusted together.

    A mapper keeps what it believed when it placed a frame, and its last adjustment trusts every match alike.

    focal: which the frames' camera is to have, in pixels; None to find it. within: pixels by which a match may miss.
    loss: pixels from which on it counts less and less.
    """
    pipeline = pycolmap.IncrementalPipelineOptions()
    pipeline.num_threads = pipeline.mapper.num_threads = threads
    triangulation = pipeline.triangulation
    triangulation.complete_max_reproj_error = triangulation.merge_max_reproj_error = within
    pipeline.mapper.filter_max_reproj_error = within
    pipeline.random_seed = pipeline.mapper.random_seed = pipeline.triangulation.random_seed = options["seed"]
    out.mkdir()
    adjustment = pycolmap.BundleAdjustmentOptions()
    adjustment.print_summary = False
    adjustment.ceres.loss_function_type = pycolmap.LossFunctionType.CAUCHY
    adjustment.ceres.loss_function_scale = loss
    adjustment.ceres.solver_options.num_threads = threads
    adjustment.refine_focal_length = focal is None
    camera = camera_of(model)
    if focal is not None and focal != camera.params[0]:  # in small steps, each of which the rest can follow
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
        frame = {image.image_id: frame_of(image.name) for image in images}
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
    save(
        folder / "matches.npz",
        links=np.array(links, np.int64).reshape(-1, 3),
        first=np.concatenate(firsts or empty),
        second=np.concatenate(seconds or empty),
        without_depth=np.array(flat),
    )


if __name__ == "__main__":
    colmap.main(main, sys.argv[1])
