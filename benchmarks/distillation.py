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
import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from fourreal import system
from fourreal.camera.align import Similarity
from fourreal.fit import loop
from fourreal.fit.canonical import Canonical, CanonicalStage
from fourreal.fit.distill import Critic, Distillation
from fourreal.fit.initialize import initial_gaussians
from fourreal.fit.motion import MotionStage
from fourreal.fit.moving import Moving, still
from fourreal.fit.observations import Observations
from fourreal.progress import CancelToken, ignore
from fourreal.settings import DISTILLED, CanonicalSettings, DistillationSettings, Growth, MotionPhase, MotionSettings
from fourreal.video import registry
from research.oracle import Oracle
from research.world.world import World
from research.world.worlds import make_world, other_motion, other_shape
from research.world_trial import Trial, observed

SIZE, ORACLE_SIZE = (128, 72), (64, 36)  # of the fit, and at which the oracle is asked
CANONICAL = CanonicalSettings(steps=900, plain_steps=300, initial=5000, growth=Growth(budget=7000))
MOTION = MotionSettings(bases=16, phases=(MotionPhase("field", 600, unfold=0.5, coarse=0.4),))
Way = Callable[[Observations, Similarity], Distillation]
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
    two.add_argument("--count", type=int, default=10)
    options = parser.parse_args()
    options.run(options)


def oracle(options: argparse.Namespace) -> None:
    rows = trials(options, lambda scene, seed, sheet: trial(make_world(scene), seed, sheet, oracles(scene, seed)))
    print("| scene | without | with the true clip | gain | decoys alone | change |\n|---|---|---|---|---|---|")
    for scene in options.scenes:
        psnr = np.array([[row[k] for k in ("without", "true", "decoys")] for row in rows if row["scene"] == scene])
        columns = [psnr[:, 0], psnr[:, 1], psnr[:, 1] - psnr[:, 0], psnr[:, 2], psnr[:, 2] - psnr[:, 0]]
        print(f"| {scene} | " + " | ".join(f"{c.mean():.2f} ({c.min():.2f} to {c.max():.2f})" for c in columns) + " |")


def oracles(scene: int, seed: int) -> dict[str, Way | None]:
    """Distillation by oracles that know the true clip, or decoys alone."""
    world = make_world(scene)
    decoys = [other_motion(world, 1), other_shape(world, 1)]

    def among(worlds: list[World]) -> Way:
        def distillation(observations: Observations, similarity: Similarity) -> Distillation:
            model = Oracle(worlds, similarity, len(observations.reference), ORACLE_SIZE)
            critic = Critic(model, "", "", on_shot=model.tell)
            return Distillation(critic, SETTINGS, observations, SETTINGS.motion_steps, True, seed)

        return distillation

    return {"without": None, "true": among([world, *decoys]), "decoys": among(decoys)}


def trials(options: argparse.Namespace, run: Callable[[int, int, Path], dict]) -> list[dict]:
    """A row of each scene and seed, by `run(scene, seed, sheet)`; what is in DIR is not run again."""
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for scene, seed in itertools.product(options.scenes, options.seeds):
        path = options.out / f"{scene}-{seed}.json"
        if not path.exists():
            path.write_text(json.dumps({"scene": scene, "seed": seed} | run(scene, seed, path.with_suffix(".png"))))
            print(path.read_text(), flush=True)
        rows.append(json.loads(path.read_text()))
    return rows


def trial(world: World, seed: int, sheet: Path, ways: Mapping[str, Way | None]) -> dict:
    """The same fit up to the last phase, then that phase in each way; None: without distillation."""
    observations, similarity, judge, canonical, start = prepared(world, seed)
    phase = SETTINGS.place_in(MOTION).phases[-1]
    rows, row = [judge.truth], {"before": judge.moving_psnr(start)}
    for name, way in ways.items():
        begin, distillation = time.monotonic(), way and way(observations, similarity)
        stage = MotionStage(observations, deepcopy(start), canonical, MOTION, phase, seed, distillation)
        loop.run(stage, None, ignore, CancelToken())
        row |= {name: judge.moving_psnr(stage.result()), f"{name}_s": time.monotonic() - begin}
        if distillation is not None:
            row[f"{name}_error"] = distillation.trust.error
            if isinstance(model := distillation.critic.model, Oracle):
                row[f"{name}_agreed"] = np.bincount(model.agreements).tolist()
        rows.append(judge.pictures(stage.result()))
    save_sheet(sheet, rows)
    return row


def save_sheet(path: Path, rows: Sequence[torch.Tensor]) -> None:
    """Every other picture of each row, (F, H, W, 3) in [0, 1], the rows one under another."""
    sheet = torch.cat([torch.cat(list(pictures[::2]), dim=1) for pictures in rows])
    Image.fromarray((sheet * 255).round().byte().numpy()).save(path)


def prepared(world: World, seed: int) -> tuple[Observations, Similarity, Trial, Canonical, Moving]:
    """A world's videos and their frame, who scores fits of it, and a fit up to the last phase."""
    observations, similarity = observed(world, SIZE)
    first = CanonicalStage(observations, CANONICAL, False, seed)
    loop.run(first, None, ignore, CancelToken())
    canonical = first.result()
    second = MotionStage(
        observations, still(canonical.gaussians, observations, MOTION, seed), canonical, MOTION, MOTION.phases[0], seed
    )
    loop.run(second, None, ignore, CancelToken())
    return observations, similarity, Trial(world, similarity, SIZE), canonical, second.result()


def step(options: argparse.Namespace) -> None:
    """Median seconds of a whole step, of rendering with its gradients, and of the model; and the peak of memory."""
    world = make_world(0)
    size, frames = ((512, 288), 17) if options.full_size else ((256, 144), 16)
    observations, similarity = observed(world, size, frames=24, freeze_frames=9)
    if options.full_size:
        model, tell = full_size_vace(options.device), lambda shot: None
    elif options.source is not None:
        model, tell = registry.load(options.model, options.source, options.device), lambda shot: None
    else:
        model = Oracle([world], similarity, 24, ORACLE_SIZE)
        tell = model.tell
    observations = observations.to(options.device)
    gaussians = initial_gaussians(observations, 100_000 if options.full_size else 20_000, 0)
    gaussians = gaussians.map(lambda x: x.requires_grad_() if x.is_floating_point() else x)
    work = Distillation(
        Critic(model, "a robot", "a robot", on_shot=tell), replace(SETTINGS, frames=frames), observations, 100, True, 0
    )
    clock: dict[str, list[float]] = {"step": [], "model": [], "rendering": []}
    ask = work.critic.model.denoise_once

    def timed(*arguments, **named):
        begin = now(options.device)
        out = ask(*arguments, **named)
        clock["model"].append(now(options.device) - begin)
        return out

    model.denoise_once = timed
    for index in range(options.count + 2):
        shot = work.shots.draw(("views", "times")[index % 2], np.random.default_rng(index), True)
        begin = now(options.device)
        work.distil(shot, lambda code: gaussians, 0.5)
        clock["step"].append(now(options.device) - begin)
        clock["rendering"].append(clock["step"][-1] - clock["model"][-1])
    clocks = ", ".join(f"{name} {np.median(values[2:]):.3f} s" for name, values in clock.items())  # two to warm up
    memory = torch.cuda.max_memory_allocated() / 2**20 if options.device == "cuda" else (system.peak_memory() / 2**20)
    setting = f"{work.shots.frames} frames of {work.shots.size}, {len(gaussians)} splats at {size}"
    print(f"{setting}: {clocks}; {memory:.0f} MB")


def now(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.monotonic()


def full_size_vace(device: str):
    """VACE-1.3B as its repository describes it, with random weights and without the text encoder's."""
    from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanVACEPipeline, WanVACETransformer3DModel

    from fourreal.video.wan_vace import WanVace

    with torch.device(device):
        transformer = (
            WanVACETransformer3DModel(
                num_attention_heads=12,
                attention_head_dim=128,
                ffn_dim=8960,
                num_layers=30,
                vace_layers=list(range(0, 30, 2)),
                vace_in_channels=96,
            )
            .bfloat16()
            .eval()
        )
        vae = AutoencoderKLWan().bfloat16().eval()
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    pipe = WanVACEPipeline(tokenizer=None, text_encoder=None, transformer=transformer, vae=vae, scheduler=scheduler)
    model = WanVace(pipe, registry.entry("wan-vace-1.3b").capabilities, "random weights")
    embeddings = torch.zeros(1, 512, 4096, dtype=torch.bfloat16, device=device)
    model._check_tokens = lambda prompt: None
    model.texts = lambda job: (embeddings, embeddings)
    return model


if __name__ == "__main__":
    torch.set_num_threads(1)  # torch's own threads spin beside our kernels'
    main()
