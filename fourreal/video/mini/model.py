"""`Mini`: the embedded model behind the two calls of every video model."""

import gc
import time
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d

from fourreal.camera.cameras import Cameras
from fourreal.camera.trajectory import look_at
from fourreal.errors import MemoryRanOut
from fourreal.progress import CancelToken, Event, Progress
from fourreal.video import denoise
from fourreal.video.capabilities import Capabilities
from fourreal.video.checked_model import CheckedModel
from fourreal.video.job import Job, checked_job
from fourreal.video.mini import edm, vocabulary
from fourreal.video.mini.network import MiniNetwork
from fourreal.video.mini.rig import ELEVATION, on_rig, ray_features, turning
from fourreal.video.mini.upsampler import Upsampler

SMALL = (64, 36)  # (width, height) at which it works; the upsampler makes them larger
_GOING_AROUND = 0.02  # radians; cameras that turn less stand still


class Mini(CheckedModel):
    """Knows the words of `vocabulary`, and says which it does not know."""

    def __init__(
        self,
        network: MiniNetwork,
        upsampler: Upsampler,
        capabilities: Capabilities,
        identity: str,
        device: torch.device | str,
    ) -> None:
        self.capabilities, self.identity = capabilities, identity
        self.device = torch.device(device)
        modules: Any = (network, upsampler)  # diffusers' and torch's `to` have no common type
        network, upsampler = (module.to(self.device).eval().requires_grad_(False) for module in modules)
        self.network: MiniNetwork | None = network
        self.upsampler: Upsampler | None = upsampler

    def film(
        self, job: Job, seed: int, progress: Progress, cancel: CancelToken, preview: bool
    ) -> Float[Tensor, "F 3 H W"]:
        """See `CheckedModel.film`. The negative prompt says nothing to it."""
        if remark := vocabulary.remark(job.prompt, self._networks[0].config["actors"]):
            progress(Event("video", message=remark))
        conditions, start = self.conditions(job), time.monotonic()

        def watch(step: int, clean: Tensor) -> None:
            cancel.check()
            image = _picture(clean[0, clean.shape[1] // 2]) if preview else None
            left = (time.monotonic() - start) / step * (job.steps - step)
            progress(Event("video", step, job.steps, left, preview=image))

        random = torch.Generator().manual_seed(seed)
        noise = torch.randn(conditions.given.shape, generator=random).to(self.device)
        progress(Event("video", 0, job.steps))
        try:
            video = edm.sample(self._networks[0], conditions, job.steps, job.guidance, noise, watch)[0]
            video = self.enlarged(video) if job.size != SMALL else video
        except torch.OutOfMemoryError as error:
            raise MemoryRanOut("Memory ran out. Close other programs, or run it on the CPU.") from error
        return video.clamp(-1, 1).add(1).div(2)

    @torch.no_grad()
    def guess(
        self, job: Job, video: Float[Tensor, "F 3 H W"], sigma: float | int, rescale: float | int, seed: int
    ) -> Float[Tensor, "F 3 H W"]:
        """See `CheckedModel.guess`. Noise is added to small pixels, which take the place of latents."""
        conditions = self.conditions(job)
        factor = job.size[0] // SMALL[0]

        def predict(small: Tensor) -> Tensor:
            random = torch.Generator().manual_seed(seed)
            noise = torch.randn(small.shape, generator=random).to(small)
            noisy = denoise.noised(small, noise, sigma) / (1 - sigma)
            return edm.guided(self._networks[0], noisy, sigma / (1 - sigma), conditions, job.guidance, rescale)

        shrink = lambda clip: avg_pool2d(clip[0], factor)[None]
        enlarge = lambda clip: self.enlarged(clip[0])[None] if factor > 1 else clip
        pixels = video.to(self.device, torch.float32)[None] * 2 - 1
        target = denoise.pixel_target(pixels, shrink, enlarge, predict)
        return (target[0] + 1) / 2

    def conditions(self, job: Job) -> edm.Conditions:
        """What the network is told, one clip in the batch. Cameras that are not given stand still on the usual rig."""
        reading = vocabulary.read(job.prompt)
        cameras = (self.standing(job.frames) if job.cameras is None else job.cameras.resized(SMALL)).to(self.device)
        half = cameras.resized((SMALL[0] // 2, SMALL[1] // 2))
        rays = ray_features(on_rig(cameras), half.intrinsics, half.size)
        mask = torch.zeros(job.frames, dtype=torch.bool, device=self.device)
        given = torch.zeros(job.frames, 3, SMALL[1], SMALL[0], device=self.device)
        factor = job.size[0] // SMALL[0]
        for index, picture in job.conditioning.items():
            pixels = torch.from_numpy(picture.copy()).to(self.device).permute(2, 0, 1).float()
            given[index] = avg_pool2d(pixels, factor) / 127.5 - 1
            mask[index] = True
        frozen = turning(cameras) > _GOING_AROUND or (reading.frozen and job.cameras is None)
        slots = torch.tensor(reading.slots(self._networks[0].config["actors"]), device=self.device)
        return edm.Conditions(
            given[None], mask[None], rays[None], slots[None], torch.tensor([frozen], device=self.device)
        )

    def standing(self, frames: int) -> Cameras:
        """Cameras that stand still, at SMALL size, where those of the procedural worlds stand."""
        rig = self.capabilities.rig
        down = torch.deg2rad(torch.tensor(ELEVATION))
        place = torch.stack([torch.zeros(()), -down.cos(), down.sin()]) * rig.distance
        pose = look_at(place[None], torch.zeros(3), torch.tensor([0.0, 0.0, 1.0]))
        focal = rig.focal * SMALL[0]
        return Cameras(pose.repeat(frames, 1, 1), torch.tensor([focal, focal, SMALL[0] / 2, SMALL[1] / 2]), SMALL)

    @torch.no_grad()
    def enlarged(self, video: Float[Tensor, "F 3 h w"]) -> Float[Tensor, "F 3 H W"]:
        """Four times as large a side; [-1, 1]."""
        return self._networks[1](video)

    def rest(self) -> None:
        """It takes a few megabytes: it stays where it is."""

    def release(self) -> None:
        self.network = self.upsampler = None
        gc.collect()
        torch.cuda.empty_cache()

    @property
    def _networks(self) -> tuple[MiniNetwork, Upsampler]:
        if self.network is None or self.upsampler is None:
            raise ValueError("this model was released; load it again")
        return self.network, self.upsampler

    def job(self, **options: Any) -> Job:
        _ = self._networks  # refused once it was released
        return checked_job(self.capabilities, **options)


def _picture(frame: Float[Tensor, "3 h w"], scale: int = 5) -> np.ndarray:
    """(H, W, 3) uint8, enlarged as it is."""
    small = ((frame.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
    return small.repeat(scale, 0).repeat(scale, 1)
