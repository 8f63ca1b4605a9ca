"""What one video is asked to be, and what the latent step is told of it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fourreal.camera.cameras import Cameras
from fourreal.video.capabilities import Capabilities
from fourreal.video.conditioning import ConditioningOrNone, Pictures, pictures


@dataclass(frozen=True, eq=False, kw_only=True)
class Job:
    """What one video is asked to be, checked against the capabilities. size: (width, height)."""

    prompt: str
    negative: str
    conditioning: Pictures
    cameras: Cameras | None
    frames: int
    size: tuple[int, int]
    fps: float
    guidance: float
    steps: int = 0

    def images(self, count: int) -> list[Image.Image]:
        """The first `count` known frames."""
        return [Image.fromarray(self.conditioning[index]) for index in range(count)]


def checked_job(
    able: Capabilities,
    *,
    prompt: str,
    frames: int,
    size: tuple[int, int],
    negative: str = "",
    conditioning: ConditioningOrNone = None,
    cameras: Cameras | None = None,
    fps: float | int | None = None,
    guidance: float | int | None = None,
    steps: int | None = None,
    wordless: bool = False,
) -> Job:
    """What is asked of a model that can do `able`; wordless: whether it may be asked without a prompt.

    Raises UserError for what it does not have.
    """
    if prompt.strip() or not wordless:
        able.check_prompt(prompt)
    able.check_frames(frames)
    able.check_size(size)
    given = pictures(conditioning, size)
    able.check_conditioning(given, frames)
    if cameras is not None:
        if not able.cameras:
            raise ValueError("this model follows no cameras; see its capabilities")
        if len(cameras) != frames:
            raise ValueError(f"{len(cameras)} cameras for {frames} frames")
        cameras = cameras.resized((size[0], size[1]))
    return Job(
        prompt=prompt.strip(),
        negative=negative,
        conditioning=given,
        cameras=cameras,
        frames=frames,
        size=(size[0], size[1]),
        fps=float(fps or able.fps),
        guidance=float(able.usual_guidance(bool(given)) if guidance is None else guidance),
        steps=steps or able.steps,
    )


@dataclass(frozen=True, eq=False)
class Condition:
    """What the latent step needs besides the noisy latents.

    text, negative: a backend's own embeddings; negative is None without guidance.
    clean: (1, C, f, h, w) latents with those of the known frames in place, and keep: (1, 1, f, 1, 1), 1 where they
        are. None where a model is told of known frames otherwise.
    extras: whatever else a backend's velocity takes.
    """

    text: Any
    negative: Any
    clean: Tensor | None = None
    keep: Tensor | None = None
    extras: dict[str, Any] = field(default_factory=dict)

    def with_conditioning(self, latents: Tensor) -> Tensor:
        """The latents with the known ones put in."""
        if self.clean is None or self.keep is None:
            return latents
        return torch.where(self.keep.bool(), self.clean.to(latents), latents)


def conditioned_span(conditioning: Collection[int], frame_step: int, frames: int) -> list[bool]:
    """Which latents of a causal autoencoder stand for known frames alone.

    The first stands for frame 0, the others for `frame_step` frames each.
    """
    spans = [range(1)] + [range(at, at + frame_step) for at in range(1, frames, frame_step)]
    return [all(frame in conditioning for frame in span) for span in spans]


def grey_filled(job: Job) -> tuple[list[Image.Image], list[Image.Image]]:
    """The known frames, mid grey for the others; and masks, white where it is to be generated."""
    size = (job.size[0], job.size[1])
    grey = np.full((size[1], size[0], 3), 128, np.uint8)
    video = [Image.fromarray(job.conditioning.get(index, grey)) for index in range(job.frames)]
    black, white = Image.new("L", size, 0), Image.new("L", size, 255)
    return video, [black if index in job.conditioning else white for index in range(job.frames)]
