"""Worlds by number: what stands where, how it moves, what it is called; and their decoys, alike but for one thing."""

import math
from dataclasses import replace

import numpy as np

from research.world.world import DYNAMIC, Actor, Context, Motion, Part, Texture, Vector, World

COLOURS: dict[str, Vector] = {
    "red": (0.82, 0.16, 0.13),
    "orange": (0.93, 0.5, 0.12),
    "yellow": (0.93, 0.83, 0.2),
    "green": (0.2, 0.6, 0.25),
    "blue": (0.16, 0.33, 0.78),
    "purple": (0.5, 0.22, 0.65),
    "white": (0.93, 0.93, 0.9),
    "brown": (0.45, 0.28, 0.16),
}
FLOORS: dict[str, tuple[Vector, Vector]] = {
    "tiled": ((0.75, 0.73, 0.68), (0.42, 0.43, 0.48)),
    "wooden": ((0.66, 0.48, 0.3), (0.45, 0.3, 0.18)),
    "grassy": ((0.45, 0.58, 0.26), (0.24, 0.42, 0.16)),
    "sandy": ((0.85, 0.76, 0.56), (0.68, 0.57, 0.4)),
}
NAMES = {
    "ball": ("ball", "sphere"),
    "crate": ("crate", "box", "cube"),
    "drum": ("drum", "barrel", "cylinder"),
    "snowman": ("snowman", "snow figure"),
    "robot": ("robot", "little robot", "toy robot"),
}
VERBS = {
    "slides": ("slides", "glides", "moves"),
    "hops": ("hops", "bounces", "jumps"),
    "spins": ("spins", "turns around", "rotates"),
    "rocks": ("rocks", "sways", "wobbles"),
    "circles": ("circles", "runs in a circle", "goes round"),
    "dances": ("dances", "waves its arms", "capers"),
}
_CAN = {
    "ball": ("slides", "hops", "circles"),
    "crate": ("slides", "spins", "hops", "rocks"),
    "drum": ("slides", "rocks", "hops", "spins"),
    "snowman": ("spins", "rocks", "hops", "slides"),
    "robot": ("dances", "spins", "slides", "circles"),
}
_TEMPLATES = ("{who} {does} on a {floor} floor", "{who} that {does}, on a {floor} floor", "{who} {does}, {floor} floor")
_FROZEN = (
    "{who} on a {floor} floor",
    "{who}, standing still on a {floor} floor",
    "a frozen moment: {who}, {floor} floor",
)


def make_world(seed: int, movers: int = 1) -> World:
    """The world of that number: `movers` actors that move, three to five pillars behind and around them, two props."""
    random = np.random.default_rng([seed, 7])
    names = random.permutation(list(COLOURS))
    spots = [(0.0, 0.0, 0.0)] if movers == 1 else [(0.75 * (2 * i / (movers - 1) - 1), 0.0, 0.0) for i in range(movers)]
    actors = [_mover(random, str(names[i]), spot) for i, spot in enumerate(spots)]
    azimuth = float(random.uniform(0, 360))
    floor = _texture(random, FLOORS[str(random.choice(list(FLOORS)))], wave=(5.0, 8.0), flat=True)
    sky = tuple(random.uniform(0.55, 0.8, 3)), tuple(random.uniform(0.35, 0.6, 3))
    side = math.radians(azimuth + float(random.uniform(-60, 60)))
    return World(
        seed,
        (*actors, *_pillars(random, azimuth), *_props(random, azimuth)),
        floor,
        _texture(random, sky, wave=(0.7, 1.2)),
        (math.sin(side), -math.cos(side), float(random.uniform(1.0, 2.0))),
        azimuth,
    )


def caption(world: World, context: Context = DYNAMIC, seed: int = 0) -> str:
    """A sentence about what a video of this context shows; seed 0 in the plainest words, others in synonyms."""
    random = np.random.default_rng([world.seed, seed, 11])
    pick = lambda options: options[0] if seed == 0 else options[random.integers(len(options))]
    floor = next(name for name, pair in FLOORS.items() if pair == world.floor.colours)
    article = lambda word: "an" if word[0] in "aeiou" else "a"
    who = [f"{article(actor.colour)} {actor.colour} {pick(NAMES[actor.name])}" for actor in world.movers]
    if context != DYNAMIC:
        return pick(_FROZEN).format(who=" and ".join(who), floor=floor)
    clauses = [f"{one} {pick(VERBS[actor.does])}" for one, actor in zip(who[:-1], world.movers, strict=False)]
    last = pick(_TEMPLATES).format(who=who[-1], does=pick(VERBS[world.movers[-1].does]), floor=floor)
    return " and ".join([*clauses, last])


# --- Decoys ----------------------------------------------------------------------------------------------------------


def other_motion(world: World, seed: int) -> World:
    """The same at the canonical time, but every mover moves another way."""
    random = np.random.default_rng([world.seed, seed, 13])
    changed = []
    for actor in world.actors:
        if actor.does:
            verb = str(random.choice([verb for verb in _CAN[actor.name] if verb != actor.does]))
            motion, parts = _moving(random, verb, actor)
            actor = replace(actor, motion=replace(motion, still=actor.motion.still), does=verb, parts=parts)
        changed.append(actor)
    return replace(world, actors=tuple(changed))


def other_shape(world: World, seed: int) -> World:
    """The same motion of movers that are a quarter thinner or thicker than they are."""
    random = np.random.default_rng([world.seed, seed, 17])
    changed = []
    for actor in world.actors:
        if actor.does:
            scale = np.array([*random.choice([0.75, 1.3], 2), 1.0])
            scaled = lambda values, scale=scale: tuple((np.array(values) * scale).tolist())
            parts = tuple(replace(part, half=scaled(part.half), place=scaled(part.place)) for part in actor.parts)
            actor = replace(actor, parts=parts)
        changed.append(actor)
    return replace(world, actors=tuple(changed))


# --- Actors ----------------------------------------------------------------------------------------------------------


def _mover(random: np.random.Generator, colour: str, place: Vector) -> Actor:
    name = str(random.choice(list(NAMES)))
    dark = tuple(0.35 * c for c in COLOURS[colour])
    skin = lambda: _texture(random, (COLOURS[colour], dark), wave=(6.0, 13.0))
    pale = Texture(((0.95, 0.9, 0.8), (0.3, 0.25, 0.2)), (9.0, 9.0, 0.0), (0.5, 0.9, math.pi / 2), 4.0)
    parts = {
        "ball": lambda: (Part("ball", (0.38, 0.38, 0.38), (0, 0, 0.38), skin()),),
        "crate": lambda: (Part("box", (0.36, 0.3, 0.33), (0, 0, 0.33), skin()),),
        "drum": lambda: (Part("drum", (0.32, 0.32, 0.42), (0, 0, 0.42), skin()),),
        "snowman": lambda: (
            Part("ball", (0.32, 0.32, 0.28), (0, 0, 0.28), skin()),
            Part("ball", (0.23, 0.23, 0.21), (0, 0, 0.68), pale),
            Part("box", (0.05, 0.16, 0.05), (0, -0.22, 0.7), skin()),
        ),
        "robot": lambda: (
            Part("box", (0.24, 0.17, 0.3), (0, 0, 0.42), skin()),
            Part("box", (0.16, 0.14, 0.13), (0, -0.02, 0.88), pale),
            Part("drum", (0.07, 0.07, 0.25), (0.33, 0, 0.5), skin()),
            Part("drum", (0.07, 0.07, 0.25), (-0.33, 0, 0.5), skin()),
            Part("box", (0.2, 0.2, 0.06), (0, 0, 0.06), pale),
        ),
    }[name]()
    actor = Actor(name, parts, place, float(random.uniform(0, 2 * math.pi)), colour=colour)
    verb = str(random.choice(_CAN[name]))
    motion, parts = _moving(random, verb, actor)
    still = float(random.choice([0.0, 8 / 23, 12 / 23]))  # a frame of a video of 24
    return replace(actor, motion=replace(motion, still=still), does=verb, parts=parts)


def _moving(random: np.random.Generator, verb: str, actor: Actor) -> tuple[Motion, tuple[Part, ...]]:
    """The motion that a verb stands for, and the parts with their arms swinging if it is a dance."""
    way = float(random.uniform(0, 2 * math.pi))
    sign = float(random.choice([-1, 1]))
    far = float(random.uniform(0.5, 0.9))
    motion = {
        "slides": Motion(velocity=(far * math.cos(way), far * math.sin(way), 0.0)),
        "hops": Motion(velocity=(0.4 * math.cos(way), 0.4 * math.sin(way), 0.0), hop=0.4, hops=2.0),
        "spins": Motion(turn=sign * float(random.uniform(1.6, 3.0))),
        "rocks": Motion(nod=sign * 0.4, beat=1.0),
        "circles": Motion(sway=(0.4 * sign, 0.4), beat=0.8),
        "dances": Motion(turn=sign * 1.2, hop=0.12, hops=2.0, beat=1.0),
    }[verb]
    swings = [sign * 1.3, -sign * 1.3] if verb == "dances" else [0.0, 0.0]
    parts = [
        replace(part, swing=swings.pop() if part.kind == "drum" and actor.name == "robot" else 0.0, beat=motion.beat)
        for part in actor.parts
    ]
    return motion, tuple(parts)


def _pillars(random: np.random.Generator, azimuth: float) -> list[Actor]:
    """Upright ones in the half that the reference camera looks into."""
    out = []
    for angle in np.linspace(-65, 65, int(random.integers(3, 6))):
        way = math.radians(azimuth + float(angle + random.uniform(-8, 8)))
        reach = float(random.uniform(1.6, 2.6))
        high, wide = float(random.uniform(0.5, 1.1)), float(random.uniform(0.12, 0.22))
        colour = COLOURS[str(random.choice(list(COLOURS)))]
        skin = _texture(random, (colour, (0.85, 0.82, 0.76)), wave=(5.0, 10.0))
        kind = str(random.choice(["drum", "box"]))
        part = Part(kind, (wide, wide, high), (0.0, 0.0, high), skin)
        out.append(Actor("pillar", (part,), (-reach * math.sin(way), reach * math.cos(way), 0.0), way))
    return out


def _props(random: np.random.Generator, azimuth: float) -> list[Actor]:
    """Low things on the floor, to either side."""
    out = []
    for side in (-1, 1):
        way = math.radians(azimuth + side * float(random.uniform(75, 105)))
        size = float(random.uniform(0.1, 0.18))
        skin = _texture(random, (COLOURS[str(random.choice(list(COLOURS)))], (0.2, 0.2, 0.2)), wave=(9.0, 16.0))
        part = Part(str(random.choice(["ball", "box"])), (size, size, size), (0.0, 0.0, size), skin)
        reach = float(random.uniform(1.15, 1.5))
        out.append(Actor("prop", (part,), (-reach * math.sin(way), reach * math.cos(way), 0.0), way))
    return out


def _texture(
    random: np.random.Generator, colours: tuple[Vector, Vector], wave: tuple[float, float], flat: bool = False
) -> Texture:
    """Checks, stripes or dots of these colours. wave: the range of their angular frequency."""
    waves = random.uniform(*wave, 3)
    phases = random.uniform(0.3, 1.2, 3)
    left_out = 2 if flat else int(random.integers(3))
    waves[left_out], phases[left_out] = 0.0, math.pi / 2  # a factor of one
    return Texture(colours, tuple(waves.tolist()), tuple(phases.tolist()), float(random.uniform(1.5, 6.0)))
