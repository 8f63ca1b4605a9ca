"""What a person hands in, read, checked and thinned out: videos, and which of their frames are used."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fourreal import clip
from fourreal.camera import cameras_file
from fourreal.camera.cameras_file import CamerasFile
from fourreal.camera.match import find_frozen_frame, moving_camera, still_camera
from fourreal.clip import Clip, sample_indices
from fourreal.clip.flaws import Cleaned, cleaned, refuse_cuts, without_lone_overlay
from fourreal.clip.value import ASPECT_TOLERANCE, aspect_ratio
from fourreal.errors import UserError
from fourreal.pipeline.takes import Further
from fourreal.progress import Event, Progress
from fourreal.settings import Preset, check_takes

FEWEST = 3  # freeze-time frames to fit to
SAME_RATE = 0.02  # rates this close are the same: frames go by their numbers

Mask = Bool[Tensor, "H W"]


@dataclass(frozen=True)
class Take:
    """The frames that are used of a further video.

    further: what was handed in. clip: the frames; frames: which of the file these are.
    codes: for each its moment, as a place among the reference frames that are used.
    still: whether its camera stands still. total: frames of the file; hash: of it. mask: what of the picture is scene.
    notes: what was put right.
    """

    further: Further
    clip: Clip
    frames: list[int]
    codes: list[int]
    still: bool
    total: int
    hash: str
    mask: Mask | None = None
    notes: tuple[str, ...] = ()

    def key(self) -> list:
        return [self.further.role, self.hash, self.frames, self.codes, self.still]

    def manifest(self) -> dict:
        return {
            "role": self.further.role,
            "file": self.further.name,
            "sha256": self.hash,
            "frames": self.total,
            "used": self.frames,
            "size": list(self.clip.size),
        }


@dataclass(frozen=True)
class Footage:
    """The frames that are used of all videos.

    reference_frames, freeze_frames: which frames of the files these are.
    totals: how many frames the files have, reference first. hashes: of the files.
    meeting: the reference frame that was frozen and the freeze-time frame with the reference camera's pose, as numbers
        in the files; both are among the frames that are used. None where the reference camera stood elsewhere.
    likeness: of the two frames of the meeting, up to 1.
    canonical: the reference frame that was frozen, where it is known; else it is found from the scene.
    still: whether the reference camera stands still. given: what the cameras file says, None without one.
    notes: what a person should know about them.
    """

    reference: Clip
    freeze: Clip
    reference_frames: list[int]
    freeze_frames: list[int]
    totals: tuple[int, int]
    hashes: tuple[str, str]
    meeting: tuple[int, int] | None
    notes: tuple[str, ...] = ()
    likeness: float = 1.0
    canonical: int | None = None
    still: bool = True
    masks: tuple[Mask | None, Mask | None] = (None, None)
    takes: tuple[Take, ...] = ()
    given: CamerasFile | None = None

    def key(self) -> list:
        more = [take.key() for take in self.takes] + ([] if self.still else ["the reference camera moves"])
        return [self.hashes, self.reference_frames, self.freeze_frames, *([more] if more else [])]

    def manifest(self) -> dict:
        rows = zip(("reference", "freeze"), self.hashes, self.totals, (self.reference, self.freeze), strict=True)
        takes = {"takes": [take.manifest() for take in self.takes]} if self.takes else {}
        return {
            "inputs": {n: {"sha256": h, "frames": t, "size": list(c.size)} for n, h, t, c in rows},
            "reference_frames": self.reference_frames,
            **takes,
        }


def read(request, preset: Preset, progress: Progress) -> Footage:
    """All videos, put right, checked against each other and thinned out to what the preset takes.

    Raises:
        UserError: a file that is no video, frames that are out of range, takes that have nothing in common.
    """
    progress(Event("videos", message="reading the videos"))
    whole = clip.read(request.reference), clip.read(request.freeze)
    totals = len(whole[0]), len(whole[1])
    given = None if request.cameras is None else cameras_file.read(request.cameras)
    if given is not None:
        same_shape(*whole, request.freeze)
    in_range(request.canonical_frame, totals[0], "--canonical-frame", "reference video")
    for frame in (request.freeze_reference_frame, *request.hold_out_freeze):
        in_range(frame, totals[1], "--freeze-reference-frame / --hold-out-freeze", "freeze-time video")
    check_held_out(request, min(totals[1], preset.freeze_frames))
    check_further(request.further, totals[0])
    frozen = put_right(request, "The freeze-time video", request.freeze, whole[1], True)
    running = put_right(request, "The reference video", request.reference, whole[0], False, frozen)
    met, likeness = meeting(request, given, running, frozen)  # thinned out, the frames might be missing
    if met:
        twin = frozen.clip.frames[nearest_place(frozen, met[1])]
        running = without_lone_overlay(running, nearest_place(running, met[0]), twin)
    notes = [
        f"{name}: {finding.sentence}"
        for name, one in (("Reference", running), ("Freeze-time", frozen))
        for finding in one.findings
    ]
    reference, freeze = running.clip, frozen.clip
    if not (moves := still_camera(freeze.frames)).moves and "freeze-time" not in request.without:
        if request.cameras is None:
            raise UserError(moves.sentence)
        if not request.refine_poses:  # else they were commanded, and a plain floor does not show them
            notes.append(f"{moves.sentence} The cameras of {request.cameras.name} are believed all the same.")
    canonical = met[0] if met else first(request.canonical_frame, None if given is None else given.canonical_index)
    still = stands_still(given, reference)
    if not still:
        notes.append("The camera of the reference video moves; where it was is found frame by frame.")
    moments = [frozen_moment(further, running) for further in request.further if further.role == "freeze"]
    keep = sorted({nearest_place(running, frame) for frame in [canonical, *moments] if frame is not None})
    used = sample_indices(len(reference), preset.reference_frames, keep).tolist()
    reference_frames = [running.frames[i] for i in used]
    held = [frame for frame in request.hold_out_freeze if frame in frozen.frames]
    keep = [frozen.frames.index(frame) for frame in {*([met[1]] if met else []), *held}]
    chosen = sample_indices(len(freeze), preset.freeze_frames, keep).tolist()
    takes, frozen_at = [], iter(moments)
    for further in request.further:
        at = next(frozen_at) if further.role == "freeze" else None
        takes.append(read_take(request, further, at, whole[0].fps, reference_frames, frozen, preset, progress))
        notes += takes[-1].notes
    for note in notes:
        progress(Event("videos", message=note))
    pace = max(len(used) - 1, 1) / max(len(reference) - 1, 1)
    return Footage(
        reference=Clip(reference.frames[used], reference.fps * pace),
        freeze=freeze[chosen],
        reference_frames=reference_frames,
        freeze_frames=[frozen.frames[i] for i in chosen],
        totals=totals,
        hashes=(clip.content_hash(request.reference), clip.content_hash(request.freeze)),
        meeting=met,
        notes=tuple(notes),
        likeness=likeness,
        canonical=canonical if canonical is None else running.frames[nearest_place(running, canonical)],
        still=still,
        masks=(scene_mask(running), scene_mask(frozen)),
        takes=tuple(takes),
        given=given,
    )


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


def read_take(
    request,
    further: Further,
    moment: int | None,
    fps: float,
    reference_frames: list[int],
    beside: Cleaned,
    preset: Preset,
    progress: Progress,
) -> Take:
    """A further video, thinned out.

    moment: of a freeze-time take, the reference frame that was frozen. fps: of the first reference video.
    """
    name = further.name
    progress(Event("videos", message=f"reading {name}"))
    whole = clip.read(further.path)
    freezes = further.role == "freeze"
    result = put_right(request, name, further.path, whole, freezes, None if freezes else beside)
    codes: list[int]
    if moment is not None:
        places = sample_indices(len(result.clip), preset.freeze_frames).tolist()
        at = min(range(len(reference_frames)), key=lambda i: abs(reference_frames[i] - moment))
        codes, still = [at] * len(places), False
        if not (moves := still_camera(result.clip.frames)).moves:
            raise UserError(f"{name}: {moves.sentence}")
    else:
        places, codes = simultaneous(further, result, whole.fps / fps, reference_frames)
        still = not moving_camera(result.clip.frames).moves
    frames = [result.frames[i] for i in places]
    notes = tuple(f"{name}: {finding.sentence}" for finding in result.findings)
    digest = clip.content_hash(further.path)
    return Take(
        further=further,
        clip=result.clip[places],
        frames=frames,
        codes=codes,
        still=still,
        total=len(whole),
        hash=digest,
        mask=scene_mask(result),
        notes=notes,
    )


def simultaneous(
    further: Further, result: Cleaned, pace: float, reference_frames: list[int]
) -> tuple[list[int], list[int]]:
    """(places of frames of a further reference take, those of the reference frames in whose moments they were taken).

    pace: its frames a second, in those of the first reference video.
    """
    pace = 1.0 if abs(pace - 1) < SAME_RATE else pace
    begin = further.at or 0
    where = {frame: place for place, frame in enumerate(result.frames)}
    at = {code: where.get(round((frame - begin) * pace)) for code, frame in enumerate(reference_frames)}
    both = {code: place for code, place in at.items() if place is not None}
    if not both:
        raise UserError(
            f"{further.name} and the first reference video have no moment in common, as it would begin at frame "
            f"{begin} of that. Say at which frame it begins.",
            "--offset N does so.",
        )
    return list(both.values()), list(both)


def frozen_moment(further: Further, running: Cleaned) -> int:
    """The reference frame that a further freeze-time take shows frozen: the person's word, or found by looking."""
    if further.at is not None:
        return further.at
    try:
        return running.frames[find_frozen_frame(running.clip.frames, clip.read(further.path).frames).canonical_index]
    except UserError as error:
        raise UserError(
            f"It cannot be seen which moment of the reference video {further.name} shows. Say which frame was frozen.",
            f"--freeze {further.path.name}@FRAME does so.",
        ) from error


def stands_still(given: CamerasFile | None, reference: Clip) -> bool:
    """Whether the reference camera does: as a cameras file says, else by looking."""
    if given is not None:
        return given.reference is None or len(given.reference) == 1
    return not moving_camera(reference.frames).moves


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


def fit_size(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    """(width, height) of about `pixels`, the same shape, even, never larger than `size`."""
    scale = min(1.0, math.sqrt(pixels / (size[0] * size[1])))
    return max(2, round(size[0] * scale / 2) * 2), max(2, round(size[1] * scale / 2) * 2)


def to_unit(frames: Clip) -> Float[Tensor, "F H W 3"]:
    """Pixels in [0, 1]."""
    return torch.from_numpy(frames.frames).float() / 255


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
