"""The video model that criticises a reconstruction: loaded, and done without."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from fourreal.errors import UserError
from fourreal.fit.distill import Critic
from fourreal.pipeline.request import Request
from fourreal.progress import CancelToken, Event, Progress
from fourreal.settings import DistillationSettings
from fourreal.video.one_model import Fetched, OneModel
from fourreal.video.prompt import NEGATIVE


@contextmanager
def critic_for(
    request: Request,
    settings: DistillationSettings,
    fps: float,
    device: str,
    progress: Progress,
    cancel: CancelToken,
    finished: Callable[[Critic], bool] = lambda critic: False,
) -> Iterator[tuple[Critic | None, tuple[str, ...]]]:
    """(the critic, or None where there is none, and sentences about it), for as long as the context lasts.

    finished: whether all that this critic would be asked for is there, so that it needs not be loaded.

    Raises UserError for a prompt of which the model does not read all.
    """
    if not request.criticised or not (settings.steps or request.detail or request.imagine):
        yield None, ()
        return
    with OneModel(device, progress, cancel) as models:
        try:
            model = request.critic_model or Fetched(request.critic_choice, models)
        except UserError as error:
            yield None, (_without(error, progress),)
            return
        words = request.prompt.strip()
        critic = Critic(model, words, request.frozen_text, NEGATIVE if words else "", fps)
        if isinstance(model, Fetched):
            request.critic_choice.check(*request.critic_texts)  # it may just have been downloaded
            try:
                if not finished(critic):
                    model.load()
            except UserError as error:
                yield None, (_without(error, progress),)
                return
        notes: tuple[str, ...] = ()
        if not words:
            notes = ("The video model was asked without words, as no prompt was given; one would help it.",)
        elif request.critic_model is None and (remark := request.critic_choice.entry.remark(words)):
            notes = (remark,)
        for note in notes:
            progress(Event("critic", message=note))
        yield critic, notes


def _without(error: UserError, progress: Progress) -> str:
    """Tell whoever watches that there is no critic; the note that stays with the scene."""
    progress(Event("critic", message=f"Going on without the video model. {error}"))
    return f"It was reconstructed without a video model's criticism. {error}"


def critic_key(critic: Critic | None, settings: DistillationSettings) -> list:
    """What results depend on besides the reconstruction's own settings; nothing where there is no critic."""
    if critic is None:
        return []
    return [[critic.model.identity, critic.prompt, critic.frozen, critic.negative, critic.fps, asdict(settings)]]
