"""What each part of the method is good for: the same reconstruction without it, several seeds, side by side."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fourreal import clip
from fourreal.camera.trajectory import Stage
from fourreal.errors import UserError
from fourreal.evaluate import ground_truth
from fourreal.evaluate.ablation_page import TITLES, Shown, Variant, page
from fourreal.evaluate.ground_truth import GroundTruth
from fourreal.evaluate.metrics import area_down, psnr, score_size
from fourreal.evaluate.score import mean, score, to_unit
from fourreal.pipeline.reconstruct import reconstruct
from fourreal.pipeline.request import Request
from fourreal.progress import CancelToken, Event, Progress, ignore
from fourreal.scene.scene4d import Scene4D
from fourreal.scene.views import draw, into_scene
from fourreal.settings import ABLATIONS
from fourreal.whole import replace_files

FULL = "everything"
PAPER = ("per-frame-deformation", "small-motion", "multi-view-sds", "freeze-time", "joint-sds")  # 4Real sec. 4.3
CRITICS = {"multi-view-sds", "joint-sds"}
MOST_SEEDS = 20
PICTURES = 3


@dataclass(frozen=True)
class Ablation:
    """request: the whole method. variants: parts to leave out, one at a time. truth: a scene folder, or None."""

    request: Request
    variants: tuple[str, ...] = PAPER
    truth: Path | None = None
    seeds: int = 3


def ablate(ablation: Ablation, progress: Progress = ignore, cancel: CancelToken | None = None) -> Path:
    """Run all variants in folders of `request.out`, and write table.json, table.csv and page.html there.

    Runs that are finished there are not made again. Without ground truth, freeze-time frames that the request holds out
    are scored.

    Returns:
        The page.
    """
    cancel = cancel or CancelToken()
    request, out = ablation.request, ablation.request.out
    _check(ablation)
    truth = ground_truth.read(ablation.truth) if ablation.truth is not None else None
    names = [name for name in ablation.variants if request.criticised or name not in CRITICS]
    notes = []
    if len(names) < len(ablation.variants):
        notes.append("The parts that need a video model are not among them, as none was given (--critic).")
        progress(Event("ablate", message=notes[-1]))
    runs = [(name, seed) for name in (FULL, *names) for seed in range(request.seed, request.seed + ablation.seeds)]
    rows: list[dict[str, float | int | str | None]] = []
    shown = {}
    for number, (name, seed) in enumerate(runs):
        cancel.check()
        progress(Event("ablate", number, len(runs), message=f"{name}, seed {seed}"))
        without = request.without | ({name} - {FULL})
        folder = out / f"{name}-{seed}"
        scene = reconstruct(replace(request, out=folder, without=without, seed=seed), progress, cancel)
        rows.append({"variant": name, "seed": seed, **_scores(folder, scene, truth, request)})
        if seed == request.seed:
            shown[name] = _pictures(scene, truth)
    progress(Event("ablate", len(runs), len(runs)))
    variants = [
        Variant(
            name,
            "" if name == FULL else f"without {name}",
            tuple(r for r in rows if r["variant"] == name),
            shown[name].pictures,
        )
        for name in (FULL, *names)
    ]
    html = page(variants, shown[FULL], notes)
    files = {"table.json": json.dumps(rows, indent=2), "table.csv": _csv(rows), "page.html": html}
    replace_files(out, {name: text.encode() for name, text in files.items()})
    return out / "page.html"


def _check(ablation: Ablation) -> None:
    """UserError for what can be known to be wrong before the first run."""
    if not 1 <= ablation.seeds <= MOST_SEEDS:
        raise UserError(f"{ablation.seeds} seeds are out of range; ask for 1 to {MOST_SEEDS}.")
    unknown = sorted(set(ablation.variants) - set(ABLATIONS))
    if unknown:
        raise UserError(f"No part is called {unknown[0]!r}. There are: {', '.join(ABLATIONS)}.")
    if ablation.truth is None and not ablation.request.hold_out_freeze:
        raise UserError(
            "There is nothing to score by. Give --ground-truth, or keep some freeze-time frames out of the fit with "
            "--hold-out-freeze, such as 4,12,20,28."
        )


def _scores(folder: Path, scene: Scene4D, truth: GroundTruth | None, request: Request) -> dict[str, float | None]:
    """Flat numbers, dB and SSIM; all of views that were not fitted to."""
    if truth is not None:
        scores = score(folder, scene, truth)
        return {name: scores[name] for name in TITLES} | {"seconds": scores["seconds"]["total"]}
    video = clip.read(request.freeze)
    values = []
    for frame in request.hold_out_freeze:
        if frame in scene.freeze_frames:
            camera = scene.outward(scene.freeze[scene.freeze_frames.index(frame)]).resized(video.size)
            size = score_size(video.size)
            seen, real = draw(scene, camera, scene.canonical_time), video.frames[frame]
            values.append(psnr(area_down(to_unit(seen), size), area_down(to_unit(real), size)))
    return {"psnr_freeze_left_out": mean(values)}


def _pictures(scene: Scene4D, truth: GroundTruth | None) -> Shown:
    """The scene at a few cameras and times, the same for every variant, and the truth where there is one."""
    if truth is not None:
        picks = truth.views[:: max(1, len(truth.views) // PICTURES)][:PICTURES]
        into = into_scene(truth.cameras, scene)
        made = [draw(scene, into.apply_cameras(v.view.camera), v.view.time) for v in picks]
        real = [(v.colours().numpy() * 255).round().astype(np.uint8) for v in picks]
        return Shown(tuple(f"time {v.view.time:.2f}" for v in picks), tuple(made), tuple(real))
    stage = Stage.of(scene.freeze, scene.reference)
    low, high = stage.seen
    angles, times = np.linspace(0.6 * low, 0.6 * high, PICTURES), np.linspace(0, 1, PICTURES)
    cameras = stage.at(stage.up.new_tensor(angles))
    made = [draw(scene, scene.outward(cameras[i]), float(times[i])) for i in range(PICTURES)]
    labels = (f"{np.degrees(a):.0f} degrees, time {t:.1f}" for a, t in zip(angles, times, strict=True))
    return Shown(tuple(labels), tuple(made), ())


def _csv(rows: Sequence[dict]) -> str:
    text = io.StringIO()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
