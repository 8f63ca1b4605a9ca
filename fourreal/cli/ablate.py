"""The command that leaves out one part after another: (arguments, progress, cancel) -> what is printed."""

import argparse

from fourreal.cli.commands import request_of
from fourreal.progress import CancelToken, Progress


def ablate(arguments: argparse.Namespace, progress: Progress, cancel: CancelToken) -> str:
    from fourreal.pipeline import ablate as room

    ablation = room.Ablation(request_of(arguments), truth=arguments.ground_truth, seeds=arguments.seeds)
    if arguments.variants is not None:
        ablation = room.Ablation(ablation.request, tuple(arguments.variants), ablation.truth, ablation.seeds)
    return str(room.ablate(ablation, progress, cancel))
