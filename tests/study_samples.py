"""Studies for the tests: made of tiny videos, so that making one takes a second."""

from pathlib import Path

import numpy as np

from fourreal import clip
from fourreal.clip import Clip
from fourreal.study.values import Entry, PairRequest, StudyRequest


def moving(path: Path, size: tuple[int, int] = (96, 64), frames: int = 12, fps: float = 8.0, seed: int = 0) -> Path:
    """A video of a square that travels over noise."""
    rng = np.random.default_rng(seed)
    frames_ = np.repeat(rng.integers(60, 120, (1, size[1], size[0], 3), dtype=np.uint8), frames, axis=0)
    for number in range(frames):
        frames_[number, 8:40, number : number + 24] = 200
    clip.write(Clip(frames_, fps), path)
    return path


def request(folder: Path, pairs: int = 2, prompt: str = "a square") -> StudyRequest:
    """Pairs of ours and theirs, which differ in size, length and rate. The second pair has no prompt."""
    ours = [str(moving(folder / f"ours-{n}.mp4", seed=n)) for n in range(pairs)]
    theirs = [str(moving(folder / f"theirs-{n}.mp4", (64, 64), 8, 6.0, seed=9 + n)) for n in range(pairs)]
    return StudyRequest(
        tuple(
            PairRequest(Entry("ours", one), Entry("4Dfy", two), prompt if number == 0 else "")
            for number, (one, two) in enumerate(zip(ours, theirs, strict=True))
        ),
        size=(64, 64),
    )
