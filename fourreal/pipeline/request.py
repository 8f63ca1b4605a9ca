"""What a reconstruction is asked for, and the preset that follows from it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import InstanceOf

from fourreal.description import Options, described, option, usual_preset
from fourreal.pipeline.takes import Further
from fourreal.settings import PRESETS, Preset, ablated
from fourreal.video.one_model import DEFAULT, Choice
from fourreal.video.prompt import freeze_prompt


@described
class Request(Options):
    """What may be asked of a reconstruction, of which videos, and where the scene goes.

    preset: of those that have a name, one of one's own, or None for the device's default.
    meeting: both frames in which the two videos meet, where they were seen before (`camera.match.find_frozen_frame`
        among all frames); what the person or the cameras file says comes first. Without it they are looked for.
    further: videos besides the first two: other cameras, other frozen moments.
    freeze_prompt: of a video in which time stands still, for the critic; None has the prompt rewritten by rule.
    critic_adapter: a LoRA of the critic's. critic_model: a `VideoModel` that is loaded already, in place of `critic`.
    """

    reference: Path
    freeze: Path
    out: Path
    cameras: Path | None = None
    meeting: tuple[int, int] | None = None
    preset: str | InstanceOf[Preset] | None = option(None)  # type: ignore[assignment]  # wider than what strangers may say
    further: tuple[InstanceOf[Further], ...] = ()
    freeze_prompt: str | None = None
    critic_adapter: str | None = None
    critic_model: Any = None

    @property
    def criticised(self) -> bool:
        """Whether a video model criticises views and times that no video shows."""
        return self.critic is not None or self.critic_model is not None

    @property
    def critic_choice(self) -> Choice:
        return Choice(self.critic or DEFAULT.name, self.critic_source, self.critic_adapter)

    @property
    def critic_texts(self) -> tuple[str, ...]:
        """What the critic is told: of the videos, and of those in which time stands still. Nothing without a prompt."""
        return tuple(text.strip() for text in (self.prompt, self.frozen_text) if text.strip())

    @property
    def frozen_text(self) -> str:
        """Of a video in which time stands still; "" without words."""
        rewritten = self.prompt.strip() and self.freeze_prompt is None
        return freeze_prompt(self.prompt) if rewritten else self.freeze_prompt or ""

    def check_critic(self) -> None:
        """Raises UserError for what can be known to be wrong with it before anything is loaded."""
        if self.critic is not None and self.critic_model is None:
            for text in self.critic_texts:
                self.critic_choice.entry.capabilities.check_prompt(text)
            self.critic_choice.check(*self.critic_texts)


def chosen_preset(request: Request, device: str) -> Preset:
    """The preset asked for, the deformation asked for in it, less what is to be left out."""
    preset = request.preset or usual_preset(device == "cuda")
    preset = PRESETS[preset] if isinstance(preset, str) else preset
    if request.deformation is not None:
        preset = replace(preset, motion=replace(preset.motion, deformation=request.deformation))
    if request.criticised:
        request.check_critic()
        preset = criticised(preset, request)
    return ablated(preset, request.without)


def criticised(preset: Preset, options: Options) -> Preset:
    """The preset with its distillation and its imagined takes as asked for."""
    distillation = preset.distillation.adjusted(options.strength, options.distillation_steps, options.critic_guidance)
    return replace(preset, distillation=distillation, imagination=replace(preset.imagination, takes=options.imagine))
