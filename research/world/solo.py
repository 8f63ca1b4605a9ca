"""Worlds of one plain solid on a plain floor: what the smallest video model learns from.

They say less than those of `worlds`, in the same words, so that a model that has seen the one can go on to the other.
"""

import math

import numpy as np

from research.world.solids import Kind
from research.world.world import Actor, Motion, Part, Texture, Vector, World
from research.world.worlds import COLOURS, FLOORS

SOLO_COLOURS = ("red", "yellow", "green", "blue", "purple", "white")
SOLO_THINGS: dict[str, tuple[Kind, Vector]] = {
    "ball": ("ball", (0.4, 0.4, 0.4)),
    "crate": ("box", (0.34, 0.34, 0.34)),
    "drum": ("drum", (0.28, 0.28, 0.46)),
}
SOLO_VERBS = ("hops", "slides", "circles")


def make_solo(seed: int | tuple[int, ...]) -> World:
    """The world of that number: an actor of one part, its colour, shape, size, motion, floor and light at random."""
    random = np.random.default_rng([*np.atleast_1d(seed).tolist(), 23])
    colour, thing = str(random.choice(SOLO_COLOURS)), str(random.choice(list(SOLO_THINGS)))
    verb = str(random.choice(SOLO_VERBS))
    kind, half = SOLO_THINGS[thing]
    size = float(random.uniform(0.8, 1.05))
    half = tuple(size * side for side in half)
    part = Part(kind, half, (0.0, 0.0, half[2]), plain(COLOURS[colour]))
    motion = _motion(random, verb)
    actor = Actor(thing, (part,), (0.0, 0.0, 0.0), float(random.uniform(0, 2 * math.pi)), motion, verb, colour)
    floor = FLOORS[str(random.choice(list(FLOORS)))]
    azimuth, side = random.uniform(0, 360), random.uniform(0, 2 * math.pi)
    sky = 0.5 * (1 + random.uniform(0.2, 0.5)) * np.array([0.82, 0.9, 1.0])
    return World(
        int(np.atleast_1d(seed)[-1]),
        (actor,),
        Texture(floor, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0.0),
        plain(tuple(sky.tolist())),
        (math.sin(side), -math.cos(side), float(random.uniform(1.3, 2.0))),
        float(azimuth),
    )


def plain(colour: Vector) -> Texture:
    """One colour everywhere."""
    return Texture((colour, colour), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0.0)


def _motion(random: np.random.Generator, verb: str) -> Motion:
    """Large enough to be told apart in 64 pixels, small enough to stay in the picture."""
    way, sign = float(random.uniform(0, 2 * math.pi)), float(random.choice([-1, 1]))
    still = float(random.uniform(0, 1))
    if verb == "hops":
        return Motion(hop=float(random.uniform(0.28, 0.42)), hops=2.0, still=still)
    if verb == "slides":
        far = float(random.uniform(0.9, 1.3))
        return Motion(velocity=(far * math.cos(way), far * math.sin(way), 0.0), still=still)
    reach = float(random.uniform(0.4, 0.55))
    return Motion(sway=(sign * reach, reach), beat=1.0, still=still)
