"""What whoever watches may see of a run: reports passed on, with the scene as it is at that moment."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch

from fourreal.camera.align import Similarity
from fourreal.fit.canonical import Canonical
from fourreal.fit.motion import Moving
from fourreal.fit.observations import Observations
from fourreal.progress import Event, Progress
from fourreal.scene.scene4d import Scene4D
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.lowpass import smoothed
from fourreal.splat.motion_bases import MotionBases

BACKGROUND = 0.5  # grey, where no splat is: what both stages are trained against
SHOWN_POINTS = 3000  # of a sparse cloud, in a plot


class Watch:
    """The `Progress` of both stages. It knows what they do not: how their results become a `Scene4D`."""

    def __init__(
        self, progress: Progress, observations: Observations, frames: tuple[int, ...], similarity: Similarity,
        fps: float | int,
    ) -> None:  # fmt: skip
        """
        Args:
            frames: which frames of the freeze-time video the observations have.
            similarity: from the input's frame to the fit's.
        """
        self.progress, self.observations = progress, observations
        self.frames, self.similarity, self.fps = frames, similarity, float(fps)
        self.cameras = observations.freeze_cameras
        self.latest: Callable[[], Canonical | Moving] | None = None
        self.last, self.drawn = Event("canonical"), False

    def __call__(self, event: Event) -> None:
        if event.scene is not None:
            self.latest, self.last = event.scene, event
            event = replace(event, scene=self.scene, arrays=self._arrays())
        self.progress(event)

    def reached(self, result: Canonical | Moving) -> None:
        """A stage's result, just made or found on the disk."""
        if isinstance(result, Canonical):
            self.cameras = result.cameras
        name = "canonical" if isinstance(result, Canonical) else "motion"
        self(Event(name, scene=lambda: result))

    def where(self) -> dict | None:
        """How far the scene has come, or None where there is nothing to show yet."""
        if self.latest is None:
            return None
        return {"stage": self.last.stage, "step": self.last.step, "steps": self.last.steps}

    def scene(self) -> Scene4D:
        """The scene as it is now."""
        now = self.latest()
        cameras = now.cameras if isinstance(now, Canonical) else self.cameras
        moving = self._still(now.gaussians) if isinstance(now, Canonical) else now
        focal = float(cameras.intrinsics[0])
        return Scene4D(
            gaussians=smoothed(moving.gaussians.detach(), cameras.centres, focal).finite().to("cpu"),
            field=deepcopy(moving.field).to("cpu").requires_grad_(False),  # the one in use is still being trained
            reference=self.observations.reference_camera.to("cpu"),
            freeze=cameras.to("cpu"),
            freeze_frames=self.frames,
            similarity=self.similarity,
            fps=self.fps,
            background=torch.full((3,), BACKGROUND),
        )

    def _still(self, gaussians: Gaussians) -> Moving:
        """Canonical Gaussians as a scene in which nothing moves yet."""
        field = MotionBases(
            torch.zeros(1, 3), torch.ones(1), len(self.observations.reference), self.observations.canonical
        )
        still = torch.zeros(len(gaussians), dtype=torch.bool, device=gaussians.means.device)
        return Moving(replace(gaussians, moves=still, motion=gaussians.means.new_zeros(len(gaussians), 2)), field)

    def _arrays(self) -> dict[str, np.ndarray]:
        """Cameras and points, once: sparse points where there are any, else some of the first Gaussians."""
        if self.drawn:
            return {}
        self.drawn = True
        points, colors = self.observations.points, self.observations.point_colors
        if not len(points):
            gaussians = self.latest().gaussians.detach()
            points, colors = gaussians.means, gaussians.colors.clamp(0, 1)
        some = torch.linspace(0, len(points) - 1, min(len(points), SHOWN_POINTS)).long()
        cameras = self.observations.freeze_cameras.world_to_camera
        arrays = {"cameras": cameras, "points": points[some], "colors": colors[some]}
        return {name: tensor.cpu().numpy() for name, tensor in arrays.items()}
