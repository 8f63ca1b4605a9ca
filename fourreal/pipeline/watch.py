"""What whoever watches may see of a run: reports passed on, with the scene as it is at that moment."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from fourreal.fit.canonical import Canonical
from fourreal.fit.moving import Moving
from fourreal.fit.observations import Observations
from fourreal.progress import Event, Progress
from fourreal.scene.scene4d import Scene4D

SHOWN_POINTS = 3000  # of a sparse cloud, in a plot


class Watch:
    """The `Progress` of both stages. It remembers what they have so far, for whoever stops them and keeps that."""

    def __init__(
        self, progress: Progress, observations: Observations, assemble: Callable[[Canonical | Moving], Scene4D]
    ) -> None:
        """assemble: makes the scene of a stage's result."""
        self.progress, self.observations, self.assemble = progress, observations, assemble
        self.latest: Callable[[], Canonical | Moving] | None = None
        self.last, self.drawn = Event("canonical"), False

    def __call__(self, event: Event) -> None:
        if (result := event.scene) is not None:
            self.latest, self.last = result, event
            event = replace(event, scene=lambda: self.assemble(result()), arrays=self._arrays())
        self.progress(event)

    def reached(self, result: Canonical | Moving) -> None:
        """A stage's result, just made or found on the disk."""
        name = "canonical" if isinstance(result, Canonical) else "motion"
        self(Event(name, scene=lambda: result))

    def where(self) -> dict | None:
        """How far the scene has come, or None where there is nothing to show yet."""
        if self.latest is None:
            return None
        return {"stage": self.last.stage, "step": self.last.step, "steps": self.last.steps}

    def _arrays(self) -> dict[str, np.ndarray]:
        """Cameras and points, once: sparse points where there are any, else some of the first Gaussians."""
        if self.drawn:
            return {}
        self.drawn = True
        points, colors = self.observations.points, self.observations.point_colors
        if not len(points):
            assert self.latest is not None  # the caller has looked
            gaussians = self.latest().gaussians.detach()
            points, colors = gaussians.means, gaussians.colors.clamp(0, 1)
        some = torch.linspace(0, len(points) - 1, min(len(points), SHOWN_POINTS)).long()
        cameras = self.observations.freeze_cameras.world_to_camera
        arrays = {"cameras": cameras, "points": points[some], "colors": colors[some]}
        return {name: tensor.cpu().numpy() for name, tensor in arrays.items()}
