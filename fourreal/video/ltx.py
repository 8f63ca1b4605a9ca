"""LTX-Video: text, and a clip that the video begins with, which is put among the latents at noise level zero."""

from functools import cache

import torch
from torch import Tensor

from fourreal.video.diffusers_model import DiffusersModel
from fourreal.video.job import Condition, Job, conditioned_span

# Decoders made for it remove the last of the noise themselves (LTX-Video, sec. 3.2); the pipeline's documented values.
_DECODE_TIME, _DECODE_NOISE = 0.05, 0.025


@cache
def _pipeline():
    from diffusers import LTXConditionPipeline

    class Pipeline(LTXConditionPipeline):
        """Puts the known frames in as the encoder's mean.

        diffusers draws them around it, so that the same picture would be another known latent at every call.
        """

        def prepare_latents(self, conditions=(), strengths=(), places=(), **options):
            tokens, _, ids, _ = super().prepare_latents([], [], [], **options)
            if not conditions:
                return tokens, None, ids, 0
            vae, (video,) = self.vae, conditions
            latents = vae.encode(video).latent_dist.mode().float()
            latents = self._normalize_latents(latents, vae.latents_mean, vae.latents_std)
            patch = (self.transformer_spatial_patch_size, self.transformer_temporal_patch_size)
            latents = self._pack_latents(latents, *patch)
            count = latents.shape[1]
            tokens = torch.cat([latents.to(tokens), tokens[:, count:]], 1)
            marks = torch.zeros_like(tokens[..., 0])
            marks[:, :count] = 1
            return tokens, marks, ids, 0

    return Pipeline


class Ltx(DiffusersModel):
    """Latents are packed into a row of tokens inside the loop, each with a timestep and a place in space and time."""

    PIPELINE = "LTXConditionPipeline"
    TRANSFORMER = "LTXVideoTransformer3DModel"

    @classmethod
    def pipeline(cls):
        return _pipeline()

    def encode(self, video: Tensor) -> Tensor:
        pipe = self.pipe
        latents = pipe.vae.encode(video.to(self.device, pipe.vae.dtype)).latent_dist.mode()
        return pipe._normalize_latents(latents.float(), pipe.vae.latents_mean, pipe.vae.latents_std)

    def decode(self, latents: Tensor) -> Tensor:
        pipe, vae = self.pipe, self.pipe.vae
        latents = pipe._denormalize_latents(
            latents.float(), vae.latents_mean, vae.latents_std, vae.config.scaling_factor
        )
        time = None
        if vae.config.timestep_conditioning:
            # The same noise each time: the difference of two decodings is to be that of what they decode.
            latents = (1 - _DECODE_NOISE) * latents + _DECODE_NOISE * self.noise(latents.shape, 0)
            time = torch.tensor([_DECODE_TIME], device=self.device, dtype=vae.dtype)
        return vae.decode(latents.to(vae.dtype), time, return_dict=False)[0].float()

    def encode_text(self, prompt: str, negative: str | None):
        text, mask, other, other_mask = self.pipe.encode_prompt(
            prompt, negative, negative is not None, max_sequence_length=self.capabilities.prompt_tokens
        )
        return (text, mask), None if negative is None else (other, other_mask)

    def call(self, job: Job, **options) -> Tensor:
        from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition, linear_quadratic_schedule

        given = [LTXVideoCondition(video=job.images(len(job.conditioning)))] if job.conditioning else None
        return self.pipe(
            given,
            prompt=job.prompt,
            negative_prompt=job.negative,
            width=job.size[0],
            height=job.size[1],
            num_frames=job.frames,
            frame_rate=job.fps,
            max_sequence_length=self.capabilities.prompt_tokens,
            timesteps=(linear_quadratic_schedule(job.steps) * 1000).tolist(),  # its own, as numbers that numpy takes
            image_cond_noise_scale=0.0,  # noise on what is given is there to make it move; here it is to stay
            **options,
        )[0]

    def condition(self, job: Job) -> Condition:
        pipe = self.pipe
        text, negative = self.texts(job)
        given = []
        if job.conditioning:
            video = pipe.video_processor.preprocess_video(job.images(len(job.conditioning)), job.size[1], job.size[0])
            given = [video.to(self.device, pipe.vae.dtype)]
        with torch.no_grad():
            tokens, _, places, _ = pipe.prepare_latents(
                given,
                batch_size=1,
                num_channels_latents=pipe.transformer.config.in_channels,
                height=job.size[1],
                width=job.size[0],
                num_frames=job.frames,
                device=self.device,
                dtype=torch.float32,
            )
        places = places.float()
        places[:, 0] = places[:, 0] / job.fps
        extras = {"places": places}
        if not job.conditioning:
            return Condition(text, negative, extras=extras)
        marks = conditioned_span(job.conditioning, self.capabilities.frame_step, job.frames)
        keep = torch.tensor(marks, device=self.device).float().view(1, 1, -1, 1, 1)
        return Condition(text, negative, self.unpacked(tokens, job), keep, extras)

    def velocity(self, latents: Tensor, sigma: float | int, text, condition: Condition) -> Tensor:
        pipe, (embeddings, mask) = self.pipe, text
        times = torch.full_like(latents[:, :1], sigma * 1000.0)
        if condition.keep is not None:
            times = torch.minimum(times, (1 - condition.keep) * 1000.0)
        tokens = pipe.transformer(
            hidden_states=self._packed(latents).to(self.dtype),
            encoder_hidden_states=embeddings,
            timestep=self._packed(times)[..., 0],
            encoder_attention_mask=mask,
            video_coords=condition.extras["places"],
            return_dict=False,
        )[0]
        return self._unpacked(tokens, latents.shape)

    def unpacked(self, latents: Tensor, job: Job) -> Tensor:
        able = self.capabilities
        height, width = job.size[1] // able.size_step, job.size[0] // able.size_step
        return self._unpacked(latents, (1, 0, (job.frames - 1) // able.frame_step + 1, height, width))

    def _packed(self, latents: Tensor) -> Tensor:
        return self.pipe._pack_latents(latents, *self._patches())

    def _unpacked(self, tokens: Tensor, shape: tuple[int, ...]) -> Tensor:
        return self.pipe._unpack_latents(tokens, *shape[2:], *self._patches())

    def _patches(self) -> tuple[int, int]:
        return self.pipe.transformer_spatial_patch_size, self.pipe.transformer_temporal_patch_size
