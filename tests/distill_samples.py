"""A video model that says what a test wants it to say."""

import torch
from torch import Tensor

from fourreal.errors import MemoryRanOut
from fourreal.settings import DistillationSettings, MotionPhase
from fourreal.video.capabilities import Capabilities

ABLE = Capabilities(
    frame_step=1,
    size_step=1,
    native_size=(24, 16),
    native_frames=8,
    fps=12.0,
    conditioning="anywhere",
    text_alone=True,
    cameras=False,
    guidance=3.0,
    steps=1,
    prompt_tokens=64,
    least_size=8,
)
PHASE = MotionPhase("distillation", 0, "all", "both", field_scale=1.0)
SETTINGS = DistillationSettings(every=2, canonical_steps=4, motion_steps=6, phase=PHASE, frames=5, chunk=2, examine=3)


class Says:
    """Answers every question by `answer(video)`, and notes what it was asked. frames: with more, memory runs out."""

    identity = "says"

    def __init__(self, answer, able: Capabilities = ABLE, frames: int = 99) -> None:
        self.answer, self.capabilities, self.frames = answer, able, frames
        self.questions: list[dict] = []

    def denoise_once(self, video: Tensor, sigma, prompt, **options) -> Tensor:
        self.questions.append(
            {"frames": len(video), "size": tuple(video.shape[3:1:-1]), "sigma": sigma, "prompt": prompt}
        )
        self.questions[-1] |= options
        if len(video) > self.frames:
            raise MemoryRanOut("Memory ran out.")
        assert not video.requires_grad
        return self.answer(video).clone()

    def generate(self, prompt, **options):
        raise AssertionError("nobody asked it for a video")

    def rest(self) -> None:
        self.questions.append({"rest": True})

    def release(self) -> None:
        self.questions.append({"release": True})


def grey(video: Tensor) -> Tensor:
    return torch.full_like(video, 0.5)
