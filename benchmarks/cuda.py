"""Everything that needs a GPU, in one call and one table.

    TORCH_CUDA_ARCH_LIST=9.0 python -m benchmarks.cuda [--parts NAME ...] [--scenes DIR] [--only SCENE] [--out DIR]

Compiles gsplat's kernels (on first use, for the architectures of TORCH_CUDA_ARCH_LIST) and times them; checks that both
engines draw the same pictures and gradients; measures a distillation step with a model of VACE-1.3B's size and the
embedded model; and reconstructs every scene with the presets `draft`, `standard` and `paper`. Each part is given
--limit seconds and fails alone. Logs go to OUT; the table to stdout, and to OUT/cuda.md.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
SIZES = ((20_000, 256, 144), (100_000, 512, 288), (500_000, 1024, 576))
PARTS = {
    "kernels": ["benchmarks.cuda", "--kernels"],
    "engines": ["pytest", "-q", "-W", "ignore", "-p", "no:cacheprovider", "tests/test_rasterize.py", "-k", "engines"],
    "embedded model": ["benchmarks.mini", "speed", "--device", "cuda"],
    "distillation step": ["benchmarks.distillation", "step", "--device", "cuda", "--full-size"],
} | {
    preset: ["benchmarks.reconstruction", "--brief", "--preset", preset, "--device", "cuda"]
    for preset in ("draft", "standard", "paper")
}


def main() -> None:
    add = (parser := argparse.ArgumentParser(description=__doc__.split("\n\n")[0])).add_argument
    add("--parts", nargs="*", default=list(PARTS), choices=list(PARTS), help="of the table (default: all)")
    add("--scenes", type=Path, default=ROOT / "assets" / "examples")
    add("--only", nargs="*", help="names of scenes to take (default: all)")
    add("--limit", type=float, default=3600.0, help="seconds for each part (default %(default)s)")
    add("--out", type=Path, default=Path("out"))
    add("--kernels", action="store_true", help="time the kernels, nothing else")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("There is no CUDA device here: nothing was measured.")
    if options.kernels:
        return kernels()
    options.out.mkdir(parents=True, exist_ok=True)
    report = [f"{torch.cuda.get_device_name()}, torch {torch.__version__}\n", "| part | s | result |", "|---|---|---|"]
    for part in options.parts:
        begin = time.perf_counter()
        verdict = logged(options, part)
        report.append(f"| {part} | {time.perf_counter() - begin:.0f} | {verdict} |")
        (options.out / "cuda.md").write_text("\n".join(report) + "\n")  # what is known so far, whatever comes
    logs = [log_of(options, part).read_text() for part in options.parts if reconstructs(part)]
    (options.out / "cuda.md").write_text("\n".join([*report, *logs]) + "\n")
    print((options.out / "cuda.md").read_text())


def kernels() -> None:
    """Print how long forward and backward passes take."""
    begin = time.perf_counter()
    step(20_000, 256, 144, 1)
    print(f"compiled and loaded in {time.perf_counter() - begin:.0f} s; forward and backward:", end="")
    times = [f" {count:,} splats at {w}x{h} {step(count, w, h, 50):.2f} ms" for count, w, h in SIZES]
    print(";".join(times))


def step(count: int, width: int, height: int, runs: int) -> float:
    """Milliseconds of a forward and backward pass over random splats, best of `runs`."""
    from fourreal.splat.gaussians import Gaussians
    from fourreal.splat.rasterize import rasterize

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


def reconstructs(part: str) -> bool:
    return "benchmarks.reconstruction" in PARTS[part]


def log_of(options: argparse.Namespace, part: str) -> Path:
    return options.out / f"{part.replace(' ', '-')}.log"


def logged(options: argparse.Namespace, part: str) -> str:
    """Do a part in a process of its own, its output in OUT/<part>.log; says how it went and the last line."""
    command = [sys.executable, "-m", *PARTS[part]]
    if reconstructs(part):
        command += ["--scenes", str(options.scenes), "--out", str(options.out / "runs" / part)]
        command += ["--only", *options.only] if options.only else []
    with open(log_of(options, part), "w") as log:
        try:
            code = subprocess.run(
                command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, check=False, timeout=options.limit
            ).returncode
        except subprocess.TimeoutExpired:
            return f"STOPPED after {options.limit:.0f} s"
    last = log_of(options, part).read_text().strip().splitlines()[-1:]
    return f"{'' if code == 0 else f'FAILED with {code}: '}{' '.join(last)}"


if __name__ == "__main__":
    main()
