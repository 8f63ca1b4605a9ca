"""Whole videos, before they are thinned out: put right, refused where they cannot serve, and where they meet."""

from pathlib import Path

import torch
from jaxtyping import Bool
from torch import Tensor

from fourreal.camera.cameras_file import CamerasFile
from fourreal.camera.match import find_frozen_frame, moving_camera, still_camera
from fourreal.camera.subject import frozen_subject
from fourreal.clip import Clip
from fourreal.clip.flaws import Cleaned, cleaned, refuse_cuts
from fourreal.clip.value import ASPECT_TOLERANCE, aspect_ratio
from fourreal.errors import UserError
from fourreal.pipeline.takes import Further
from fourreal.settings import check_takes

FEWEST = 3  # freeze-time frames to fit to
TWICE = (
    "The reference video and the freeze-time video are the same video. Hand in two: one in which the subject moves, "
    "and one in which the camera goes around it while it holds still."
)
SWAPPED = (
    "The two videos look swapped: in the freeze-time video the camera stands still, in the reference video it goes "
    "around a subject that holds still. Hand them in the other way round."
)

Mask = Bool[Tensor, "H W"]


def put_right(request, name: str, path: Path, whole: Clip, travels: bool, beside: Cleaned | None = None) -> Cleaned:
    """A clip without what is not scene. Raises Unusable where it is cut to another shot."""
    given = request.cameras is not None
    result = cleaned(whole, travels, request.longer_part, given, beside)
    refuse_cuts(name, path, result, request.longer_part)
    return result


def scene_mask(result: Cleaned) -> Mask | None:
    """What of the pictures is scene; None for all."""
    return None if result.mask is None else torch.from_numpy(result.mask)


def nearest_place(result: Cleaned, frame: int) -> int:
    """Where among the frames that remain the one is that comes nearest to `frame` of the file."""
    return min(range(len(result.frames)), key=lambda i: abs(result.frames[i] - frame))


def frozen_moment(further: Further, whole: Clip, running: Cleaned) -> int:
    """The reference frame that `whole`, a further freeze-time take, shows frozen: the person's word, or found by
    looking.
    """
    if further.at is not None:
        return further.at
    try:
        return running.frames[find_frozen_frame(running.clip.frames, whole.frames).canonical_index]
    except UserError as error:
        raise UserError(
            f"It cannot be seen which moment of the reference video {further.name} shows. Say which frame was frozen.",
            f"--freeze {further.path.name}@FRAME does so.",
        ) from error


def goes_around_what_is_frozen(video: Clip) -> bool:
    """Whether a video is what a freeze-time video should be."""
    return still_camera(video.frames).moves and frozen_subject(video.frames).moves is False


def stands_still(given: CamerasFile | None, reference: Clip) -> bool:
    """Whether the reference camera does: as a cameras file says, else by looking."""
    if given is not None:
        return given.reference is None or len(given.reference) == 1
    return not moving_camera(reference.frames).moves


def meeting(
    request, given: CamerasFile | None, running: Cleaned, frozen: Cleaned
) -> tuple[tuple[int, int] | None, float]:
    """((canonical frame, freeze-time frame of the same pose) as numbers in the two files, how alike they are).

    What the person or the cameras file says comes first, then where they were seen to meet before; what is left is
    looked for among all frames. The two are None where no frames show the same scene from the same pose.

    Raises:
        UserError: the two that the person named do not.
    """
    canonical, freeze_reference = request.canonical_frame, request.freeze_reference_frame
    if given is not None:
        given = given.for_clips(frozen.clip.size, len(frozen.clip), len(running.clip))
        canonical = first(canonical, given.canonical_index)
        freeze_reference = first(freeze_reference, given.freeze_reference_index)
    if request.meeting is not None:
        in_range(request.meeting[0], running.frames[-1] + 1, "Where the two videos meet", "reference video")
        in_range(request.meeting[1], frozen.frames[-1] + 1, "Where the two videos meet", "freeze-time video")
        if request.meeting[1] in frozen.frames:
            return (
                request.meeting[0] if canonical is None else canonical,
                request.meeting[1] if freeze_reference is None else freeze_reference,
            ), 1.0
    at = lambda one, frame: None if frame is None else nearest_place(one, frame)
    try:
        if not alike_in_shape(running.clip, frozen.clip):
            raise UserError("The two videos have different shapes, so they share no viewpoint.")
        best = find_frozen_frame(
            running.clip.frames, frozen.clip.frames, at(running, canonical), at(frozen, freeze_reference)
        )
    except UserError:
        if freeze_reference is not None:
            raise
        return None, 0.0
    return (running.frames[best.canonical_index], frozen.frames[best.freeze_reference_index]), best.score


def alike_in_shape(reference: Clip, freeze: Clip) -> bool:
    return abs(aspect_ratio(reference.size, freeze.size) - 1) <= ASPECT_TOLERANCE


def first(*values: int | None) -> int | None:
    """The first that is not None."""
    return next((v for v in values if v is not None), None)


def check_further(further: tuple[Further, ...], total: int) -> None:
    """Raises UserError where there are too many, or moments that the reference video does not have."""
    check_takes(len(further))
    for take in further:
        if take.role == "freeze":
            in_range(take.at, total, f"--freeze {take.path.name}@{take.at}", "reference video")


def check_held_out(request, frames: int) -> None:
    """Raises UserError where of the `frames` that are read too few are left to fit to."""
    fewest = 1 if "freeze-time" in request.without else FEWEST  # the one in which the videos meet
    if frames - len(set(request.hold_out_freeze)) < fewest:
        raise UserError(
            f"Too few freeze-time frames are left to fit to: this preset takes {frames} frames of the video, and those "
            f"that are held out are among them. Leave {fewest} or more: hold out fewer, at most "
            f"{max(0, frames - fewest)}."
        )


def same_shape(reference: Clip, freeze: Clip, path: Path) -> None:
    """Raises UserError where the aspect ratios differ by more than 2%, and offers a crop."""
    (rw, rh), (fw, fh) = reference.size, freeze.size
    if alike_in_shape(reference, freeze):
        return
    aspect = rw / rh
    width, height = (round(fh * aspect / 2) * 2, fh) if fw / fh > aspect else (fw, round(fw / aspect / 2) * 2)
    raise UserError(
        f"The two videos have different shapes: the reference is {rw}x{rh}, the freeze-time video {fw}x{fh}. If both "
        f"show the same picture, crop one: ffmpeg -i {path.name} -vf crop={width}:{height} cropped.mp4"
    )


def in_range(frame: int | None, total: int, option: str, video: str) -> None:
    if frame is not None and not 0 <= frame < total:
        raise UserError(f"{option}: there is no frame {frame}; the {video} has frames 0 to {total - 1}.")
