"""The child that finds where all cameras stood, before anything is fitted: `python -m fourreal.jobs.placing`.

Asked by `asking.place`. It does what a run does first, with the same code, and leaves its result where a run of these
videos takes it from. The videos are ones that were taken in, so it may start COLMAP's process.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from fourreal.device import pick_device
from fourreal.jobs.children import answer
from fourreal.pipeline import Request
from fourreal.pipeline.footage import Footage, read
from fourreal.pipeline.machine import working_folder
from fourreal.pipeline.placement import Placement
from fourreal.pipeline.reconstruct import about_videos, located
from fourreal.pipeline.request import chosen_preset
from fourreal.pipeline.takes import Further
from fourreal.progress import CancelToken, ignore

MOST_POINTS = 2000


def work(question: Mapping[str, Any]) -> dict[str, Any]:
    request = request_of(question)
    preset = chosen_preset(request, pick_device(request.device))
    with about_videos():
        footage = read(request, preset, ignore)
    with working_folder(request.out) as folder:
        placement, _, observations, similarity = located(request, preset, footage, folder, ignore, CancelToken())
    move = lambda cameras: rounded(similarity.apply_cameras(cameras).world_to_camera, 5)
    some = torch.linspace(0, len(observations.points) - 1, min(len(observations.points), MOST_POINTS)).long()
    return {
        "cameras": move(placement.cameras),
        "reference": move(placement.reference),
        "takes": [
            {"name": take.further.name, "role": take.further.role, "cameras": move(cameras)}
            for take, cameras in zip(footage.takes, placement.takes, strict=True)
        ],
        "points": rounded(observations.points[some], 4),
        "colors": rounded(observations.point_colors[some], 3),
        "notes": notes(footage, placement),
    }


def request_of(question: Mapping[str, Any]) -> Request:
    optional = lambda name: None if question[name] is None else Path(question[name])
    return Request(
        reference=Path(question["reference"]),
        freeze=Path(question["freeze"]),
        out=Path(question["folder"]),
        cameras=optional("cameras"),
        meeting=None if question["meeting"] is None else tuple(question["meeting"]),
        further=tuple(Further(one["role"], Path(one["path"]), one["at"], one["label"]) for one in question["further"]),
        **question["options"],
    )


def notes(footage: Footage, placement: Placement) -> list[str]:
    """How the cameras were found, and what a person should know of the videos."""
    origin, total = placement.cameras.origin, len(footage.freeze_frames)
    lines = [origin.note]
    if origin.method.endswith("sfm"):  # its note is for those who know structure from motion
        lines = [f"The camera was found for {len(placement.frames)} of {total} frames of the freeze-time video."]
    if len(placement.frames) < total:
        lines.append("The others are left out.")
    return [line for line in (*lines, *footage.notes) if line]


def rounded(values: torch.Tensor, digits: int) -> list:
    return values.double().cpu().numpy().round(digits).tolist()


if __name__ == "__main__":
    answer(work)
