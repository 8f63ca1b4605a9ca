"""What options may say: from text to values, refused with those that are possible."""

import argparse
import math
from pathlib import Path

from fourreal.scene.film import SIZES

# What `--without` switches off.
ABLATIONS = {
    "per-frame-deformation": "the field that explains inconsistencies of the freeze-time frames",
    "small-motion": "the loss that keeps that field small",
    "exposure": "gain and bias of each freeze-time frame",
    "freeze-time": "the freeze-time video in stage one; only its reference frame is left",
    "joint-finetune": "fine-tuning on both videos at the end",
    "growth": "new splats, in both stages",
    "regularisers": "rigidity, smoothness and norm of the motion",
    "hinges": "limbs that turn about joints",
    "pose-refinement": "improving estimated cameras together with the splats",
    "multi-view-sds": "the video model's criticism in stage one, with --critic",
    "joint-sds": "its criticism of views and times in stage two, with --critic",
}


def whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)


def integer(text: str) -> int:
    sign = text[:1] == "-"
    return -whole(text[1:]) if sign else whole(text)


def frozen_at(text: str) -> tuple[Path, int | None]:
    """A video, and after an @ the frame that it shows frozen; a file that is called so comes first."""
    name, at, frame = text.rpartition("@")
    if not at or not name or Path(text).exists() or not (frame.isascii() and frame.isdigit()):
        return Path(text), None
    return Path(name), whole(frame)


def positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def frame_list(text: str) -> tuple[int, ...]:
    try:
        return tuple(sorted({whole(part.strip()) for part in text.split(",")}))
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of frames such as 4,12,20: {error}") from error


def video_and_frame(text: str) -> tuple[Path, int]:
    name, equals, frame = text.rpartition("=")  # the last one, as a path may have others
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not a video and its freeze-time frame such as side.mp4=7")
    try:
        return Path(name), whole(frame)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} does not end in a frame, as side.mp4=7 does: {error}") from error


def film_size(text: str) -> tuple[int, int]:
    return SIZES[text] if text in SIZES else width_height(text)


def width_height(text: str) -> tuple[int, int]:
    parts = text.lower().split("x")
    if len(parts) != 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 512x288")
    return whole(parts[0]), whole(parts[1])


def degrees(text: str) -> float:
    value = positive(text)
    if value > 360:
        raise argparse.ArgumentTypeError(f"{text!r} is not an angle from 1 to 360 degrees")
    return value


def ablations(text: str) -> str:
    if text not in ABLATIONS:
        raise argparse.ArgumentTypeError(f"no part is called {text!r}; choose from {', '.join(ABLATIONS)}")
    return text
