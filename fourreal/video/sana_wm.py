"""SANA-WM: a first frame, text, and a camera path that it follows."""

import numpy as np
import torch
from torch import Tensor

from fourreal.video.diffusers_model import DiffusersModel
from fourreal.video.job import Condition, Job


class SanaWm(DiffusersModel):
    """Nothing makes the things in front of the camera stand still but the prompt."""

    PIPELINE = "SanaWMPipeline"
    TRANSFORMER = "SanaWMTransformer3DModel"

    def encode(self, video: Tensor) -> Tensor:
        vae = self.pipe.vae
        mean, scale = self._statistics()
        return (vae.encode(video.to(self.device, vae.dtype)).latent_dist.mode().float() - mean) / scale

    def decode(self, latents: Tensor) -> Tensor:
        vae = self.pipe.vae
        mean, scale = self._statistics()
        return vae.decode((latents.float() * scale + mean).to(vae.dtype), return_dict=False)[0].float()

    def encode_text(self, prompt: str, negative: str | None):
        from diffusers.pipelines.sana_wm.pipeline_sana_wm import DEFAULT_CHI_PROMPT

        text, mask, other, other_mask = self.pipe.encode_prompt(
            prompt, negative or "", max_sequence_length=self.capabilities.prompt_tokens, chi_prompt=DEFAULT_CHI_PROMPT
        )
        return (text, mask), None if negative is None else (other, other_mask)

    def call(self, job: Job, **options) -> Tensor:
        poses, intrinsics = self._path(job)
        return self.pipe(
            job.images(1)[0],
            job.prompt,
            c2w=poses,
            intrinsics=intrinsics,
            width=job.size[0],
            height=job.size[1],
            num_frames=job.frames,
            fps=round(job.fps),
            negative_prompt=job.negative,
            max_sequence_length=self.capabilities.prompt_tokens,
            **options,
        )[0]

    def condition(self, job: Job) -> Condition:
        pipe = self.pipe
        text, negative = self.texts(job)
        poses, intrinsics = pipe.prepare_camera_trajectory(self._path(job)[0], None, self._path(job)[1], job.frames)
        pixels, intrinsics = pipe.image_processor.preprocess_with_intrinsics(
            job.images(1)[0], intrinsics, job.size[1], job.size[0]
        )
        with torch.no_grad():
            first = pipe._encode_first_frame(pixels, self.device, self.dtype)
        camera = pipe._build_camera_kwargs(
            poses, intrinsics, (job.size[1], job.size[0]), device=self.device, dtype=self.dtype, do_cfg=False
        )
        latents = (job.frames - 1) // self.capabilities.frame_step + 1
        keep = torch.zeros(1, 1, latents, 1, 1, device=self.device)
        keep[:, :, 0] = 1
        return Condition(text, negative, first.float().expand(-1, -1, latents, -1, -1), keep, {"camera": camera})

    def velocity(self, latents: Tensor, sigma: float | int, text, condition: Condition) -> Tensor:
        embeddings, mask = text
        assert condition.keep is not None
        times = torch.full_like(condition.keep[..., 0, 0], sigma * 1000.0)  # (1, 1, f)
        times = torch.minimum(times, (1 - condition.keep[..., 0, 0]) * 1000.0)
        size = [[side * self.capabilities.size_step for side in latents.shape[-2:]]]
        return self.pipe.transformer(
            latents.to(self.dtype),
            times,
            embeddings,
            return_dict=False,
            mask=mask,
            data_info={"img_hw": torch.tensor(size, dtype=torch.float, device=self.device)},
            **condition.extras["camera"],
        )[0]

    def _path(self, job: Job) -> tuple[np.ndarray, np.ndarray]:
        """Camera-to-world poses (F, 4, 4) and fx, fy, cx, cy in pixels; without cameras, one that stands still."""
        if job.cameras is None:
            width, height = job.size
            still = np.eye(4, dtype=np.float32)[None].repeat(job.frames, 0)
            return still, np.array([width, width, width / 2, height / 2])
        return job.cameras.camera_to_world.cpu().numpy(), job.cameras.intrinsics.cpu().numpy()

    def _statistics(self) -> tuple[Tensor, Tensor]:
        vae = self.pipe.vae
        both = (vae.latents_mean, vae.latents_std)
        mean, std = (values.view(1, -1, 1, 1, 1).to(self.device).float() for values in both)
        return mean, std / vae.config.scaling_factor
