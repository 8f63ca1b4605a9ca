"""The command line: reconstruct, render, evaluate, export.

Results go to stdout, everything else to stderr. Exit codes: 0 done; 1 a bug, with its traceback; 2 something that a
person can mend, said in a sentence; 130 stopped on request, with what was done kept.
"""

import argparse
import json
import logging
import math
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import fourreal
from fourreal.errors import Cancelled, UserError
from fourreal.progress import CancelToken, Event
from fourreal.scene.film import TRAJECTORIES, Film

# What `--without` switches off. Heavy modules are imported inside the commands, so that `--help` answers at once.
ABLATIONS = {
    "per-frame-deformation": "the field that explains inconsistencies of the freeze-time frames",
    "small-motion": "the loss that keeps that field small",
    "exposure": "gain and bias of each freeze-time frame",
    "freeze-time": "the freeze-time video in stage one; only its reference frame is left",
    "joint-finetune": "fine-tuning on both videos at the end",
    "growth": "new splats, in both stages",
    "regularisers": "rigidity, smoothness and norm of the motion",
    "pose-refinement": "improving estimated cameras together with the splats",
}
PLAIN_EVERY = 10.0  # seconds between lines where there is no terminal
STOPPED = 130


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = parser().parse_args(argv)
    cancel = CancelToken()
    try:
        with reporting() as report, stopping(cancel, report.say):
            result = arguments.command(arguments, report.event, cancel)
        print(result)
    except UserError as error:
        print(f"fourreal: {error}", file=sys.stderr)
        return 2
    except (Cancelled, KeyboardInterrupt):
        print(f"Stopped. {arguments.resume}", file=sys.stderr)
        return STOPPED
    return 0


# --- Commands: (arguments, progress, cancel) -> what is printed ------------------------------------------------------


def reconstruct(arguments: argparse.Namespace, progress: Callable[[Event], None], cancel: CancelToken) -> str:
    from fourreal import pipeline

    request = pipeline.Request(
        reference=arguments.reference,
        freeze=arguments.freeze,
        out=arguments.out,
        cameras=arguments.cameras,
        canonical_frame=arguments.canonical_frame,
        freeze_reference_frame=arguments.freeze_reference_frame,
        refine_poses=arguments.refine_poses,
        hold_out_freeze=arguments.hold_out_freeze,
        preset=arguments.preset,
        deformation=arguments.deformation,
        without=frozenset(arguments.without),
        device=arguments.device,
        seed=arguments.seed,
    )
    pipeline.reconstruct(request, progress, cancel)
    return str(arguments.out)


def render(arguments: argparse.Namespace, progress: Callable[[Event], None], cancel: CancelToken) -> str:
    from fourreal.camera import known
    from fourreal.scene.views import render_views

    cameras = known.read(arguments.cameras)
    render_views(scene_of(arguments), cameras, arguments.out, progress, cancel)
    return str(arguments.out)


def evaluate(arguments: argparse.Namespace, progress: Callable[[Event], None], cancel: CancelToken) -> str:
    from fourreal.evaluate import ground_truth
    from fourreal.evaluate.score import score

    scene = scene_of(arguments)
    truth = ground_truth.read(arguments.ground_truth)
    return json.dumps(score(arguments.run, scene, truth, progress, cancel), indent=2, allow_nan=False)


def export(arguments: argparse.Namespace, progress: Callable[[Event], None], cancel: CancelToken) -> str:
    film = {name: getattr(arguments, name) for name in ("trajectory", "frames", "fps", "size")}
    film = {name: value for name, value in film.items() if value is not None}
    if film and arguments.format != "mp4":
        raise UserError(f"--{next(iter(film))} is for --format mp4; {arguments.format} holds every reference time.")
    scene = scene_of(arguments)
    if arguments.format == "mp4":
        from fourreal.scene.export_mp4 import export_mp4

        export_mp4(scene, arguments.out, Film(**film), progress, cancel)
    elif arguments.format == "ply":
        from fourreal.scene.export_ply import export_ply

        export_ply(scene, arguments.out, progress, cancel)
    elif arguments.format == "r4d":
        from fourreal.scene.r4d import export_r4d

        export_r4d(scene, arguments.out, arguments.run.resolve().name)
    else:
        from fourreal.scene.export_splat import export_splat

        export_splat(scene, arguments.out, progress, cancel)
    return str(arguments.out)


def scene_of(arguments: argparse.Namespace):
    """The scene of a finished run, on the device that was asked for."""
    import torch

    from fourreal.scene import bundle

    if arguments.device == "cuda" and not torch.cuda.is_available():
        raise UserError("There is no CUDA device here: leave --device out, or say --device cpu.")
    device = "cuda" if arguments.device != "cpu" and torch.cuda.is_available() else "cpu"
    return bundle.load(arguments.run).to(device)


# --- Options ---------------------------------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog="fourreal", description="Two videos in, a dynamic 3D scene out.", epilog=__doc__.split("\n\n")[1]
    )
    root.add_argument("--version", action="version", version=f"fourreal {fourreal.__version__}")
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    _reconstruct_options(_command(commands, reconstruct, "make a scene from two videos; continues what was stopped"))

    add = _command(commands, render, "draw the views that a cameras.json asks for", run=True)
    add("--cameras", type=Path, required=True, metavar="JSON", help="its `views` (or `heldout`) are drawn")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the PNGs, named as in the file")

    add = _command(commands, evaluate, "score a scene against ground truth; prints one JSON object", run=True)
    add("--ground-truth", type=Path, required=True, metavar="SCENE", help="folder with cameras.json, videos, heldout/")

    add = _command(commands, export, "write a scene for other programs", run=True)
    add("--format", choices=("ply", "splat", "r4d", "mp4"), required=True,
        help="ply: 3DGS files, one a reference time, in a zip; splat: .splat files likewise; r4d: the viewer's file; "
        "mp4: a film")  # fmt: skip
    add("--out", type=Path, required=True, metavar="FILE", help="the zip, .r4d or MP4 to write")
    add("--trajectory", choices=tuple(TRAJECTORIES), help="mp4: the camera's path (default: orbit). "
        + "; ".join(f"{name}: {what}" for name, what in TRAJECTORIES.items()))  # fmt: skip
    add("--frames", type=whole, metavar="N", help="mp4: how many (default: the scene forth and back, twice)")
    add("--fps", type=positive, metavar="X", help="mp4: frames a second (default: the reference video's)")
    add("--size", type=width_height, metavar="WxH", help="mp4: pixels (default: the reconstruction's)")
    return root


def _reconstruct_options(add: Callable) -> None:
    add("--reference", type=Path, required=True, metavar="VIDEO", help="fixed camera, moving scene; a file or a folder")
    add("--freeze", type=Path, required=True, metavar="VIDEO", help="the frozen scene, the camera circling around it")
    add("--out", type=Path, required=True, metavar="RUN", help="folder for the scene; the same command continues in it")
    add("--cameras", type=Path, metavar="JSON", help="known cameras (default: they are estimated)")
    add("--canonical-frame", type=whole, metavar="K", help="frame of the reference video that was frozen "
        "(default: from --cameras, else found by looking)")  # fmt: skip
    add("--freeze-reference-frame", type=whole, metavar="J", help="frame of the freeze-time video with the reference "
        "camera's pose (default: from --cameras, else found by looking)")  # fmt: skip
    add("--refine-poses", action="store_true", help="improve known cameras together with the splats (default: known "
        "ones stay fixed; estimated ones are always improved)")  # fmt: skip
    add("--hold-out-freeze", type=frame_list, default=(), metavar="I,J,...",
        help="freeze-time frames kept out of the fit, for measuring (default: none)")  # fmt: skip
    add("--preset", choices=("draft", "standard", "paper"),
        help="pixels and schedule (default: standard on CUDA, draft on a CPU)")  # fmt: skip
    add("--deformation", choices=("bases", "mlp"), help="how motion is held: rigid bases or the paper's network "
        "(default: bases, with --preset paper mlp)")  # fmt: skip
    add("--without", type=ablations, nargs="+", action="extend", default=[], metavar="PART",
        help="leave parts of the method out (default: none). "
        + "; ".join(f"{name}: {what}" for name, what in ABLATIONS.items()))  # fmt: skip
    add("--seed", type=whole, default=0, metavar="N", help="of all that is random (default: %(default)s)")


def _command(commands, function: Callable, summary: str, run: bool = False) -> Callable:
    """A subcommand; returns its `add_argument`. With `run` it reads a finished run, given first."""
    name = function.__name__
    sub = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
    again = "Nothing was left half-written." if run else "Run the same command again to continue where it stopped."
    sub.set_defaults(command=function, resume=again)
    if run:
        sub.add_argument("run", type=Path, metavar="RUN", help="folder that `reconstruct --out` wrote")
    sub.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto",
                     help="where to compute; auto is CUDA where there is one (default: %(default)s)")  # fmt: skip
    return sub.add_argument


def whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)


def positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def frame_list(text: str) -> tuple[int, ...]:
    try:
        return tuple(sorted({whole(part.strip()) for part in text.split(",")}))
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of frames such as 4,12,20: {error}") from error


def width_height(text: str) -> tuple[int, int]:
    parts = text.lower().split("x")
    if len(parts) != 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 512x288")
    return whole(parts[0]), whole(parts[1])


def ablations(text: str) -> str:
    if text not in ABLATIONS:
        raise argparse.ArgumentTypeError(f"no part is called {text!r}; choose from {', '.join(ABLATIONS)}")
    return text


# --- Telling how it goes, and stopping -------------------------------------------------------------------------------


class Plain:
    """Lines on stderr where nobody watches live: what is new, and now and then how far."""

    def __init__(self) -> None:
        self.stage, self.told = "", 0.0

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def event(self, event: Event) -> None:
        now, done = time.monotonic(), event.steps and event.step >= event.steps
        if event.message:
            self.say(f"{event.stage}: {event.message}")
        if event.steps and (event.stage != self.stage or done or now - self.told >= PLAIN_EVERY):
            self.stage, self.told = event.stage, now
            self.say(f"{event.stage} {event.step}/{event.steps}{summary(event)}")


class Bars:
    """A bar for each stage on a terminal."""

    def __init__(self, bars) -> None:
        self.bars, self.tasks = bars, {}

    def say(self, text: str) -> None:
        self.bars.console.print(text, markup=False, highlight=False)

    def event(self, event: Event) -> None:
        if event.message:
            self.say(f"{event.stage}: {event.message}")
        if event.stage not in self.tasks:
            self.tasks[event.stage] = self.bars.add_task(event.stage, total=None, told="")
        steps = event.steps or None
        self.bars.update(self.tasks[event.stage], completed=event.step, total=steps, told=summary(event))


def summary(event: Event) -> str:
    """What an event tells beside how far it is."""
    left = "" if event.seconds_left is None else f"  {event.seconds_left:.0f} s left"
    shown = (("psnr", "{:.1f} dB"), ("splats", "{:.0f} splats"))
    return "".join(f"  {form.format(event.values[name])}" for name, form in shown if name in event.values) + left


@contextmanager
def reporting() -> Iterator[Plain | Bars]:
    """Whoever tells on stderr how it goes, log messages included."""
    if not sys.stderr.isatty():
        with logged(report := Plain()):
            yield report
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[told]}"))
    with Progress(*columns, console=Console(stderr=True)) as bars, logged(report := Bars(bars)):
        yield report


@contextmanager
def logged(report: Plain | Bars) -> Iterator[None]:
    """Pass what the package logs on to `report`."""
    handler = logging.Handler()
    handler.emit = lambda record: report.say(record.getMessage())
    logger = logging.getLogger("fourreal")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


@contextmanager
def stopping(cancel: CancelToken, say: Callable[[str], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask the work to stop; a second time they end it at once."""

    def stop(number: int, frame: object) -> None:
        if cancel.cancelled:
            raise KeyboardInterrupt
        cancel.cancel()
        say("Stopping; what was done is kept. Once more to end at once.")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
