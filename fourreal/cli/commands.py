"""The commands that make, draw, score and export scenes: (arguments, progress, cancel) -> what is printed.

Heavy modules are imported inside them, so that `--help` answers at once.
"""

import argparse
import json
from pathlib import Path

from fourreal.cli.options import given
from fourreal.description import Options, critic_options
from fourreal.device import pick_device
from fourreal.errors import UserError
from fourreal.progress import CancelToken, Progress
from fourreal.scene.export import export as write
from fourreal.scene.film import Film


def reconstruct(arguments: argparse.Namespace, progress: Progress, cancel: CancelToken) -> str:
    from fourreal import pipeline

    pipeline.reconstruct(request_of(arguments), progress, cancel)
    return str(arguments.out)


def request_of(arguments: argparse.Namespace):
    """What `reconstruct`'s options ask for."""
    from fourreal import pipeline

    options = given(arguments, Options)
    if arguments.critic is None and critic_options(options):
        raise UserError("--prompt and the critic's options go with --critic, which names the video model.")
    freeze, frozen = arguments.freeze[0]
    if frozen is not None:
        options = {"canonical_frame": frozen} | options
    further = further_takes(arguments.reference[1:], arguments.offset, arguments.freeze[1:])
    return pipeline.Request(
        reference=arguments.reference[0],
        freeze=freeze,
        out=arguments.out,
        cameras=arguments.cameras,
        further=further,
        **Options(**options).values(),
    )


def further_takes(references: list[Path], offsets: list[int], frozen: list[tuple[Path, int | None]]):
    """The videos after the first of each kind. Raises UserError where there are more offsets than videos."""
    if len(offsets) > len(references):
        raise UserError(
            f"There are {len(offsets)} --offset for {len(references)} further reference videos: give at most one each, "
            "in the order of the videos after the first."
        )
    if not references and not frozen:
        return ()
    from fourreal.pipeline.takes import Further

    begins = [*offsets, *[0] * (len(references) - len(offsets))]
    takes = [Further("reference", path, at) for path, at in zip(references, begins, strict=True)]
    return tuple(takes + [Further("freeze", path, at) for path, at in frozen])


def render(arguments: argparse.Namespace, progress: Progress, cancel: CancelToken) -> str:
    if (arguments.cameras is None) == (arguments.freeze_frame is None):
        raise UserError("Say from where to draw: give either --cameras or --freeze-frame.")
    if arguments.times is not None and arguments.freeze_frame is None:
        raise UserError("--times goes with --freeze-frame; a cameras.json says itself at which times to draw.")
    if arguments.freeze_frame is not None:
        from fourreal.scene.bundle import read_manifest
        from fourreal.scene.moments import ReferenceVideo, render_moments

        scene = scene_of(arguments)
        reference = ReferenceVideo.of(read_manifest(arguments.run), scene)
        render_moments(scene, reference, arguments.freeze_frame, arguments.out, arguments.times, progress, cancel)
        return str(arguments.out)
    from fourreal.camera import cameras_file
    from fourreal.scene.views import render_views

    cameras = cameras_file.read(arguments.cameras)
    render_views(scene_of(arguments), cameras, arguments.out, progress, cancel)
    return str(arguments.out)


def evaluate(arguments: argparse.Namespace, progress: Progress, cancel: CancelToken) -> str:
    if arguments.ground_truth is None and not arguments.other_view:
        raise UserError("There is nothing to compare with: give --ground-truth, --other-view or both.")
    from fourreal.evaluate import ground_truth
    from fourreal.evaluate.other_view import OtherView, score_views
    from fourreal.evaluate.score import score

    scene, scores, others = scene_of(arguments), {}, {}
    if arguments.other_view:
        views = [OtherView(video, frame) for video, frame in arguments.other_view]
        others = {"other_views": score_views(scene, views, progress, cancel)}
    if arguments.ground_truth is not None:
        scores = score(arguments.run, scene, ground_truth.read(arguments.ground_truth), progress, cancel)
    return json.dumps(scores | others, indent=2, allow_nan=False)


def export(arguments: argparse.Namespace, progress: Progress, cancel: CancelToken) -> str:
    film = {name: getattr(arguments, name) for name in ("trajectory", "frames", "fps", "size", "path")}
    film = {name: value for name, value in film.items() if value is not None}
    if film and arguments.format != "mp4":
        raise UserError(f"--{next(iter(film))} is for --format mp4; {arguments.format} holds every reference time.")
    if arguments.upright and arguments.format != "ply":
        raise UserError(f"--upright is for --format ply, not for {arguments.format}. Leave it out.")
    what, name = Film(**film) if film else None, arguments.run.resolve().name
    write(scene_of(arguments), arguments.out, arguments.format, what, name, progress, cancel, arguments.upright)
    return str(arguments.out)


def scene_of(arguments: argparse.Namespace):
    """The scene of a finished run, on the device that was asked for."""
    from fourreal.scene import bundle

    return bundle.load(arguments.run).to(pick_device(arguments.device))
