"""What a step spends beside the rasterizer: the fused CPU kernels against the plain torch that they are judged by.

    python -m benchmarks.kernels [--runs 20]

Forward and backward on one torch thread, in turns in one process; 20,000 Gaussians with the 64 pivots of the per-frame
field, 2,048 rows of 8 neighbours, a picture of 256x144.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

from fourreal.fit.rigidity import Neighbours, rigidity, rigidity_plain
from fourreal.fit.ssim import Target, mean_ssim, ssim_map
from fourreal.pipeline.machine import prepare_kernels
from fourreal.progress import ignore
from fourreal.splat import quaternion
from fourreal.splat.skinning import follow, follow_plain, near_weights, near_weights_plain

COUNT, PIVOTS, MOVERS, ROWS = 20_000, 64, 5_000, 2_048


def contestants() -> dict[str, tuple[Callable, Callable, tuple]]:
    """By name: the fused function, the plain one, and what both are called with."""
    g = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=g)
    means, quats = draw(COUNT, 3).requires_grad_(), draw(COUNT, 4).requires_grad_()
    pivots, radius = draw(PIVOTS, 3), 0.1 + draw(PIVOTS).abs()
    near = Neighbours.of(canonical := draw(MOVERS, 3), 8)
    bent = (canonical + 0.02 * draw(MOVERS, 3)).requires_grad_()
    turn = quaternion.normalize(draw(MOVERS, 4)).requires_grad_()
    truth = torch.rand(144, 256, 3, generator=g)
    image = (truth + 0.1 * draw(144, 256, 3)).requires_grad_()
    return {
        "weights by distance": (near_weights, near_weights_plain, (means.detach(), pivots, radius)),
        "following a blend": (follow, follow_plain, ((0.2 * draw(COUNT, 16)).requires_grad_(), means, quats)),
        "rigidity": (rigidity, rigidity_plain, (bent, turn, near, torch.randperm(MOVERS, generator=g)[:ROWS])),
        "SSIM": (mean_ssim, lambda x, y: ssim_map(x, y).mean(), (image, Target.of(truth))),
    }


def seconds(function: Callable, given: tuple) -> float:
    """Of a call, and of its gradient where it has one."""
    begin = time.perf_counter()
    results = function(*given)
    results = [results] if isinstance(results, Tensor) else results
    if results[0].requires_grad:
        torch.autograd.backward([x.sum() for x in results])
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
