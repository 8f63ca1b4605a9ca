"""Distillation with the embedded model as the critic, in its own world; and what it costs.

    python -m benchmarks.mini ablations --out DIR [--scenes 0 1 2 3 4 5 6 7] [--seeds 0 1 2]
    python -m benchmarks.mini speed [--device cuda]

`ablations`: procedural scenes of one solid, with ground truth. The same fit up to the last phase, then that phase
without distillation, with shots of views alone, of times alone, and of both; PSNR of the moving region over held-out
views, and how far the critic was believed in the end. What is in DIR is not run again. `speed`: seconds of a clip, of a
distillation step's question, and memory.
"""

import argparse
import json
import statistics
import time
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.distillation import MOTION, SETTINGS, prepared
from fourreal import system
from fourreal.fit import loop
from fourreal.fit.distill import Critic, Distillation
from fourreal.fit.motion import MotionStage
from fourreal.progress import CancelToken, ignore
from fourreal.video import registry
from fourreal.video.prompt import freeze_prompt
from research.world.solo import make_solo
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
    options.out.mkdir(parents=True, exist_ok=True)
    model = registry.load("mini", device="cpu")
    rows = []
    for seed in options.seeds:
        for scene in options.scenes:
            path = options.out / f"{scene}-{seed}.json"
            if not path.exists():
                path.write_text(json.dumps(trial(model, scene, seed, options.out)))
            rows.append(json.loads(path.read_text()))
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


def trial(model, scene: int, seed: int, out: Path) -> dict:
    """One scene and seed: the same fit up to the last phase, then that phase in four ways."""
    world = make_solo(scene)
    observations, _, judge, canonical, start = prepared(world, seed)
    phase, words = SETTINGS.place_in(MOTION).phases[-1], caption(world)
    rows, row = [judge.truth], {"scene": scene, "seed": seed, "before": judge.moving_psnr(start)}
    for name, settings in {"without": None, **VARIANTS}.items():
        distillation, begin = None, time.monotonic()
        if settings is not None:
            critic = Critic(model, words, freeze_prompt(words))
            distillation = Distillation(critic, settings, observations, settings.motion_steps, True, seed)
        stage = MotionStage(observations, deepcopy(start), canonical, MOTION, phase, seed, distillation)
        loop.run(stage, None, ignore, CancelToken())
        row |= {name: judge.moving_psnr(stage.result()), f"{name}_s": time.monotonic() - begin}
        if distillation is not None:
            row[f"{name}_error"] = distillation.trust.error
        rows.append(judge.pictures(stage.result()))
    sheet = torch.cat([torch.cat(list(pictures[::2]), dim=1) for pictures in rows], dim=0)
    Image.fromarray((sheet * 255).round().byte().numpy()).save(out / f"{scene}-{seed}.png")
    print(json.dumps(row), flush=True)
    return row


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
