"""The command line's words: which commands there are and what each takes."""

import argparse
from collections.abc import Callable
from pathlib import Path

import fourreal
from fourreal.cli.ablate import ablate
from fourreal.cli.commands import evaluate, export, reconstruct, render
from fourreal.cli.from_prompt import generate, models, run
from fourreal.cli.judge import add_parser as add_judge
from fourreal.cli.options import (
    ABLATIONS,
    ablations,
    degrees,
    film_size,
    frame_list,
    frozen_at,
    integer,
    positive,
    video_and_frame,
    whole,
    width_height,
)
from fourreal.cli.study import add_parser as add_study
from fourreal.scene.export import FORMATS
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

    add = _command(commands, render, "draw a scene from cameras of a file or from one of its own", run=True)
    add("--cameras", type=Path, metavar="JSON", help="its `views` (or `heldout`) are drawn; where the scene's cameras "
        "were estimated, its `freeze` says where they stand and what a focal length is")  # fmt: skip
    add("--freeze-frame", type=whole, metavar="K", help="instead of --cameras: draw what the camera of frame K of the "
        "freeze-time video sees as time goes by, at the reference video's size")  # fmt: skip
    add("--times", type=whole, metavar="N", help="--freeze-frame: how many pictures, at even times of the reference "
        "video (default: one for each of its frames)")  # fmt: skip
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the PNGs, named as in the file, or 000.png "
        "and so on")  # fmt: skip

    add = _command(commands, evaluate, "score a scene against what no video showed; prints one JSON object", run=True)
    add("--ground-truth", type=Path, metavar="SCENE", help="folder with cameras.json, videos, heldout/")
    add("--other-view", type=video_and_frame, action="append", default=[], metavar="VIDEO=FREEZE_FRAME",
        help="a video of the same motion from another side, and the frame of the freeze-time video that was taken "
        "from there, as a number in its file; may be repeated")  # fmt: skip

    add = _command(commands, ablate, "reconstruct without each part of the method and compare; continues what was "
                   "stopped")  # fmt: skip
    _reconstruct_options(add)
    add("--ground-truth", type=Path, metavar="SCENE", help="score against this scene folder (default: by frames kept "
        "out of the fit)")  # fmt: skip
    add("--seeds", type=whole, default=3, metavar="N", help="runs of each variant, from --seed on (default: "
        "%(default)s)")  # fmt: skip
    add("--variants", type=ablations, nargs="+", metavar="PART", help="parts to leave out, one at a time (default: "
        "what the paper ablates)")  # fmt: skip

    add = _command(commands, export, "write a scene for other programs", run=True)
    add("--format", choices=tuple(FORMATS), required=True,
        help="; ".join(f"{name}: {what}" for name, what in FORMATS.items()))  # fmt: skip
    add("--out", type=Path, required=True, metavar="FILE", help="the zip, .r4d, .html or MP4 to write")
    add("--upright", action="store_true", help="ply: for other viewers and editors: upright, centred, with all "
        "harmonics (default: in the frame of the cameras)")  # fmt: skip
    add("--trajectory", choices=tuple(TRAJECTORIES), help="mp4: the camera's path (default: orbit). "
        + "; ".join(f"{name}: {what}" for name, what in TRAJECTORIES.items()))  # fmt: skip
    add("--frames", type=whole, metavar="N", help="mp4: how many (default: the scene forth and back, twice)")
    add("--fps", type=positive, metavar="X", help="mp4: frames a second (default: the video's; with --path 30)")
    add("--size", type=film_size, metavar="WxH", help="mp4: pixels, or 720p or 1080p (default: the reconstruction's)")
    add("--path", type=Path, metavar="JSON", help="mp4: camera keyframes as the viewer's film editor saves them, "
        "instead of a trajectory")  # fmt: skip
    add_study(commands)
    add_judge(commands)
    _from_prompt(commands)
    return root


def _from_prompt(commands) -> None:
    _command(commands, models, "list the video models: what they take, their licences, what is on this machine")

    add = _command(commands, generate, "make videos from a prompt, several to choose from; keeps those there are")
    _video_options(add, "what the video shows; with --picture it is rewritten for a freeze-time video")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for <role>-<seed>.mp4, each with a .json of its "
        "scores")  # fmt: skip
    add("--picture", type=Path, metavar="FILE", help="make freeze-time videos that start from this picture, or from a "
        "frame of this video (default: reference videos, from the prompt alone)")  # fmt: skip
    add("--frame", type=whole, metavar="K", help="which frame, if --picture is a video")
    add("--as-is", action="store_true", help="with --picture: leave the prompt as it is")
    add("--negative", metavar="TEXT", help="what it shall not show (default: the usual for such videos)")
    add("--arc", type=degrees, default=45.0, metavar="DEGREES", help="with --picture: how far the camera goes, if the "
        "model follows a path (default: %(default)g)")  # fmt: skip

    add = _command(commands, run, "the whole chain: from a prompt to a scene; continues what was stopped")
    _video_options(add, "what the scene shows and what happens in it")
    add("--out", type=Path, required=True, metavar="RUN", help="folder for the scene and all that leads to it; "
        "choices.json there tells what was picked and why")  # fmt: skip
    add("--freeze-model", metavar="NAME", help="another model for the freeze-time videos (default: the same)")
    add("--freeze-source", type=Path, metavar="DIR", help="its folder, as --source")
    add("--freeze-adapter", metavar="LORA", help="its LoRA, as --adapter")
    add("--freeze-prompt", metavar="TEXT", help="prompt of the freeze-time videos (default: the prompt without its "
        "actions, rewritten by rule)")  # fmt: skip
    add("--arc", type=degrees, default=180.0, metavar="DEGREES", help="how far around the freeze-time video shall go "
        "(default: %(default)g)")  # fmt: skip
    add("--windows", type=whole, metavar="N", help="extend it by so many windows of 8 frames at most (default: 12, "
        "with mini 2)")  # fmt: skip
    add("--pick-reference", type=whole, metavar="SEED", help="take this reference video (default: the best-scored)")
    add("--pick-frame", type=whole, metavar="K", help="freeze this frame (default: the sharpest near the middle)")
    add("--pick-freeze", type=whole, metavar="SEED", help="take this freeze-time video (default: the best-scored)")
    add("--preset", choices=("draft", "standard", "paper"),
        help="the reconstruction's pixels and schedule (default: standard on CUDA, draft on a CPU)")  # fmt: skip
    add("--distil", action=argparse.BooleanOptionalAction, help="let the model criticise views and times that no "
        "video shows, see docs/distillation.md (default: with mini)")  # fmt: skip
    _distillation_options(add)


def _video_options(add: Callable, prompt: str) -> None:
    add("prompt", metavar="PROMPT", help=prompt)
    add("--model", metavar="NAME", help="see `python -m fourreal models` (default: wan-vace-1.3b, without a graphics "
        "card the embedded mini)")  # fmt: skip
    add("--source", type=Path, metavar="DIR", help="folder with the model's weights as diffusers saves them (default: "
        "downloaded once, from the Hugging Face hub)")  # fmt: skip
    add("--adapter", metavar="LORA", help="a LoRA: a name of docs/video.md, a file, or repository:file")
    add("--candidates", type=whole, default=4, metavar="N", help="how many videos to choose from (default: "
        "%(default)s)")  # fmt: skip
    add("--seed", type=whole, default=0, metavar="N", help="of the first candidate; the others follow (default: "
        "%(default)s)")  # fmt: skip
    add("--frames", type=whole, metavar="N", help="how long (default: what the model was trained for)")
    add("--size", type=width_height, metavar="WxH", help="pixels (default: what the model was trained for)")
    add("--steps", type=whole, metavar="N", help="of denoising (default: the model's)")
    add("--guidance", type=positive, metavar="X", help="how closely to keep to the prompt (default: the model's)")


def _reconstruct_options(add: Callable) -> None:
    add("--reference", type=Path, required=True, action="append", metavar="VIDEO", help="the moving scene, from a "
        "camera that stands still or moves; a file or a folder. Again for other cameras that filmed it, each of up to "
        "300 frames; ten further videos in all")  # fmt: skip
    add("--freeze", type=frozen_at, required=True, action="append", metavar="VIDEO[@FRAME]", help="the frozen scene, "
        "the camera circling around it. Again for other frozen moments; FRAME is the frame of the first reference "
        "video that was frozen (default: found by looking)")  # fmt: skip
    add("--longer-part", action="store_true", help="of a video that is cut to another shot take the longest part "
        "(default: it is refused, with the frame of the cut)")  # fmt: skip
    add("--offset", type=integer, action="append", default=[], metavar="FRAME", help="frame of the first reference "
        "video at which the second begins, may be negative; again for the third and so on (default: 0)")  # fmt: skip
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
    add("--critic", metavar="NAME", help="let this video model criticise views and times that no video shows, see "
        "`python -m fourreal models` and docs/distillation.md (default: none)")  # fmt: skip
    add("--prompt", default="", metavar="TEXT", help="what the videos show, for the critic (default: it is asked "
        "without words)")  # fmt: skip
    add("--critic-source", type=Path, metavar="DIR", help="folder with the critic's weights (default: from the hub)")
    _distillation_options(add)


def _distillation_options(add: Callable) -> None:
    add("--detail", action="store_true", help="in the end, let the critic restore a film of the scene, and fit the "
        "scene to that")  # fmt: skip
    add("--strength", type=positive, default=1.0, metavar="X", help="factor on the weights of the criticism (default: "
        "%(default)g)")  # fmt: skip
    add("--distillation-steps", type=whole, metavar="N", help="how often the critic is asked, about (default: the "
        "preset's)")  # fmt: skip
    add("--critic-guidance", type=positive, metavar="X", help="how closely the critic keeps to the prompt (default: "
        "the model's own)")  # fmt: skip


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
