"""Wan 2.1 VACE: text, and known frames anywhere. The frames go in beside the latents, as a masked control video."""

from functools import cache

import torch
from torch import Tensor

from fourreal.video.job import Condition, Job, conditioned_span, grey_filled
from fourreal.video.wan import WanModel


@cache
def _pipeline():
    from diffusers import WanVACEPipeline

    class Pipeline(WanVACEPipeline):
        """Marks a latent as known where all its frames are.

        diffusers looks at one frame for each latent, and not at one of its own: of 17 frames at 1, 5, 8, 11 and 15,
        though the first latent is frame 0. So a first frame given alone was never marked.
        """

        def prepare_masks(self, mask, reference_images=None, generator=None):
            folded = super().prepare_masks(mask, reference_images, generator)  # (1, 64, f, h, w)
            given = (mask[0, 0].amax((1, 2)) < 0.5).nonzero()[:, 0].tolist()
            spans = conditioned_span(given, self.vae_scale_factor_temporal, mask.shape[2])
            return torch.tensor(spans).logical_not().to(folded).view(1, 1, -1, 1, 1).expand_as(folded).contiguous()

    return Pipeline


class WanVace(WanModel):
    """VACE does not give known frames back exactly; `settled` puts them back."""

    PIPELINE = "WanVACEPipeline"
    TRANSFORMER = "WanVACETransformer3DModel"

    @classmethod
    def pipeline(cls):
        return _pipeline()

    def call(self, job: Job, **options) -> Tensor:
        video, mask = grey_filled(job) if job.conditioning else (None, None)
        return self.pipe(
            job.prompt,
            job.negative,
            video=video,
            mask=mask,
            width=job.size[0],
            height=job.size[1],
            num_frames=job.frames,
            max_sequence_length=self.capabilities.prompt_tokens,
            **options,
        )[0]

    def condition(self, job: Job) -> Condition:
        pipe = self.pipe
        text, negative = self.texts(job)
        video, mask = grey_filled(job) if job.conditioning else (None, None)
        video, mask, references = pipe.preprocess_conditions(
            video, mask, None, 1, job.size[1], job.size[0], job.frames, torch.float32, self.device
        )
        with torch.no_grad():
            control = pipe.prepare_video_latents(video, mask, references, None, self.device)  # (1, 2 C, f, h, w)
            control = torch.cat([control, pipe.prepare_masks(mask, references)], 1).to(self.dtype)
        return Condition(text, negative, extras={"control": control})

    def velocity(self, latents: Tensor, sigma: float | int, text: Tensor, condition: Condition) -> Tensor:
        control = condition.extras["control"]
        return self.pipe.transformer(
            hidden_states=latents.to(self.dtype),
            timestep=torch.full((1,), sigma * 1000.0, device=self.device),
            encoder_hidden_states=text,
            control_hidden_states=control,
            control_hidden_states_scale=control.new_ones(len(self.pipe.transformer.config.vace_layers)),
            return_dict=False,
        )[0]
