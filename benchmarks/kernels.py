"""What a step spends beside the rasterizer: the fused CPU kernels against the plain torch that they are judged by.

    python -m benchmarks.kernels [--runs 20]

Forward and backward on one torch thread, in turns in one process; 20,000 Gaussians with the 64 pivots of the per-frame
field, 5,000 of them with 24 bases, 2,048 rows of 8 neighbours, a picture of 256x144.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

from fourreal.fit.rigidity import Neighbours, rigidity, rigidity_plain
from fourreal.fit.ssim import Target, photometric_plain, photometric_terms
from fourreal.pipeline.machine import prepare_kernels
from fourreal.progress import ignore
from fourreal.splat import skinning

COUNT, PIVOTS, MOVERS, BASES, ROWS = 20_000, 64, 5_000, 24, 2_048


def contestants() -> dict[str, tuple[Callable, Callable, tuple]]:
    """By name: the fused function, the plain one, and what both are called with."""
    g = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=g)
    trained = lambda *shape: draw(*shape).requires_grad_()
    means, quats, everyone = trained(COUNT, 3), trained(COUNT, 4), torch.arange(COUNT)
    near = trained(PIVOTS, 3), trained(PIVOTS, 3), draw(PIVOTS, 3), 0.1 + draw(PIVOTS).abs(), means, quats, everyone
    some = torch.randperm(COUNT, generator=g)[:MOVERS]
    learned = trained(BASES, 3), trained(BASES, 3), draw(BASES, 3), trained(COUNT, BASES + 1), means, quats, some
    links = Neighbours.of(canonical := draw(MOVERS, 3), 8)
    bent = (canonical + 0.02 * draw(MOVERS, 3)).requires_grad_()
    stiff = bent, trained(MOVERS, 4), trained(MOVERS, 4), links, torch.randperm(MOVERS, generator=g)[:ROWS]
    truth = torch.rand(144, 256, 3, generator=g)
    image = (truth + 0.1 * draw(144, 256, 3)).requires_grad_()
    return {
        "following what is near": (skinning.follow_near, skinning.follow_near_plain, near),
        "following as learned": (skinning.follow_learned, skinning.follow_learned_plain, learned),
        "rigidity": (rigidity, rigidity_plain, stiff),
        "photometric": (photometric_terms, photometric_plain, (image, Target.of(truth), 0.2)),
    }


def seconds(function: Callable, given: tuple) -> float:
    """Of a call and its gradient."""
    begin = time.perf_counter()
    results = function(*given)
    results = [results] if isinstance(results, Tensor) else results
    torch.autograd.backward([x.sum() for x in results if x.requires_grad])
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    torch.set_num_threads(1)
    prepare_kernels(ignore)
    print("| forward and backward | fused, ms | torch, ms | ratio |\n|---|---|---|---|")
    for name, (fused, plain, given) in contestants().items():
        times = [(seconds(fused, given), seconds(plain, given)) for _ in range(runs + 1)][1:]
        ours, theirs = (1e3 * median(t) for t in zip(*times, strict=True))
        print(f"| {name} | {ours:.2f} | {theirs:.2f} | {theirs / ours:.1f} |")


if __name__ == "__main__":
    main()
