"""VideoScore (He et al. 2024): five aspects from 1 to 4, by Idefics2 with a linear head, as in the paper's Table 1.

transformers has the model without this head, so the head is here, under the names that its weights have. What the model
was trained to be asked stands on its card, which is downloaded with the weights, and is taken from there.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from transformers import (
    AutoTokenizer,
    Idefics2Config,
    Idefics2ImageProcessorPil,
    Idefics2Model,
    Idefics2PreTrainedModel,
    Idefics2Processor,
)

from fourreal.errors import UserError
from fourreal.judge.offers import VIDEOSCORE
from fourreal.judge.values import Question

FRAMES = 16  # as its authors sample them
TEMPLATE = re.compile(r'REGRESSION_QUERY_PROMPT\s*=\s*"""(.*?)"""', re.DOTALL)
BLANK = "{text_prompt}"
CARD_BYTES = 1024**2


class ScoredIdefics2(Idefics2PreTrainedModel):
    """Idefics2 whose last token of the question is turned into figures, one for each label."""

    def __init__(self, config: Idefics2Config) -> None:
        super().__init__(config)
        self.model = Idefics2Model(config)
        sizes: Any = config
        self.score = nn.Linear(sizes.text_config.hidden_size, sizes.num_labels, bias=False)
        self.post_init()

    def forward(self, attention_mask: torch.Tensor, **inputs: torch.Tensor) -> torch.Tensor:
        """(B, labels) figures. attention_mask: (B, T), 0 at padding, on whichever side it is."""
        hidden = self.model(attention_mask=attention_mask, **inputs, use_cache=False).last_hidden_state
        places = torch.arange(attention_mask.shape[1], device=attention_mask.device)
        last = (places * attention_mask).argmax(dim=1)
        return self.score(hidden)[torch.arange(len(last), device=last.device), last].float()


class VideoScore:
    """See `values.Judge`. One question at a time: eight billion parameters and a thousand tokens leave no room."""

    name, batch = "videoscore", 1

    def __init__(self, folder: Path, device: str) -> None:
        """Raises UserError where the folder does not hold all of it."""
        self._template = question_of(folder)
        kind = torch.bfloat16 if device == "cuda" else torch.float32
        try:
            pictures = Idefics2ImageProcessorPil.from_pretrained(str(folder), local_files_only=True)
            words = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
            loading: Any = ScoredIdefics2.from_pretrained(
                str(folder), local_files_only=True, use_safetensors=True, dtype=kind, output_loading_info=True
            )
            self._model, info = loading
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"VideoScore cannot be loaded from {folder}: {error}") from error
        wrong = sorted({*info["missing_keys"], *info["unexpected_keys"]})
        if wrong or self._model.config.num_labels != len(VIDEOSCORE):
            raise UserError(f"{folder} does not hold VideoScore's weights ({', '.join(wrong[:3]) or 'other labels'}).")
        latents = self._model.config.perceiver_config.resampler_n_latents
        self._processor = Idefics2Processor(pictures, words, image_seq_len=latents)
        self._model = self._model.eval().to(device)
        self.version = f"1 {folder.name}"

    def __call__(self, questions: Sequence[Question]) -> list[dict[str, float | None]]:
        return [self._one(question) for question in questions]

    def _one(self, question: Question) -> dict[str, float | None]:
        frames = question.clip.frames[picked(len(question.clip))]
        text = self._template.replace(BLANK, question.text) + "<image> " * len(frames)
        pictures = [Image.fromarray(frame) for frame in frames]
        inputs = self._processor(text=[text], images=[pictures], return_tensors="pt")
        inputs = {name: value.to(self._model.device) for name, value in inputs.items()}
        inputs["pixel_values"] = inputs["pixel_values"].to(self._model.dtype)
        with torch.no_grad():
            figures = self._model(**inputs)[0].tolist()
        return dict(zip(VIDEOSCORE, figures, strict=True))


def picked(total: int) -> list[int]:
    """The frames that are looked at, as its authors take them."""
    return list(range(total)) if total <= FRAMES else np.arange(0, total, total / FRAMES).astype(int).tolist()[:FRAMES]


def question_of(folder: Path) -> str:
    """What the model is asked, out of its card. Raises UserError where that has none."""
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8") if card.is_file() and card.stat().st_size <= CARD_BYTES else ""
    match = TEMPLATE.search(text)
    if match is None or BLANK not in match[1]:
        raise UserError(f"{folder} lacks the model's card (README.md) with its question: download that, too.")
    return match[1]
