"""What the chain from a prompt to a scene is asked for, and what its steps are asked for by that."""

from pathlib import Path
from typing import Any

from pydantic import InstanceOf

from fourreal.description import Chain, Fitting, about, described, option
from fourreal.pipeline.candidates import Wish, chosen_model
from fourreal.pipeline.request import Request
from fourreal.settings import Preset
from fourreal.video import registry
from fourreal.video.one_model import Choice
from fourreal.video.prompt import freeze_prompt


@described
class PromptRequest(Chain):
    """What may be asked of the chain, and where all of it goes.

    preset: as `Request` has it. without: parts of the reconstruction to leave out.
    """

    out: Path
    preset: str | InstanceOf[Preset] | None = option(None)  # type: ignore[assignment]  # wider than what strangers may say
    without: frozenset[str] = frozenset()

    @property
    def choice(self) -> Choice:
        """The model of the reference videos."""
        own = bool(self.source or self.adapter)
        return Choice(chosen_model(self.model, own, self.device), self.source, self.adapter)

    @property
    def going_around(self) -> Choice:
        """The model of the freeze-time videos: the same unless another one, or something else of it, is named."""
        same = self.choice
        if not (self.freeze_model or self.freeze_source or self.freeze_adapter):
            return same
        name = self.freeze_model or same.name
        source = same.source if name == same.name else None
        return Choice(registry.entry(name).name, self.freeze_source or source, self.freeze_adapter)

    @property
    def freeze_words(self) -> str:
        return freeze_prompt(self.prompt) if self.freeze_prompt is None else self.freeze_prompt

    def wish(self, role: str, **more: Any) -> Wish:
        """What the videos of a role are asked to be. more: other fields of it."""
        freeze = role == "freeze"
        choice, prompt = (self.going_around, self.freeze_words) if freeze else (self.choice, self.prompt)
        same: dict[str, Any] = {"frames": self.frames, "steps": self.steps, "guidance": self.guidance}
        return Wish(
            role=role, prompt=prompt, model=choice.name, source=choice.source, adapter=choice.adapter, **same, **more
        )

    def reconstruction(self, **files: Any) -> Request:
        """The reconstruction of the two videos. It is criticised where that was asked for, or the model is so small
        that it costs little."""
        critic = self.choice
        same = {name: getattr(self, name) for name in ("seed", *about(Fitting))}
        if self.distil if self.distil is not None else critic.name == registry.EMBEDDED:
            same |= {
                "critic": critic.name,
                "critic_source": critic.source,
                "critic_adapter": critic.adapter,
                "prompt": self.prompt,
                "freeze_prompt": self.freeze_prompt,
            }
        return Request(**same, out=self.out, without=self.without, refine_poses=True, **files)
