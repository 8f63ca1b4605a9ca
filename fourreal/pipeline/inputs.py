"""What a person hands in, read, checked and thinned out: the two videos and where they were taken from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from fourreal import clip
from fourreal.camera import known
from fourreal.camera.cameras import Cameras
from fourreal.camera.estimate import estimate_cameras
from fourreal.camera.match import find_frozen_frame, moving_camera, still_camera
from fourreal.clip import Clip, sample_indices
from fourreal.errors import UserError
from fourreal.fit.artifacts import Packed, pack_cameras, unpack_cameras
from fourreal.fit.canonical import below
from fourreal.progress import CancelToken, Event, Progress
from fourreal.settings import Preset, SfmSettings

ASPECT_TOLERANCE = 0.02
FEWEST = 3  # freeze-time frames to fit to


@dataclass(frozen=True)
class Footage:
    """The frames that are used of both videos.

    reference_frames, freeze_frames: which frames of the files these are.
    totals: how many frames the files have, reference first. hashes: of the files.
    meeting: the reference frame that was frozen and the freeze-time frame with the reference camera's pose, as numbers
        in the files; both are among the frames that are used.
    notes: what a person should know about them.
    """

    reference: Clip
    freeze: Clip
    reference_frames: list[int]
    freeze_frames: list[int]
    totals: tuple[int, int]
    hashes: tuple[str, str]
    meeting: tuple[int, int]
    notes: tuple[str, ...] = ()

    def key(self) -> list:
        return [self.hashes, self.reference_frames, self.freeze_frames]

    def manifest(self) -> dict:
        rows = zip(("reference", "freeze"), self.hashes, self.totals, (self.reference, self.freeze), strict=True)
        return {
            "inputs": {n: {"sha256": h, "frames": t, "size": list(c.size)} for n, h, t, c in rows},
            "reference_frames": self.reference_frames,
        }


@dataclass(frozen=True)
class Placement:
    """Where the freeze-time frames were taken from, and how the two videos meet.

    cameras: of the freeze-time frames `frames` (numbers in the file), in the input's frame; reference: F = 1.
    canonical: the reference frame that was frozen; freeze_reference: the freeze-time frame with its pose.
    points, point_colors: (P, 3) sparse points and their RGB in [0, 1].
    given: whether a person gave the cameras.
    """

    cameras: Cameras
    reference: Cameras
    frames: list[int]
    canonical: int
    freeze_reference: int
    given: bool
    points: Float[Tensor, "P 3"] = field(default_factory=lambda: torch.zeros(0, 3))
    point_colors: Float[Tensor, "P 3"] = field(default_factory=lambda: torch.zeros(0, 3))

    def key(self) -> list:
        poses = [self.cameras.world_to_camera.tolist(), self.reference.world_to_camera.tolist()]
        return [poses, self.cameras.intrinsics.tolist(), self.frames, self.canonical, self.freeze_reference, self.given]

    def pack(self) -> Packed:
        tensors, description = pack_cameras(self.cameras)
        tensors = {f"cameras.{k}": v for k, v in tensors.items()}
        tensors |= {"points": self.points, "point_colors": self.point_colors}
        numbers = {"frames": self.frames, "canonical": self.canonical, "freeze_reference": self.freeze_reference}
        return tensors | {"reference": self.reference.world_to_camera}, description | numbers

    @classmethod
    def unpack(cls, tensors: Mapping[str, Tensor], description: dict) -> "Placement":
        cameras = unpack_cameras(below(tensors, "cameras"), description)
        reference = Cameras(tensors["reference"], cameras.intrinsics, cameras.size, cameras.origin)
        numbers = {k: description[k] for k in ("frames", "canonical", "freeze_reference")}
        return cls(
            cameras, reference, **numbers, given=False, points=tensors["points"], point_colors=tensors["point_colors"]
        )


def read(request, preset: Preset, progress: Progress) -> Footage:
    """Both videos, checked against each other and thinned out to what the preset takes.

    Raises:
        UserError: a file that is no video, frames that are out of range, videos of different shapes.
    """
    progress(Event("videos", message="reading the videos"))
    reference, freeze = clip.read(request.reference), clip.read(request.freeze)
    totals = len(reference), len(freeze)
    same_shape(reference, freeze, request.freeze)
    in_range(request.canonical_frame, totals[0], "--canonical-frame", "reference video")
    for frame in (request.freeze_reference_frame, *request.hold_out_freeze):
        in_range(frame, totals[1], "--freeze-reference-frame / --hold-out-freeze", "freeze-time video")
    check_held_out(request, min(totals[1], preset.freeze_frames))
    notes = [motion.sentence] if (motion := moving_camera(reference.frames)).moves else []
    if not (frozen := still_camera(freeze.frames)).moves and "freeze-time" not in request.without:
        if request.cameras is None:
            raise UserError(frozen.sentence)
        if not request.refine_poses:  # else they were commanded, and a plain floor does not show them
            notes.append(f"{frozen.sentence} The cameras of {request.cameras.name} are believed all the same.")
    canonical, freeze_reference = meeting(request, reference, freeze)  # thinned out, the frames might be missing
    reference_frames = sample_indices(totals[0], preset.reference_frames, [canonical]).tolist()
    keep = [freeze_reference, *request.hold_out_freeze]
    freeze_frames = sample_indices(totals[1], preset.freeze_frames, keep).tolist()
    for note in notes:
        progress(Event("videos", message=note))
    hashes = clip.content_hash(request.reference), clip.content_hash(request.freeze)
    return Footage(
        reference.sampled(preset.reference_frames, [canonical]),
        freeze[freeze_frames],
        reference_frames,
        freeze_frames,
        totals,
        hashes,
        (canonical, freeze_reference),
        tuple(notes),
    )


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
    aspect = rw / rh
    if abs(fw / fh / aspect - 1) <= ASPECT_TOLERANCE:
        return
    width, height = (round(fh * aspect / 2) * 2, fh) if fw / fh > aspect else (fw, round(fw / aspect / 2) * 2)
    raise UserError(
        f"The two videos have different shapes: the reference is {rw}x{rh}, the freeze-time video {fw}x{fh}. If both "
        f"show the same picture, crop one: ffmpeg -i {path.name} -vf crop={width}:{height} cropped.mp4"
    )


def in_range(frame: int | None, total: int, option: str, video: str) -> None:
    if frame is not None and not 0 <= frame < total:
        raise UserError(f"{option}: there is no frame {frame}; the {video} has frames 0 to {total - 1}.")


def fit_size(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    """(width, height) of about `pixels`, the same shape, even, never larger than `size`."""
    scale = min(1.0, math.sqrt(pixels / (size[0] * size[1])))
    return max(2, round(size[0] * scale / 2) * 2), max(2, round(size[1] * scale / 2) * 2)


def to_unit(frames: Clip) -> Float[Tensor, "F H W 3"]:
    """Pixels in [0, 1]."""
    return torch.from_numpy(frames.frames).float() / 255


def known_placement(request, footage: Footage) -> Placement:
    """Cameras as a file gives them."""
    given = known.read(request.cameras).for_clips(footage.freeze.size, footage.totals[1], footage.totals[0])
    canonical, freeze_reference = footage.meeting
    return Placement(
        cameras=given.freeze[footage.freeze_frames],
        reference=given.reference[0],
        frames=list(footage.freeze_frames),
        canonical=canonical,
        freeze_reference=freeze_reference,
        given=True,
    )


def estimated_placement(request, footage: Footage, progress: Progress, cancel: CancelToken) -> Placement:
    """Cameras found from the freeze-time frames; the reference camera is that of the frame both videos share."""
    found = estimate_cameras(footage.freeze.frames, SfmSettings(), progress, cancel)
    progress(Event("cameras", message=f"{found.origin.method}: {found.origin.note}"))
    registered = found.registered.tolist()
    frames, cameras = [footage.freeze_frames[i] for i in registered], found.cameras[registered]
    canonical, freeze_reference = footage.meeting
    if freeze_reference not in frames:
        freeze_reference = stand_in(request, footage, frames)
        progress(Event("cameras", message=f"Frame {freeze_reference} stands in for one that could not be placed."))
    return Placement(
        cameras=cameras,
        reference=cameras[frames.index(freeze_reference)],
        frames=frames,
        canonical=canonical,
        freeze_reference=freeze_reference,
        given=False,
        points=found.points,
        point_colors=found.colours,
    )


def meeting(request, reference: Clip, freeze: Clip) -> tuple[int, int]:
    """(canonical frame, freeze-time frame of the same pose) of two whole videos.

    What the person or the cameras file says comes first, then where they were seen to meet before; what is left is
    looked for among all frames.

    Raises:
        UserError: no two frames, or not the two given ones, show the same scene from the same pose.
    """
    canonical, freeze_reference = request.canonical_frame, request.freeze_reference_frame
    if request.cameras is not None:
        given = known.read(request.cameras).for_clips(freeze.size, len(freeze), len(reference))
        canonical = first(canonical, given.canonical_index)
        freeze_reference = first(freeze_reference, given.freeze_reference_index)
    if request.meeting is not None:
        in_range(request.meeting[0], len(reference), "Where the two videos meet", "reference video")
        in_range(request.meeting[1], len(freeze), "Where the two videos meet", "freeze-time video")
        return first(canonical, request.meeting[0]), first(freeze_reference, request.meeting[1])
    best = find_frozen_frame(reference.frames, freeze.frames, canonical, freeze_reference)
    return best.canonical_index, best.freeze_reference_index


def stand_in(request, footage: Footage, frames: list[int]) -> int:
    """The freeze-time frame among `frames`, those that were placed, that shows what the one of the meeting does.

    Raises:
        UserError: none does, or the person wants no other.
    """
    canonical, missing = footage.meeting
    said = f"Frame {missing} of the freeze-time video could not be placed, so the reference camera is unknown. "
    if request.freeze_reference_frame is not None:
        raise UserError(f"{said}Leave --freeze-reference-frame out, or give the cameras with --cameras.")
    placed = footage.freeze.frames[[footage.freeze_frames.index(frame) for frame in frames]]
    try:
        best = find_frozen_frame(footage.reference.frames, placed, footage.reference_frames.index(canonical))
    except UserError as error:
        raise UserError(
            f"{said}Give the cameras with --cameras, or a freeze-time video that shows more of the scene around it."
        ) from error
    return frames[best.freeze_reference_index]


def first(*values: int | None) -> int | None:
    """The first that is not None."""
    return next((v for v in values if v is not None), None)
