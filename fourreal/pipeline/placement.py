"""Where every frame of every take was taken from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.camera import resection
from fourreal.camera.cameras import Cameras, invert_rigid
from fourreal.camera.estimate import estimate_cameras
from fourreal.camera.match import find_frozen_frame
from fourreal.camera.resection import LEAST_SHARE, Unplaced
from fourreal.errors import UserError
from fourreal.fit.artifacts import Packed, pack_cameras, unpack_cameras
from fourreal.pipeline.footage import Footage, Take
from fourreal.pipeline.put_right import alike_in_shape
from fourreal.progress import CancelToken, Event, Progress
from fourreal.settings import SfmSettings
from fourreal.splat.packing import below, under

STILL_FRAMES = 5  # of a camera that stands still, that are looked at together
EXACT = 0.95  # likeness of the two frames of the meeting from which they have one pose, and not nearly one
SAME_LENS = 1e-3  # of the longer side of the picture: of a focal length that was taken for granted, and not found
NEARLY_ALL = 0.9  # share of a moving take's frames that a scene of the right focal length places


@dataclass(frozen=True)
class Placement:
    """Where the freeze-time frames were taken from, and how the videos meet.

    cameras: of the freeze-time frames `frames` (numbers in the file), in the input's frame.
    reference: F = 1, or one of each reference frame that is used where it moves.
    canonical: the reference frame that was frozen, None where the scene has to tell.
    freeze_reference: the freeze-time frame with its pose, or with the nearest to it.
    given: whether a person gave the cameras.
    exact: whether the reference camera is as sure as those of the freeze-time frames.
    points, point_colors: (P, 3) sparse points and their RGB in [0, 1].
    takes: cameras of each further take, one or one of each frame; takes_exact: which of these a person
        gave, or are those of a freeze-time frame.
    """

    cameras: Cameras
    reference: Cameras
    frames: list[int]
    canonical: int | None
    freeze_reference: int
    given: bool
    exact: bool = True
    points: Float[Tensor, "P 3"] = field(default_factory=lambda: torch.zeros(0, 3))
    point_colors: Float[Tensor, "P 3"] = field(default_factory=lambda: torch.zeros(0, 3))
    takes: tuple[Cameras, ...] = ()
    takes_exact: tuple[bool, ...] = ()

    def key(self) -> list:
        poses = [self.cameras.world_to_camera.tolist(), self.reference.world_to_camera.tolist()]
        meets = [self.frames, self.canonical, self.freeze_reference, self.given]
        parts = [poses, self.cameras.intrinsics.tolist(), *meets]
        if not self.exact:
            parts.append(self.reference.intrinsics.tolist())
        return parts + [[take.world_to_camera.tolist(), take.intrinsics.tolist()] for take in self.takes]

    def pack(self) -> Packed:
        tensors, description = {"points": self.points, "point_colors": self.point_colors}, {}
        named = {"cameras": self.cameras, "reference": self.reference}
        named |= {f"take{number}": take for number, take in enumerate(self.takes)}
        for name, cameras in named.items():
            packed, description[name] = pack_cameras(cameras)
            tensors |= under(name, packed)
        plain = {name: getattr(self, name) for name in ("frames", "canonical", "freeze_reference", "given", "exact")}
        return tensors, description | plain | {"takes_exact": list(self.takes_exact)}

    @classmethod
    def unpack(cls, tensors: Mapping[str, Tensor], description: dict) -> "Placement":
        read = lambda name: unpack_cameras(below(tensors, name), description[name])
        plain = {name: description[name] for name in ("frames", "canonical", "freeze_reference", "given", "exact")}
        names = ("takes_exact", "takes_given", "known")  # today's, and those of versions before
        takes_exact = next(description[name] for name in names if name in description)
        takes = tuple(read(f"take{number}") for number in range(len(takes_exact)))
        return cls(
            read("cameras"),
            read("reference"),
            **plain,
            points=tensors["points"],
            point_colors=tensors["point_colors"],
            takes=takes,
            takes_exact=tuple(takes_exact),
        )


def given_placement(footage: Footage, cancel: CancelToken) -> Placement:
    """Cameras as a file gives them; those of takes that it does not name are found beside them."""
    assert footage.given is not None
    given = footage.given.for_clips(footage.freeze.size, footage.totals[1], footage.totals[0])
    assert given.reference is not None
    assert given.freeze is not None
    reference = given.reference.resized(footage.reference.size)
    start = Placement(
        cameras=given.freeze[footage.freeze_frames],
        reference=reference if len(reference) == 1 else reference[footage.reference_frames],
        frames=list(footage.freeze_frames),
        canonical=footage.canonical,
        freeze_reference=footage.meeting[1] if footage.meeting else 0,
        given=True,
    )
    if footage.meeting is None:
        start = replace(start, freeze_reference=nearest(start))
    named = {take.further.name: given.more.get(take.further.name) for take in footage.takes}
    return with_takes(start, footage, named, cancel)


def estimated_placement(request, footage: Footage, progress: Progress, cancel: CancelToken) -> Placement:
    """Cameras found from the freeze-time frames; the reference camera is that of the frame both videos share, or found
    by what stands still.
    """
    usual = SfmSettings()
    start, shared = circled(request, footage, usual, progress, cancel)
    if abs(float(start.cameras.intrinsics[0]) / max(start.cameras.size) - usual.usual_focal) > SAME_LENS:
        return with_takes(start, footage, {}, cancel, shared)
    # The freeze-time video alone does not tell its long focal length from the usual one. The other videos do: nearly
    # all of their frames fit into the scene of the right one, half of them into that of the wrong.
    try:
        return with_takes(start, footage, {}, cancel, shared, NEARLY_ALL)
    except UserError:
        progress(Event("cameras", message="the other videos do not fit the usual focal length: the long one is tried"))
    longer = replace(usual, long_focal=usual.focal_range[1])
    again, still_shared = circled(request, footage, longer, progress, cancel)
    try:
        return with_takes(again, footage, {}, cancel, still_shared)
    except UserError:
        return with_takes(start, footage, {}, cancel, shared)


def circled(
    request, footage: Footage, settings: SfmSettings, progress: Progress, cancel: CancelToken
) -> tuple[Placement, bool]:
    """What the freeze-time frames alone tell, and whether the reference video shares a pose with one of them."""
    # A reference camera that stood elsewhere may have stood in a gap of the freeze-time camera's path.
    beside = some_of(footage.reference.frames) if footage.meeting is None else None
    estimate = estimate_cameras(footage.freeze.frames, settings, progress, cancel, beside, footage.circling)
    progress(Event("cameras", message=f"{estimate.origin.method}: {estimate.origin.note}"))
    registered = estimate.registered.tolist()
    frames, cameras = [footage.freeze_frames[i] for i in registered], estimate.cameras[registered]
    met = footage.meeting
    if met and met[1] not in frames and request.freeze_reference_frame is not None:
        raise UserError(
            f"Frame {met[1]} of the freeze-time video could not be placed, so the reference camera is unknown. Leave "
            "--freeze-reference-frame out, or give the cameras with --cameras."
        )
    shared = met is not None and met[1] in frames
    place = met[1] if met is not None and shared else frames[0]
    start = Placement(
        cameras=cameras,
        reference=cameras[frames.index(place)].resized(footage.reference.size) if shared else cameras[0],
        frames=frames,
        canonical=footage.canonical,
        freeze_reference=place,
        given=False,
        exact=shared and footage.still and footage.likeness >= EXACT,
        points=estimate.points,
        point_colors=estimate.colours,
    )
    return start, shared


def with_takes(
    start: Placement,
    footage: Footage,
    named: Mapping[str, Cameras | None],
    cancel: CancelToken,
    shared: bool = True,
    least: float = LEAST_SHARE,
) -> Placement:
    """The placement with what is still missing: cameras of further takes, and of the reference video where it has not
    `shared` a pose with a freeze-time frame or moves. A further reference video may share one, too.

    named: cameras of takes that a file gives, by the take's file name, for any size. least: share of a moving take's
    frames that has to be placed.
    """
    sightings = [sighted(take, named.get(take.further.name), start, footage) for take in footage.takes]
    lost = not start.given and not (shared and footage.still)
    unplaced = [sighting.unplaced for sighting in sightings if sighting.cameras is None]
    if lost:
        unplaced.insert(0, unplaced_take("The reference video", footage.reference.frames, footage.still, shared))
    if not unplaced:
        answers = []
    else:
        placed = footage.freeze.frames[[footage.freeze_frames.index(frame) for frame in start.frames]]
        answers = resection.resect(placed, start.cameras, unplaced, SfmSettings(), cancel, least)
    if lost:
        start = replace(start, reference=answers.pop(0))
        if shared and start.canonical is not None:
            camera = start.cameras[start.frames.index(start.freeze_reference)]
            at = footage.reference_frames.index(start.canonical)
            start = replace(start, reference=anchored(start.reference, at, camera))
        elif not shared:
            start = replace(start, freeze_reference=nearest(start))
    takes = [one.anchored(answers.pop(0)) if one.cameras is None else one.cameras for one in sightings]
    exact = tuple(one.cameras is not None for one in sightings)
    return replace(start, takes=tuple(takes), takes_exact=exact)


@dataclass(frozen=True)
class Sighting:
    """What is known of a further take's cameras before its frames are looked for in the scene.

    cameras: its cameras where a person gave them, or where it stands still in the pose of a freeze-time frame.
    shared: the place of the frame of it that was taken from the pose of a freeze-time frame, and the camera of that
        one; None where none was.
    """

    take: Take
    cameras: Cameras | None
    shared: tuple[int, Cameras] | None = None

    @property
    def unplaced(self) -> Unplaced:
        return unplaced_take(self.take.further.name, self.take.clip.frames, self.take.still, self.shared is not None)

    def anchored(self, path: Cameras) -> Cameras:
        """The path that its frames tell, tied to the pose that is shared."""
        return path if self.shared is None else anchored(path, *self.shared)


def sighted(take: Take, given: Cameras | None, start: Placement, footage: Footage) -> Sighting:
    """given: the take's cameras, for any size, where a person knows them."""
    if given is not None:
        return Sighting(take, given.resized(take.clip.size))
    if take.further.role != "reference" or not alike_in_shape(take.clip, footage.freeze):
        return Sighting(take, None)
    placed = [footage.freeze_frames.index(frame) for frame in start.frames]
    try:
        alike = find_frozen_frame(take.clip.frames, footage.freeze.frames[placed])
    except UserError:  # it stood elsewhere
        return Sighting(take, None)
    if alike.score < EXACT:
        return Sighting(take, None)
    camera = start.cameras[alike.freeze_reference_index].resized(take.clip.size)
    return Sighting(take, camera if take.still else None, (alike.canonical_index, camera))


def unplaced_take(name: str, frames: np.ndarray, still: bool, same_lens: bool = False) -> Unplaced:
    """Of a camera that stands still some frames are enough, of another all are looked for."""
    return Unplaced(name, some_of(frames) if still else frames, still, same_lens)


def some_of(frames: np.ndarray) -> np.ndarray:
    """A few of the frames, (STILL_FRAMES, H, W, 3) at most, evenly spaced."""
    return frames[np.linspace(0, len(frames) - 1, min(STILL_FRAMES, len(frames))).round().astype(int)]


def anchored(path: Cameras, at: int, exact: Cameras) -> Cameras:
    """The path of a camera that moves, such that its pose number `at` is the `exact` one of a freeze-time frame: what
    resection gets wrong there it gets wrong elsewhere, too.
    """
    poses = path.world_to_camera.double()
    moved = poses @ invert_rigid(poses[at]) @ exact.world_to_camera[0].double()
    return replace(path, world_to_camera=moved.float())


def nearest(start: Placement) -> int:
    """The freeze-time frame taken from nearest to the reference camera, in place and direction."""
    mine, theirs = start.reference[len(start.reference) // 2], start.cameras
    away = (theirs.centres - mine.centres[0]).norm(dim=-1) / theirs.centres.std(dim=0).norm().clamp(min=1e-6)
    turned = 1 - theirs.forward @ mine.forward[0]
    return start.frames[int((away + turned).argmin())]
