"""What the two processes in which COLMAP works have in common: pictures on the disk, their features and matches."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap
from PIL import Image

from fourreal.system import end_with_parent


def main(work: Callable[[Path], None], folder: str) -> None:
    """The whole of such a process's main."""
    end_with_parent()
    pycolmap.logging.minloglevel = 2  # errors only
    work(Path(folder))


def write_pictures(folder: Path, frames: np.ndarray) -> list[str]:
    """(F, H, W, 3) uint8 RGB as 00000.png and so on; their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{index:05d}.png" for index in range(len(frames))]
    for name, frame in zip(names, frames, strict=True):
        Image.fromarray(frame).save(folder / name, compress_level=1)
    return names


def extract(database: Path, images: Path, options: dict) -> None:
    """Features of all pictures in `images`, each folder of which is one camera's.

    options: threads, peak_threshold; rich, see `sfm_process.run_worker`.
    """
    reader = pycolmap.ImageReaderOptions()
    reader.camera_model = "SIMPLE_PINHOLE"
    extraction = pycolmap.FeatureExtractionOptions()
    extraction.num_threads = options["threads"]
    extraction.sift.peak_threshold = options["peak_threshold"]
    extraction.sift.estimate_affine_shape = extraction.sift.domain_size_pooling = options.get("rich", False)
    mode = pycolmap.CameraMode.PER_FOLDER
    pycolmap.extract_features(database, images, camera_mode=mode, reader_options=reader, extraction_options=extraction)


def matching(options: dict) -> dict[str, Any]:
    """How features are matched, for any of COLMAP's ways to pair pictures. options: threads, seed."""
    matching, verification = pycolmap.FeatureMatchingOptions(), pycolmap.TwoViewGeometryOptions()
    matching.num_threads = options["threads"]
    matching.guided_matching = True
    verification.ransac.random_seed = options["seed"]
    return {"matching_options": matching, "verification_options": verification}


def match_pairs(database: Path, folder: Path, pairs: Iterable[str], options: dict) -> None:
    """Match these pairs of pictures, "name name" each, by a list of them in `folder`."""
    pairing = pycolmap.ImportedPairingOptions()
    pairing.match_list_path = str(folder / "pairs.txt")
    (folder / "pairs.txt").write_text("\n".join(pairs), encoding="utf-8")
    pycolmap.match_image_pairs(database, pairing_options=pairing, **matching(options))
