"""Video score distillation: what it gains when the model is right, what it costs, what a step takes.

    python -m benchmarks.distillation oracle --out DIR [--scenes 0 1 2 3] [--seeds 0 1 2]
    python -m benchmarks.distillation step [--device cpu] [--model NAME --source DIR] [--full-size]

`oracle` is a test of our machinery, nothing more: in place of a video model stands an oracle that knows the clips there
can be. It fits procedural scenes without distillation, with the true scene among the oracle's clips, and with decoys
alone; the score is PSNR of the moving region over held-out views. What is in DIR is not run again. `step` measures
seconds and memory of a step: with the oracle at 16x36x64, or with a model of the registry whose weights are in DIR; on
CUDA `--full-size` takes VACE-1.3B's own transformer and autoencoder with random weights, 17 frames of 512x288.
"""

import argparse
import json
import time
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from fourreal.evaluate.oracle import Oracle
from fourreal.evaluate.world_trial import Trial, observed
from fourreal.evaluate.worlds import make_world, other_motion, other_shape
from fourreal.fit import loop
from fourreal.fit.canonical import CanonicalStage
from fourreal.fit.distill import Critic, Distillation
from fourreal.fit.motion import MotionStage, still
from fourreal.progress import CancelToken, ignore
from fourreal.settings import (
    DISTILLED,
    CanonicalSettings,
    DistillationSettings,
    Growth,
    MotionPhase,
    MotionSettings,
)

SIZE, ASKED = (128, 72), (64, 36)  # of the fit, and at which the oracle is asked
CANONICAL = CanonicalSettings(steps=900, plain_steps=300, initial=5000, growth=Growth(budget=7000))
MOTION = MotionSettings(bases=16, phases=(MotionPhase("field", 600, unfold=0.5, coarse=0.4),))
SETTINGS = DistillationSettings(every=2, canonical_steps=0, motion_steps=300, phase=DISTILLED, frames=9)


def main() -> None:
    commands = (parser := argparse.ArgumentParser(description=__doc__.split("\n\n")[0])).add_subparsers(required=True)
    one = commands.add_parser("oracle")
    one.set_defaults(run=oracle)
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--scenes", type=int, nargs="+", default=[0, 1, 2, 3])
    one.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    two = commands.add_parser("step")
    two.set_defaults(run=step)
    two.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    two.add_argument("--model", default="wan-vace-1.3b")
    two.add_argument("--source", type=Path, help="folder of weights; without, the oracle is asked")
    two.add_argument("--full-size", action="store_true")
    options = parser.parse_args()
    options.run(options)


def oracle(options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for scene in options.scenes:
        for seed in options.seeds:
            path = options.out / f"{scene}-{seed}.json"
            if not path.exists():
                path.write_text(json.dumps(trial(scene, seed, options.out)))
            rows.append(json.loads(path.read_text()))
    print("| scene | without | with the true clip | gain | decoys alone | change |\n|---|---|---|---|---|---|")
    for scene in options.scenes:
        told = np.array([[row[k] for k in ("without", "true", "decoys")] for row in rows if row["scene"] == scene])
        columns = [told[:, 0], told[:, 1], told[:, 1] - told[:, 0], told[:, 2], told[:, 2] - told[:, 0]]
        print(f"| {scene} | " + " | ".join(f"{c.mean():.2f} ({c.min():.2f} to {c.max():.2f})" for c in columns) + " |")


def trial(scene: int, seed: int, out: Path) -> dict:
    """One scene and seed: the same fit up to the last phase, then that phase in three ways."""
    world = make_world(scene)
    observations, similarity = observed(world, SIZE)
    judge = Trial(world, similarity, SIZE)
    first = CanonicalStage(observations, CANONICAL, False, seed)
    loop.run(first, None, ignore, CancelToken())
    canonical = first.result()
    second = MotionStage(
        observations, still(canonical.gaussians, observations, MOTION, seed), canonical, MOTION, MOTION.phases[0], seed
    )
    loop.run(second, None, ignore, CancelToken())
    start, phase = second.result(), SETTINGS.place_in(MOTION).phases[-1]
    decoys = [other_motion(world, 1), other_shape(world, 1)]
    rows, row = [judge.truth], {"scene": scene, "seed": seed, "before": judge.moving_psnr(start)}
    for name, worlds in (("without", None), ("true", [world, *decoys]), ("decoys", decoys)):
        distillation, begin = None, time.monotonic()
        if worlds is not None:
            model = Oracle(worlds, similarity, len(observations.reference), ASKED)
            critic = Critic(model, "", "", told=model.tell)
            distillation = Distillation(critic, SETTINGS, observations, SETTINGS.motion_steps, True, seed)
        stage = MotionStage(observations, deepcopy(start), canonical, MOTION, phase, seed, distillation)
        loop.run(stage, None, ignore, CancelToken())
        row |= {name: judge.moving_psnr(stage.result()), f"{name}_s": time.monotonic() - begin}
        if distillation is not None:
            row[f"{name}_error"] = distillation.trust.error
            row[f"{name}_agreed"] = np.bincount(model.asked).tolist()
        rows.append(judge.pictures(stage.result()))
    sheet = torch.cat([torch.cat(list(pictures[::2]), dim=1) for pictures in rows], dim=0)
    Image.fromarray((sheet * 255).round().byte().numpy()).save(out / f"{scene}-{seed}.png")
    print(json.dumps(row), flush=True)
    return row


def step(options: argparse.Namespace) -> None:
    raise SystemExit("to be measured")


if __name__ == "__main__":
    torch.set_num_threads(1)  # torch's own threads spin beside our kernels'
    main()
