"""The child that takes a video in: decode whatever it is, write H.264 and a small picture of each frame.

`python -m fourreal.jobs.intake`, asked by `asking.take_in`. A file may be anything, so nothing of an upload is
decoded elsewhere.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from fourreal import clip
from fourreal.clip import Clip
from fourreal.clip.flaws.interlace import deinterlaced, interlaced
from fourreal.errors import UserError
from fourreal.jobs.children import answer
from fourreal.jobs.places import FRAME_FILE
from fourreal.settings import ClipLimits

FRAME_WIDTH = 320
LOOKED_AT, COLUMNS = 30, 512  # frames of a large video, and about so many columns, for whether they are interlaced


def work(question: Mapping[str, Any]) -> dict[str, Any]:
    path, folder = Path(question["path"]), Path(question["folder"])
    if not path.is_file() or path.is_symlink():
        raise UserError(f"{question['name']} is no file. Choose a video file.")
    limits = replace(ClipLimits(), max_bytes=question["max_bytes"])
    try:
        mend = one_field if combed(path, question["max_side"], limits) else None
        whole = clip.read(path, limits, max_side=question["max_side"], thin=True, mend=mend)
        excerpt = cut(whole, question)
    except UserError as error:  # in the words of the person, who never saw our name for the file
        raise UserError(str(error).replace(path.name, question["name"])) from error
    if question["as_is"]:
        shutil.copyfile(path, folder / "clip.mp4")
    else:
        clip.write(excerpt, folder / "clip.mp4")
    width, height = excerpt.size
    info = {
        "width": width + width % 2,  # as it is written
        "height": height + height % 2,
        "fps": round(excerpt.fps, 4),
        "frames": len(excerpt),
        "seconds": round(excerpt.seconds, 3),
        **({"interlaced": True} if mend else {}),
    }
    thumbnails(excerpt, folder)
    info["bytes"] = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    (folder / "info.json").write_text(json.dumps(info | {"name": question["name"]}), encoding="utf-8")
    for file in (folder / "clip.mp4", folder / "info.json"):
        with file.open("rb+") as handle:
            os.fsync(handle.fileno())
    return info


def combed(path: Path, max_side: int, limits: ClipLimits) -> bool:
    """Whether the frames of a file are interlaced and larger than what is kept, so that nobody could see it later."""
    info = clip.probe(path, replace(limits, max_frames=clip.MOST_COUNTED))
    if max(info.width, info.height) <= max_side:
        return False
    step = 1 + info.width // COLUMNS  # lines tell, and some columns of them will do
    return interlaced(np.stack([picture[:, ::step] for picture in clip.beginning(path, LOOKED_AT, limits)]))


def one_field(picture: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "H W 3"]:
    return deinterlaced(picture[None])[0]


def cut(whole: Clip, question: Mapping[str, Any]) -> Clip:
    """The part that was asked for. Raises UserError where that has less than two frames."""
    if question["frames"] is not None:
        first, last = question["frames"]
        stop = last + 1
    else:
        first = round(max(question["start"], 0) * whole.fps)
        stop = len(whole) if question["end"] is None else round(question["end"] * whole.fps)
    stop = min(stop, len(whole))
    if stop - first < 2 or first < 0:
        raise UserError(
            f"Too little is left of {question['name']}: it has {len(whole)} frames in {whole.seconds:.1f} seconds. "
            "Keep two frames or more."
        )
    excerpt = whole if (first, stop) == (0, len(whole)) else whole[first:stop]
    return excerpt[::-1] if question["reverse"] else excerpt


def thumbnails(excerpt: Clip, folder: Path) -> None:
    """frames/0000.jpg and so on, at most `FRAME_WIDTH` wide and as tall as a phone's picture of that width."""
    scale = min(1.0, FRAME_WIDTH / excerpt.size[0], 2 * FRAME_WIDTH / excerpt.size[1])
    size = max(1, round(excerpt.size[0] * scale)), max(1, round(excerpt.size[1] * scale))
    (folder / "frames").mkdir()
    for number, frame in enumerate(excerpt.frames):
        small = Image.fromarray(clip.Clip(frame[None], 1.0).resized(size).frames[0])
        small.save(folder / FRAME_FILE.format(number), quality=85)


if __name__ == "__main__":
    answer(work, reads=["path"], writes=["folder"])
