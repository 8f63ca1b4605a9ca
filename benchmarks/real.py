"""Reconstruct footage that nobody here made, and clips harmed as people's are, and say how each came out.

    python -m benchmarks.real --pairs DIR [--variants one,two,three,second] [--only NAME ...] [--out DIR] [--sheets]
    python -m benchmarks.real --scenes DIR       scenes with ground truth, their cameras given
    python -m benchmarks.real --cases DIR --base SCENE    clips made from a scene's, cameras estimated

A pair is a folder with reference.mp4, several freeze-time videos and videos from other sides; its pair.json names the
frozen moments under `freeze` and the freeze-time frame of each other side under `views`. Variants take one, two or
three freeze-time videos, or one and view_mid.mp4 as a second reference, which then is not scored; of a scene `second`
takes all its reference videos. A case is a folder with reference.mp4, freeze.mp4 or both, or such files with NAME_
before; what it lacks is the scene's.

Each is reconstructed by the command line in a process of its own, so a refusal ends in the table. Prints one Markdown
table and appends its rows to OUT/real.jsonl. "Static" is the canonical scene without motion, in brackets what it scores
where something moves.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.commands import reconstruct_command
from benchmarks.harmed import harmed_truth
from fourreal.errors import UserError
from fourreal.evaluate import ground_truth
from fourreal.evaluate.other_view import MOMENTS, OtherView, score_views, truth
from fourreal.evaluate.score import score
from fourreal.jobs.checks import covered
from fourreal.scene import bundle
from fourreal.scene.moments import even_frames
from fourreal.scene.scene4d import Scene4D
from fourreal.settings import PRESETS

VARIANTS = {"one": 1, "two": 2, "three": 3, "second": 1}  # how many freeze-time videos each takes
SECOND = "view_mid.mp4"
COLUMNS = "footage | variant | accepted | cameras | scored by | all | moving | static (moving) | s"


@dataclass(frozen=True)
class Trial:
    """One reconstruction.

    inputs: what the command line gets of `--reference`, `--freeze` and `--cameras`.
    scores: of a finished run and its scene: what it is scored by -> {psnr, moving, static_psnr, static_moving} in dB.
    views: videos from other sides, for the contact sheet.
    """

    kind: str
    name: str
    variant: str
    inputs: tuple[str, ...]
    scores: Callable[[Path, Scene4D], dict[str, dict]]
    views: tuple[OtherView, ...] = ()


def main() -> None:
    add = (parser := argparse.ArgumentParser(description=__doc__.split("\n\n")[0])).add_argument
    add("--pairs", type=Path, help="folder of pairs")
    add("--scenes", type=Path, help="folder of ground-truth scenes, or one of them")
    add("--cases", type=Path, help="folder of harmed clips")
    add("--base", type=Path, help="the ground-truth scene that the cases were made from")
    add("--only", nargs="*", help="names of pairs, scenes and cases to take (default: all)")
    add(
        "--variants",
        type=variants,
        default=tuple(VARIANTS),
        help="of pairs and scenes, with commas between (default: all four)",
    )
    add("--preset", choices=tuple(PRESETS), default="draft")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add("--sheets", action="store_true", help="OUT/sheets: four moments of each view of a pair, the truth above ours")
    add(
        "--out",
        type=Path,
        help="keep runs and scores here; what is finished is not made again (default: a temporary folder)",
    )
    options = parser.parse_args()
    if (options.cases is None) != (options.base is None):
        parser.error("--cases and --base go together")
    options.out = options.out or Path(tempfile.mkdtemp(prefix="fourreal-real-"))
    options.out.mkdir(parents=True, exist_ok=True)
    print(f"| {COLUMNS} |\n|{'---|' * len(COLUMNS.split('|'))}", flush=True)
    for trial in trials(options):
        if options.only and trial.name not in options.only:
            continue
        with (options.out / "real.jsonl").open("a", encoding="utf-8") as file:
            for row in rows(trial, options):
                print(line(row), flush=True)
                file.write(json.dumps(row) + "\n")


def variants(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := [name for name in names if name not in VARIANTS]:
        raise argparse.ArgumentTypeError(f"no variant is called {unknown[0]!r}; choose from {', '.join(VARIANTS)}")
    return names


# --- What there is to reconstruct ------------------------------------------------------------------------------------


def trials(options: argparse.Namespace) -> Iterator[Trial]:
    for file in sorted(options.pairs.glob("*/pair.json")) if options.pairs else ():
        for variant in options.variants:
            yield from pair(file.parent, variant)
    for file in sorted(
        [*options.scenes.glob("cameras.json"), *options.scenes.glob("*/cameras.json")] if options.scenes else ()
    ):
        for variant in options.variants:
            yield from scene(file.parent, variant)
    if options.cases:
        yield from cases(options.cases, options.base)


def pair(folder: Path, variant: str) -> Iterator[Trial]:
    """A pair in one variant; nothing if it has too few videos for that."""
    description = json.loads((folder / "pair.json").read_text(encoding="utf-8"))
    takes, views = list(description["freeze"].items()), dict(description["views"])
    references = [folder / description["reference"]]
    if variant == "second":
        if SECOND not in views:
            return
        references.append(folder / SECOND)
        del views[SECOND]
    if len(takes) < VARIANTS[variant]:
        return
    takes = takes[: VARIANTS[variant]]
    # one take is left to find its frozen moment itself, as a person's is
    freezes = [f"{folder / name}@{frame}" if len(takes) > 1 else str(folder / name) for name, frame in takes]
    others = tuple(OtherView(folder / name, frame) for name, frame in views.items())
    yield Trial(
        "pairs", folder.name, variant, given(references, freezes), lambda run, ours: score_views(ours, others), others
    )


def scene(folder: Path, variant: str) -> Iterator[Trial]:
    """A scene with ground truth, its cameras given; of the variants it has the first, and the last if it can."""
    further = sorted(folder.glob("reference_*.mp4")) if variant == "second" else []
    if VARIANTS[variant] > 1 or (variant == "second" and not further):
        return
    references = [folder / "reference.mp4", *further]
    inputs = (*given(references, [folder / "freeze.mp4"]), "--cameras", str(folder / "cameras.json"))
    yield Trial(
        "scenes", folder.name, variant, inputs, lambda run, ours: held_out(run, ours, ground_truth.read(folder))
    )


def cases(folder: Path, base: Path) -> Iterator[Trial]:
    """Harmed clips of the scene `base`, cameras estimated."""
    clips: dict[str, dict[str, Path]] = {}
    for path in sorted([*folder.iterdir(), *folder.glob("*/*")]):
        case, _, video = path.stem.rpartition("_") if path.parent == folder else (path.parent.name, "", path.stem)
        if path.is_file() and video in ("reference", "freeze"):
            clips.setdefault(case, {})[video] = path
    for case, videos in clips.items():
        yield harmed(
            case, base, videos.get("reference", base / "reference.mp4"), videos.get("freeze", base / "freeze.mp4")
        )


def harmed(case: str, base: Path, reference: Path, freeze: Path) -> Trial:
    def scores(run: Path, ours: Scene4D) -> dict[str, dict]:
        return held_out(run, ours, harmed_truth(ground_truth.read(base), reference, freeze))

    return Trial("cases", case, "one", given([reference], [str(freeze)]), scores)


def given(references: list[Path], freezes: list[Path | str]) -> tuple[str, ...]:
    """The videos as options; the first of each kind is the main one."""
    options = [("--reference", video) for video in references] + [("--freeze", video) for video in freezes]
    return tuple(str(word) for option in options for word in option)


def held_out(run: Path, ours: Scene4D, true: ground_truth.GroundTruth) -> dict[str, dict]:
    """`evaluate`'s figures under the names of those of other views."""
    scores = score(run, ours, true)
    still = scores["baseline_static"]
    return {
        "held-out views": {
            "psnr": scores["psnr"],
            "moving": scores["psnr_moving"],
            "static_psnr": still["psnr"],
            "static_moving": still["psnr_moving"],
        }
    }


# --- One of them -----------------------------------------------------------------------------------------------------


def rows(trial: Trial, options: argparse.Namespace) -> Iterator[dict]:
    """A row for each thing that the run is scored by, or one that says why there is none."""
    row = {"kind": trial.kind, "name": trial.name, "variant": trial.variant, "preset": options.preset}
    run = options.out / options.preset / trial.kind / trial.name / trial.variant
    refusal, seconds = made(trial, run, options)
    if refusal is not None:
        yield row | {"refusal": refusal, "seconds": seconds}
        return
    ours, manifest = bundle.load(run), bundle.read_manifest(run)
    if options.device != "cpu" and torch.cuda.is_available():
        ours = ours.to("cuda")
    origin = ours.freeze.origin
    row |= {
        "method": origin.method,
        "note": origin.note,
        "placed": len(ours.freeze_frames),
        "arc": round(covered(ours.freeze.forward.double().numpy()), 1),
        "focal": round(float(ours.freeze.intrinsics[0]) / ours.freeze.size[0], 3),
        "seconds": (manifest.get("seconds") or {}).get("total"),
    }
    try:
        scores = trial.scores(run, ours)
    except UserError as error:
        yield row | {"unscored": str(error)}
        return
    if options.sheets and trial.views:
        sheet(trial, ours, options.out / "sheets" / f"{trial.name}-{trial.variant}.png")
    for by, values in scores.items():
        yield row | {"by": by} | values


def made(trial: Trial, run: Path, options: argparse.Namespace) -> tuple[str | None, float]:
    """Reconstruct unless that is done: (what it was refused with or None, seconds)."""
    if (run / bundle.MANIFEST).exists():
        return None, 0.0
    begin = time.monotonic()
    command = reconstruct_command(*trial.inputs, out=run, preset=options.preset, device=options.device)
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seconds = time.monotonic() - begin
    if done.returncode == 0:
        return None, seconds
    said = last_said(done.stderr)
    return (said if done.returncode == 2 else f"exit code {done.returncode}: {said}"), seconds


def last_said(text: str) -> str:
    """What a command ended with on stderr, without its own name in front."""
    said = (text.strip().splitlines() or ["nothing was said"])[-1]
    return said.removeprefix("fourreal: ").removeprefix("fourreal reconstruct: error: ")


def sheet(trial: Trial, ours: Scene4D, path: Path) -> None:
    """Four moments of each view, side by side: the truth above, ours below."""
    strips = []
    for view in trial.views:
        camera = ours.camera(view.frame)
        video = truth(view.video, camera.size)
        for moment in even_frames(len(video), MOMENTS)[::3]:
            seen = ours.render(camera, moment / (len(video) - 1)).colour.clamp(0, 1).cpu().numpy()
            strips.append(np.concatenate([video[moment], seen]))
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [np.concatenate(strips[begin : begin + 4], axis=1) for begin in range(0, len(strips), 4)]
    Image.fromarray((np.concatenate(lines) * 255).round().astype(np.uint8)).save(path)


def line(row: dict) -> str:
    """A row as Markdown."""
    show = lambda name, form: "" if row.get(name) is None else form.format(row[name])
    cells = [row["name"], row["variant"], show("refusal", "no: {}") or "yes"]
    if "method" in row:
        cells += [f"{row['method']}, {row['arc']:.0f}°, {row['focal']:.2f}"]
    else:
        cells += [""]
    cells += [show("by", "{}") or show("unscored", "not: {}"), show("psnr", "{:.2f}"), show("moving", "{:.2f}")]
    cells += [show("static_psnr", "{:.2f}") + show("static_moving", " ({:.2f})"), show("seconds", "{:.0f}")]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    main()
