"""A world composed for its looks, from which a ready scene is made (`benchmarks/ready_scene.py`)."""

import math
from dataclasses import replace

from research.world.solids import Kind
from research.world.world import Actor, Motion, Part, Texture, Vector, World

DUSK = Texture(((0.5, 0.48, 0.7), (0.98, 0.76, 0.6)), (0.0, 0.0, 0.7), (math.pi / 2, math.pi / 2, -1.1), 1.6)


def checks(first: Vector, second: Vector, wave: float, contrast: float = 3.0) -> Texture:
    return Texture((first, second), (wave, wave, 0.0), (0.6, 0.9, math.pi / 2), contrast)


def mottled(colour: Vector, wave: float = 9.0, dark: float = 0.72) -> Texture:
    """One colour with soft darker patches: a surface without any cannot be followed."""
    shade = tuple(dark * c for c in colour)
    return Texture((colour, shade), (wave, 0.9 * wave, 1.1 * wave), (0.4, 0.8, 1.1), 1.6)


def stripes(first: Vector, second: Vector, wave: float, contrast: float = 6.0) -> Texture:
    return Texture((first, second), (0.0, 0.0, wave), (math.pi / 2, math.pi / 2, 0.4), contrast)


def still(name: str, at: tuple[float, float], *parts: Part, facing: float = 0.0) -> Actor:
    """What stands there; at: x and y, the camera looks along +y."""
    return Actor(name, parts, (*at, 0.0), facing)


def smaller(parts: tuple[Part, ...], size: float) -> tuple[Part, ...]:
    """Parts of an actor that is drawn at another size."""
    by = lambda values: tuple(size * value for value in values)
    return tuple(replace(part, half=by(part.half), place=by(part.place)) for part in parts)


def box(at: tuple[float, float], half: Vector, texture: Texture, facing: float = 0.0, kind: Kind = "box") -> Actor:
    return still("prop", at, Part(kind, half, (0, 0, half[2]), texture), facing=facing)


def robot() -> Actor:
    teal, steel = (0.1, 0.55, 0.56), (0.8, 0.82, 0.85)
    dark, lamp = mottled((0.15, 0.16, 0.2), 10.0), mottled((1.0, 0.78, 0.2), 5.0, 0.9)
    arm = lambda x, swing: Part("drum", (0.07, 0.07, 0.24), (x, 0, 0.56), stripes(teal, steel, 26.0), swing, 1.0)
    eye = lambda x: Part("ball", (0.045,) * 3, (x, -0.16, 0.98), lamp)
    parts = (
        Part("box", (0.25, 0.18, 0.27), (0, 0, 0.53), checks(teal, (0.06, 0.4, 0.44), 12.0)),
        Part("box", (0.2, 0.16, 0.14), (0, 0, 0.96), mottled(steel, 9.0, 0.85)),
        Part("drum", (0.015, 0.015, 0.09), (0, 0, 1.18), dark),
        Part("ball", (0.045,) * 3, (0, 0, 1.3), mottled((0.9, 0.2, 0.16), 5.0)),
        Part("box", (0.11, 0.02, 0.07), (0, -0.19, 0.55), lamp),
        eye(-0.08),
        eye(0.08),
        arm(0.34, 0.9),
        arm(-0.34, -0.9),
        Part("drum", (0.08, 0.08, 0.13), (0.12, 0, 0.13), dark),
        Part("drum", (0.08, 0.08, 0.13), (-0.12, 0, 0.13), dark),
    )
    motion = Motion(sway=(0.25, 0.0), beat=1.0, hop=0.1, hops=4.0, turn=0.8, still=12 / 23)
    return Actor("robot", smaller(parts, 0.72), (-0.3, 0.0, 0.0), 0.2, motion, "dances", "green")


def bouncing() -> Actor:
    part = Part(
        "ball",
        (0.22,) * 3,
        (0, 0, 0.22),
        Texture(((0.92, 0.3, 0.14), (0.98, 0.9, 0.75)), (0.0, 9.0, 9.0), (math.pi / 2, 0.4, 0.8), 6.0),
    )
    return Actor("ball", (part,), (0.72, 0.12, 0.0), 0.0, Motion(hop=0.45, hops=2.0, still=12 / 23), "hops", "orange")


def hall() -> World:
    """A robot that dances beside a bouncing ball, among columns at dusk."""
    column = lambda at, colour: box(at, (0.17, 0.17, 1.0), stripes(colour, (0.93, 0.88, 0.8), 7.0), kind="drum")
    return World(
        2,
        (
            robot(),
            bouncing(),
            column((-2.1, 1.4), (0.78, 0.3, 0.24)),
            column((-0.8, 2.3), (0.2, 0.42, 0.6)),
            column((0.9, 2.3), (0.85, 0.6, 0.2)),
            column((2.2, 1.3), (0.3, 0.55, 0.42)),
            column((-3.1, -0.1), (0.5, 0.3, 0.55)),
            column((3.1, -0.2), (0.78, 0.3, 0.24)),
            box((-1.25, 0.6), (0.2, 0.2, 0.2), checks((0.72, 0.5, 0.28), (0.5, 0.33, 0.17), 15.0), 0.5),
            box((1.45, 0.75), (0.2, 0.2, 0.27), stripes((0.2, 0.32, 0.62), (0.85, 0.85, 0.88), 14.0), kind="drum"),
        ),
        checks((0.86, 0.8, 0.72), (0.5, 0.42, 0.42), 5.5, 4.0),
        DUSK,
        (0.8, -0.7, 1.3),
        0.0,
    )
