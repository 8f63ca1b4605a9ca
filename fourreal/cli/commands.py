"""The commands that make, draw, score and export scenes: (arguments, progress, cancel) -> what is printed.

Heavy modules are imported inside them, so that `--help` answers at once.
"""

import argparse
import json
from collections.abc import Callable

from fourreal.errors import UserError
from fourreal.progress import CancelToken, Event
from fourreal.scene.film import Film


def reconstruct(arguments: argparse.Namespace, progress: Callable[[Event], None], cancel: CancelToken) -> str:
    from fourreal import pipeline

    pipeline.reconstruct(request_of(arguments), progress, cancel)
    return str(arguments.out)


def request_of(arguments: argparse.Namespace):
    """What `reconstruct`'s options ask for."""
    from fourreal import pipeline

    distil = None
    if arguments.critic is not None:
        from fourreal.pipeline.critic import Distil
        from fourreal.video.one_model import Choice

        distil = Distil(
            arguments.prompt, Choice(arguments.critic, arguments.critic_source), strength=arguments.strength,
            steps=arguments.distillation_steps, guidance=arguments.critic_guidance, detail=arguments.detail,
        )  # fmt: skip
    elif arguments.critic_source or arguments.prompt or arguments.distillation_steps or arguments.critic_guidance or (
        arguments.detail
    ):
        raise UserError("--prompt and the critic's options go with --critic, which names the video model.")
    return pipeline.Request(
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
        distil=distil,
    )


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
