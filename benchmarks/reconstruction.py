"""Reconstruct every scene of a folder and score it where no video looked.

    python -m benchmarks.reconstruction [--scenes DIR] [--preset draft] [--device auto] [--ablations NAME ...]
    python -m benchmarks.reconstruction --estimate    cameras estimated instead of given
    python -m benchmarks.reconstruction --noisy       what each remedy gains on a noisy freeze-time clip
    python -m benchmarks.reconstruction --kill 5      killed so many times, against not at all
    python -m benchmarks.reconstruction --seeds 0 1 2 --ablations hinges pull    means, less each part

A scene is a folder with reference.mp4, freeze.mp4, cameras.json and heldout/, such as assets/examples/fox_yard. Prints
Markdown tables; every run's full scores are left in OUT/<scene>/<variant>.json. Scores are at 256x144, "moving" is the
mover's mask dilated by 3 pixels; "over time" are the scores after each phase, with the seconds passed.
"""

import argparse
import json
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.commands import reconstruct_command
from fourreal.evaluate import ground_truth
from fourreal.evaluate.metrics import area_down, psnr, score_size
from fourreal.evaluate.score import score, to_unit
from fourreal.pipeline import Request, reconstruct
from fourreal.scene import bundle
from fourreal.scene.views import draw, into_scene
from fourreal.settings import ABLATIONS, PRESETS, Preset

HELD_OUT = (4, 12, 20, 28)
EXAMPLES = Path(__file__).parents[1] / "assets" / "examples"
REMEDIES = ("per-frame-deformation", "pose-refinement", "exposure")


def main() -> None:
    add = (parser := argparse.ArgumentParser(description=__doc__.split("\n\n")[0])).add_argument
    add("--scenes", type=Path, default=EXAMPLES, help="folder of scene folders (default: the shipped examples)")
    add("--only", nargs="*", help="names of scenes to take (default: all)")
    add("--preset", choices=tuple(PRESETS), default="draft")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add("--ablations", nargs="*", default=[], choices=("all", *ABLATIONS), help="parts to leave out, one a run")
    add("--brief", action="store_true", help="only the whole of it, not what each phase came to")
    add("--estimate", action="store_true", help="estimate the cameras instead of taking them from cameras.json")
    add("--noisy", action="store_true", help="compare the remedies on freeze_noisy.mp4, cameras estimated from it")
    add("--kill", type=int, metavar="N", help="kill the command N times and compare with an uninterrupted run")
    add("--seeds", type=int, nargs="+", default=[0], help="with several, one table of means and ranges")
    add("--out", type=Path, help="keep runs and scores here (default: a temporary folder)")
    options = parser.parse_args()
    options.out = options.out or Path(tempfile.mkdtemp(prefix="fourreal-benchmark-"))
    options.seed = options.seeds[0]
    measure = noisy if options.noisy else killed if options.kill else several if options.seeds[1:] else plain
    for scene in sorted(file.parent for file in options.scenes.glob("*/cameras.json")):
        if not options.only or scene.name in options.only:
            measure(scene, options)


# --- The benchmarks --------------------------------------------------------------------------------------------------


def plain(scene: Path, options: argparse.Namespace) -> None:
    """Scores over time, and without each part."""
    preset = PRESETS[options.preset]
    table(
        scene.name,
        "after | s | left out | all | moving | at reference times | SSIM moving | static | full size | splats | MB",
    )
    full = run(scene, options, preset, "full")
    still = full["baseline_static"]
    print(row("the last, without motion", None, full["psnr_freeze_left_out"], still, None, None))
    last = len(preset.motion.phases)
    for count in range(last if options.brief else 1, last + 1):
        phases = preset.motion.phases[:count]
        part = replace(preset, motion=replace(preset.motion, phases=phases))
        result = full if count == last else run(scene, options, part, phases[-1].name, "full")
        print(row_of(phases[-1].name, result))
    contact_sheet(scene, options.out / scene.name)
    print(row("copy of the nearest frame", None, None, full["baseline_copy"], None, None))
    if options.estimate:
        print(f"\ncameras: {json.dumps(full['pose'])}, {full['seconds']['poses']:.0f} s")
    for name in ABLATIONS if "all" in options.ablations else options.ablations:
        result = run(scene, options, preset, f"without-{name}", without=frozenset([name]))
        print(row_of(f"without {name}", result))


def several(scene: Path, options: argparse.Namespace) -> None:
    """Means over the seeds and the range between them: the whole, less each part, and less all of these."""
    parts = [name for name in ABLATIONS if name in options.ablations or "all" in options.ablations]
    variants = {"everything": frozenset()} | {f"without {part}": frozenset([part]) for part in parts}
    if len(parts) > 1:
        variants["without any of these"] = frozenset(parts)
    columns = "fitted with | moving | at reference times | static | all | s of motion"
    table(f"{scene.name}, seeds {', '.join(map(str, options.seeds))}", columns)
    figures = [
        lambda result: result["psnr_moving"],
        lambda result: result["psnr_moving_reference_times"],
        lambda result: result["psnr_static"],
        lambda result: result["psnr"],
        lambda result: result["seconds"]["motion"],
    ]
    for name, without in variants.items():
        results = []
        for seed in options.seeds:
            request = argparse.Namespace(**vars(options) | {"seed": seed})
            variant = f"{seed}-{name.replace(' ', '-')}"
            results.append(run(scene, request, PRESETS[options.preset], variant, f"seed-{seed}", without))
        cells = [[figure(result) for result in results] for figure in figures]
        means = " | ".join(f"{np.mean(cell):.2f} ({min(cell):.2f} to {max(cell):.2f})" for cell in cells)
        print(f"| {name} | {means} |", flush=True)


def noisy(scene: Path, options: argparse.Namespace) -> None:
    """Each remedy against noise alone and all of them, by the clean frames and the held-out background.

    Stage one alone: the remedies are its.
    """
    if not (scene / "freeze_noisy.mp4").exists():
        return
    table(
        f"{scene.name}, noisy freeze-time clip",
        "remedies | canonical, clean frames | held-out background | held-out all | rotation error",
    )
    preset = PRESETS[options.preset]
    preset = replace(preset, motion=replace(preset.motion, phases=()))
    variants = {"none": REMEDIES} | {name: [r for r in REMEDIES if r != name] for name in REMEDIES} | {"all": ()}
    for name, without in variants.items():
        result = run(
            scene,
            options,
            preset,
            f"noisy-{name}",
            "noisy",
            frozenset(without),
            freeze="freeze_noisy.mp4",
            cameras=None,
            hold_out_freeze=(),
        )
        clean = clean_frames(scene, options.out / scene.name / "noisy")
        rotation = result["pose"]["rotation_deg"]
        print(f"| {name} | {clean:.2f} | {result['psnr_static']:.2f} | {result['psnr']:.2f} | {rotation} |", flush=True)


def killed(scene: Path, options: argparse.Namespace) -> None:
    """The command killed with SIGKILL at even intervals, and how much work that cost."""
    table(f"{scene.name}, killed {options.kill} times", "run | s | all | moving")
    whole = run(scene, options, PRESETS[options.preset], "whole")
    print(f"| uninterrupted | {whole['seconds']['total']:.0f} | {whole['psnr']:.2f} | {whole['psnr_moving']:.2f} |")
    out = options.out / scene.name / "killed"
    command = reconstruct_command(
        **{name: scene / f"{name}.mp4" for name in ("reference", "freeze")},
        cameras=scene / "cameras.json",
        **{name: getattr(options, name) for name in ("preset", "device", "seed")},
        out=out,
        hold_out_freeze=",".join(map(str, HELD_OUT)),
    )
    interval = whole["seconds"]["total"] / (options.kill + 1)
    begin = time.monotonic()
    for _ in range(options.kill):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(interval)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    result = score(out, bundle.load(out), ground_truth.read(scene))
    total = time.monotonic() - begin
    print(f"| killed {options.kill} times | {total:.0f} in all | {result['psnr']:.2f} | {result['psnr_moving']:.2f} |")


# --- One run ---------------------------------------------------------------------------------------------------------


def run(
    scene: Path,
    options: argparse.Namespace,
    preset: Preset,
    name: str,
    folder: str | None = None,
    without: frozenset[str] = frozenset(),
    freeze: str = "freeze.mp4",
    **changes,
) -> dict:
    """Reconstruct and score; the scores are kept as <name>.json. Variants of one folder share what they can."""
    out = options.out / scene.name / (folder or name)
    request = Request(
        reference=scene / "reference.mp4",
        freeze=scene / freeze,
        out=out,
        cameras=None if options.estimate else scene / "cameras.json",
        hold_out_freeze=HELD_OUT,
        preset=preset,
        without=without,
        device=options.device,
        seed=options.seed,
    )
    reconstruct(replace(request, **changes))
    device = "cuda" if torch.cuda.is_available() and options.device != "cpu" else "cpu"
    result = score(out, bundle.load(out).to(device), ground_truth.read(scene))
    (options.out / scene.name / f"{name}.json").write_text(json.dumps(result, indent=2))
    return result


def clean_frames(scene: Path, folder: Path) -> float:
    """Mean PSNR of the canonical scene over the clean freeze-time frames, seen from their true cameras."""
    ours, truth = bundle.load(folder), ground_truth.read(scene)
    clip, into = truth.freeze, into_scene(truth.cameras, ours)
    size, values = score_size(clip.size), []
    for frame in ours.freeze_frames:
        camera = into.apply_cameras(truth.cameras.freeze[frame]).resized(clip.size)
        picture = to_unit(draw(ours, camera, ours.canonical_time))
        values.append(psnr(area_down(picture, size), area_down(to_unit(clip.frames[frame]), size)))
    return sum(values) / len(values)


def contact_sheet(scene: Path, folder: Path, columns: int = 6) -> None:
    """Held-out views as <folder>/sheet.png, to be looked at: the truth above, ours below, then without motion."""
    ours, truth = bundle.load(folder / "full"), ground_truth.read(scene)
    into = into_scene(truth.cameras, ours)
    chosen = truth.views[:: max(1, len(truth.views) // columns)][:columns]
    cells = []
    for true in chosen:
        camera = into.apply_cameras(true.view.camera)
        moments = [(true.colours() * 255).byte().numpy(), draw(ours, camera, true.view.time)]
        cells.append(np.concatenate([*moments, draw(ours.static(), camera, true.view.time)]))
    Image.fromarray(np.concatenate(cells, axis=1)).save(folder / "sheet.png")


def table(title: str, columns: str) -> None:
    print(f"\n### {title}\n\n| {columns} |\n|{'---|' * len(columns.split('|'))}", flush=True)


def row_of(name: str, run: dict) -> str:
    """A row of all that a run came to."""
    return row(name, run["seconds"]["total"], run["psnr_freeze_left_out"], run, run["full_size"], run)


def row(
    name: str, seconds: float | None, left_out: float | None, scores: dict, full: dict | None, run: dict | None
) -> str:
    cells = [
        seconds,
        left_out,
        scores["psnr"],
        scores["psnr_moving"],
        scores["psnr_moving_reference_times"],
        scores["ssim_moving"],
        scores["psnr_static"],
        full and full["psnr"],
        run and run["splats"],
        run and run["peak_memory_mb"],
    ]
    show = lambda x: "" if x is None else (f"{x:.2f}" if isinstance(x, float) and x < 100 else f"{x:.0f}")
    return f"| {name} | " + " | ".join(map(show, cells)) + " |"


if __name__ == "__main__":
    main()
