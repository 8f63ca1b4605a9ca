"""How good the embedded model is: python -m research.mini.evaluate [--weights DIR] [--out DIR]

Prints one JSON object: losses on clips that it was not trained on, by noise level; how often a generated clip shows
what its prompt says, as told by probes trained on the world (whose own errors on true clips are given); whether a
frozen clip goes as far around as it was commanded; how near it is to the truth, against copying the first frame. Each
with the number of clips and an interval of 95 %. With --out also contact sheets.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from fourreal.errors import UserError
from fourreal.splat.rasterize.threads import set_thread_count
from fourreal.video import registry
from fourreal.video.mini import edm, vocabulary
from fourreal.video.mini.model import Mini
from research.mini import data, probes, sheet
from research.mini.quality import decibels
from research.mini.train import CHECKS, held_out
from research.world.solo import make_solo

PROMPT_SEED, FROZEN_SEED = 700_001, 800_011
FACTORS = np.arange(-0.5, 1.76, 0.05)  # of the commanded arc, among which the one is sought that was made
AT_ONCE = 4


def prompts(count: int) -> tuple[list[str], Tensor]:
    """Prompts in the vocabulary's words, synonyms among them, and what they ask for: (count, 3) of `probes.ASPECTS`."""
    random = np.random.default_rng(PROMPT_SEED)
    tables = (vocabulary.COLOURS, vocabulary.THINGS, vocabulary.VERBS, vocabulary.FLOORS)
    out, labels = [], []
    for number in range(count):
        at = [number % 6, number // 6 % 3, number // 18 % 3, int(random.integers(4))]  # every combination once in 54
        words = [list(table.values())[i] for table, i in zip(tables, at, strict=True)]
        colour, thing, verb = (word[int(random.integers(len(word)))] for word in words[:3])
        doing = f"{verb[:-1]}ing" if verb.endswith("e") else f"{verb}s"
        out.append(f"a {colour} {thing} {'that ' * (not doing.endswith('ing'))}{doing} on a {words[3][0]} floor")
        labels.append(at[:3])
    return out, torch.tensor(labels)


def generated(model: Mini, clips: list[data.Clips], steps: int, guidance: float) -> Float[Tensor, "B F 3 h w"]:
    """What is made of clips of which only the frames of their mask are given, a few at a time."""
    out = []
    for first in range(0, len(clips), AT_ONCE):
        some = data.Clips(*(torch.stack(column) for column in zip(*clips[first : first + AT_ONCE], strict=True)))
        random = torch.Generator().manual_seed(first)
        noise = torch.randn(some.video.shape, generator=random).to(model.device)
        out.append(edm.sample(model.network, some.to(model.device).conditions(), steps, guidance, noise).cpu())
    return torch.cat(out)


def following(model: Mini, count: int, steps: int, guidance: float, out: Path | None) -> dict[str, Any]:
    """Share of prompts of which a probe sees colour, shape and motion."""
    probe = probes.trained()
    true, shown = probes.clips(128, PROMPT_SEED)
    ceiling = (probes.answers(probe, true) == shown).float().mean(0)
    texts, labels = prompts(count)
    world = make_solo(0)
    rays = data.view(world, data.standing_path(world))[1]
    nothing = torch.zeros(data.FRAMES, dtype=torch.bool)
    clips = [
        data.Clips(true[0], rays, torch.tensor(vocabulary.read(prompt).slots()), torch.tensor(False), nothing)
        for prompt in texts
    ]
    made = generated(model, clips, steps, guidance)
    right = (probes.answers(probe, made) == labels).float()
    if out is not None:
        Image.fromarray(sheet.picture(made[:12])).save(out / "prompts.png")
        (out / "prompts.txt").write_text("\n".join(texts[:12]) + "\n", encoding="utf-8")
    return {"prompts": count} | {
        aspect: share(int(right[:, i].sum()), count) | {"probe on true clips": round(float(ceiling[i]), 3)}
        for i, aspect in enumerate(probes.ASPECTS)
    }


def freezing(model: Mini, count: int, steps: int, out: Path | None) -> dict[str, Any]:
    """Frozen clips made of true first frames along commanded arcs of 60 to 120 degrees, against the truth."""
    random = np.random.default_rng(FROZEN_SEED)
    truth, clips, settings = [], [], []
    for number in range(count):
        world, time = make_solo((FROZEN_SEED, number)), float(random.uniform(0, 1))
        arc = float(random.choice([-1, 1]) * random.uniform(60, 120))
        video, rays = data.view(world, data.frozen_path(world, arc, time))
        mask = torch.zeros(data.FRAMES, dtype=torch.bool)
        mask[0] = True
        clips.append(data.Clips(video, rays, torch.tensor(data.said(world, True)), torch.tensor(True), mask))
        truth.append(video)
        settings.append((world, arc, time))
    guidance = model.capabilities.usual_guidance(True)
    made, real = generated(model, clips, steps, guidance)[:, 1:], torch.stack(truth)[:, 1:]
    copied = torch.stack(truth)[:, :1].expand_as(real)
    ours, copy = decibels(made, real), decibels(copied, real)
    errors = torch.stack([_errors(clip, *setting) for clip, setting in zip(made, settings, strict=True)])
    if out is not None:
        pairs = torch.stack([torch.stack(truth), torch.cat([torch.stack(truth)[:, :1], made], 1)], 1).flatten(0, 1)
        Image.fromarray(sheet.picture(pairs[:12])).save(out / "frozen.png")
    return {
        "clips": count,
        "arc factor": fitted(errors),
        "psnr": mean(ours),
        "psnr of copying": mean(copy),
        "gain over copying": mean(ours - copy),
    }


def _errors(made: Float[Tensor, "F 3 h w"], world, arc: float, time: float) -> Float[Tensor, " K"]:
    """Mean squared distances of a made clip to the true ones along each of FACTORS times the commanded arc."""
    true = torch.stack([data.view(world, data.frozen_path(world, arc * float(f), time))[0][1:] for f in FACTORS])
    return (true - made).square().mean(dim=(1, 2, 3, 4))


def fitted(errors: Float[Tensor, "N K"]) -> dict[str, Any]:
    """The factor on the commanded arc that fits all clips best together, with an interval by resampling the clips; and
    the median of what fits each alone, of which a ball in the middle of its circle says nothing."""
    random = np.random.default_rng(0)
    best = lambda some: float(FACTORS[int(some.mean(0).argmin())])
    again = [best(errors[random.integers(len(errors), size=len(errors))]) for _ in range(2000)]
    interval = [round(float(x), 3) for x in np.quantile(again, [0.025, 0.975])]
    alone = float(np.median(FACTORS[errors.argmin(1).numpy()]))
    return {"fitted": round(best(errors), 3), "interval": interval, "median alone": round(alone, 3)}


def share(right: int, count: int) -> dict[str, Any]:
    """A share with Wilson's interval."""
    z, p = 1.96, right / count
    middle, width = (p + z * z / (2 * count)), z * math.sqrt(p * (1 - p) / count + z * z / (4 * count * count))
    low, high = ((middle + side * width) / (1 + z * z / count) for side in (-1, 1))
    return {"share": round(p, 3), "interval": [round(low, 3), round(high, 3)]}


def mean(values: Float[Tensor, " N"]) -> dict[str, Any]:
    """A mean with its interval."""
    middle, half = float(values.mean()), 1.96 * float(values.std()) / math.sqrt(len(values))
    return {"mean": round(middle, 3), "interval": [round(middle - half, 3), round(middle + half, 3)]}


def evaluate(model: Mini, count: int = 64, frozen: int = 32, steps: int | None = None, out: Path | None = None) -> dict:
    """All figures; see the module."""
    able = model.capabilities
    steps = steps or able.steps
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    checks = held_out(model.network, model.device, 48)
    return {
        "weights": model.identity,
        "steps": steps,
        "guidance": able.guidance,
        "held-out loss": {"noise": list(CHECKS)} | {k: [round(v, 4) for v in vs] for k, vs in checks.items()},
        "following": following(model, count, steps, able.guidance, out),
        "freezing": freezing(model, frozen, steps, out),
    }


def main() -> None:
    summary = __doc__.split("\n\n")[0]
    parser = argparse.ArgumentParser(prog="python -m research.mini.evaluate", description=summary)
    add = parser.add_argument
    add("--weights", type=Path, help="folder as `loading.save` writes it (default: the one that comes along)")
    add("--prompts", type=int, default=64, help="how many (default %(default)s)")
    add("--frozen", type=int, default=32, help="how many frozen clips (default %(default)s)")
    add("--steps", type=int, help="of denoising (default: the model's)")
    add("--out", type=Path, help="folder for contact sheets")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu or cuda")
    given = parser.parse_args()
    set_thread_count(1)
    torch.set_flush_denormal(True)
    try:
        model = registry.load("mini", given.weights, given.device)
    except UserError as error:
        raise SystemExit(str(error)) from None
    print(json.dumps(evaluate(model, given.prompts, given.frozen, given.steps, given.out), indent=1))


if __name__ == "__main__":
    main()
