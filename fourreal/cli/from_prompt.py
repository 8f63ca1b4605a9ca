"""The commands that begin with a prompt: (arguments, progress, cancel) -> what is printed."""

import argparse
from pathlib import Path

from fourreal.cli.options import given
from fourreal.description import Chain, Several, StoredWishes
from fourreal.errors import UserError
from fourreal.progress import CancelToken, Event, Progress


def models(arguments: argparse.Namespace, progress: Progress, cancel: CancelToken) -> str:
    from fourreal.pipeline.candidates import video_device
    from fourreal.video import hub, memory, registry

    free = memory.free_memory(video_device(arguments.device))
    titles = ("NAME", "FOR", "FRAMES", "SIZE", "WEIGHTS", "MEMORY", "LICENCE", "ON DISK", "RUNS HERE")
    rows: list[tuple[str, ...]] = [titles]
    for entry in registry.MODELS.values():
        able = entry.capabilities
        there = "yes" if hub.on_disk(entry) else "in part" if hub.local_copy(entry) else "no"
        frames, size = str(able.native_frames), "{}x{}".format(*able.native_size)
        rows.append(
            (
                entry.name,
                ", ".join(entry.roles),
                frames if able.only_frames else f"{frames} ({able.frame_step}k+1)",
                size if able.sizes else f"{size} ({able.size_step}k)",
                entry.weights,
                f"{entry.least_memory_gb:.0f}-{entry.memory_gb:.0f} GB",
                entry.licence,
                there,
                "yes" if memory.fits(entry, free) else "no",
            )
        )
    summaries = [f"{entry.name}: {entry.summary} {entry.page}".rstrip() for entry in registry.MODELS.values()]
    notes = (
        f"The default is {registry.usual(free.device != 'cpu')}. Memory: of a graphics card, the least and what is at "
        f"ease; computed, not measured. Free now: {free.free / registry.GB:.1f} GB ({free.device})."
    )
    return "\n".join([*table(rows), "", *summaries, "", notes])


def generate(arguments: argparse.Namespace, progress: Progress, cancel: CancelToken) -> str:
    for name in ("frame", "as_is"):
        if getattr(arguments, name) not in (None, False) and arguments.picture is None:
            raise UserError(f"--{name.replace('_', '-')} goes with --picture.")
    if arguments.image is not None and arguments.picture is not None:
        raise UserError("Give --image for reference videos, or --picture for freeze-time videos, not both.")
    from fourreal.clip.picture import read_picture
    from fourreal.pipeline.candidates import Wish, chosen_model, make, seeds_from, video_device
    from fourreal.video.one_model import OneModel
    from fourreal.video.prompt import freeze_prompt

    picked, options = None, given(arguments, StoredWishes)
    own = bool(arguments.source or arguments.adapter)
    options["model"] = chosen_model(arguments.model, own, arguments.device)
    if arguments.picture is not None:
        picked, words = picture(arguments.picture, arguments.frame), arguments.prompt
        options["prompt"] = words if arguments.as_is or not words.strip() else freeze_prompt(words)
        progress(Event("prompt", message=options["prompt"]))
    wish = Wish(**options, role="reference" if picked is None else "freeze", picked=picked)
    if arguments.image is not None:
        wish = wish.beginning_with(read_picture(arguments.image))
        if words := wish.choice.entry.pictures:
            progress(Event("prompt", message=words))
    several = Several(**given(arguments, Several))
    seeds = seeds_from(several.seed, several.candidates)
    with OneModel(video_device(arguments.device), progress, cancel) as loaded:
        candidates = make(wish, loaded, arguments.out, seeds, progress, cancel)
    return "\n".join(f"{one.score}  {one.path}  {' '.join(one.reasons)}" for one in candidates)


def run(arguments: argparse.Namespace, progress: Progress, cancel: CancelToken) -> str:
    from fourreal.pipeline.from_prompt import PromptRequest, from_prompt

    from_prompt(PromptRequest(**given(arguments, Chain), out=arguments.out), progress, cancel)
    return str(arguments.out)


def picture(path: Path, frame: int | None):
    """A picture of a file, or a frame of a video: (H, W, 3) uint8. UserError where it is neither."""
    from fourreal import clip
    from fourreal.clip.picture import read_picture
    from fourreal.video.freeze_time import pick_frame

    if frame is not None:
        return pick_frame(clip.read(path), frame)
    return read_picture(path)


def table(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows as lines, their cells one under another."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
