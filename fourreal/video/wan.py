"""What the Wan backends share: the autoencoder's normalised latents and the text."""

import torch
from torch import Tensor

from fourreal.video.diffusers_model import DiffusersModel


class WanModel(DiffusersModel):
    """Latents are (E(video) - mean) / std, a channel; the text goes in as its embeddings alone."""

    def encode(self, video: Tensor) -> Tensor:
        vae = self.pipe.vae
        mean, std = self._statistics()
        return (vae.encode(video.to(self.device, vae.dtype)).latent_dist.mode().float() - mean) / std

    def decode(self, latents: Tensor) -> Tensor:
        vae = self.pipe.vae
        mean, std = self._statistics()
        return vae.decode((latents.float() * std + mean).to(vae.dtype), return_dict=False)[0].float()

    def encode_text(self, prompt: str, negative: str | None) -> tuple[Tensor, Tensor | None]:
        embedding, against = self.pipe.encode_prompt(
            prompt, negative, negative is not None, max_sequence_length=self.capabilities.prompt_tokens
        )
        return embedding.to(self.dtype), None if against is None else against.to(self.dtype)

    def _statistics(self) -> tuple[Tensor, Tensor]:
        config = self.pipe.vae.config
        mean, std = (
            torch.tensor(values, device=self.device).view(1, -1, 1, 1, 1)
            for values in (config.latents_mean, config.latents_std)
        )
        return mean, std
