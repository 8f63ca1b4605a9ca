"""The paper's user study without a page: (arguments, progress, cancel) -> what is printed."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fourreal.cli.options import positive, width_height
from fourreal.device import pick_device
from fourreal.progress import CancelToken, Progress

NAME = "study"


def make(arguments: argparse.Namespace, progress: Progress, cancel: CancelToken) -> str:
    from fourreal.study import making
    from fourreal.study.values import StudyRequest

    films = arguments.films
    if len(films) == 1 and films[0].suffix.lower() == ".json":
        request = making.from_file(films[0])
    else:
        request = StudyRequest(making.from_folders(films))
    options = {name: getattr(arguments, name) for name in ("name", "size", "seconds", "fps")}
    request = replace(request, **{name: value for name, value in options.items() if value is not None})
    making.make(request, arguments.out, progress, cancel, device=pick_device(arguments.device))
    return str(arguments.out)


def take_votes(arguments: argparse.Namespace, progress: Progress, cancel: CancelToken) -> str:
    from fourreal.study.exchange import read_votes
    from fourreal.study.values import read
    from fourreal.study.votes import Votes

    study, store = read(arguments.study), Votes(arguments.study)
    files = [read_votes(study, path) for path in arguments.votes]  # all are read before any is kept
    store.add(study, [vote for votes in files for vote in votes])
    return f"{sum(map(len, files))} answers of {len({vote.rater for votes in files for vote in votes})} raters"


def report(arguments: argparse.Namespace, progress: Progress, cancel: CancelToken) -> str:
    from fourreal.study import report as writing

    out = arguments.out or arguments.study / "report"
    writing.check_out(out)
    writing.report(arguments.study, out, arguments.finished)
    return str(out / "index.html")


def add_parser(commands) -> None:
    """`fourreal study` with its three commands."""
    summary = "ask people which of two films is better, blind, as the paper did: make, import votes, report"
    study = commands.add_parser(NAME, help=summary, description=summary[0].upper() + summary[1:] + ".")
    steps = study.add_subparsers(required=True, metavar="STEP")

    add = step(steps, "make", make, "film scenes along the path with four stops, and lay out the page for raters")
    add(
        "films",
        type=Path,
        nargs="+",
        metavar="FILMS",
        help="a folder for each method, yours first, with videos or "
        "finished runs of the same names; or one JSON file with the pairs, see docs/study.md",
    )
    add(
        "--out",
        type=Path,
        required=True,
        metavar="STUDY",
        help="folder for the study; its folder `raters` is what "
        "raters get, and alone does not tell which film is whose",
    )
    add("--name", metavar="TEXT", help="of the study, for you; raters do not see it")
    add(
        "--size",
        type=width_height,
        metavar="WxH",
        help="pixels of all films (default: as narrow and low as the narrowest and lowest one)",
    )
    add("--seconds", type=positive, metavar="X", help="how long all films are (default: as the longest, 30 at most)")
    add(
        "--fps",
        type=positive,
        metavar="X",
        help="frames a second of all films (default: as the slowest video, 8 to 30; 24 of scenes alone)",
    )
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to draw (default: %(default)s)")

    add = step(steps, "import", take_votes, "take in the answers that raters saved, or a table from elsewhere")
    add("study", type=Path, metavar="STUDY", help="folder that `make --out` wrote")
    add(
        "votes",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="answers-*.json of raters, or a CSV with rater, pair, question and preferred (a method's name)",
    )

    add = step(steps, "report", report, "write percentages with 95 %% intervals, the bar chart, CSV and JSON")
    add("study", type=Path, metavar="STUDY", help="folder that `make --out` wrote")
    add("--out", type=Path, metavar="DIR", help="folder for the report (default: STUDY/report)")
    add("--finished", action="store_true", help="count only raters who answered everything")


def step(steps, name: str, function: Callable, summary: str) -> Callable:
    """A subcommand without a run; returns its `add_argument`."""
    sub = steps.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
    sub.set_defaults(command=function, resume="Nothing was left half-written.")
    return sub.add_argument
