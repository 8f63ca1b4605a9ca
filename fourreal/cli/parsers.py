"""The command line's words: which commands there are and what each takes."""

import argparse
from collections.abc import Callable
from pathlib import Path

import fourreal
from fourreal.cli.ablate import ablate
from fourreal.cli.commands import evaluate, export, reconstruct, render
from fourreal.cli.from_prompt import generate, models, run
from fourreal.cli.judge import add_parser as add_judge
from fourreal.cli.options import add_fields, film_size, frozen_at, integer, one_of, positive, video_and_frame, whole
from fourreal.cli.study import add_parser as add_study
from fourreal.cli.sweep import add_parser as add_sweep
from fourreal.description import ABLATIONS, Chain, Options, Several, StoredWishes
from fourreal.scene.export import FORMATS
from fourreal.scene.film import TRAJECTORIES

COMMON = ("device",)  # what every command has
EPILOG = (
    "Results go to stdout, everything else to stderr. Exit codes: 0 done; 1 a bug, with its traceback; 2 something "
    "that a person can mend, said in a sentence; 130 stopped on request, with what was done kept."
)


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="fourreal", description="Two videos in, a dynamic 3D scene out.", epilog=EPILOG)
    root.add_argument("--version", action="version", version=f"fourreal {fourreal.__version__}")
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    _reconstruct_options(_command(commands, reconstruct, "make a scene from two videos; continues what was stopped"))

    add = _command(commands, render, "draw a scene from cameras of a file or from one of its own", run=True)
    add(
        "--cameras",
        type=Path,
        metavar="JSON",
        help="its `views` (or `heldout`) are drawn; where the scene's cameras "
        "were estimated, its `freeze` says where they stand and what a focal length is",
    )
    add(
        "--freeze-frame",
        type=whole,
        metavar="K",
        help="instead of --cameras: draw what the camera of frame K of the "
        "freeze-time video sees as time goes by, at the reference video's size",
    )
    add(
        "--times",
        type=whole,
        metavar="N",
        help="--freeze-frame: how many pictures, at even times of the reference "
        "video (default: one for each of its frames)",
    )
    add(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for the PNGs, named as in the file, or 000.png and so on",
    )

    add = _command(commands, evaluate, "score a scene against what no video showed; prints one JSON object", run=True)
    add("--ground-truth", type=Path, metavar="SCENE", help="folder with cameras.json, videos, heldout/")
    add(
        "--other-view",
        type=video_and_frame,
        action="append",
        default=[],
        metavar="VIDEO=FREEZE_FRAME",
        help="a video of the same motion from another side, and the frame of the freeze-time video that was taken "
        "from there, as a number in its file; may be repeated",
    )

    add = _command(
        commands, ablate, "reconstruct without each part of the method and compare; continues what was stopped"
    )
    _reconstruct_options(add)
    add(
        "--ground-truth",
        type=Path,
        metavar="SCENE",
        help="score against this scene folder (default: by frames kept out of the fit)",
    )
    add(
        "--seeds",
        type=whole,
        default=3,
        metavar="N",
        help="runs of each variant, from --seed on (default: %(default)s)",
    )
    add(
        "--variants",
        type=one_of(tuple(ABLATIONS)),
        nargs="+",
        metavar="PART",
        help="parts to leave out, one at a time (default: what the paper ablates)",
    )

    add = _command(commands, export, "write a scene for other programs", run=True)
    add(
        "--format",
        choices=tuple(FORMATS),
        required=True,
        help="; ".join(f"{name}: {what}" for name, what in FORMATS.items()),
    )
    add("--out", type=Path, required=True, metavar="FILE", help="the zip, .4dgs, .r4d, .html or MP4 to write")
    add(
        "--upright",
        action="store_true",
        help="ply: for other viewers and editors: upright, centred, with all "
        "harmonics (default: in the frame of the cameras)",
    )
    add(
        "--trajectory",
        choices=tuple(TRAJECTORIES),
        help="mp4: the camera's path (default: orbit). "
        + "; ".join(f"{name}: {what}" for name, what in TRAJECTORIES.items()),
    )
    add("--frames", type=whole, metavar="N", help="mp4: how many (default: the scene forth and back, twice)")
    add("--fps", type=positive, metavar="X", help="mp4: frames a second (default: the video's; with --path 30)")
    add("--size", type=film_size, metavar="WxH", help="mp4: pixels, or 720p or 1080p (default: the reconstruction's)")
    add(
        "--path",
        type=Path,
        metavar="JSON",
        help="mp4: camera keyframes as the viewer's film editor saves them, instead of a trajectory",
    )
    add_study(commands)
    add_judge(commands)
    add_sweep(commands)
    _from_prompt(commands)
    return root


def _from_prompt(commands) -> None:
    _command(commands, models, "list the video models: what they take, their licences, what is on this machine")

    add = _command(commands, generate, "make videos from a prompt, several to choose from; keeps those there are")
    add(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for <role>-<seed>.mp4, each with a .json of its scores",
    )
    add_fields(add, StoredWishes, skip=("role", *COMMON))
    add_fields(add, Several)
    add(
        "--picture",
        type=Path,
        metavar="FILE",
        help="make freeze-time videos that start from this picture, or from a "
        "frame of this video; the prompt is rewritten for them (default: reference videos, from the prompt "
        "alone)",
    )
    add("--image", type=Path, metavar="FILE", help="make reference videos that begin with this photo or drawing")
    add("--frame", type=whole, metavar="K", help="which frame, if --picture is a video")
    add("--as-is", action="store_true", help="with --picture: leave the prompt as it is")

    add = _command(commands, run, "the whole chain: from a prompt to a scene; continues what was stopped")
    add(
        "--out",
        type=Path,
        required=True,
        metavar="RUN",
        help="folder for the scene and all that leads to it; choices.json there tells what was picked and why",
    )
    add_fields(add, Chain, skip=COMMON)


def _reconstruct_options(add: Callable) -> None:
    add(
        "--reference",
        type=Path,
        required=True,
        action="append",
        metavar="VIDEO",
        help="the moving scene, from a "
        "camera that stands still or moves; a file or a folder. Again for other cameras that filmed it, each of up to "
        "300 frames; ten further videos in all",
    )
    add(
        "--freeze",
        type=frozen_at,
        required=True,
        action="append",
        metavar="VIDEO[@FRAME]",
        help="the frozen scene, "
        "the camera circling around it. Again for other frozen moments; FRAME is the frame of the first reference "
        "video that was frozen (default: found by looking)",
    )
    add(
        "--offset",
        type=integer,
        action="append",
        default=[],
        metavar="FRAME",
        help="frame of the first reference "
        "video at which the second begins, may be negative; again for the third and so on (default: 0)",
    )
    add("--out", type=Path, required=True, metavar="RUN", help="folder for the scene; the same command continues in it")
    add("--cameras", type=Path, metavar="JSON", help="known cameras (default: they are estimated)")
    add_fields(add, Options, skip=COMMON)


def _command(commands, function: Callable, summary: str, run: bool = False) -> Callable:
    """A subcommand; returns its `add_argument`. With `run` it reads a finished run, given first."""
    name = function.__name__
    sub = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
    again = "Nothing was left half-written." if run else "Run the same command again to continue where it stopped."
    sub.set_defaults(command=function, resume=again)
    if run:
        sub.add_argument("run", type=Path, metavar="RUN", help="folder that `reconstruct --out` wrote")
    sub.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where to compute; auto is CUDA where there is one (default: %(default)s)",
    )
    return sub.add_argument
