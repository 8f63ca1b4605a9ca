"""Clips for the steps of a training, drawn ahead of time: by a thread, or by processes of their own."""

import multiprocessing
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch

from fourreal.splat.rasterize.threads import set_thread_count
from research.mini import data

APART = 32  # steps between two looks at a clip


class Wanted(NamedTuple):
    """fresh: new clips a step. repeats: at how many steps, `APART` apart, each is seen. seed: of the clips."""

    fresh: int
    repeats: int
    seed: int


class Feed:
    """Gives the clips of one step after another, beginning with number `step`.

    mix: what the clips of a step are like. workers: processes that draw; 0 draws in a thread. Steps near the beginning
    have fewer clips than later ones where clips are seen repeatedly.
    """

    def __init__(self, wanted: Wanted, step: int, device: torch.device, workers: int = 0) -> None:
        self.wanted, self.step, self.device = wanted, step, device
        if workers:
            data.drawn([0], wanted.seed)  # compiles the ray caster once, for all of them
        self.pool: Executor = (
            ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _calm)
            if workers
            else ThreadPoolExecutor(1)
        )
        self.ahead = 2 * workers or 1
        self.coming: deque[Future[list[np.ndarray]]] = deque()
        self.past: deque[data.Drawn] = deque(maxlen=(wanted.repeats - 1) * APART + 1)

    def __enter__(self) -> "Feed":
        return self

    def __exit__(self, *failure: object) -> None:
        self.pool.shutdown(cancel_futures=True)

    def next(self, mix: data.Mix) -> data.Clips:
        """The clips of the next step. mix: what those are like that are drawn from now on."""
        while len(self.coming) <= self.ahead:
            number = self.step + len(self.coming)
            task = data.numbers(number, self.wanted.fresh), self.wanted.seed, mix
            self.coming.append(self.pool.submit(_arrays, *task))
        newest = data.Drawn(*map(torch.from_numpy, self.coming.popleft().result()))
        self.past.append(newest.to(self.device))
        self.step += 1
        looks = list(self._looks())
        return data.Drawn(*(torch.cat(column) for column in zip(*looks, strict=True))).clips()

    def _looks(self) -> Iterator[data.Drawn]:
        for back in range(0, len(self.past), APART):
            yield self.past[-1 - back]


def _arrays(numbers: list[int], seed: int, mix: data.Mix) -> list[np.ndarray]:
    """Clips as they go through a pipe: tensors would go through shared memory, of which containers have little."""
    return [value.numpy() for value in data.drawn(numbers, seed, mix)]


def _calm() -> None:
    """Each process keeps to one core."""
    torch.set_num_threads(1)
    set_thread_count(1)
