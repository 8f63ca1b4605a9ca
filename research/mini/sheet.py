"""Contact sheets of what a network makes, to be looked at while it trains."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from fourreal.video.mini import edm, vocabulary
from fourreal.video.mini.network import MiniNetwork
from research.mini import data
from research.world.solo import make_solo

PROMPTS = (
    "a red ball bouncing on a grassy floor",
    "a blue box sliding on a sandy floor",
    "a yellow cylinder circling on a wooden floor",
    "a green cube hopping on a tiled floor",
)
FROZEN_SEED = 77


def write(network: MiniNetwork, path: Path, steps: int = 12, guidance: float = 2.0, arc: float = 90.0) -> None:
    """Rows of every second frame: what is made of PROMPTS, then pairs of a true frozen clip and of what is made of its
    first frame along the same cameras."""
    device = next(network.parameters()).device
    clips, truth = [], []
    for prompt in PROMPTS:
        world = make_solo(0)
        video, rays = data.view(world, data.standing_path(world))
        slots = torch.tensor(vocabulary.read(prompt).slots())
        clips.append((video, rays, slots, torch.tensor(False), torch.zeros(data.FRAMES, dtype=torch.bool)))
    for number in range(3):
        world = make_solo((FROZEN_SEED, number))
        video, rays = data.view(world, data.frozen_path(world, arc * (-1) ** number, 0.3 * number))
        mask = torch.zeros(data.FRAMES, dtype=torch.bool)
        mask[0] = True
        clips.append((video, rays, torch.tensor(data.said(world, True)), torch.tensor(True), mask))
        truth.append(video)
    conditions = data.Clips(*(torch.stack(column) for column in zip(*clips, strict=True))).to(device).conditions()
    noise = torch.randn(conditions.given.shape, generator=torch.Generator().manual_seed(0)).to(device)
    made = edm.sample(network, conditions, steps, guidance, noise).cpu()
    rows = list(made[: len(PROMPTS)])
    for video, own in zip(truth, made[len(PROMPTS) :], strict=True):
        rows += [video, own]
    Image.fromarray(picture(torch.stack(rows))).save(path)


def picture(clips: Float[Tensor, "B F 3 H W"], every: int = 2, scale: int = 2) -> np.ndarray:
    """Clips in [-1, 1] one below the other as (H, W, 3) uint8, every so many frames, enlarged."""
    frames = ((clips[:, ::every].clamp(-1, 1) + 1) * 127.5).round().byte()
    tall = frames.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)  # (B H, F W, 3)
    return np.repeat(np.repeat(tall.numpy(), scale, 0), scale, 1)
