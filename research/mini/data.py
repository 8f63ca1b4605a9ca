"""Training clips of procedural worlds: each decided by its number alone, so that a training can be repeated."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer, UInt8
from torch import Tensor

from fourreal.camera.cameras import Cameras
from fourreal.camera.trajectory import Path
from fourreal.video.mini import vocabulary
from fourreal.video.mini.edm import Conditions
from fourreal.video.mini.rig import ELEVATION, on_rig, ray_features
from research.world.solo import make_solo
from research.world.world import World, cameras_at
from research.world.worlds import FLOORS

FRAMES, SIZE = 16, (64, 36)
RAYS = (SIZE[0] // 2, SIZE[1] // 2)
UNCAPTIONED = 0.12  # share of clips without words, for guidance
ZOOMED = 0.2  # share that shows a part of the picture, as distillation does
SUPERSAMPLE = 2
LATE = 0.6  # share of the training from which on it turns to what is made from words alone


class Mix(NamedTuple):
    """What clips a part of the training draws.

    frozen: share of frozen ones. reach: 0 to 1, how wide their arcs may be, 40 to 150 degrees. blind: share of the
    moving ones of which no frame is known.
    """

    frozen: float = 0.55
    reach: float = 1.0
    blind: float = 0.6


USUAL = Mix()


def mix(progress: float) -> Mix:
    """At a share of the training: short arcs at first; in the last part fewer frozen clips, which are learnt by then,
    and more that come from words alone, which take longest."""
    early = Mix(reach=min(1.0, progress / 0.25))
    return early if progress < LATE else Mix(frozen=0.35, blind=0.8)


class Clips(NamedTuple):
    """video: in [-1, 1]. See `MiniNetwork.forward` for the rest. unknown: where there is something to predict."""

    video: Float[Tensor, "B F 3 H W"]
    rays: Float[Tensor, "B F 12 h w"]
    slots: Integer[Tensor, "B S"]
    frozen: Bool[Tensor, " B"]
    mask: Bool[Tensor, "B F"]

    def conditions(self) -> Conditions:
        return Conditions(self.video * self.mask[:, :, None, None, None], self.mask, self.rays, self.slots, self.frozen)

    def to(self, device: torch.device | str) -> "Clips":
        return Clips(*(value.to(device) for value in self))


class Drawn(NamedTuple):
    """Clips as they are handed over and kept: of one byte a value, and rays only by what they follow from.

    poses: as `rig.on_rig` gives them. intrinsics: of pictures of half the size.
    """

    video: UInt8[Tensor, "B F 3 H W"]
    poses: Float[Tensor, "B F 4 4"]
    intrinsics: Float[Tensor, "B 4"]
    slots: Integer[Tensor, "B S"]
    frozen: Bool[Tensor, " B"]
    mask: Bool[Tensor, "B F"]

    def to(self, device: torch.device | str) -> "Drawn":
        return Drawn(*(value.to(device) for value in self))

    def clips(self) -> Clips:
        rays = ray_features(self.poses, self.intrinsics, RAYS)
        return Clips(self.video.float() / 127.5 - 1, rays, self.slots, self.frozen, self.mask)


def drawn(numbers: list[int], seed: int, mix: Mix = USUAL) -> Drawn:
    """Clips of these numbers."""
    each = [_clip(np.random.default_rng([seed, number, 29]), make_solo((seed, number)), mix) for number in numbers]
    return Drawn(*(torch.stack(column) for column in zip(*each, strict=True)))


def draw(numbers: list[int], seed: int, mix: Mix = USUAL) -> Clips:
    """The same, to be learnt from."""
    return drawn(numbers, seed, mix).clips()


def said(world: World, frozen: bool) -> vocabulary.Slots:
    """The slots of a sentence that says all there is to say of a world; of a frozen one nothing about its motion."""
    actors = tuple((actor.colour, actor.name, "" if frozen else actor.does) for actor in world.movers)
    floor = next(name for name, pair in FLOORS.items() if pair == world.floor.colours)
    return vocabulary.Reading(actors, floor, frozen).slots()


def view(world: World, path: Path) -> tuple[Float[Tensor, "F 3 H W"], Float[Tensor, "F 12 h w"]]:
    """A clip in [-1, 1] and its rays."""
    cameras = path.cameras
    seen = world.view(path, SUPERSAMPLE).colour.clamp(0, 1) * 2 - 1
    return seen.permute(0, 3, 1, 2), ray_features(on_rig(cameras), cameras.resized(RAYS).intrinsics, RAYS)


def frozen_path(world: World, degrees: float, time: float, start: float = 0.0, elevation: float = ELEVATION) -> Path:
    """A camera that goes `degrees` around a world that stands still at `time`."""
    angles = world.azimuth + start + torch.linspace(0, 1, FRAMES) * degrees
    return Path(cameras_at(angles, SIZE, elevation=elevation), torch.full((FRAMES,), float(time)))


def standing_path(world: World, start: float = 0.0, elevation: float = ELEVATION) -> Path:
    """A camera that stands still while time goes from 0 to 1."""
    return Path(
        cameras_at(torch.full((FRAMES,), world.azimuth + start), SIZE, elevation=elevation),
        torch.linspace(0, 1, FRAMES),
    )


def _clip(random: np.random.Generator, world: World, mix: Mix) -> tuple[Tensor, ...]:
    frozen = bool(random.random() < mix.frozen)
    start = float(random.uniform(0, 360))
    if frozen:
        most = 40 + 110 * mix.reach
        degrees = float(random.choice([-1, 1]) * random.uniform(8, most))
        path = frozen_path(world, degrees, random.random(), start, float(random.uniform(12, 20)))
    else:
        path = standing_path(world, start, float(random.uniform(15, 17)))
    wider = float(random.uniform(0.92, 1.08))
    cameras = _window(random, _focused(path.cameras, wider))
    seen = world.view(Path(cameras, path.times), SUPERSAMPLE).colour.clamp(0, 1)
    video = (255 * seen).round().byte().permute(0, 3, 1, 2).contiguous()
    captioned = random.random() >= UNCAPTIONED
    slots = torch.tensor(said(world, frozen) if captioned else (0,) * 7)
    intrinsics = cameras.resized(RAYS).intrinsics
    return video, on_rig(cameras), intrinsics, slots, torch.tensor(frozen), _mask(random, frozen, mix.blind)


def _focused(cameras: Cameras, factor: float) -> Cameras:
    scale = cameras.intrinsics.new_tensor([factor, factor, 1, 1])
    return Cameras(cameras.world_to_camera, cameras.intrinsics * scale, cameras.size)


def _window(random: np.random.Generator, cameras: Cameras) -> Cameras:
    """Half of the picture at twice the scale, some of the time."""
    if random.random() >= ZOOMED:
        return cameras
    width, height = SIZE
    left, top = (int(random.integers(side // 2 + 1)) for side in SIZE)
    return cameras.cropped(left, top, (width // 2, height // 2)).resized(SIZE)


def _mask(random: np.random.Generator, frozen: bool, blind: float) -> Bool[Tensor, " F"]:
    """Which frames are known: none, the first, eight at an end as extension has them, the last, or any few."""
    rest = 1 - blind
    none, first, clip, last = (0.12, 0.55, 0.18, 0.03) if frozen else (blind, 0.35 * rest, 0.2 * rest, 0.2 * rest)
    kind = random.random()
    mask = torch.zeros(FRAMES, dtype=torch.bool)
    if kind < none:
        return mask
    if kind < none + first:
        mask[0] = True
    elif kind < none + first + clip:
        mask[: FRAMES // 2] = True
    elif kind < none + first + clip + last:
        mask[-1] = True
    else:
        mask[torch.from_numpy(random.permutation(FRAMES)[: int(random.integers(1, 6))])] = True
    return mask


def numbers(step: int, batch: int) -> list[int]:
    """The numbers of a training step's clips; none comes twice. Tests and evaluation use another seed."""
    return list(range(step * batch, (step + 1) * batch))
