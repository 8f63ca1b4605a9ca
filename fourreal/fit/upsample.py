"""Detail by re-upsampling (4Real sec. 3.4): a film of the scene is degraded, restored by the video model, and fitted.

Both camera and time move in it. It is restored by video-to-video at low noise: the model says at falling noise levels
what it should look like, each time going on from its last answer. The Gaussians alone follow; motion stays as it is.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from fourreal.camera.trajectory import interpolate as interpolate_pose
from fourreal.errors import MemoryRanOut, memory_ran_out
from fourreal.fit import sampling
from fourreal.fit.distill import Critic
from fourreal.fit.losses import photometric
from fourreal.fit.moving import Moving
from fourreal.fit.observations import Observations, Targets
from fourreal.fit.ssim import Target
from fourreal.fit.trajectories import Shot, looked_at, model_size
from fourreal.settings import FINE_RATES, UpsampleSettings
from fourreal.splat.deform import bend
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.optimizer import SplatOptimizer
from fourreal.splat.rasterize import rasterize


class UpsampleStage:
    """A `fourreal.fit.loop.Stage`: asks for the restored film, then fits the Gaussians to it and to the videos."""

    name = "detail"

    def __init__(
        self, observations: Observations, start: Moving, critic: Critic, settings: UpsampleSettings, seed: int
    ) -> None:
        self.observations, self.field, self.critic, self.settings = observations, start.field, critic, settings
        self.seed, self.steps = seed, settings.steps
        self.background = torch.full((3,), 0.5, device=start.gaussians.means.device)
        self.splats = SplatOptimizer(start.gaussians, FINE_RATES.at(0.0))
        self.reference = Targets(observations.reference, mask=observations.reference_mask)
        self.shot = film(observations, critic, settings.frames)
        self.film: Float[Tensor, "F 3 h w"] | None = None
        self._targets: list[Target] = []

    def render(self, place: int) -> Float[Tensor, "h w 3"]:
        """A frame of the film as the scene has it."""
        camera = self.shot.cameras[place]
        return self._draw(self.shot.codes[place], camera.world_to_camera[0], camera.intrinsics, camera.size)

    def _draw(self, code: float | int, pose: Tensor, intrinsics: Tensor, size: tuple[int, int]) -> Tensor:
        gaussians: Gaussians = self.splats.gaussians
        with torch.no_grad():
            offsets = self.field.offsets(gaussians, code)
        return rasterize(bend(gaussians, offsets), pose, intrinsics, size, self.background).colour

    @torch.no_grad()
    def restored(self) -> Float[Tensor, "F 3 h w"]:
        """The film after the model has seen it degraded."""
        video = torch.stack([self.render(place).permute(2, 0, 1) for place in range(len(self.shot))]).clamp(0, 1)
        height, width = video.shape[2:]
        small = avg_pool2d(video, self.settings.factor, ceil_mode=True)
        video = interpolate(small, (height, width), mode="bicubic", align_corners=False).clamp(0, 1)
        able, words = self.critic.model.capabilities, self.critic.prompt
        for sigma in self.settings.levels:
            self.critic.on_shot(self.shot)
            video = (
                self.critic.model.denoise_once(
                    video,
                    sigma,
                    words,
                    negative=self.critic.negative,
                    conditioning=cast(dict[int, np.ndarray], dict(self.shot.conditioning)),
                    cameras=self.shot.cameras if able.cameras else None,
                    fps=self.shot.fps,
                    guidance=None if words else 1.0,
                    seed=self.seed,
                )
                .detach()
                .clamp(0, 1)
            )
        return video

    def step(self, index: int) -> dict[str, float]:
        while self.film is None:
            try:
                self.film = self.restored()
            except Exception as error:
                if not memory_ran_out(error):
                    raise
                self._shorten()
        if not self._targets:
            self._targets = [Target.of(frame.permute(1, 2, 0)) for frame in self.film]
        random = sampling.generator(self.seed, 3, index)
        if random.random() < 0.5:
            place = int(random.integers(len(self.shot)))
            target, drawn = self._targets[place], self.render(place)
        else:
            code = int(random.integers(len(self.observations.reference)))
            camera = self.observations.reference_at(code)
            target = self.reference.get(code)
            drawn = self._draw(code, camera.world_to_camera[0], camera.intrinsics, camera.size)
            drawn = self.reference.counted(drawn, target)
        loss, psnr = photometric(drawn, target, 0.2)
        loss.backward()
        for name, rate in FINE_RATES.at(index / self.steps).items():
            self.splats.set_rate(name, rate)
        self.splats.step()
        return {"loss": loss.item(), "psnr": psnr, "splats": len(self.splats)}

    def _shorten(self) -> None:
        """A film of half as many frames. Raises MemoryRanOut where the model has no shorter one."""
        torch.cuda.empty_cache()
        before = len(self.shot)
        fewer = self.critic.model.capabilities.halved_frames(before)
        if fewer >= before:
            raise MemoryRanOut(f"Memory ran out for the detail, even with a film of {before} frames.")
        self.shot = film(self.observations, self.critic, fewer)
        self.critic.tally.notes.append(
            f"Memory ran out: the film that the detail is taken from has {fewer} frames instead of {before}."
        )

    @torch.no_grad()
    def preview(self) -> np.ndarray:
        return (self.render(len(self.shot) // 2).clamp(0, 1) * 255).round().byte().cpu().numpy()

    @torch.no_grad()
    def result(self) -> Moving:
        return Moving(self.splats.gaussians.detach(), self.field)

    def state(self) -> dict[str, Tensor]:
        return self.splats.state() | ({} if self.film is None else {"film": self.film})

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self.splats.restore(state)
        self.film = state["film"].to(self.background.device) if "film" in state else None
        if self.film is not None and len(self.film) != len(self.shot):  # it was shortened
            self.shot = film(self.observations, self.critic, len(self.film))
        self._targets = []


def film(observations: Observations, critic: Critic, frames: int) -> Shot:
    """From the reference camera at the video's first frame, along the seen arc to its farther end, at the last one."""
    able, seen = critic.model.capabilities, observations
    count, size = able.nearest_frames(frames), model_size(able, observations.size)
    last = len(seen.freeze) - 1
    end = 0 if seen.freeze_reference > last - seen.freeze_reference else last
    poses, path = seen.freeze_cameras.world_to_camera, np.linspace(seen.freeze_reference, end, count)
    between = [
        interpolate_pose(poses[int(at)], poses[min(int(at) + 1, last)], poses.new_tensor([at % 1]))[0] for at in path
    ]
    cameras = replace(seen.freeze_cameras, world_to_camera=torch.stack(between)).resized(size)
    codes = np.linspace(0, len(seen.reference) - 1, count)
    fps = float(critic.fps) * (count - 1) / max(len(seen.reference) - 1, 1)
    conditioning = {0: looked_at(seen.reference[0], (0, 0, *seen.size), size)}
    return Shot(
        kind="times", cameras=cameras, codes=tuple(codes.tolist()), size=size, conditioning=conditioning, fps=fps
    )
