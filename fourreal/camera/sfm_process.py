"""The process that structure from motion runs in, which can be killed: what it is asked, and what it left."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from fourreal.camera import sfm_judge, worker
from fourreal.camera.sfm_judge import Model
from fourreal.progress import CancelToken, Event, Progress
from fourreal.settings import SfmSettings
from fourreal.system import processors

# Share of the frame pairs that a turn on the spot or a zoom explains, above which there is no depth to find. Generated
# clips with real parallax had up to 0.34, a mere pan 1.0.
NO_DEPTH = 0.8
FEWEST_MATCHES = 500  # over all pairs of frames; a clip that could be placed has tens of thousands

MAPPERS = ("global", "incremental")
STAGES = {
    "features": "Finding features",
    "matches": "Matching frames",
    "global": "Placing cameras, all at once",
    "incremental": "Placing cameras, one by one",
}


@dataclass(frozen=True)
class Matches:
    """Points found again: in frame `links[i, 0]` at `first`, in frame `links[i, 1]` at `second`.

    links: (M, 2) frame numbers, one row a match. first, second: (M, 2) pixels of images of `size` (width, height),
    pixel centres at +0.5. without_depth: share of the frame pairs, 0 to 1, that a mere turn of the camera explains.
    """

    links: Int[np.ndarray, "M 2"]
    first: Float[np.ndarray, "M 2"]
    second: Float[np.ndarray, "M 2"]
    size: tuple[int, int]
    without_depth: float

    @property
    def tell(self) -> bool:
        """Whether there are enough of them, with depth, to place cameras by."""
        return len(self.links) >= FEWEST_MATCHES and self.without_depth <= NO_DEPTH


def options_of(frames: int, settings: SfmSettings) -> dict[str, Any]:
    """What the worker reads, beside what it is to do. frames: how many it gets."""
    return {
        "seed": settings.seed,
        "threads": processors(),
        "peak_threshold": settings.peak_threshold,
        "overlap": settings.overlap,
        "focal_range": settings.focal_range,
        "long": settings.long_focal,
        "usual": settings.usual_focal,
        "fewest": sfm_judge.fewest(frames, settings),
        "mapper_seconds": max(1, int(settings.timeout_seconds / 3)),
    }


def run_worker(
    folder: Path,
    frames: UInt8[np.ndarray, "F H W 3"],
    settings: SfmSettings,
    progress: Progress,
    cancel: CancelToken,
    beside: UInt8[np.ndarray, "B h w 3"] | None = None,
    lens: float | None = None,
    rich: bool = False,
) -> bool:
    """Runs `sfm_worker` on `folder`; False if the time was up first. Models finished until then stay there.

    lens: the focal length that the mappers begin with, in the longer side of the picture; None for COLMAP's own, 1.2.
        Where `folder` holds matches already, only they work once more.
    rich: whether features are described as seen from aside and at several sizes, which finds more of them again, and
        takes three times as long.

    Raises Cancelled, and RuntimeError where the worker broke before it had compared the frames.
    """
    if lens is not None:
        for path in (*folder.glob("*-*.npz"), *(folder / f"{mapper}.done" for mapper in MAPPERS)):
            path.unlink(missing_ok=True)
    np.save(folder / "frames.npy", frames)
    np.save(folder / "beside.npy", frames[:0] if beside is None else beside)
    options = options_of(len(frames), settings) | {"lens": lens, "rich": rich}
    done = -1

    def look() -> None:
        nonlocal done
        finished = [stage for stage in STAGES if (folder / f"{stage}.done").exists()]
        if len(finished) > done:
            done = len(finished)
            busy = next((text for stage, text in STAGES.items() if stage not in finished), "")
            progress(Event("cameras", done, len(STAGES), message=busy))

    end = time.monotonic() + settings.timeout_seconds

    def run(*mappers: str) -> int:
        (folder / "options.json").write_text(json.dumps(options | {"mappers": mappers}), encoding="utf-8")
        left = max(end - time.monotonic(), settings.timeout_seconds / 3)  # what a mapper alone needs
        return worker.run("fourreal.camera.sfm_worker", folder, left, cancel, options["threads"], look)

    if (code := run(*MAPPERS)) in (0, worker.KILLED):
        return code == 0
    if not (folder / "matches.npz").exists():
        raise RuntimeError(f"structure from motion broke off: {worker.log_of(folder).strip().splitlines()[-1:]}")
    # One mapper aborted, and the other with it.
    return worker.KILLED not in [run(mapper) for mapper in MAPPERS if not (folder / f"{mapper}.done").exists()]


def read_model(path: Path, side: int) -> Model:
    with np.load(path, allow_pickle=False) as file:
        values = {name: file[name] for name in file.files}
    plain = {"focal": float(values["focal"]) / side, "angle": float(values["angle"]), "miss": float(values["miss"])}
    usual = path.with_suffix(".usual.npz")
    other = read_model(usual, side) if usual.exists() else None
    return Model(mapper=path.stem.split("-")[0], **values | plain, file=path.stem, usual=other)


def read_matches(path: Path, index: np.ndarray, size: tuple[int, int]) -> Matches | None:
    if not path.exists():  # the time was up before
        return None
    with np.load(path, allow_pickle=False) as file:
        links, flat = file["links"], float(file["without_depth"])
        each = np.repeat(index[links[:, :2]], links[:, 2], axis=0)
        return Matches(each, file["first"].astype(float), file["second"].astype(float), size, flat)
