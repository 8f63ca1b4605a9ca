"""The frames that a run uses: all videos read, put right, checked against each other and thinned out."""

from dataclasses import dataclass, replace

from fourreal import clip
from fourreal.camera import cameras_file
from fourreal.camera.cameras_file import CamerasFile
from fourreal.camera.match import CameraMotion, moving_camera, still_camera
from fourreal.clip import Clip, sample_indices
from fourreal.clip.flaws import Cleaned, without_lone_overlay
from fourreal.errors import UserError, of
from fourreal.pipeline.put_right import (
    SWAPPED,
    TWICE,
    Mask,
    check_further,
    check_held_out,
    first,
    frozen_moment,
    goes_around_what_is_frozen,
    in_range,
    meeting,
    nearest_place,
    put_right,
    same_shape,
    scene_mask,
    stands_still,
)
from fourreal.pipeline.takes import Further
from fourreal.progress import Event, Progress
from fourreal.settings import Preset

SAME_RATE = 0.02  # rates this close are the same: frames go by their numbers


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
    still: whether the reference camera stands still. circling: how the freeze-time camera moves, over all frames of its
        video. given: what the cameras file says, None without one.
    notes: what a person should know about them.
    """

    reference: Clip
    freeze: Clip
    reference_frames: list[int]
    freeze_frames: list[int]
    totals: tuple[int, int]
    hashes: tuple[str, str]
    meeting: tuple[int, int] | None
    circling: CameraMotion
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
    progress(Event("videos"))
    hashes = clip.content_hash(request.reference), clip.content_hash(request.freeze)
    if hashes[0] == hashes[1] and "freeze-time" not in request.without:
        raise UserError(TWICE)
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
        of(name, finding.sentence)
        for name, one in (("The reference video", running), ("The freeze-time video", frozen))
        for finding in one.findings
    ]
    reference, freeze = running.clip, frozen.clip
    circling = still_camera(freeze.frames)
    if not circling.moves and "freeze-time" not in request.without:
        if request.cameras is None:
            raise UserError(SWAPPED if goes_around_what_is_frozen(reference) else circling.sentence)
        if not request.refine_poses:  # else they were commanded, and a plain floor does not show them
            notes.append(
                "The freeze-time video hardly shows that its camera moves; the cameras that came with it are used."
            )
    canonical = met[0] if met else first(request.canonical_frame, None if given is None else given.canonical_index)
    still = stands_still(given, reference)
    if not still:
        notes.append("The camera of the reference video moves; where it was is found frame by frame.")
    # of a freeze-time take it has to be known which moment it shows before frames are left out
    frozen_takes = {
        further: read_freeze(request, further, running, preset, progress)
        for further in request.further
        if further.role == "freeze"
    }
    moments = [moment for moment, _ in frozen_takes.values()]
    keep = sorted({nearest_place(running, frame) for frame in [canonical, *moments] if frame is not None})
    picks = sample_indices(len(reference), preset.reference_frames, keep).tolist()
    reference_frames = [running.frames[i] for i in picks]
    held = [frame for frame in request.hold_out_freeze if frame in frozen.frames]
    keep = [frozen.frames.index(frame) for frame in {*([met[1]] if met else []), *held}]
    chosen = sample_indices(len(freeze), preset.freeze_frames, keep).tolist()
    takes = []
    for further in request.further:
        if further in frozen_takes:
            moment, take = frozen_takes[further]
            at = min(range(len(reference_frames)), key=lambda i: abs(reference_frames[i] - moment))
            takes.append(replace(take, codes=[at] * len(take.frames)))
        else:
            takes.append(read_reference(request, further, whole[0].fps, reference_frames, frozen, progress))
        notes += takes[-1].notes
    for note in notes:
        progress(Event("videos", message=note))
    pace = max(len(picks) - 1, 1) / max(len(reference) - 1, 1)
    return Footage(
        reference=Clip(reference.frames[picks], reference.fps * pace),
        freeze=freeze[chosen],
        reference_frames=reference_frames,
        freeze_frames=[frozen.frames[i] for i in chosen],
        totals=totals,
        hashes=hashes,
        meeting=met,
        circling=circling,
        notes=tuple(notes),
        likeness=likeness,
        canonical=canonical if canonical is None else running.frames[nearest_place(running, canonical)],
        still=still,
        masks=(scene_mask(running), scene_mask(frozen)),
        takes=tuple(takes),
        given=given,
    )


def read_freeze(request, further: Further, running: Cleaned, preset: Preset, progress: Progress) -> tuple[int, Take]:
    """The reference frame that a further freeze-time video shows frozen, and its frames, which still lack codes."""
    progress(Event("videos", message=f"reading {further.name}"))
    whole = clip.read(further.path)
    moment = frozen_moment(further, whole, running)
    result = put_right(request, further.name, further.path, whole, True)
    if not (motion := still_camera(result.clip.frames)).moves:
        raise UserError(of(further.name, motion.sentence))
    return moment, used(further, result, len(whole), sample_indices(len(result.clip), preset.freeze_frames).tolist())


def read_reference(
    request, further: Further, fps: float, reference_frames: list[int], beside: Cleaned, progress: Progress
) -> Take:
    """The frames of a further reference video. fps: of the first one."""
    progress(Event("videos", message=f"reading {further.name}"))
    whole = clip.read(further.path)
    result = put_right(request, further.name, further.path, whole, False, beside)
    places, codes = simultaneous(further, result, whole.fps / fps, reference_frames)
    still = not moving_camera(result.clip.frames).moves
    return replace(used(further, result, len(whole), places), codes=codes, still=still)


def used(further: Further, result: Cleaned, total: int, places: list[int]) -> Take:
    """A further video of which the frames at `places` are used, `total` before it was put right."""
    return Take(
        further=further,
        clip=result.clip[places],
        frames=[result.frames[i] for i in places],
        codes=[],
        still=False,
        total=total,
        hash=clip.content_hash(further.path),
        mask=scene_mask(result),
        notes=tuple(of(further.name, finding.sentence) for finding in result.findings),
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
