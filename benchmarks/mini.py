"""Distillation with the embedded model as the critic, in its own world; and what it costs.

    python -m benchmarks.mini ablations --out DIR [--scenes 0 1 2 3 4 5 6 7] [--seeds 0 1 2]
    python -m benchmarks.mini speed [--device cuda]

`ablations`: procedural scenes of one solid, with ground truth. The same fit up to the last phase, then that phase
without distillation, with shots of views alone, of times alone, and of both; PSNR of the moving region over held-out
views, and how far the critic was believed in the end. What is in DIR is not run again. `speed`: seconds of a clip, of a
distillation step's question, and memory.
"""

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.distillation import SETTINGS, Way, trial, trials
from fourreal import system
from fourreal.fit.distill import Critic, Distillation
from fourreal.settings import DistillationSettings
from fourreal.video import registry
from fourreal.video.model import VideoModel
from fourreal.video.prompt import freeze_prompt
from research.world.solo import make_solo
from research.world.world import World
from research.world.worlds import caption

MINI = replace(SETTINGS, motion_steps=150, frames=16)
VARIANTS = {"views": replace(MINI, times_weight=0.0), "times": replace(MINI, views_weight=0.0), "both": MINI}


def main() -> None:
    commands = (parser := argparse.ArgumentParser(description=__doc__.split("\n\n")[0])).add_subparsers(required=True)
    one = commands.add_parser("ablations")
    one.set_defaults(run=ablations)
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--scenes", type=int, nargs="+", default=list(range(8)))
    one.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    two = commands.add_parser("speed")
    two.set_defaults(run=speed)
    two.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = parser.parse_args()
    options.run(options)


def ablations(options: argparse.Namespace) -> None:
    model = registry.load("mini", device="cpu")
    rows = trials(options, lambda scene, seed, sheet: distilled(model, make_solo(scene), seed, sheet))
    print(f"| scene | seeds | without | {' | '.join(VARIANTS)} |\n|---|---|---|{'---|' * len(VARIANTS)}")
    for scene in options.scenes:
        mine = [row for row in rows if row["scene"] == scene]
        cells = [f"{interval([row['without'] for row in mine])}"]
        cells += [interval([row[name] - row["without"] for row in mine]) for name in VARIANTS]
        print(f"| {scene} | {len(mine)} | {' | '.join(cells)} |")
    gains = {name: [row[name] - row["without"] for row in rows] for name in VARIANTS}
    print("| all | " + f"{len(rows)} | | " + " | ".join(interval(values) for values in gains.values()) + " |")


def interval(values: list[float]) -> str:
    return f"{np.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def distilled(model: VideoModel, world: World, seed: int, sheet: Path) -> dict:
    """One scene and seed: the last phase without the model, and by each of `VARIANTS`."""
    words = caption(world)

    def by(settings: DistillationSettings) -> Way:
        critic = Critic(model, words, freeze_prompt(words))
        return lambda observations, _: Distillation(critic, settings, observations, settings.motion_steps, True, seed)

    return trial(world, seed, sheet, {"without": None, **{name: by(settings) for name, settings in VARIANTS.items()}})


def speed(options: argparse.Namespace) -> None:
    model = registry.load("mini", device=options.device)
    words = "a red ball bouncing on a grassy floor"
    clip, question = [], []
    for number in range(3):
        begin = time.monotonic()
        model.generate(words, seed=number)
        clip.append(time.monotonic() - begin)
    video = torch.rand(16, 3, 36, 64, device=options.device)
    for number in range(8):
        begin = time.monotonic()
        model.denoise_once(video, 0.5, words, seed=number).cpu()  # waits for a card
        question.append(time.monotonic() - begin)
    peak = system.peak_memory() / 2**30
    if options.device == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**30
    print(f"a clip: {statistics.median(clip):.1f} s; a question: {statistics.median(question):.2f} s; {peak:.2f} GB")


if __name__ == "__main__":
    torch.set_num_threads(1)  # torch's own threads spin beside our kernels'
    main()
