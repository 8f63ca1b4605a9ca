"""How well a video fits its text, by CLIP or X-CLIP, where their weights are at hand. Never downloads any."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fourreal.clip.value import Clip, sample_indices
from fourreal.errors import UserError
from fourreal.video.hub import provided
from fourreal.video.score import Score

# Hundred times the cosine. The paper's Table 1 has X-CLIP at 23 to 25 for its own videos and 20 for its rivals'.
_UNFIT, _FITS = 15.0, 26.0
_FRAMES = 8  # the length that X-CLIP's base models were trained for, and enough for CLIP
FOLDERS = ("x-clip", "clip")  # beside the video models that somebody provides, the better one first


def text_scores(clip: Clip, prompt: str) -> tuple[Score, ...]:
    """The score of a clip by the model at hand; none without one. Raises UserError where its folder is not whole."""
    folder = next(filter(None, map(provided, FOLDERS)), None)
    return () if folder is None else (_loaded(folder)(clip, prompt),)


@lru_cache(maxsize=1)
def _loaded(folder: Path) -> "TextAlignment":
    return TextAlignment(folder)


class TextAlignment:
    """A CLIP or X-CLIP model from a folder as transformers saves it."""

    def __init__(self, folder: Path | str, device: str = "cpu"):
        """Raises UserError where the folder holds no such model."""
        from transformers import AutoConfig, AutoTokenizer, CLIPImageProcessorPil, CLIPModel, XCLIPModel

        kinds: dict[str, Any] = {"clip": CLIPModel, "xclip": XCLIPModel}
        try:
            kind = AutoConfig.from_pretrained(str(folder), local_files_only=True).model_type
            if kind not in kinds:
                raise UserError(f"{Path(folder).name} holds a {kind} model; CLIP or X-CLIP is needed.")
            self._model = kinds[kind].from_pretrained(str(folder), local_files_only=True, use_safetensors=True)
            self._model = self._model.eval().to(device)
            self._pictures = CLIPImageProcessorPil.from_pretrained(str(folder), local_files_only=True)
            self._words = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"The text model in {Path(folder).name} cannot be loaded: {error}") from error
        self._video = kind == "xclip"

    @property
    def of_videos(self) -> bool:
        """Whether it looks at a video as one, as X-CLIP does, and not at its pictures one by one."""
        return self._video

    def __call__(self, clip: Clip, prompt: str) -> Score:
        """The score of a clip: for CLIP the mean over frames, for X-CLIP that of the clip."""
        (value,) = self.values([clip], [prompt])
        good = float(np.clip((value - _UNFIT) / (_FITS - _UNFIT), 0, 1))
        name = "X-CLIP" if self._video else "CLIP"
        return Score("text", value, good, 2.0, f"It fits its text at {value:.1f} ({name}; 25 is good, 20 so-so).")

    def values(self, clips: Sequence[Clip], prompts: Sequence[str]) -> list[float]:
        """Hundred times the cosine of each clip with its own prompt, in one call of the model."""
        import torch

        count = self._model.config.vision_config.num_frames if self._video else _FRAMES
        pictures = []
        for clip in clips:
            picks = np.sort(np.resize(sample_indices(len(clip), count), count))  # a shorter clip is played again
            pictures += [Image.fromarray(clip.frames[pick]) for pick in picks]
        pixels = self._pictures(pictures, return_tensors="pt")["pixel_values"].to(self._model.device)
        longest = self._model.config.text_config.max_position_embeddings
        text = self._words(list(prompts), padding=True, truncation=True, max_length=longest, return_tensors="pt")
        ask = {name: text[name].to(self._model.device) for name in ("input_ids", "attention_mask")}
        with torch.no_grad():
            if self._video:
                embedded = self._model(**ask, pixel_values=pixels.unflatten(0, (len(clips), count)))
                # X-CLIP tells of each text anew for each video, (videos, texts, D): what the video shows changes it
                seen, words = embedded.video_embeds[:, None], embedded.text_embeds.diagonal(dim1=0, dim2=1).T[:, None]
            else:
                embedded = self._model(**ask, pixel_values=pixels)
                seen, words = embedded.image_embeds.unflatten(0, (len(clips), count)), embedded.text_embeds[:, None]
            cosines = torch.nn.functional.cosine_similarity(seen, words, dim=-1)
        return (100 * cosines.mean(dim=1)).tolist()
