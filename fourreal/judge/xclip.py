"""X-CLIP: how well a video fits its text (Ni et al. 2022), as in the paper's Table 1."""

from collections.abc import Sequence
from pathlib import Path

from fourreal.errors import UserError
from fourreal.judge.values import Question
from fourreal.video.text_score import TextAlignment


class XClip:
    """See `values.Judge`."""

    name, batch = "xclip", 4

    def __init__(self, folder: Path, device: str) -> None:
        """Raises UserError where the folder holds no X-CLIP."""
        self._model = TextAlignment(folder, device)
        if not self._model.of_videos:
            raise UserError(f"{folder.name} holds CLIP, which looks at pictures one by one: X-CLIP is needed.")
        self.version = f"1 {folder.name}"

    def __call__(self, questions: Sequence[Question]) -> list[dict[str, float | None]]:
        prompted = [one for one in questions if one.text]
        clips, texts = [one.clip for one in prompted], [one.text for one in prompted]
        values = iter(self._model.values(clips, texts) if prompted else ())
        return [{"xclip": next(values) if one.text else None} for one in questions]
