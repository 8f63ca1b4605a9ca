"""The sweeps that everybody who sees the page may look at. Its owner names their folders: FOURREAL_SWEEPS=/a:/b."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from fourreal.errors import UserError
from fourreal.sweep.watching import Seen, Watched

VARIABLE = "FOURREAL_SWEEPS"


def sweeps() -> Mapping[str, Watched]:
    """By their keys, in the order of the variable."""
    return _named(os.environ.get(VARIABLE, ""))


@cache
def _named(folders: str) -> Mapping[str, Watched]:
    watched = [Watched(Path(folder)) for folder in folders.split(os.pathsep) if folder.strip()]
    return MappingProxyType({one.key: one for one in watched})


def sweep_run(sweep: str, run: str) -> tuple[Watched, Seen]:
    """What has these keys. Raises UserError where there is none."""
    watched = sweeps().get(sweep)
    if watched is None:
        raise UserError("There is no such scene.")
    return watched, watched.run(run)


def sweep_file(sweep: str, run: str, name: str) -> Path:
    """A file of a run that may be seen. Raises UserError where there is none."""
    watched, seen = sweep_run(sweep, run)
    return watched.file(seen, name)


def films_of(sweep: str, run: str) -> str:
    """What the folder of a run's films is called, among those of all scenes that everybody may see."""
    return f"sweep-{sweep}-{run}"


def sweep_urls(sweep: str, run: str) -> str:
    """Where the files of a sweep's run are."""
    return f"sweeps/{sweep}/{run}/"
