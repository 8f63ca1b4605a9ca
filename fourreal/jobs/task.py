"""The process that does a run of the page where an engine puts it: `python -m fourreal.jobs.task`."""

import os
import sys
import traceback
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from fourreal.engine.child import Voice, serve
from fourreal.errors import Cancelled, UserError
from fourreal.jobs import runner
from fourreal.jobs.children import in_words
from fourreal.jobs.desk import NodeDesk
from fourreal.jobs.live import Live
from fourreal.jobs.locks import alone
from fourreal.jobs.places import RUNNER_LOCK, without_paths
from fourreal.progress import CancelToken
from fourreal.settings import PRESETS, Preset
from fourreal.video.one_model import OneModel

PARTS = ("make", "measure")  # of a creation: methods of `Creating`
NICE = 5  # whoever works at this machine comes first


def main(presets: Mapping[str, Preset] = PRESETS) -> int:
    """presets: what the names in the options stand for."""
    os.nice(NICE)
    with OneModel() as models:  # from one task to the next
        return serve(partial(work, presets=presets, models=models))


def work(
    folder: Path,
    question: Mapping[str, Any],
    voice: Voice,
    cancel: CancelToken,
    presets: Mapping[str, Preset] = PRESETS,
    models: OneModel | None = None,
) -> None:
    """Do the run in `folder`, or go on with it; of a creation the part that is asked for. question: see
    `engine_executor`. models: keeps what was loaded.

    Says what `NodeDesk` says, and at last {"state": "done" or "stopped", "cost"}, while an example's score may follow.
    """
    with alone(folder / RUNNER_LOCK, runner.LOCK_SECONDS) as ours:
        if not ours:
            raise TimeoutError("another process is at work in this folder")
        row, desk = question["row"], NodeDesk(question, voice.say, cancel)
        try:
            with OneModel() if models is None else nullcontext(models) as models:
                doing = runner.WORK[row["kind"]](folder, row, desk, presets, models)
                part = getattr(doing, question["part"]) if question.get("part") in PARTS else doing.do
                part(Live(folder), cancel)
                early = cancel.cancelled and cancel.keep
                voice.say({"state": "stopped"} if early else {"state": "done", "cost": doing.cost()})
                if not early:
                    doing.afterwards()
        except Cancelled:
            raise
        except Exception as error:
            if not isinstance(error, UserError):
                traceback.print_exc()
            raise UserError(without_paths(in_words(error), folder)) from error


if __name__ == "__main__":
    sys.exit(main())
