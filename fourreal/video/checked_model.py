"""What the two calls of every `VideoModel` have in common: what is asked is checked, and given frames stay."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.camera.cameras import Cameras
from fourreal.clip.value import Clip
from fourreal.progress import CancelToken, Progress, ignore
from fourreal.video.capabilities import Capabilities
from fourreal.video.conditioning import ConditioningOrNone, settled
from fourreal.video.job import Job


class CheckedModel(ABC):
    """A `fourreal.video.model.VideoModel` that makes of a `Job` what its kind makes of it."""

    capabilities: Capabilities
    identity: str

    @abstractmethod
    def job(self, **options: Any) -> Job:
        """What is asked, checked. options: as `job.checked_job` has them."""

    @abstractmethod
    def film(
        self, job: Job, seed: int, progress: Progress, cancel: CancelToken, preview: bool
    ) -> Float[Tensor, "F 3 H W"]:
        """A video in [0, 1], which may have the given frames a little off."""

    @abstractmethod
    def guess(
        self, job: Job, video: Float[Tensor, "F 3 H W"], sigma: float | int, rescale: float | int, seed: int
    ) -> Float[Tensor, "F 3 H W"]:
        """What `video` looks like to the model under noise of level `sigma`; both in [0, 1]. Without gradients."""

    def generate(
        self,
        prompt: str,
        *,
        negative: str = "",
        conditioning: ConditioningOrNone = None,
        cameras: Cameras | None = None,
        frames: int | None = None,
        size: tuple[int, int] | None = None,
        fps: float | int | None = None,
        seed: int = 0,
        steps: int | None = None,
        guidance: float | int | None = None,
        progress: Progress = ignore,
        cancel: CancelToken | None = None,
        preview: bool = False,
    ) -> Clip:
        """See `VideoModel.generate`."""
        cancel, able = cancel or CancelToken(), self.capabilities
        job = self.job(
            prompt=prompt,
            negative=negative,
            conditioning=conditioning,
            cameras=cameras,
            frames=frames or able.native_frames,
            size=size or able.native_size,
            fps=fps,
            guidance=guidance,
            steps=steps,
        )
        cancel.check()
        video = self.film(job, seed, progress, cancel, preview).permute(0, 2, 3, 1)
        cancel.check()
        return Clip(settled(video.cpu().numpy(), job.conditioning), float(job.fps))

    def denoise_once(
        self,
        video: Float[Tensor, "F 3 H W"],
        sigma: float | int,
        prompt: str,
        *,
        negative: str = "",
        conditioning: ConditioningOrNone = None,
        cameras: Cameras | None = None,
        fps: float | int | None = None,
        guidance: float | int | None = None,
        rescale: float | int = 0.0,
        seed: int = 0,
    ) -> Float[Tensor, "F 3 H W"]:
        """See `VideoModel.denoise_once`."""
        if not 0 < sigma < 1:
            raise ValueError(f"sigma must be within (0, 1), not {sigma}")
        if not prompt.strip() and guidance != 1:
            raise ValueError("guidance goes by the prompt; without one it is 1")
        job = self.job(
            prompt=prompt,
            negative=negative,
            conditioning=conditioning,
            cameras=cameras,
            frames=len(video),
            size=(video.shape[3], video.shape[2]),
            fps=fps,
            guidance=guidance,
            wordless=True,
        )
        target = self.guess(job, video.detach(), sigma, rescale, seed).to(video)
        for index, picture in job.conditioning.items():
            target[index] = torch.from_numpy(picture.copy()).permute(2, 0, 1).to(video) / 255
        return target
