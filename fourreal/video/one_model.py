"""Models loaded when they are first needed, one at a time: two do not fit beside each other."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from fourreal.clip.value import Clip
from fourreal.errors import UserError
from fourreal.progress import CancelToken, Progress, ignore
from fourreal.video import registry
from fourreal.video.model import VideoModel
from fourreal.video.tokens import check_prompts


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

    def check(self, *prompts: str) -> None:
        """Raise UserError for what can be known to be wrong before anything is loaded or downloaded.

        That is a folder that somebody named and that does not hold this model's weights; and, as far as these are
        here, a prompt of which the model does not read all.
        """
        most = self.entry.capabilities.prompt_tokens
        try:
            folder = registry.here(self.name, self.source)
        except UserError:
            if self.source is not None:
                raise
            folder = None  # nobody named it: what is wrong with it is said when it is to be loaded
        if folder is not None:
            check_prompts(folder, prompts, most)


DEFAULT = Choice()


class OneModel:
    """Keeps the model that was asked for last. device: as `registry.load`."""

    def __init__(
        self, device: str | None = None, progress: Progress = ignore, cancel: CancelToken | None = None
    ) -> None:
        self._device, self._progress, self._cancel = device, progress, cancel or CancelToken()
        self._choice: Choice | None = None
        self._model: VideoModel | None = None

    @property
    def loaded(self) -> bool:
        """Whether there is a model at hand."""
        return self._model is not None

    def work_for(self, device: str | None, progress: Progress, cancel: CancelToken) -> None:
        """From now on load for somebody else; the model at hand stays if it is on this device."""
        if device != self._device:
            self.release()
        self._device, self._progress, self._cancel = device, progress, cancel

    def get(self, choice: Choice) -> VideoModel:
        """The model, loaded if it is not the one at hand; UserError where it cannot be had."""
        if self._model is None or self._choice != choice:
            self.release()
            self._model = registry.load(
                choice.name, choice.source, self._device, choice.adapter, self._progress, self._cancel
            )
            self._choice = choice
        return self._model

    def fetch(self, choice: Choice) -> str:
        """Have its weights here, without loading them; its identity. UserError where they cannot be had."""
        _, identity = registry.fetch(
            choice.name, choice.source, self._device, choice.adapter, self._progress, self._cancel
        )
        return identity

    def release(self) -> None:
        if self._model is not None:
            self._model.release()
        self._model = self._choice = None

    def __enter__(self) -> "OneModel":
        return self

    def __exit__(self, *details: object) -> None:
        self.release()


class Fetched:
    """A `VideoModel` whose weights are here, and which is loaded when it is asked first: to name it takes none of that.

    Raises UserError where the weights cannot be had.
    """

    def __init__(self, choice: Choice, models: OneModel) -> None:
        self._choice, self._models = choice, models
        self._loaded: VideoModel | None = None
        self.capabilities, self.identity = choice.entry.capabilities, models.fetch(choice)

    def load(self) -> VideoModel:
        """UserError where it cannot be loaded."""
        if self._loaded is None:
            self._loaded = self._models.get(self._choice)
        return self._loaded

    def generate(self, *arguments, **options) -> Clip:
        """See `VideoModel.generate`."""
        return self.load().generate(*arguments, **options)

    def denoise_once(self, *arguments, **options) -> Tensor:
        """See `VideoModel.denoise_once`."""
        return self.load().denoise_once(*arguments, **options)

    def rest(self) -> None:
        """See `VideoModel.rest`."""
        if self._loaded is not None:
            self._loaded.rest()

    def release(self) -> None:
        """See `VideoModel.release`."""
        self._loaded = None
        self._models.release()
