"""Models loaded when they are first needed, one at a time: two do not fit beside each other."""

from dataclasses import dataclass
from pathlib import Path

from fourreal.progress import CancelToken, Progress, ignore
from fourreal.video import registry
from fourreal.video.model import VideoModel


@dataclass(frozen=True)
class Choice:
    """A model by its name in the registry. source: a folder with its weights; None for the hub. adapter: a LoRA."""

    name: str = registry.DEFAULT
    source: Path | None = None
    adapter: str | None = None

    @property
    def entry(self) -> registry.Entry:
        """UserError where there is no such model."""
        return registry.entry(self.name)


DEFAULT = Choice()


class OneModel:
    """Keeps the model that was asked for last. device: as `registry.load`."""

    def __init__(
        self, device: str | None = None, progress: Progress = ignore, cancel: CancelToken | None = None
    ) -> None:
        self._device, self._progress, self._cancel = device, progress, cancel or CancelToken()
        self._choice: Choice | None = None
        self._model: VideoModel | None = None

    def get(self, choice: Choice) -> VideoModel:
        """The model, loaded if it is not the one at hand; UserError where it cannot be had."""
        if self._model is None or self._choice != choice:
            self.release()
            self._model = registry.load(
                choice.name, choice.source, self._device, choice.adapter, self._progress, self._cancel
            )
            self._choice = choice
        return self._model

    def release(self) -> None:
        if self._model is not None:
            self._model.release()
        self._model = self._choice = None

    def __enter__(self) -> "OneModel":
        return self

    def __exit__(self, *details: object) -> None:
        self.release()
