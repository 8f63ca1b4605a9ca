"""The child that reads a cameras.json which somebody gave, and says whether it belongs to two videos.

`python -m fourreal.jobs.given`, asked by `asking.given_cameras`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fourreal.camera import cameras_file
from fourreal.jobs.children import answer


def work(question: Mapping[str, Any]) -> dict[str, Any]:
    width, height = question["size"]
    cameras = cameras_file.read(Path(question["path"])).for_clips(
        (width, height), question["freeze_frames"], question["reference_frames"]
    )
    return {"cameras": 0 if cameras.freeze is None else len(cameras.freeze)}


if __name__ == "__main__":
    answer(work, reads=["path"])
