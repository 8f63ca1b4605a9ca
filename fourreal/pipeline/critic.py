"""The video model that criticises a reconstruction: what a person asks for, checked, loaded, and done without."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace

from fourreal.errors import UserError
from fourreal.fit.distill import Critic
from fourreal.fit.trajectories import Shot
from fourreal.progress import CancelToken, Event, Progress
from fourreal.settings import DistillationSettings, Preset, check_distillation
from fourreal.video.model import VideoModel
from fourreal.video.one_model import DEFAULT, Choice, Fetched, OneModel
from fourreal.video.prompt import NEGATIVE, freeze_prompt


@dataclass(frozen=True)
class Distil:
    """What a person asks for.

    prompt: what happens in the videos; "" asks the model without words. frozen: of a video in which time stands still;
    None has the prompt rewritten by rule.
    strength: factor on the preset's weights. steps: distillation steps in all, None for the preset's.
    guidance: None for the model's own.
    detail: whether the scene is fitted to a film of it that the model restored, in the end.
    model: already loaded, in place of `choice`. told: as `Critic.told`.
    """

    prompt: str = ""
    choice: Choice = DEFAULT
    frozen: str | None = None
    strength: float | int = 1.0
    steps: int | None = None
    guidance: float | int | None = None
    detail: bool = False
    model: VideoModel | None = field(default=None, compare=False, repr=False)
    told: Callable[[Shot], None] | None = field(default=None, compare=False, repr=False)

    def check(self) -> None:
        """Raises UserError for what can be known to be wrong before anything is loaded."""
        check_distillation(self.strength, self.steps, self.guidance)
        if self.model is None:
            for text in self.texts:
                self.choice.entry.capabilities.check_prompt(text)
            self.choice.check(*self.texts)

    @property
    def texts(self) -> tuple[str, ...]:
        """What the model is told: of the videos, and of those in which time stands still. Nothing without a prompt."""
        return tuple(text.strip() for text in (self.prompt, self.frozen_text) if text.strip())

    @property
    def frozen_text(self) -> str:
        """Of a video in which time stands still; "" without words."""
        return freeze_prompt(self.prompt) if self.prompt.strip() and self.frozen is None else self.frozen or ""

    def applied(self, preset: Preset) -> Preset:
        """The preset with its distillation as asked for."""
        return replace(preset, distillation=preset.distillation.asked(self.strength, self.steps, self.guidance))


@contextmanager
def critic_for(
    wanted: Distil | None, settings: DistillationSettings, fps: float, device: str, progress: Progress,
    cancel: CancelToken, finished: Callable[[Critic], bool] = lambda critic: False,
) -> Iterator[tuple[Critic | None, tuple[str, ...]]]:  # fmt: skip
    """(the critic, or None where there is none, and sentences about it), for as long as the context lasts.

    finished: whether all that this critic would be asked for is there, so that it needs not be loaded.

    Raises UserError for a prompt of which the model does not read all.
    """
    if wanted is None or not (settings.steps or wanted.detail):
        yield None, ()
        return
    with OneModel(device, progress, cancel) as models:
        try:
            model = wanted.model or Fetched(wanted.choice, models)
        except UserError as error:
            yield None, (_without(error, progress),)
            return
        words = wanted.prompt.strip()
        told = {} if wanted.told is None else {"told": wanted.told}
        critic = Critic(model, words, wanted.frozen_text, NEGATIVE if words else "", fps, **told)
        if isinstance(model, Fetched):
            wanted.choice.check(*wanted.texts)  # it may just have been downloaded
            try:
                if not finished(critic):
                    model.load()
            except UserError as error:
                yield None, (_without(error, progress),)
                return
        notes = ()
        if not words:
            notes = ("The video model was asked without words, as no prompt was given; one would help it.",)
        elif wanted.model is None and (remark := wanted.choice.entry.remark(words)):
            notes = (remark,)
        for note in notes:
            progress(Event("critic", message=note))
        yield critic, notes


def _without(error: UserError, progress: Progress) -> str:
    """Tell whoever watches that there is no critic; the note that stays with the scene."""
    progress(Event("critic", message=f"Going on without the video model. {error}"))
    return f"It was reconstructed without a video model's criticism: {error}"


def critic_key(critic: Critic | None, settings: DistillationSettings) -> list:
    """What results depend on besides the reconstruction's own settings; nothing where there is no critic."""
    if critic is None:
        return []
    return [[critic.model.identity, critic.prompt, critic.frozen, critic.negative, critic.fps, asdict(settings)]]
