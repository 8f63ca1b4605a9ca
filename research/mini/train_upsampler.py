"""Training of the embedded model's upsampler: python -m research.mini.train_upsampler --out DIR [--steps N]

Minutes on a CPU, so it starts anew each time. Frames follow from the seed and the number of the step.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from fourreal.camera.trajectory import Path as Shot
from fourreal.splat.rasterize.threads import set_thread_count
from fourreal.video.mini.upsampler import FACTOR, Upsampler, shrunk
from research.mini.quality import decibels
from research.world.solo import make_solo
from research.world.world import cameras_at

SIZE = (256, 144)
BATCH, RATE = 8, 7e-4
NOISE, SOFT = 0.12, 0.25  # most spread of noise, and share of blurred frames: the network leaves some of both


def frames(numbers: range, seed: int) -> Float[Tensor, "N 3 H W"]:
    """Single frames of worlds of these numbers, from anywhere, in [-1, 1]."""
    out = []
    for number in numbers:
        random = np.random.default_rng([seed, number, 31])
        angle = torch.tensor([random.uniform(0, 360)], dtype=torch.float32)
        cameras = cameras_at(angle, SIZE, elevation=float(random.uniform(12, 20)))
        seen = make_solo((seed, number)).view(Shot(cameras, torch.tensor([random.uniform(0, 1)], dtype=torch.float32)))
        out.append(seen.colour[0].permute(2, 0, 1).clamp(0, 1) * 2 - 1)
    return torch.stack(out)


def degraded(large: Float[Tensor, "N 3 H W"], random: torch.Generator) -> Float[Tensor, "N 3 h w"]:
    """Small frames as the network may make them: some noisy, some soft."""
    small = shrunk(large)
    soft = avg_pool2d(pad(small, (1, 1, 1, 1), mode="replicate"), 3, 1)
    pick = (torch.rand(len(small), 1, 1, 1, generator=random) < SOFT).to(small)
    small = small + 0.5 * pick * (soft - small)
    spread = NOISE * torch.rand(len(small), 1, 1, 1, generator=random)
    return small + spread * torch.randn(small.shape, generator=random)


def train(out: Path, steps: int, seed: int = 0) -> Upsampler:
    """Train, print scores over frames that are not trained on, and write the weights to out/upsampler."""
    torch.manual_seed(seed)
    network = Upsampler()
    adam = torch.optim.AdamW(network.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.0)
    random = torch.Generator().manual_seed(seed)
    with ThreadPoolExecutor(1) as ahead:
        draw = lambda step: ahead.submit(frames, range(step * BATCH, (step + 1) * BATCH), seed)
        following = draw(0)
        for step in range(steps):
            large, following = following.result(), draw(step + 1)
            loss = (network(degraded(large, random)) - large).abs().mean()
            adam.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 0.5)
            for group in adam.param_groups:
                group["lr"] = RATE * min(1.0, (step + 1) / 20, 2 * (1 - step / steps))
            adam.step()
            if (step + 1) % 100 == 0 or step + 1 == steps:
                print(f"step {step + 1}/{steps}, loss {float(loss.detach()):.4f}; {scores(network)}", flush=True)
    network.save_pretrained(out / "upsampler", safe_serialization=True)
    return network


@torch.no_grad()
def scores(network: Upsampler, count: int = 16) -> str:
    """PSNR in dB over frames that are not trained on, against bicubic enlargement."""
    large = frames(range(count), 1_000_003)
    small = shrunk(large)
    bicubic = interpolate(small, scale_factor=FACTOR, mode="bicubic", align_corners=False)
    return f"{decibels(network(small), large).mean():.2f} dB, bicubic {decibels(bicubic, large).mean():.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m research.mini.train_upsampler")
    parser.add_argument("--out", type=Path, required=True, help="folder to write upsampler/ to")
    parser.add_argument("--steps", type=int, default=700, help="of eight frames (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="what chance follows from (default %(default)s)")
    given = parser.parse_args()
    set_thread_count(1)
    torch.set_flush_denormal(True)
    train(given.out, given.steps, given.seed)


if __name__ == "__main__":
    main()
