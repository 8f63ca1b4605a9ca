"""An oracle in the place of a video model: it knows the clips there can be, and says which of them it sees.

A test of our machinery, nothing more: what comes of distillation when the model is right, and when it is wrong.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.camera.align import Similarity
from fourreal.camera.cameras import Cameras
from fourreal.camera.trajectory import Path
from fourreal.fit.trajectories import Shot
from fourreal.video import denoise
from fourreal.video.capabilities import Capabilities
from fourreal.video.conditioning import ConditioningOrNone, pictures
from research.world.world import World

TOLERANCE = 0.01  # mean absolute difference on the known frames within which a clip agrees with them


class Oracle:
    """A `VideoModel` whose `denoise_once` is exact for a set of worlds, each as likely as the others.

    It has to be told of the shot that it is asked about (`tell`), as its worlds are rendered at the very cameras,
    times and crop. With x_i those clips that agree with the known frames, its answer is their posterior mean
    sum_i w_i x_i, w = softmax(-|x_s - (1 - s) x_i|^2 / (2 s^2)); where none agrees, what it was shown.
    """

    identity = "oracle"

    def __init__(
        self,
        worlds: Sequence[World],
        similarity: Similarity,
        frames: int,
        size: tuple[int, int] = (64, 36),
        tolerance: float | int = TOLERANCE,
        supersample: int = 2,
    ) -> None:
        """
        Args:
            similarity: from the worlds' frame to the one that shots are in.
            frames: of the reference video, from whose numbers times follow.
            size: (width, height) that it is asked about.
            supersample: rays a pixel, squared.
        """
        self.worlds, self.similarity, self.frames = tuple(worlds), similarity, frames
        self.tolerance, self.supersample = float(tolerance), supersample
        self.capabilities = Capabilities(
            frame_step=1,
            size_step=1,
            native_size=size,
            native_frames=16,
            fps=12.0,
            conditioning="anywhere",
            guidance=1.0,
            steps=1,
            prompt_tokens=512,
            least_size=8,
        )
        self.agreements: list[int] = []  # how many clips agreed, of each time it was asked
        self._shot: Shot | None = None

    def tell(self, shot: Shot) -> None:
        """What the next question is about."""
        self._shot = shot

    def denoise_once(
        self,
        video: Float[Tensor, "F 3 H W"],
        sigma: float | int,
        prompt: str,
        *,
        negative: str = "",
        conditioning: ConditioningOrNone = None,
        cameras: Cameras | None = None,
        fps: float | int | None = None,
        guidance: float | int | None = None,
        rescale: float | int = 0.0,
        seed: int = 0,
    ) -> Float[Tensor, "F 3 H W"]:
        """See `VideoModel.denoise_once`; words and guidance say nothing to it."""
        shot, self._shot = self._shot, None
        if shot is None or len(shot) != len(video):
            raise ValueError("the oracle has to be told of each shot before it is asked about it")
        given = pictures(conditioning, (video.shape[3], video.shape[2]))
        places = list(given)
        real = torch.stack([_planes(given[place]) for place in places]).to(video) if places else video[:0]
        agreeing = [w for w in self.worlds if not places or self._apart(w, shot, places, real) <= self.tolerance]
        self.agreements.append(len(agreeing))
        if not agreeing:
            out = video.clone()
        else:
            clips = torch.stack([self.clip(world, shot, list(range(len(shot)))) for world in agreeing])
            out = posterior_mean(video, clips, sigma, seed)
        if places:
            out[places] = real
        return out

    def _apart(self, world: World, shot: Shot, places: list[int], real: Tensor) -> float:
        return float((self.clip(world, shot, places) - real).abs().mean())

    def clip(self, world: World, shot: Shot, places: list[int]) -> Float[Tensor, "K 3 h w"]:
        """Some frames of what `world` looks like in `shot`."""
        cameras = self.similarity.inverse().apply_cameras(shot.cameras[places]).resized(shot.size)
        times = torch.tensor([shot.codes[place] for place in places], dtype=torch.float32) / (self.frames - 1)
        seen = world.view(Path(cameras, times), self.supersample)
        return seen.colour.permute(0, 3, 1, 2).clamp(0, 1)

    def generate(self, prompt: str, **options):
        raise NotImplementedError("the oracle judges videos; it makes none")

    def rest(self) -> None:
        """It holds nothing."""

    def release(self) -> None:
        """It holds nothing."""


class DriftingOracle(Oracle):
    """One that has the motion right and the rest not quite: textures lie elsewhere, colours and shapes are a bit off.

    It judges by its clips as they are, and answers with what they look like in `drifted` worlds; the more so the
    farther in time from the canonical moment, as video models drift away from the frame that they are given.
    """

    def __init__(self, worlds: Sequence[World], *arguments, **named) -> None:
        super().__init__(worlds, *arguments, **named)
        self._astray = {id(world): drifted(world) for world in self.worlds}

    def clip(self, world: World, shot: Shot, places: list[int]) -> Float[Tensor, "K 3 h w"]:
        true = super().clip(world, shot, places)
        astray = super().clip(self._astray[id(world)], shot, places)
        since = [abs(shot.codes[place] / (self.frames - 1) - world.still) for place in places]
        share = (true.new_tensor(since) / FAR).clamp(max=1.0)[:, None, None, None]
        return torch.lerp(true, astray, share)


FAR = 0.25  # of the video's time: what drifts has done so by then
GEOMETRY, COLOUR, PHASE = 0.015, 0.06, 0.5  # sizes off by a share; colours in [0, 1]; textures in radians


def drifted(world: World) -> World:
    """A world whose actors move as they do, but with other sizes, colours and textures."""
    random = np.random.default_rng([world.seed, 17])
    actors = []
    for actor in world.actors:
        parts = []
        for part in actor.parts:
            sizes = 1 + GEOMETRY * random.choice([-1, 1], 3)
            texture = part.texture
            colours = tuple(
                tuple(np.clip(np.add(colour, random.uniform(-COLOUR, COLOUR, 3)), 0, 1).tolist())
                for colour in texture.colours
            )
            phases = tuple(
                phase + (float(random.choice([-1, 1])) * PHASE if wave else 0.0)
                for phase, wave in zip(texture.phases, texture.waves, strict=True)
            )
            parts.append(
                replace(
                    part,
                    half=tuple(np.multiply(part.half, sizes).tolist()),
                    texture=replace(texture, colours=colours, phases=phases),
                )
            )
        actors.append(replace(actor, parts=tuple(parts)))
    return replace(world, actors=tuple(actors))


def posterior_mean(
    video: Float[Tensor, "F 3 H W"], clips: Float[Tensor, "K F 3 H W"], sigma: float | int, seed: int
) -> Float[Tensor, "F 3 H W"]:
    """The mean of x0 given x_s, the video under noise, where x0 is one of `clips` and each is as likely."""
    noise = torch.randn(video.shape, generator=torch.Generator().manual_seed(seed)).to(video)
    noisy = denoise.noised(video, noise, sigma)
    distance = (noisy - (1 - sigma) * clips).double().square().flatten(1).sum(1)
    weight = torch.softmax(-distance / (2 * sigma**2), dim=0).to(video)
    return (weight[:, None, None, None, None] * clips).sum(0)


def _planes(picture: np.ndarray) -> Tensor:
    return torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255
