"""Randomness that depends on nothing but a seed and a step's number, so that any step can be done again."""

import numpy as np


def generator(seed: int, *numbers: int) -> np.random.Generator:
    """A random generator of its own for `numbers`."""
    return np.random.default_rng([seed, *numbers])


def frame_of_step(frames: list[int], index: int, seed: int) -> int:
    """All of `frames` in a random order, again and again, each round in another one."""
    turn, place = divmod(index, len(frames))
    return frames[generator(seed, turn).permutation(len(frames))[place]]
