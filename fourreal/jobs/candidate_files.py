"""A creation's candidates: their rows in the store, and their files, <role>-<number>.mp4 with .json files beside it."""

from collections.abc import Iterable, Mapping, Sequence
from math import degrees
from pathlib import Path
from typing import Any

from fourreal.jobs.create_values import Candidate
from fourreal.whole import json_of


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


def next_of(rows: Iterable[Mapping[str, Any]]) -> Any:
    """The row of what is to be made next: what needs no model first, as nothing that is wrong with one may stop it.
    None where there is nothing left."""
    due = [row for row in rows if not row["made"] and not row["error"]]
    return min(due, key=lambda row: (row["how"]["way"] != "own", row["number"]), default=None)


def none_made(rows: Sequence[Mapping[str, Any]]) -> str:
    """What to say where all of these rows have an error."""
    return f"None of the candidates could be made. {rows[0]['error']}"


def shown(folder: Path, role: str, row: dict[str, Any]) -> Candidate:
    """A row of the store with what its runner wrote beside the video."""
    number, how = row["number"], row["how"]
    notes, video = (json_of(folder / f"{role}-{number}{kind}.json") or {} for kind in ("", ".clip"))
    name = how.get("name") or (f"{how['of']}, longer on the {how['side']}" if how["way"] == "longer" else "")
    return Candidate(
        number=number,
        way=how["way"],
        made=bool(row["made"] and notes and video),
        marked=bool(row["marked"]),
        name=name,
        file=f"candidates/{role}-{number}.mp4",
        total=notes.get("total") if notes.get("judged", True) else None,
        still=_still(notes) if role == "freeze" else None,
        reasons=tuple(notes.get("reasons", ())),
        degrees=_degrees(notes),
        seconds=notes.get("seconds") or None,
        error=row["error"],
        **(video | ({"size": tuple(video["size"])} if "size" in video else {})),
    )


def _still(notes: dict[str, Any]) -> float | None:
    """How well the subject stands, where that could be seen."""
    subject = next((score for score in notes.get("scores", ()) if score["name"] == "subject"), None)
    return subject["good"] if subject and subject.get("sure", True) else None


def _degrees(notes: dict[str, Any]) -> float | None:
    """How far the camera goes: as it was told, else as it was seen."""
    if notes.get("angles"):
        return degrees(max(notes["angles"]) - min(notes["angles"]))
    return next((score["value"] for score in notes.get("scores", ()) if score["name"] == "coverage"), None)
