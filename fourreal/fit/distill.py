"""Video score distillation: a video model as the critic of views and times that no video shows (4Real sec. 3.3-3.4).

A shot is rendered, put under noise but for its real frame, and the model says once what it should look like; the loss
is the mean squared distance to that. Gradients go through the renders alone, and frames are rendered and propagated a
few at a time, so that memory does not grow with their number.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.errors import memory_ran_out
from fourreal.fit import sampling
from fourreal.fit.observations import Observations
from fourreal.fit.trajectories import KINDS, Shot, Shots
from fourreal.fit.trust import Trust
from fourreal.settings import DistillationSettings
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.rasterize import rasterize
from fourreal.video.model import VideoModel

SceneAt = Callable[[float], Gaussians]  # the Gaussians at a frame number of the reference video


@dataclass
class Tally:
    """What distillation took in this process: how many steps, and seconds of wall-clock time, the model's included.

    notes: sentences about what went wrong.
    """

    steps: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Critic:
    """A video model and what it is told.

    prompt: what happens in the scene; frozen: of a video in which time stands still; both "" to ask without words.
    fps: of the reference video.
    on_shot: hears of every shot before the model is asked about it.
    tally: what that took so far.
    """

    model: VideoModel
    prompt: str
    frozen: str
    negative: str = ""
    fps: float | int = 12.0
    on_shot: Callable[[Shot], None] = lambda shot: None
    tally: Tally = field(default_factory=Tally)

    def target(
        self, shot: Shot, video: Float[Tensor, "F 3 h w"], sigma: float | int, settings: DistillationSettings, seed: int
    ) -> Float[Tensor, "F 3 h w"]:
        """What the model thinks that the rendered `video` of `shot` should look like."""
        self.on_shot(shot)
        words = self.prompt if shot.kind == "times" else self.frozen
        able = self.model.capabilities
        return self.model.denoise_once(
            video.detach(),
            sigma,
            words,
            negative=self.negative,
            conditioning=cast(dict[int, np.ndarray], dict(shot.conditioning)),
            cameras=shot.cameras.resized(shot.size) if able.cameras else None,
            fps=shot.fps,
            guidance=settings.guidance if words else 1.0,
            rescale=settings.rescale,
            seed=seed,
        ).detach()


class Distillation:
    """The distillation steps of one stage.

    steps: how many there will be. last: the newest frames as rendered and as the model wants them, each
    (F, 3, h, w), or None. notes: sentences for whoever watches; the stage's loop takes them away. `off` once memory ran
    out even at the fewest frames.
    """

    def __init__(
        self,
        critic: Critic,
        settings: DistillationSettings,
        observations: Observations,
        steps: int,
        moving: bool,
        seed: int,
    ) -> None:
        """moving: whether this is stage two, where time is free."""
        self.critic, self.settings, self.steps, self.seed = critic, settings, steps, seed
        self.moving = moving
        self.shots = Shots(observations, critic.model.capabilities, settings.frames, critic.fps, settings.disc)
        self.background = torch.full((3,), 0.5, device=observations.freeze.device)
        self.trust = Trust()
        self.off = False
        self.last: tuple[Tensor, Tensor] | None = None
        self.notes: list[str] = []

    def after(self, index: int, steps: int, scene_at: SceneAt) -> dict[str, float]:
        """What is due after step `index` of a stage's `steps`: a distillation step every few steps towards its end."""
        late = index - max(0, steps - self.steps * self.settings.every)
        number, odd = divmod(late, self.settings.every)
        return self.step(number, scene_at) if late >= 0 and not odd and number < self.steps else {}

    def step(self, index: int, scene_at: SceneAt) -> dict[str, float]:
        """Do distillation step `index` of `steps`: adds to the gradients of what `scene_at` is made of."""
        if self.off:
            return {}
        random = sampling.generator(self.seed, 2, index)
        kinds = KINDS if self.moving else KINDS[:1]
        number, kind = index // len(kinds), kinds[index % len(kinds)]
        sigma = annealed(index / max(self.steps, 1), self.settings.sigma)
        begin = time.monotonic()
        try:
            if self.settings.examine and number % self.settings.examine == 0:
                self.examine(self.shots.filmed(kind, random), scene_at, sigma)
            return self.distil(self.shots.draw(kind, random, self.moving), scene_at, sigma)
        except Exception as error:
            if not memory_ran_out(error):
                raise
            self._shrink()
            return {}
        finally:
            self.critic.tally.steps += 1
            self.critic.tally.seconds += time.monotonic() - begin

    @torch.no_grad()
    def examine(self, shot: Shot, scene_at: SceneAt, sigma: float | int) -> None:
        """Ask about a shot whose frames are known, to see how far its answers are to be trusted."""
        video = self.render(shot, scene_at)
        target = self.critic.target(shot, video, sigma, self.settings, self.seed)
        filmed = torch.from_numpy(np.stack(shot.filmed)).permute(0, 3, 1, 2).to(target) / 255
        self.trust.examined(shot.kind, target, filmed)

    def distil(self, shot: Shot, scene_at: SceneAt, sigma: float | int) -> dict[str, float]:
        """Add the gradient of share * strength * weight * mean |render - target|^2; returns share and loss.

        The share is how far the critic is trusted; it has no gradient.
        """
        settings = self.settings
        weight = settings.strength * (settings.times_weight if shot.kind == "times" else settings.views_weight)
        together = len(shot) <= settings.chunk
        with torch.set_grad_enabled(together):
            video = self.render(shot, scene_at)
        target = self.critic.target(shot, video, sigma, settings, self.seed)
        for place in shot.conditioning:  # the real frames were given and not drawn: nothing is learnt from them here
            target[place] = video[place].detach()
        share = self.trust.share(shot.kind, target, video.detach())
        difference = video.detach() - target
        gradient = 2 * share * weight / difference.numel() * difference
        if together:
            video.backward(gradient)
        else:
            for first in range(0, len(shot), settings.chunk):
                places = range(first, min(first + settings.chunk, len(shot)))
                self.render(shot, scene_at, places).backward(gradient[places.start : places.stop])
        self.last = video.detach(), target
        return {"distillation": share * weight * float(difference.square().mean()), f"trust in {shot.kind}": share}

    def render(self, shot: Shot, scene_at: SceneAt, places: range | None = None) -> Float[Tensor, "F 3 h w"]:
        """The frames at `places` of a shot (all of them without), averaged down to what the model sees."""
        return drawn(shot, scene_at, self.background, places)

    def picture(self, count: int = 4) -> np.ndarray | None:
        """(H, W, 3) uint8: some of the newest frames, above as rendered, below as the model wants them."""
        if self.last is None:
            return None
        video, target = (frames[:: max(1, -(-len(frames) // count))] for frames in self.last)
        rows = [torch.cat(list(frames), dim=2) for frames in (video, target)]
        return (torch.cat(rows, dim=1).clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()

    def state(self) -> dict[str, Tensor]:
        flags = {"critic.frames": torch.tensor(self.shots.frames), "critic.off": torch.tensor(self.off)}
        return self.trust.state() | flags

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self.trust.restore(state)
        self.shots.frames, self.off = int(state["critic.frames"]), bool(state["critic.off"])

    def _shrink(self) -> None:
        """Ask about fewer frames from now on, or about none."""
        able, before = self.critic.model.capabilities, self.shots.frames
        torch.cuda.empty_cache()
        fewer = able.halved_frames(before)
        if fewer < before:
            self.shots.frames = fewer
            note = f"Memory ran out: the video model is asked about {fewer} frames instead of {before}."
        else:
            self.off = True
            note = "Memory ran out even so: from here on it goes on without the video model."
        self.notes.append(note)
        self.critic.tally.notes.append(note)


def drawn(
    shot: Shot, scene_at: SceneAt, background: Float[Tensor, "3"], places: Iterable[int] | None = None
) -> Float[Tensor, "F 3 h w"]:
    """The frames at `places` of a shot (all of them without), averaged down to what the model sees."""
    bent: dict[float, Gaussians] = {}
    pictures = []
    for place in range(len(shot)) if places is None else places:
        code = shot.codes[place]
        if code not in bent:
            bent[code] = scene_at(code)
        camera = shot.cameras[place]
        seen = rasterize(bent[code], camera.world_to_camera[0], camera.intrinsics, camera.size, background)
        pictures.append(seen.colour.permute(2, 0, 1))
    return torch.nn.functional.avg_pool2d(torch.stack(pictures), shot.cameras.size[0] // shot.size[0])


def annealed(progress: float, levels: tuple[float, float]) -> float:
    """The noise level at `progress` in [0, 1]: t_max - (t_max - t_min) sqrt(progress) (HiFA, Zhu et al. 2023)."""
    most, least = levels
    return most - (most - least) * math.sqrt(progress)
