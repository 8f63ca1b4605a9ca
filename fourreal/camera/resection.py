"""Where further takes were taken from: their features are found among those of frames whose cameras are known.

What stands still decides; what moved meanwhile disagrees with it and is outvoted (RANSAC).
"""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from fourreal.camera import worker
from fourreal.camera.cameras import Cameras, Origin
from fourreal.camera.sfm import at_side, fill
from fourreal.errors import UserError
from fourreal.progress import CancelToken
from fourreal.settings import SfmSettings
from fourreal.system import processors

LEAST_SHARE = 0.5  # of the frames of a moving take that must be placed; the others are interpolated


@dataclass(frozen=True)
class Unplaced:
    """A take whose cameras are wanted.

    name: for people. frames: (F, h, w, 3) uint8 RGB. still: whether its camera stands still.
    same_lens: whether it was filmed with the focal length of the placed frames; else it is found.
    """

    name: str
    frames: UInt8[np.ndarray, "F h w 3"]
    still: bool
    same_lens: bool = False


def resect(
    placed: UInt8[np.ndarray, "F h w 3"],
    cameras: Cameras,
    takes: list[Unplaced],
    settings: SfmSettings,
    cancel: CancelToken,
    least: float = LEAST_SHARE,
) -> list[Cameras]:
    """The cameras of each take, in the frame of `cameras`, at the take's size: one that stands still, or one a frame.

    least: share of a moving take's frames that has to be placed, in (0, 1].

    Raises:
        UserError: a take shows too little of the same scene; the sentence names it. Or there was no time to find out.
        Cancelled: the person stops.
    """
    small = at_side(placed, settings.max_side)
    scaled = cameras.resized((small.shape[2], small.shape[1]))
    sized = [at_side(take.frames, settings.max_side) for take in takes]
    lens = float(scaled.intrinsics[0]) / max(scaled.size)  # of the same phone held upright it is the same
    with tempfile.TemporaryDirectory(prefix="fourreal-resection-") as name:
        folder = Path(name)
        np.save(folder / "placed.npy", small)
        rows = []
        for number, (take, frames) in enumerate(zip(takes, sized, strict=True)):
            np.save(folder / f"take-{number}.npy", frames)
            rows.append({"still": take.still, "zoom": not take.same_lens, "focal": lens * max(frames.shape[1:3])})
        options = {
            "poses": scaled.world_to_camera.tolist(),
            "intrinsics": scaled.intrinsics.tolist(),
            "takes": rows,
            "seed": settings.seed,
            "threads": processors(),
            "peak_threshold": settings.peak_threshold,
        }
        (folder / "options.json").write_text(json.dumps(options), encoding="utf-8")
        seconds = settings.timeout_seconds * len(takes)
        code = worker.run("fourreal.camera.resection_worker", folder, seconds, cancel, processors())
        if code != 0:  # it says nothing of the videos: a crowded machine must not make them wrong
            why = f"took longer than {seconds:g} seconds, the limit" if code == worker.KILLED else "broke off"
            raise UserError(
                f"Finding where {' and '.join(take.name for take in takes)} was filmed from {why}. Try again when this "
                "machine has less to do, or give the cameras in a cameras.json."
            )
        answers = [_answer(folder / f"take-{number}.npz") for number in range(len(takes))]
    return [
        _cameras(take, answer, frames.shape[2::-1][:2], cameras, least)
        for take, answer, frames in zip(takes, answers, sized, strict=True)
    ]


def _cameras(
    take: Unplaced, answer: dict[str, np.ndarray], worked: tuple[int, int], placed: Cameras, least: float
) -> Cameras:
    count, wanted = len(answer["frames"]), 1 if take.still else least * len(take.frames)
    if count < wanted:
        raise UserError(
            f"{take.name} does not show enough of the scene of the freeze-time video to tell where its camera stood. "
            "Choose a video that shows more of the same surroundings, or give its camera in a cameras.json."
        )
    poses = torch.from_numpy(answer["world_to_camera"])
    if not take.still:
        poses = (
            fill(poses, torch.from_numpy(answer["frames"]), len(take.frames))
            if count > 1
            else poses.expand(len(take.frames), 4, 4)
        )
    width, height = worked
    focal = float(answer["focal"])
    note = f"{count} of its frames were placed by {int(np.median(answer['sightings']))} points each."
    cameras = Cameras(
        poses.float(),
        torch.tensor([focal, focal, width / 2, height / 2]),
        (width, height),
        Origin("resection", placed.origin.confidence, note),
    )
    return cameras.resized((take.frames.shape[2], take.frames.shape[1]))


def _answer(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
