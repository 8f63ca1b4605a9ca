"""Where a video model is to film from, and in which parts: shots of the moving scene from a standing camera."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.camera.cameras import Cameras
from fourreal.fit.distill import SceneAt
from fourreal.fit.observations import Observations
from fourreal.fit.trajectories import Shot, Window, looked_at, model_size
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.rasterize import rasterize
from fourreal.video.capabilities import Capabilities

NEAR = math.radians(8)  # a camera no farther than this from one that filmed shows nothing new
MARGIN = 0.3  # of the moving part's extent, around it: room for motion that the scene does not have yet
MOMENTS = 7  # of the motion, looked at to see where it takes place


@dataclass(frozen=True, eq=False)
class Place:
    """Where a film is shot from.

    cameras: one that stands still or one of each reference frame, for whole pictures of `picture`'s size.
    picture: (H, W, 3) in [0, 1], real, of the canonical moment. frame: of the freeze-time video; -1 for the reference
    camera. window: of the whole picture, the part to film.
    """

    cameras: Cameras
    picture: Float[Tensor, "H W 3"]
    frame: int
    window: Window

    def camera(self, code: float | int) -> Cameras:
        return self.cameras[0 if len(self.cameras) == 1 else round(code)]


def moments(observations: Observations) -> list[int]:
    """Some reference frames from first to last, the canonical one among them."""
    spread = torch.linspace(0, len(observations.reference) - 1, MOMENTS).round().int().tolist()
    return sorted({*spread, observations.canonical})


@torch.no_grad()
def unsure(
    observations: Observations, scene_at: SceneAt, filmed: Sequence[Float[Tensor, " 3"]]
) -> dict[int, tuple[float, float]]:
    """How little is known of the motion as each freeze-time frame's camera sees it: (radians, share seen).

    Radians: the angle between its line of sight to what moves and the nearest one of a camera in `filmed` (centres);
    share: how much of what moves it sees, behind nothing else and within the picture, against the camera that sees
    most.
    """
    scenes = [scene_at(code) for code in moments(observations)]
    centre = torch.stack([scene.means[scene.moves].mean(dim=0) for scene in scenes]).mean(dim=0)
    towards = lambda eye: torch.nn.functional.normalize(eye - centre, dim=0)
    directions, out = [towards(eye) for eye in filmed], {}
    for frame in observations.training_frames:
        camera = observations.freeze_cameras[frame]
        way = towards(camera.centres[0])
        angle = min(math.acos(max(-1.0, min(1.0, float(way @ other)))) for other in directions)
        far = float((camera.centres[0] - centre).norm()) / float(camera.intrinsics[0])
        out[frame] = angle, far**2 * sum(float(_moving(scene, camera).sum()) for scene in scenes)
    most = max(max(seen for _, seen in out.values()), 1e-9)
    return {frame: (angle, seen / most) for frame, (angle, seen) in out.items()}


def choose(
    observations: Observations, scene_at: SceneAt, filmed: Sequence[Float[Tensor, " 3"]], barred: Sequence[int] = ()
) -> int | None:
    """The freeze-time frame whose camera films next: one that sees much of what moves, far from all that filmed it.

    An angle beyond a right one counts as that: it tells no more of depth. None where every camera but those `barred` is
    near one that filmed.
    """
    doubts = unsure(observations, scene_at, filmed)
    worth = {
        frame: min(angle, math.pi / 2) * seen
        for frame, (angle, seen) in doubts.items()
        if angle > NEAR and frame not in barred
    }
    return max(worth, key=lambda frame: worth[frame]) if worth else None


def _moving(scene: Gaussians, camera: Cameras) -> Float[Tensor, "H W"]:
    """How much of each pixel is made up by what moves."""
    colours = scene.moves.to(scene.colors)[:, None].expand_as(scene.colors).contiguous()
    flagged = replace(scene.detach(), colors=colours)
    black = torch.zeros(3, device=scene.means.device)
    return rasterize(flagged, camera.world_to_camera[0], camera.intrinsics, camera.size, black).colour[..., 0]


@torch.no_grad()
def placed(observations: Observations, scene_at: SceneAt, able: Capabilities, frame: int) -> Place:
    """The camera of a freeze-time frame (-1: that of the reference video) and the part of its picture that moves."""
    seen = observations
    if frame < 0:
        cameras = seen.reference_camera if seen.reference_path is None else seen.reference_path
        picture = seen.reference[seen.canonical]
    else:
        cameras, picture = seen.freeze_cameras[frame], seen.freeze[frame]
    place = Place(cameras, picture, frame, (0, 0, *cameras.size))
    shown = torch.stack([_moving(scene_at(code), place.camera(code)) for code in moments(seen)]).amax(dim=0) > 0.3
    return replace(place, window=around(shown, model_size(able, cameras.size)))


def around(shown: Tensor, least: tuple[int, int]) -> Window:
    """(left, top, width, height) of the part of a picture (H, W) where something is `shown`, and of some room around.

    least: (width, height): the part has this shape and, unless the picture is smaller, at least this size.
    """
    high, wide = shown.shape
    rows, columns = shown.any(dim=1).nonzero()[:, 0], shown.any(dim=0).nonzero()[:, 0]
    if not len(rows):
        rows, columns = torch.tensor([0, high - 1]), torch.tensor([0, wide - 1])
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    room = MARGIN * max(bottom - top, right - left)
    scale = max((right - left + 2 * room) / least[0], (bottom - top + 2 * room) / least[1], 1.0)
    scale = min(scale, wide / least[0], high / least[1])
    width, height = max(1, int(scale * least[0])), max(1, int(scale * least[1]))
    start = lambda low, up, size, most: min(max(round((low + up - size) / 2), 0), most - size)
    return start(left, right, width, wide), start(top, bottom, height, high), width, height


def parts_of(codes: Sequence[int], frames: int, able: Capabilities) -> list[list[float]]:
    """A film's codes in parts that a model can take. All begin with the first code, whose picture is real.

    Parts interleave. One that is shorter than any clip of the model's is filled up with moments between its own.
    """
    first, others = codes[0], codes[1:]
    most = able.nearest_frames(frames)
    count = -(-len(others) // (most - 1))
    out = []
    for number in range(count):
        part = [float(first), *map(float, others[number::count])]
        wanted = next(n for n in range(len(part), most + 1) if able.nearest_frames(n) == n)
        while len(part) < wanted:
            widest = max(range(len(part) - 1), key=lambda at: abs(part[at + 1] - part[at]))
            part.insert(widest + 1, (part[widest] + part[widest + 1]) / 2)
        out.append(part)
    return out


def shots(observations: Observations, place: Place, able: Capabilities, frames: int, fps: float | int) -> list[Shot]:
    """The shots that make up a film: from the canonical moment on, and up to it."""
    canonical, last = observations.canonical, len(observations.reference) - 1
    left, top, width, height = place.window
    size = model_size(able, place.cameras.size)
    factor = max(1, round(width / size[0]))
    drawn = (factor * size[0], factor * size[1])
    picture, out = looked_at(place.picture, place.window, size), []
    for codes in (range(canonical, last + 1), range(canonical, -1, -1)):
        for part in parts_of(list(codes), frames, able):
            at = 0
            if part[-1] < part[0] and able.conditioning == "anywhere":  # else it is played backwards
                part, at = part[::-1], len(part) - 1
            poses = torch.cat([place.camera(code).world_to_camera for code in part])
            cameras = replace(place.camera(part[0]), world_to_camera=poses)
            cameras = cameras.cropped(left, top, (width, height)).resized(drawn)
            span = max(abs(part[-1] - part[0]), 1e-6)
            out.append(
                Shot(
                    kind="times",
                    cameras=cameras,
                    codes=tuple(part),
                    size=size,
                    conditioning={at: picture},
                    fps=float(fps) * (len(part) - 1) / span,
                )
            )
    return out
