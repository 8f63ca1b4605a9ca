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
from fourreal.video.one_model import DEFAULT, Choice, OneModel
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
        if self.model is None:
            self.choice.entry  # noqa: B018 raises where there is no such model
        check_distillation(self.strength, self.steps, self.guidance)
        if self.prompt.strip() and self.model is None:
            self.choice.entry.capabilities.check_prompt(self.prompt)

    def applied(self, preset: Preset) -> Preset:
        """The preset with its distillation as asked for."""
        return replace(preset, distillation=preset.distillation.asked(self.strength, self.steps, self.guidance))


@contextmanager
def critic_for(
    wanted: Distil | None, settings: DistillationSettings, fps: float, device: str, progress: Progress,
    cancel: CancelToken,
) -> Iterator[tuple[Critic | None, tuple[str, ...]]]:  # fmt: skip
    """(the critic, or None where there is none, and sentences about it), for as long as the context lasts."""
    if wanted is None or not (settings.steps or wanted.detail):
        yield None, ()
        return
    with OneModel(device, progress, cancel) as models:
        try:
            model = wanted.model or models.get(wanted.choice)
        except UserError as error:
            note = f"It was reconstructed without a video model's criticism: {error}"
            progress(Event("critic", message=f"Going on without the video model. {error}"))
            yield None, (note,)
            return
        words = wanted.prompt.strip()
        notes = ()
        if not words:
            notes = ("The video model was asked without words, as no prompt was given; one would help it.",)
            progress(Event("critic", message=notes[0]))
        frozen = freeze_prompt(words) if words and wanted.frozen is None else wanted.frozen or ""
        told = {} if wanted.told is None else {"told": wanted.told}
        yield Critic(model, words, frozen, NEGATIVE if words else "", fps, **told), notes


def critic_key(critic: Critic | None, settings: DistillationSettings) -> list:
    """What results depend on besides the reconstruction's own settings; nothing where there is no critic."""
    if critic is None:
        return []
    return [[critic.model.identity, critic.prompt, critic.frozen, critic.negative, critic.fps, asdict(settings)]]
