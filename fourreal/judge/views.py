"""Whether the frames of a freeze-time video are views of one scene: found a place for, and agreeing about depth."""

from collections.abc import Sequence

import torch

from fourreal.camera.align import normalise
from fourreal.camera.estimate import Estimate, estimate_cameras
from fourreal.camera.layout import azimuths, scene_centre, world_up
from fourreal.clip import Clip
from fourreal.errors import UserError
from fourreal.fit.sweep import sweep
from fourreal.judge.values import Question
from fourreal.progress import CancelToken, ignore
from fourreal.settings import SfmSettings

WIDTH = 128  # pixels at which depth is looked for
MOST = 48  # frames


class Views:
    name, version, batch = "views", "1", 1

    def __call__(self, questions: Sequence[Question]) -> list[dict[str, float | None]]:
        return [self._one(one.clip.sampled(MOST)) for one in questions]

    @staticmethod
    def _one(clip: Clip) -> dict[str, float | None]:
        try:
            estimate = estimate_cameras(clip.frames, SfmSettings(), ignore, CancelToken())
        except UserError:  # no place for any of them is an answer, and the worst one
            return {"placed": 0.0, "degrees": None, "agreement": 0.0}
        centre, up = scene_centre(estimate.cameras, estimate.points), world_up(estimate.cameras)
        around = azimuths(estimate.cameras, centre, up, estimate.cameras[0])
        return {
            "placed": 100 * len(estimate.registered) / len(clip),
            "degrees": float((around.max() - around.min()).rad2deg()),
            "agreement": agreement(clip, estimate),
        }


def agreement(clip: Clip, estimate: Estimate) -> float:
    """Percent of the pixels of all frames whose depth, found by stereo, two other views confirm."""
    placed = estimate.registered
    if len(placed) < 3:
        return 0.0
    frames = torch.from_numpy(clip.frames[placed.numpy()]).float() / 255
    cameras = estimate.cameras[placed]
    factor = max(1, round(clip.size[0] / WIDTH))
    pixels = len(placed) * (clip.size[0] // factor) * (clip.size[1] // factor)
    points = sweep(frames, normalise(cameras).apply_cameras(cameras), WIDTH)
    return 100 * len(points.positions) / pixels * len(placed) / len(clip)
