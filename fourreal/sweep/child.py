"""The process that makes one item of a sweep: `python -m fourreal.sweep.child`, started by an engine."""

import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from fourreal.description import usual_preset
from fourreal.engine.child import serve
from fourreal.jobs.locks import alone
from fourreal.jobs.places import shown_name
from fourreal.progress import CancelToken, Progress
from fourreal.settings import PRESETS, Preset

NICE = 5  # whoever works at this machine comes first
LOCK_SECONDS = 20.0  # a predecessor whose machine was given up may just be leaving


def main(presets: Mapping[str, Preset] = PRESETS) -> int:
    """presets: what the names stand for."""
    os.nice(NICE)
    return serve(partial(make, presets=presets))


def make(
    folder: Path,
    question: Mapping[str, Any],
    progress: Progress,
    cancel: CancelToken,
    presets: Mapping[str, Preset] = PRESETS,
) -> None:
    """Make the scene in `folder`, or go on with it. question: what `runs.question` says of an item."""
    with alone(folder / "lock", LOCK_SECONDS) as ours:
        if not ours:
            raise TimeoutError("another process is at work in this folder")
        _make(folder, question, progress, cancel, presets)


def _make(
    folder: Path, question: Mapping[str, Any], progress: Progress, cancel: CancelToken, presets: Mapping[str, Preset]
) -> None:
    from fourreal.device import pick_device

    options = dict(question["options"])
    device = options.setdefault("device", "auto")
    preset = presets[question["preset"] or usual_preset(pick_device(device) == "cuda")]
    same = {"preset": preset, "seed": question["seed"], "without": frozenset(question["without"])}
    if question["files"]:
        from fourreal import pipeline

        files = {kind: folder / name for kind, name in question["files"].items()}
        scene = pipeline.reconstruct(pipeline.Request(**files, out=folder, device=device, **same), progress, cancel)
    else:
        from fourreal.pipeline.from_prompt import from_prompt
        from fourreal.pipeline.prompt_request import PromptRequest

        request = PromptRequest(prompt=question["prompt"], model=question["model"], out=folder, **same, **options)
        scene = from_prompt(request, progress, cancel)
    from fourreal.jobs.live import viewer_files

    viewer_files(folder, scene, shown_name(question["prompt"], "Scene"))


if __name__ == "__main__":
    sys.exit(main())
