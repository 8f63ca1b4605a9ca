"""The files of a creation's candidates: <role>-<number>.mp4, with .json files beside it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def forget(folder: Path, role: str, number: int, rows: Iterable[Mapping[str, Any]]) -> None:
    """Remove the files of a candidate that is gone, unless another one is still to be made from them.

    rows: of all candidates that are there, from the store.
    """
    if not any(number == row["number"] or number == source_of(row) for row in rows):
        for path in folder.glob(f"{role}-{number}.*"):
            path.unlink(missing_ok=True)


def source_of(row: Mapping[str, Any]) -> int | None:
    """The number of the candidate that this one is still to be made from; None for none."""
    return row["how"]["of"] if row["how"]["way"] == "longer" and not row["made"] else None
