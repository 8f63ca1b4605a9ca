"""A procedural world: solids that move on a textured floor, seen exactly from anywhere at any time.

Ground truth that costs nothing: for scoring a fit, for an oracle in place of a video model, for training small models.
A world is a description in plain numbers that a seed decides; z points up, the floor is z = 0, time runs from 0 to 1.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.camera.cameras import Cameras
from fourreal.camera.rotation import from_vector
from fourreal.camera.trajectory import Path, look_at
from research.world.raycast import cast
from research.world.solids import KINDS, Kind, Solids, View

Number = float | int
Vector = tuple[Number, Number, Number]
Context = Literal["dynamic, fixed camera", "frozen, circulating camera"]
DYNAMIC: Context = "dynamic, fixed camera"
FROZEN: Context = "frozen, circulating camera"
CONTEXTS: tuple[Context, ...] = (DYNAMIC, FROZEN)

TARGET = (0.0, 0.0, 0.42)  # what cameras look at
DISTANCE, ELEVATION = 3.0, 16.0  # of a camera from there: world units, degrees
FOCAL = 1.1  # in picture widths


@dataclass(frozen=True)
class Texture:
    """Two colours, mixed by a product of three sines: stripes, checks, dots.

    colours: RGB in [0, 1]. waves: angular frequencies a world unit along the own axes; 0 leaves an axis out.
    phases: radians. contrast: 1 soft, 8 sharp.
    """

    colours: tuple[Vector, Vector]
    waves: Vector
    phases: Vector
    contrast: float


@dataclass(frozen=True)
class Part:
    """A solid of an actor.

    half: half extents. place: centre in the actor's frame. swing: radians by which it swings about the axis x through
    its upper end, `beat` times from time 0 to 1.
    """

    kind: Kind
    half: Vector
    place: Vector
    texture: Texture
    swing: float = 0.0
    beat: float = 0.0


@dataclass(frozen=True)
class Motion:
    """How an actor moves, a sum of simple ones; at time `still` it is where the actor stands.

    velocity: world units from time 0 to 1. sway: amplitudes along x and y of an oscillation with `beat` periods, y a
    quarter of a period ahead (so that two equal ones make a circle). hop: height, `hops` times. turn: radians about the
    vertical from time 0 to 1. nod: radians about the axis x, `beat` periods.
    """

    velocity: Vector = (0.0, 0.0, 0.0)
    sway: tuple[Number, Number] = (0.0, 0.0)
    beat: float = 1.0
    hop: float = 0.0
    hops: float = 2.0
    turn: float = 0.0
    nod: float = 0.0
    still: float = 0.5

    def position(self, t: Tensor) -> Float[Tensor, "F 3"]:
        """Relative to where the actor stands, at times (F,)."""
        since = t - self.still
        angle = 2 * math.pi * self.beat * since
        out = since[:, None] * t.new_tensor(self.velocity)
        out[:, 0] += self.sway[0] * angle.sin()
        out[:, 1] += self.sway[1] * (angle.cos() - 1)
        out[:, 2] += self.hop * (math.pi * self.hops * since).sin().abs()
        return out

    def rotation(self, t: Tensor) -> Float[Tensor, "F 3 3"]:
        """At times (F,): the nod, then the turn."""
        since = t - self.still
        zero = torch.zeros_like(t)
        turn = torch.stack([zero, zero, self.turn * since], -1)
        nod = torch.stack([self.nod * (2 * math.pi * self.beat * since).sin(), zero, zero], -1)
        return from_vector(turn) @ from_vector(nod)


@dataclass(frozen=True)
class Actor:
    """Parts that move together. name, does: what captions call it and its motion; a prop does nothing.

    place: where it stands. facing: radians about the vertical.
    """

    name: str
    parts: tuple[Part, ...]
    place: Vector
    facing: float = 0.0
    motion: Motion = Motion()
    does: str = ""
    colour: str = ""

    def poses(self, t: Float[Tensor, " F"]) -> tuple[Float[Tensor, "F N 3 3"], Float[Tensor, "F N 3"]]:
        """Rotation and centre of its N parts at times (F,)."""
        facing = from_vector(t.new_tensor([0.0, 0.0, self.facing]))
        body = self.motion.rotation(t) @ facing  # (F, 3, 3)
        middle = t.new_tensor(self.place) + self.motion.position(t)
        rotations, centres = [], []
        for part in self.parts:
            bend = torch.zeros(len(t), 3).to(t)
            bend[:, 0] = part.swing * (2 * math.pi * part.beat * (t - self.motion.still)).sin()
            own, arm = from_vector(bend), t.new_tensor([0.0, 0.0, part.half[2]])
            centre = t.new_tensor(part.place) + arm - own @ arm
            rotations.append(body @ own)
            centres.append(middle + (body @ centre[..., None])[..., 0])
        return torch.stack(rotations, 1), torch.stack(centres, 1)


@dataclass(frozen=True)
class World:
    """Actors, the first ones moving, on a floor under a dome; light: towards it, of any length."""

    seed: int
    actors: tuple[Actor, ...]
    floor: Texture
    dome: Texture
    light: Vector
    azimuth: float  # of the reference camera, degrees about the vertical, 0 looking along +y

    @property
    def movers(self) -> tuple[Actor, ...]:
        return tuple(actor for actor in self.actors if actor.does)

    @property
    def still(self) -> float:
        """The time at which a frozen video shows it: the canonical one."""
        return self.movers[0].motion.still

    def solids(self, times: Float[Tensor, " F"]) -> Solids:
        """All parts at times (F,) in [0, 1], on the device of `times`."""
        rotations, centres = zip(*(actor.poses(times) for actor in self.actors), strict=True)
        parts = [part for actor in self.actors for part in actor.parts]
        textures = [part.texture for part in parts] + [self.floor, self.dome]
        new = times.new_tensor
        return Solids(
            torch.tensor([KINDS.index(part.kind) for part in parts], device=times.device),
            new([part.half for part in parts]),
            torch.cat(rotations, 1),
            torch.cat(centres, 1),
            new([texture.colours for texture in textures]),
            new([(texture.waves, texture.phases) for texture in textures]),
            new([texture.contrast for texture in textures]),
            new([float(bool(actor.does)) for actor in self.actors for _ in actor.parts]),
        )

    @torch.no_grad()
    def view(self, path: Path, supersample: int = 2) -> View:
        """What the path's cameras see, each at its own time. On the device of the cameras."""
        times = path.times.to(path.cameras.world_to_camera)
        light = times.new_tensor(self.light)
        return cast(self.solids(times), path.cameras, light / light.norm(), supersample)


def cameras_at(
    azimuths: Float[Tensor, " F"],
    size: tuple[int, int],
    distance: float | int = DISTANCE,
    elevation: float | int = ELEVATION,
) -> Cameras:
    """Level cameras around the world's middle; `azimuths` in degrees, 0 looks along +y; `size` = (width, height)."""
    angle, height = torch.deg2rad(azimuths), math.radians(elevation)
    level, target = math.cos(height), azimuths.new_tensor(TARGET)
    away = torch.stack([angle.sin() * level, -angle.cos() * level, torch.full_like(angle, math.sin(height))], -1)
    pose = look_at(target + distance * away, target, azimuths.new_tensor([0.0, 0.0, 1.0]))
    width, high = size
    return Cameras(pose, azimuths.new_tensor([FOCAL * width, FOCAL * width, width / 2, high / 2]), size)


def shot(
    world: World,
    context: Context,
    frames: int,
    size: tuple[int, int],
    seed: int | None = None,
    arc: float | int = 150.0,
    still: float | int | None = None,
    device: torch.device | str = "cpu",
) -> Path:
    """The two kinds of video there are: where from and when each frame is taken.

    seed: None for the world's own reference camera, the frozen video swinging `arc` degrees symmetrically about it; a
    number draws camera, height, way around and, for a frozen video, how far and at which time, as training wants it.
    still: when it is frozen; None for the world's own time.
    """
    azimuth, elevation, distance, start = world.azimuth, ELEVATION, DISTANCE, -arc / 2
    still = world.still if still is None else still
    if seed is not None:
        random = np.random.default_rng([world.seed, seed])
        azimuth = random.uniform(0, 360)
        elevation, distance = random.uniform(8, 26), random.uniform(2.5, 3.4)
        still, arc = random.uniform(0, 1), random.choice([-1, 1]) * random.uniform(30, 180)
        start = 0.0
    if context == DYNAMIC:
        around, times = torch.full((frames,), float(azimuth)), torch.linspace(0, 1, frames)
    else:
        around, times = azimuth + start + torch.linspace(0, 1, frames) * arc, torch.full((frames,), float(still))
    return Path(cameras_at(around.to(device), size, distance, elevation), times.to(device))


def without_motion(world: World) -> World:
    """The same with every actor standing where it stands at the canonical time."""
    stopped = lambda actor: replace(
        actor, motion=Motion(still=world.still), parts=tuple(replace(part, swing=0.0) for part in actor.parts)
    )
    return replace(world, actors=tuple(map(stopped, world.actors)))
