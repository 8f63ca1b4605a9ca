"""The commands that judge many videos and report: (arguments, progress, cancel) -> what is printed."""

import argparse
from pathlib import Path

from fourreal.cli.study import step
from fourreal.device import pick_device
from fourreal.errors import UserError
from fourreal.judge.offers import OFFERS, offer, table
from fourreal.progress import CancelToken, Event, Progress

CHEAP = ("still",)  # judges that need neither weights nor minutes


def judge(arguments: argparse.Namespace, progress: Progress, cancel: CancelToken) -> str:
    if arguments.list:
        return "\n".join(
            ["  ".join(row) for row in table()]
            + [""]
            + [f"{one.name}: {one.summary} {one.page if one.repository else ''}".rstrip() for one in OFFERS.values()]
        )
    if not arguments.films or arguments.out is None:
        raise UserError("Give the folders of the methods, and with --out where the scores go.")
    from fourreal.judge.judging import items_of
    from fourreal.judge.judging import judge as ask
    from fourreal.judge.offers import loaded
    from fourreal.judge.weights import folder_of

    names = arguments.judges or [*CHEAP, *(["truth"] if arguments.truth else [])]
    offers, device = [offer(name) for name in dict.fromkeys(names)], pick_device(arguments.device)
    folders, notes = [], []
    for one in offers:  # before minutes go into films
        try:
            folders.append((one, folder_of(one, arguments.download, progress, cancel)))
        except UserError as error:
            if len(offers) == 1:
                raise
            notes.append(f"Not asked: {error}")
            progress(Event("judge", message=notes[-1]))
    if not folders:
        raise UserError(" ".join(notes))
    items, missing = items_of(arguments.films, arguments.out, arguments.truth, device, progress, cancel)
    for note in missing:
        progress(Event("judge", message=note))
    rows = []
    judges = [loaded(one, folder, device) for one, folder in folders]
    rows = ask(items, judges, arguments.out, [*notes, *missing], progress, cancel)
    for row in rows:
        for problem in row.errors:
            progress(Event("judge", message=f"{row.method}/{row.name}: {problem}"))
    return str(arguments.out / "scores.csv")


def report(arguments: argparse.Namespace, progress: Progress, cancel: CancelToken) -> str:
    from fourreal.report.writing import write

    studies, ablations = tuple(arguments.study), tuple(arguments.ablation)
    return str(write(arguments.folder, arguments.out or arguments.folder / "report", studies, ablations))


def add_parser(commands) -> None:
    """`fourreal judge` and `fourreal report`."""
    add = step(commands, "judge", judge, "score the videos of one or more methods; nothing is scored twice")
    add(
        "films",
        type=Path,
        nargs="*",
        metavar="FOLDER",
        help="a folder for each method with videos or finished runs, "
        "named after their prompts, or one that holds those; a prompts.csv (name, prompt) may say more",
    )
    add("--out", type=Path, metavar="DIR", help="folder for scores.json, scores.csv and what is remembered")
    add(
        "--judges",
        nargs="+",
        choices=tuple(OFFERS),
        metavar="JUDGE",
        help="whom to ask (default: "
        f"{', '.join(CHEAP)}, with --truth also truth). "
        + " ".join(f"{one.name}: {one.summary}" for one in OFFERS.values()).replace("%", "%%"),
    )
    add("--truth", type=Path, metavar="FOLDER", help="videos of what the others should show, of the same names")
    add("--download", action="store_true", help="fetch weights that are not here; their licence is told first")
    add("--list", action="store_true", help="list the judges, their weights and licences")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute (default: %(default)s)")

    add = step(commands, "report", report, "write scores beside the paper's as files that open anywhere")
    add("folder", type=Path, metavar="DIR", help="folder that `judge --out` wrote")
    add("--out", type=Path, metavar="DIR", help="folder for the report (default: DIR/report)")
    add(
        "--study",
        type=Path,
        action="append",
        default=[],
        metavar="STUDY",
        help="add a study's results; may be repeated",
    )
    add(
        "--ablation",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="add what `ablate --out` wrote there; may be repeated",
    )
