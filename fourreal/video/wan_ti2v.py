"""Wan 2.2 TI2V 5B: text, or text and the first frame, which is put among the latents at noise level zero."""

import torch
from torch import Tensor

from fourreal.video.job import Condition, Job
from fourreal.video.wan import WanModel


class WanTi2v(WanModel):
    """Every token has a timestep of its own (`expand_timesteps`): zero for those of the known frame."""

    PIPELINE = "WanImageToVideoPipeline"
    TRANSFORMER = "WanTransformer3DModel"

    def call(self, job: Job, **options) -> Tensor:
        options |= {
            "width": job.size[0],
            "height": job.size[1],
            "num_frames": job.frames,
            "max_sequence_length": self.capabilities.prompt_tokens,
        }
        if job.conditioning:
            return self.pipe(job.images(1)[0], job.prompt, job.negative, **options)[0]
        return self._from_text()(job.prompt, job.negative, **options)[0]

    def condition(self, job: Job) -> Condition:
        text, negative = self.texts(job)
        if not job.conditioning:
            return Condition(text, negative)
        picture = torch.from_numpy(job.conditioning[0].copy()).permute(2, 0, 1)[None, :, None]  # (1, 3, 1, H, W)
        with torch.no_grad():
            first = self.encode(picture.to(self.device, torch.float32) / 127.5 - 1)
        latents = (job.frames - 1) // self.capabilities.frame_step + 1
        keep = torch.zeros(1, 1, latents, 1, 1, device=self.device)
        keep[:, :, 0] = 1
        return Condition(text, negative, first.expand(-1, -1, latents, -1, -1), keep)

    def velocity(self, latents: Tensor, sigma: float | int, text: Tensor, condition: Condition) -> Tensor:
        high, wide = self.pipe.transformer.config.patch_size[1:]
        times = torch.full_like(latents[:, 0, :, ::high, ::wide], sigma * 1000.0, dtype=torch.float32)  # (1, f, h, w)
        if condition.keep is not None:
            times = times * (1 - condition.keep[:, 0])
        return self.pipe.transformer(
            hidden_states=latents.to(self.dtype),
            timestep=times.flatten(1),
            encoder_hidden_states=text,
            return_dict=False,
        )[0]

    def _from_text(self):
        """The same weights in the pipeline that takes text alone; shares the scheduler, so the watching stays right."""
        from diffusers import WanPipeline

        parts = self.pipe.components
        names = ("tokenizer", "text_encoder", "vae", "scheduler", "transformer")
        pipe = WanPipeline(**{name: parts[name] for name in names}, expand_timesteps=True)
        pipe.set_progress_bar_config(disable=True)
        return pipe
