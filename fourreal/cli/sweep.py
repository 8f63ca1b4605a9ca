"""The command that makes many scenes: (arguments, progress, cancel) -> what is printed."""

import argparse
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from fourreal.cli.options import positive, whole
from fourreal.cli.study import step
from fourreal.description import ABLATIONS, PRESETS
from fourreal.errors import UserError
from fourreal.progress import CancelToken, Event

ENGINES = ("local", "ray")
AXES = ("models", "presets", "ablations", "seeds")  # of a grid
LOCK_SECONDS = 8.0  # whoever led before may just be leaving


def sweep(arguments: argparse.Namespace, progress: Callable[[Event], None], cancel: CancelToken) -> str:
    from fourreal.jobs.locks import alone, free
    from fourreal.sweep import runs
    from fourreal.sweep.table import table

    if arguments.status is not None:
        if arguments.file is not None or arguments.out is not None:
            raise UserError("--status DIR looks at a sweep and takes neither a file nor --out: leave them out.")
        return table(arguments.status, runs.read_plan(arguments.status), not free(arguments.status / runs.LOCK))
    if arguments.file is None or arguments.out is None:
        raise UserError("Give the file of prompts or pairs, and with --out the folder for their scenes.")
    from fourreal.sweep.reading import read
    from fourreal.whole import make_folder

    plan = read(arguments.file, {name: getattr(arguments, name) for name in AXES})
    for problem in plan.problems:
        progress(Event("sweep", message=problem))
    make_folder(arguments.out)
    with alone(arguments.out / runs.LOCK, LOCK_SECONDS) as ours:
        if not ours:
            raise UserError(f"Another sweep is at work in {arguments.out}: wait for it, or choose another --out.")
        runs.write_plan(arguments.out, plan)
        return _led(arguments, plan, progress, cancel)


def _led(arguments: argparse.Namespace, plan, progress: Callable[[Event], None], cancel: CancelToken) -> str:
    from fourreal.engine.values import Needs
    from fourreal.sweep.engines import engine_of
    from fourreal.sweep.leading import Leader
    from fourreal.sweep.table import table, unfinished

    needs = Needs(arguments.cpus, arguments.gpus, int(arguments.memory * 1024**3))
    if unfinished(arguments.out, plan):
        device = arguments.device if arguments.device == "auto" else "cpu"
        with closing(engine_of(arguments.engine, arguments.out, arguments.workers, device, needs)) as engine:
            Leader(
                plan.items, arguments.out, engine, progress, retry=arguments.retry, skip=arguments.skip, needs=needs
            ).lead(cancel)
    rows = table(arguments.out, plan)
    if left := unfinished(arguments.out, plan):
        print(rows)
        raise UserError(
            f"{left} of {len(plan.items)} scenes are not made. Mend what the table says, and give the same command "
            "with --retry; what is done is not made again."
        )
    return rows


def add_parser(commands) -> None:
    """`fourreal sweep`."""
    add = step(commands, "sweep", sweep, "make a scene of each prompt or pair in a file; continues what was stopped")
    add(
        "file",
        type=Path,
        nargs="?",
        metavar="FILE",
        help="prompts.txt with a prompt a line; pairs.jsonl with "
        '{"reference": ..., "freeze": ...} a line; or a YAML file with a grid, see docs/scale.md',
    )
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder for the scenes: DIR/<how it was made>/<what it is>; `fourreal judge DIR` judges them",
    )
    add("--status", type=Path, metavar="DIR", help="only tell how far the sweep in DIR is, and what failed and why")
    add(
        "--models",
        nargs="+",
        metavar="NAME",
        help="make all with each of these video models, see `fourreal models` (default: the usual one)",
    )
    add("--presets", nargs="+", choices=tuple(PRESETS), help="and with each of these presets")
    add(
        "--ablations",
        nargs="+",
        choices=tuple(ABLATIONS),
        metavar="PART",
        help="and besides the whole method without each of these parts, see `fourreal reconstruct --help`",
    )
    add("--seeds", nargs="+", type=whole, metavar="N", help="and with each of these seeds (default: 0)")
    add("--retry", action="store_true", help="try again what failed")
    add("--skip", nargs="+", default=[], metavar="NAME", help="leave runs alone whose name begins so")
    add(
        "--engine",
        choices=ENGINES,
        help="where: processes of this machine, or the nodes of a Ray cluster (default: $FOURREAL_ENGINE, else local)",
    )
    add(
        "--workers",
        type=_count,
        metavar="N",
        help="how many scenes at once (default: one a graphics card; with ray, as many as there is room for)",
    )
    add("--cpus", type=positive, default=1.0, metavar="N", help="ray: cores that a run takes (default: %(default)g)")
    add(
        "--gpus",
        type=float,
        metavar="N",
        help="ray: graphics cards that a run takes, a part of one allowed (default: 1 where there are any)",
    )
    add("--memory", type=float, default=0.0, metavar="GB", help="ray: memory that a run takes (default: not counted)")
    add("--device", choices=("auto", "cpu"), default="auto", help="local: cpu, even where there are graphics cards")


def _count(text: str) -> int:
    if (number := whole(text)) < 1:
        raise argparse.ArgumentTypeError("there has to be one worker at least")
    return number
