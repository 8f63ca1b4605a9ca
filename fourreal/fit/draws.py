"""Which moment a step of stage two is about, and which view: a window in time opens from the canonical frame on."""

from collections.abc import Sequence

import numpy as np
import torch

from fourreal.fit.view import View
from fourreal.settings import MotionPhase
from fourreal.splat.deform import DeformationField

FILMED = 0.5  # chance to draw a filmed frame where there are imagined ones, too


class Draws:
    """frames: that may be drawn once the window is open, open: those by now. visits: (T,) how often each was drawn."""

    def __init__(self, field: DeformationField, views: Sequence[View], phase: MotionPhase) -> None:
        self.field, self.views, self.phase = field, views, phase
        self.visits = torch.zeros(field.frames, dtype=torch.int64)
        self.frames = [t for t in range(field.frames) if t != field.canonical]
        self.open = self.frames
        # a moment that more frames show is drawn more often
        shown = [sum(len(view.at[t]) ** 0.5 for view in views if t in view.at) for t in range(field.frames)]
        self.shown = np.array(shown)

    def window(self, index: int) -> int:
        """How far from the canonical frame frames are drawn at this step."""
        farthest = max(self.field.canonical, self.field.frames - 1 - self.field.canonical)
        if index >= self.phase.unfold * self.phase.steps:
            return farthest
        return 1 + int(index / (self.phase.unfold * self.phase.steps) * farthest)

    def unfold(self, index: int) -> None:
        """Open the frames that the window reaches at this step."""
        window = self.window(index)
        self.open = [t for t in self.frames if abs(t - self.field.canonical) <= window]
        if not self.phase.unfold or index > self.phase.unfold * self.phase.steps + 1:
            return
        before = self.window(index - 1) if index else 0
        for frame in sorted(self.open, key=lambda t: abs(t - self.field.canonical)):
            if abs(frame - self.field.canonical) > before:
                self.field.unfold(frame)

    def frame(self, random: np.random.Generator) -> int:
        """Any open frame, one seen half as often twice as likely: so those that the window reached last catch up."""
        seldom = 1 / (1 + self.visits[self.open].numpy() / self.shown[self.open])
        code = int(random.choice(self.open, p=seldom / seldom.sum()))
        self.visits[code] += 1
        return code

    def view(self, code: int, random: np.random.Generator) -> tuple[View, int]:
        """A frame that shows this moment: first a take that has some is drawn, then one of them.

        Where there are both filmed and imagined takes, it is a filmed one with the chance FILMED.
        """
        able = [view for view in self.views if code in view.at]
        filmed = [view for view in able if view.trust == 1]
        if 0 < len(filmed) < len(able):
            able = filmed if random.random() < FILMED else [view for view in able if view.trust < 1]
        view = able[0] if len(able) == 1 else able[int(random.integers(len(able)))]
        frames = view.at[code]
        return view, frames[0] if len(frames) == 1 else int(random.choice(frames))
