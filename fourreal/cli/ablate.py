"""The command that leaves out one part after another: (arguments, progress, cancel) -> what is printed."""

import argparse

from fourreal.cli.commands import request_of
from fourreal.progress import CancelToken, Progress


def ablate(arguments: argparse.Namespace, progress: Progress, cancel: CancelToken) -> str:
    from fourreal.pipeline import ablate as room

    asked = room.Ablation(request_of(arguments), truth=arguments.ground_truth, seeds=arguments.seeds)
    if arguments.variants is not None:
        asked = room.Ablation(asked.request, tuple(arguments.variants), asked.truth, asked.seeds)
    return str(room.ablate(asked, progress, cancel))
