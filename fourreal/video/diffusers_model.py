"""What the diffusers backends share: checks, the sampling call, the latent step, and pixels in and out."""

import gc
import math
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.errors import MemoryRanOut
from fourreal.progress import CancelToken, Event, Progress, ignore
from fourreal.video import denoise
from fourreal.video.capabilities import Capabilities
from fourreal.video.checked_model import CheckedModel
from fourreal.video.job import Condition, Job, checked_job
from fourreal.video.preview import LatentPreview, RunningEstimate
from fourreal.video.tokens import check_tokens

_MOST_TEXTS = 8


class DiffusersModel(CheckedModel):
    """A model around one of diffusers' pipelines. A backend says how its pipeline is called and conditioned."""

    PIPELINE: ClassVar[str]  # the classes in diffusers
    TRANSFORMER: ClassVar[str]

    def __init__(self, pipe, capabilities: Capabilities, identity: str):
        self.pipe = pipe
        self.capabilities = capabilities
        self.identity = identity
        self._texts: dict[tuple[str, str | None], tuple[Any, Any]] = {}
        self._preview: LatentPreview | None = None
        self._home: torch.device | None = None  # while it rests elsewhere
        pipe.set_progress_bar_config(disable=True)

    # --- What a backend fills in --------------------------------------------------------------------------------

    @classmethod
    def pipeline(cls):
        """The class that reads the weights."""
        import diffusers

        return getattr(diffusers, cls.PIPELINE)

    @abstractmethod
    def encode(self, video: Float[Tensor, "1 3 F H W"]) -> Float[Tensor, "1 C f h w"]:
        """Normalised latents of a video in [-1, 1], without chance."""

    @abstractmethod
    def decode(self, latents: Float[Tensor, "1 C f h w"]) -> Float[Tensor, "1 3 F H W"]:
        """A video in about [-1, 1]."""

    @abstractmethod
    def encode_text(self, prompt: str, negative: str | None) -> tuple[Any, Any]:
        """Embeddings of both; of None, None."""

    @abstractmethod
    def condition(self, job: Job) -> Condition:
        """What the latent step needs, built by the pipeline's own means."""

    @abstractmethod
    def velocity(
        self, latents: Float[Tensor, "1 C f h w"], sigma: float | int, text: Any, condition: Condition
    ) -> Float[Tensor, "1 C f h w"]:
        """The model's v at noise level sigma."""

    @abstractmethod
    def call(self, job: Job, **options) -> Tensor:
        """The pipeline's own sampling loop; its final latents as the pipeline gives them."""

    def unpacked(self, latents: Tensor, job: Job) -> Float[Tensor, "1 C f h w"]:
        """Latents as the loop's callback shows them, in the usual shape."""
        return latents

    # --- What both calls come to --------------------------------------------------------------------------------

    def film(
        self, job: Job, seed: int, progress: Progress, cancel: CancelToken, preview: bool
    ) -> Float[Tensor, "F 3 H W"]:
        latents = self.sample(job, seed, progress, cancel, preview)
        progress(Event("video", job.steps, job.steps, message="Turning it into pictures."))
        with torch.no_grad(), self._enough_memory(job):
            video = self.decode(latents)[0].float().clamp(-1, 1).add(1).div(2)  # (3, F, H, W)
        self.pipe.maybe_free_model_hooks()
        return video.transpose(0, 1)

    def guess(
        self, job: Job, video: Float[Tensor, "F 3 H W"], sigma: float | int, rescale: float | int, seed: int
    ) -> Float[Tensor, "F 3 H W"]:

        def predict(latents: Tensor) -> Tensor:
            noise = self.noise(latents.shape, seed)
            noisy = denoise.noised(latents.float(), noise, sigma)
            return self.latent_step(noisy, sigma, self.condition(job), job.guidance, rescale)

        pixels = video.to(self.device, torch.float32).transpose(0, 1)[None] * 2 - 1  # (1, 3, F, H, W)
        with torch.no_grad(), self._enough_memory(job):
            target = denoise.pixel_target(pixels, self.encode, self.decode, predict)
        return ((target[0] + 1) / 2).transpose(0, 1)

    @torch.no_grad()
    def latent_step(
        self,
        noisy: Float[Tensor, "1 C f h w"],
        sigma: float | int,
        condition: Condition,
        guidance: float | int,
        rescale: float | int = 0.0,
    ) -> Float[Tensor, "1 C f h w"]:
        """z0_hat from latents at noise level sigma: the step of which the pipeline's sampling loop is made."""
        inputs = condition.with_conditioning(noisy)
        velocity = self.velocity(inputs, sigma, condition.text, condition).float()
        if condition.negative is not None and guidance > 1:
            other = self.velocity(inputs, sigma, condition.negative, condition).float()
            velocity = denoise.guided(velocity, other, guidance, rescale)
        return condition.with_conditioning(inputs - sigma * velocity)

    def rest(self) -> None:
        """See `VideoModel.rest`. Where its parts come and go by themselves they are not there anyway."""
        parts = [part for part in self.pipe.components.values() if isinstance(part, torch.nn.Module)]
        if self.device.type == "cuda" and not any(hasattr(part, "_hf_hook") for part in parts):
            self._home = self.device
            self.pipe.to("cpu")
            torch.cuda.empty_cache()

    def _wake(self) -> None:
        if self._home is not None:
            self.pipe.to(self._home)
            self._home = None

    def release(self) -> None:
        """See `VideoModel.release`."""
        pipe, self.pipe, self._preview = self.pipe, None, None
        self._texts.clear()
        if pipe is not None:
            pipe.remove_all_hooks()
        del pipe
        gc.collect()
        torch.cuda.empty_cache()

    # --- Between the two ----------------------------------------------------------------------------------------

    def job(self, **options: Any) -> Job:
        if self.pipe is None:
            raise ValueError("this model was released; load it again")
        self._wake()
        job = checked_job(self.capabilities, **options)
        check_tokens(self.pipe.tokenizer, options["prompt"], self.capabilities.prompt_tokens)
        return job

    def sample(
        self, job: Job, seed: int, progress: Progress = ignore, cancel: CancelToken | None = None, preview: bool = False
    ) -> Float[Tensor, "1 C f h w"]:
        """The pipeline's loop: final latents, watched and stoppable between its steps."""
        cancel = cancel or CancelToken()
        watch = self._watch(job, progress, cancel, self._picture() if preview else None)
        progress(Event("video", 0, job.steps))
        try:
            with torch.no_grad(), self._enough_memory(job):
                return self.call(
                    job,
                    output_type="latent",
                    return_dict=False,
                    callback_on_step_end=watch,
                    generator=torch.Generator().manual_seed(seed),
                    guidance_scale=job.guidance,
                    num_inference_steps=job.steps,
                )
        finally:
            self.pipe.maybe_free_model_hooks()

    def texts(self, job: Job) -> tuple[Any, Any]:
        """Embeddings of the prompt and, where it is used, of the negative one; the last few are remembered."""
        key = (job.prompt, job.negative if job.guidance > 1 else None)
        if key not in self._texts:
            while len(self._texts) >= _MOST_TEXTS:
                self._texts.pop(next(iter(self._texts)))
            with torch.no_grad():
                self._texts[key] = self.encode_text(*key)
        return self._texts[key]

    def noise(self, shape: tuple[int, ...], seed: int) -> Tensor:
        """The noise that a seed stands for, the same on every device."""
        from diffusers.utils.torch_utils import randn_tensor

        return randn_tensor(tuple(shape), generator=torch.Generator().manual_seed(seed), device=self.device)

    @property
    def device(self) -> torch.device:
        """Where it computes, whatever waits elsewhere meanwhile."""
        return torch.device(self.pipe._execution_device)

    @property
    def dtype(self) -> torch.dtype:
        return self.pipe.transformer.dtype

    @contextmanager
    def _enough_memory(self, job: Job) -> Iterator[None]:
        try:
            yield
        except torch.OutOfMemoryError as error:
            gc.collect()
            torch.cuda.empty_cache()
            width, height = job.size
            raise MemoryRanOut(
                f"Memory ran out at {job.frames} frames of {width}x{height}. Ask for a smaller size or fewer frames, "
                "close other programs, or choose a smaller model."
            ) from error

    def _picture(self) -> LatentPreview:
        if self._preview is None:
            able = self.capabilities
            with torch.no_grad():
                self._preview = LatentPreview(self.encode, able.size_step, able.frame_step, self.device)
        return self._preview

    def _watch(
        self, job: Job, progress: Progress, cancel: CancelToken, picture: LatentPreview | None
    ) -> Callable[..., dict]:
        """A callback for the loop: reports each step, and raises Cancelled out of it."""
        estimate, start = RunningEstimate(), time.monotonic()
        every = math.ceil(job.steps / 12)  # pictures of each of 50 steps would not be told apart

        def watch(pipe, step: int, timestep, values: dict) -> dict:
            cancel.check()
            done, image = step + 1, None
            if picture is not None:
                sigma = float(pipe.scheduler.sigmas[done])
                clean = estimate(self.unpacked(values["latents"], job), sigma)
                if clean is not None and (done % every == 0 or done == job.steps):
                    image = picture(clean)
            left = (time.monotonic() - start) / done * (job.steps - done)
            progress(Event("video", done, job.steps, left, preview=image))
            return {}

        return watch
