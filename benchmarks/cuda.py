"""Everything that needs a GPU, in one call and one table.

    TORCH_CUDA_ARCH_LIST=9.0 python -m benchmarks.cuda [--scenes DIR] [--out DIR]

Compiles gsplat's kernels (on first use, for the architectures of TORCH_CUDA_ARCH_LIST), checks that both engines draw
the same pictures and gradients, times forward and backward passes, and reconstructs every scene with the presets
`standard` and `paper`. Logs go to OUT; the table to stdout, and to OUT/cuda.md.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import torch

from fourreal.splat.gaussians import Gaussians
from fourreal.splat.rasterize import rasterize

ROOT = Path(__file__).parents[1]
SIZES = ((20_000, 256, 144), (100_000, 512, 288), (500_000, 1024, 576))


def main() -> None:
    add = (parser := argparse.ArgumentParser(description=__doc__.split("\n\n")[0])).add_argument
    add("--scenes", type=Path, default=ROOT / "assets" / "examples")
    add("--presets", nargs="*", default=["standard", "paper"])
    add("--out", type=Path, default=Path("out"))
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("There is no CUDA device here: nothing was measured.")
    options.out.mkdir(parents=True, exist_ok=True)
    report = [f"{torch.cuda.get_device_name()}, torch {torch.__version__}\n", "| what | result |", "|---|---|"]
    begin = time.perf_counter()
    step(20_000, 256, 144, 1)
    report.append(f"| gsplat compiled and first step | {time.perf_counter() - begin:.0f} s |")
    for count, width, height in SIZES:
        report.append(
            f"| {count:,} splats, {width}x{height}, forward + backward | {step(count, width, height, 50):.2f} ms |"
        )
    report.append(
        f"| engines agree | {logged(options, 'engines', 'pytest', '-q', '-rs', 'tests/test_rasterize.py')} |"
    )
    for preset in options.presets:
        arguments = ("benchmarks.reconstruction", "--scenes", options.scenes, "--preset", preset, "--device", "cuda")
        verdict = logged(options, preset, *arguments, "--out", options.out / preset)
        report.append(f"| preset {preset} | {verdict} |")
        report.append("")
        report += (options.out / f"{preset}.log").read_text().splitlines()
    (options.out / "cuda.md").write_text("\n".join(report) + "\n")
    print("\n".join(report))


def step(count: int, width: int, height: int, runs: int) -> float:
    """Milliseconds of a forward and backward pass over random splats, best of `runs`."""
    g = torch.Generator("cuda").manual_seed(0)
    rand = lambda *shape: torch.rand(*shape, generator=g, device="cuda")
    z = 2 + 4 * rand(count)
    means = torch.stack([(rand(count) - 0.5) * z, (rand(count) - 0.5) * z * height / width, z], dim=1)
    scales = (1.5 * (width * height / count) ** 0.5 * z / width).log()[:, None] + 0.5 * (rand(count, 3) - 0.5)
    tensors = [means, rand(count, 4) - 0.5, scales, 4 * rand(count) - 2, rand(count, 3)]
    gaussians = Gaussians.static(*(t.requires_grad_() for t in tensors))
    intrinsics = torch.tensor([width, width, width / 2, height / 2], device="cuda", dtype=torch.float32)
    pose, background, best = torch.eye(4, device="cuda"), torch.zeros(3, device="cuda"), float("inf")
    for _ in range(runs):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        rasterize(gaussians, pose, intrinsics, (width, height), background).colour.mean().backward()
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - begin)
    return 1000 * best


def logged(options: argparse.Namespace, name: str, *arguments) -> str:
    """Run Python with `arguments`, its output in OUT/<name>.log; says how it went and the last line."""
    command = [sys.executable, "-m", *map(str, arguments)]
    with open(options.out / f"{name}.log", "w") as log:
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, check=False).returncode
    last = (options.out / f"{name}.log").read_text().strip().splitlines()[-1:]
    return f"{'done' if code == 0 else f'FAILED with {code}'}: {' '.join(last)}"


if __name__ == "__main__":
    main()
