"""The command line's words: which commands there are and what each takes."""

import argparse
from collections.abc import Callable
from pathlib import Path

import fourreal
from fourreal.cli.commands import evaluate, export, reconstruct, render
from fourreal.cli.options import ABLATIONS, ablations, frame_list, positive, whole, width_height
from fourreal.scene.film import TRAJECTORIES

EPILOG = (
    "Results go to stdout, everything else to stderr. Exit codes: 0 done; 1 a bug, with its traceback; 2 something "
    "that a person can mend, said in a sentence; 130 stopped on request, with what was done kept."
)


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="fourreal", description="Two videos in, a dynamic 3D scene out.", epilog=EPILOG)
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
