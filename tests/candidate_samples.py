"""A video model that makes noise at once, for what is done with videos of any model."""

import numpy as np

from fourreal.clip import Clip
from fourreal.video import registry
from fourreal.video.one_model import OneModel


class Films:
    """A model that only generates."""

    def denoise_once(self, *args, **kwargs):
        raise NotImplementedError

    def rest(self):
        pass

    def release(self):
        pass


class Paper(Films):
    """A model that makes grey noise of its seed, and may do something before."""

    def __init__(self, name: str = "ltx-video", before=lambda seed: None):
        self.capabilities, self.identity = registry.entry(name).capabilities, "paper"
        self.before, self.seeds = before, []

    def generate(self, prompt, *, conditioning=None, frames=None, size=None, seed=0, fps=None, cancel=None, **others):
        self.before(seed)
        cancel.check()
        self.seeds.append(seed)
        noise = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
        picture = noise.repeat(size[1] // 8, 0).repeat(size[0] // 8, 1)
        return Clip(np.stack([np.roll(picture, n, 1) for n in range(frames)]), 12.0)


class Models(OneModel):
    """Hands out a paper model, or fails where none is to be loaded."""

    def __init__(self, paper: Paper | None = None):
        super().__init__()
        self.paper = paper

    def get(self, choice):
        assert self.paper is not None, "a model was loaded for nothing"
        return self.paper
