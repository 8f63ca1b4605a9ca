"""Judges without weights: against the truth where there is one, and how still and steady a video is."""

from collections.abc import Sequence

import torch

from fourreal.camera.subject import frozen_subject
from fourreal.camera.subject_path import stray
from fourreal.clip import Clip
from fourreal.errors import UserError
from fourreal.evaluate.metrics import area_down, psnr, score_size, ssim
from fourreal.judge.values import Question
from fourreal.video.steady import steadiness

MOMENTS = 24  # frames that are compared with the truth, evenly spread


class Truth:
    """PSNR and SSIM, the mean over moments, at the width at which scenes are scored."""

    name, version, batch = "truth", "1", 1

    def __call__(self, questions: Sequence[Question]) -> list[dict[str, float | None]]:
        return [against(one.clip, one.truth) for one in questions]


def against(clip: Clip, truth: Clip | None) -> dict[str, float | None]:
    """Scores of a clip against what it should show; None without that. Raises UserError where they do not fit."""
    if truth is None:
        return {"psnr": None, "ssim": None}
    if abs(clip.size[0] / clip.size[1] - truth.size[0] / truth.size[1]) > 0.02:
        raise UserError("The truth has another shape of picture, so the two cannot be compared: film them alike.")
    size = score_size(min(clip.size, truth.size))
    count = min(MOMENTS, len(clip), len(truth))
    pairs = zip(_shown(clip, count, size), _shown(truth, count, size), strict=True)
    scores = [(psnr(picture, real), ssim(picture, real)) for picture, real in pairs]
    return {name: sum(one[place] for one in scores) / count for place, name in enumerate(("psnr", "ssim"))}


class Stillness:
    """How much of what is followed in the middle of the picture keeps to one rigid scene; jerk and flicker.

    In a plain picture, how well its one thing keeps to a smooth path.
    """

    name, version, batch = "still", "2", 1

    def __call__(self, questions: Sequence[Question]) -> list[dict[str, float | None]]:
        return [self._one(one.clip) for one in questions]

    @staticmethod
    def _one(clip: Clip) -> dict[str, float | None]:
        subject, steady = frozen_subject(clip.frames), steadiness(clip.frames)
        share = stray(clip.frames) if subject.moves is None else subject.share
        return {
            "still": None if share is None else 100 * (1 - share),
            "jerk": None if steady is None else steady.jerk,
            "flicker": None if steady is None else steady.flicker,
        }


def _shown(clip: Clip, count: int, size: tuple[int, int]) -> list[torch.Tensor]:
    """`count` of the pictures in [0, 1], at `size`."""
    frames = clip.sampled(count).frames
    return [area_down(torch.from_numpy(frame).float() / 255, size) for frame in frames]
