"""What a creation's candidates go through: made anew, added to, cut, extended, discarded, and taken as a video."""

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fourreal.description import Wishes
from fourreal.errors import UserError
from fourreal.jobs import asking, candidate_rows
from fourreal.jobs.candidate_files import forget, source_of
from fourreal.jobs.create_values import BY_MODEL, MOST_CANDIDATES, SIDES
from fourreal.jobs.files import put, remove, storing
from fourreal.jobs.jobs import Jobs
from fourreal.jobs.library import Library
from fourreal.jobs.offered import check_makeable
from fourreal.jobs.places import absent, shown_name
from fourreal.jobs.store import new_id
from fourreal.jobs.values import Video
from fourreal.jobs.workspace import Workspace
from fourreal.video import registry
from fourreal.whole import json_of


class Candidates:
    """See the module. Candidates may be added while a creation runs; it goes on until all are made."""

    def __init__(self, workspace: Workspace, library: Library, jobs: Jobs) -> None:
        self._workspace, self._places = workspace, workspace.places
        self._store, self._library, self._jobs = workspace.store, library, jobs

    def more(self, owner: str, id: str, count: int = 1) -> None:
        """Ask for more of the same, with seeds that were not taken yet."""
        row = self._makeable(owner, id)
        self._check_number(row, count)
        self._go_on(row, lambda db: candidate_rows.add(db, id, BY_MODEL, count))

    def retry(self, owner: str, id: str, number: int) -> None:
        """Try to make a candidate that could not be made, as it was asked for."""
        row = self._makeable(owner, id)
        if self._candidate(row, number)["error"]:
            self._go_on(row, lambda db: candidate_rows.retry(db, id, number))

    def regenerate(self, owner: str, id: str, number: int) -> None:
        """Another one in place of a candidate that a model made, with a new seed."""
        row = self._makeable(owner, id)
        how = self._candidate(row, number)["how"]
        if how["way"] == "own":
            raise UserError("This is a video of your own, so there is nothing to make again. Ask for more instead.")
        if how["way"] == "longer" and not self._file(row, how["of"]).is_file():
            raise UserError(f"Candidate {how['of']}, which it begins with, was discarded. Extend another one instead.")
        self._go_on(row, lambda db: candidate_rows.replace(db, id, number))
        self._forget(row, number)

    def discard(self, owner: str, id: str, number: int) -> None:
        """A candidate goes, also while it is being made. `restore` brings it back, and those that went before it."""
        row = self._jobs.row(owner, id, "create")
        source = source_of(self._candidate(row, number))
        self._store.candidates.drop(id, number)
        for one in self._store.candidates.gone(id):
            self._forget(row, one)
        comes_back = {one["number"] for one in self._store.candidates.dropped(id)}
        if source is not None and source not in comes_back:  # it may have been kept for this one alone
            self._forget(row, source)

    def restore(self, owner: str, id: str) -> int:
        """The candidate that was discarded last is there again; its number."""
        row = self._jobs.row(owner, id, "create")
        dropped = self._store.candidates.dropped(id)
        if not dropped:
            raise UserError("There is nothing to bring back. Make one more instead.")
        last = dropped[-1]
        if last["made"] and self._file(row, last["number"]).is_file():
            self._check_number(row)
            with self._store.database.writing() as db:
                candidate_rows.restore(db, id)
        else:
            self._makeable(owner, id)
            self._check_number(row)
            self._go_on(row, lambda db: candidate_rows.restore(db, id))
        return last["number"]

    def keep(self, owner: str, id: str, number: int, marked: bool = True) -> None:
        """Mark a candidate, or no longer: what is marked stays when the others are made anew."""
        row = self._jobs.row(owner, id, "create")
        self._candidate(row, number)
        self._store.candidates.keep(id, number, marked)

    def renew(self, owner: str, id: str) -> int:
        """Make all that are not kept anew; how many these are."""
        row = self._makeable(owner, id)
        rows = self._store.candidates.of(id)
        others = [one["number"] for one in rows if not one["marked"] and one["how"]["way"] == "model"]

        def change(db: sqlite3.Connection) -> None:
            for number in others:
                candidate_rows.replace(db, id, number)

        if others:
            self._go_on(row, change)
        for number in others:
            self._forget(row, number)
        return len(others)

    def add_own(self, owner: str, id: str, path: Path, name: str) -> None:
        """A person's own video as a candidate. The file may be removed afterwards."""
        self._own(self._makeable(owner, id), Path(path), shown_name(name, "your own"))

    def change(self, owner: str, id: str, number: int, first: int, last: int, reverse: bool = False) -> None:
        """Frames `first` to `last` of a candidate, backwards if asked, as another candidate."""
        row = self._makeable(owner, id)
        path = self._made(row, number)
        if not 0 <= first < last:
            raise UserError("Keep two frames or more: the last one comes after the first.")
        title = f"{number}, {'reversed' if reverse else 'cut'}"
        self._own(row, path, title, frames=(first, last), reverse=reverse)

    def longer(self, owner: str, id: str, number: int, side: str) -> None:
        """A freeze-time candidate with some frames more at one side, as another candidate."""
        row = self._makeable(owner, id)
        if row["reference"] == "" or side not in SIDES:
            raise UserError("Only freeze-time videos can be extended: left, before their start, or right.")
        self._made(row, number)
        self._check_longer(row, number)
        self._check_number(row)
        how = {"way": "longer", "of": number, "side": side}
        self._go_on(row, lambda db: candidate_rows.add(db, id, how))

    def take(self, owner: str, id: str, number: int) -> Video:
        """A finished candidate as a video to reconstruct from, with the cameras that its model was told."""
        row = self._jobs.row(owner, id, "create")
        path = self._made(row, number)
        what = "freeze-time" if row["reference"] else "reference"
        video = self._library.take_in(
            owner, path, shown_name(f"{row['name'][:60]} ({what} {number})", what), as_is=True
        )
        cameras = path.with_suffix(".cameras.json")
        if row["reference"] and cameras.is_file():
            put(self._places.video(video.id) / f"cameras-{row['reference']}.json", cameras.read_bytes())
        return video

    # --- Within -------------------------------------------------------------------------------------------------------

    def _makeable(self, owner: str, id: str) -> dict[str, Any]:
        """The row of a creation that can have more. Raises UserError where it asked for what is no more."""
        row = self._jobs.row(owner, id, "create")
        check_makeable(row)
        return row

    def _check_number(self, row: dict[str, Any], count: int = 1) -> None:
        if not 1 <= count <= MOST_CANDIDATES - len(self._store.candidates.of(row["id"])):
            raise UserError(f"There may be {MOST_CANDIDATES} candidates at once. Discard some first.")

    def _go_on(self, row: dict[str, Any], change: Callable[[sqlite3.Connection], None]) -> None:
        """Change which candidates there are, and have them made. Raises UserError, nothing changed, where there is no
        room for that on the disk or in the line."""
        self._workspace.check_room()
        self._jobs.requeue(row["id"], change)

    def _own(self, row: dict[str, Any], path: Path, name: str, **how) -> None:
        """Take a video in, in a child, and put it among the candidates."""
        self._workspace.check_room()
        self._check_number(row)
        folder, file = self._places.run(row["id"]) / "own", new_id()
        fresh = folder / f".new-{file}"
        with self._library.intakes.turn(row["owner"]):
            asking.take_in(path, fresh, name, self._workspace.limits, **how)
        try:
            with storing(name):
                os.replace(fresh / "clip.mp4", folder / f"{file}.mp4")
        finally:
            remove(fresh)
        try:
            how = {"way": "own", "file": file, "name": name}
            self._go_on(row, lambda db: candidate_rows.add(db, row["id"], how))
        except UserError:
            (folder / f"{file}.mp4").unlink(missing_ok=True)
            raise

    def _check_longer(self, row: dict[str, Any], number: int) -> None:
        """Raise UserError where a finished candidate cannot be extended, before that waits in the line."""
        wishes, video = Wishes.current(json.loads(row["options"])), json_of(self._file(row, number, ".clip.json")) or {}
        able = registry.entry(wishes.model).capabilities
        able.check_extended(video.get("frames", 0))
        if "size" in video:  # of those that an earlier version made it is not known
            able.extended_size(tuple(video["size"]), wishes.size)

    def _forget(self, row: dict[str, Any], number: int) -> None:
        file = self._file(row, number)
        forget(file.parent, json.loads(row["options"])["role"], number, self._store.candidates.of(row["id"]))

    def _file(self, row: dict[str, Any], number: int, suffix: str = ".mp4") -> Path:
        role = json.loads(row["options"])["role"]
        return self._places.run(row["id"]) / "candidates" / f"{role}-{number}{suffix}"

    def _candidate(self, row: dict[str, Any], number: int) -> dict[str, Any]:
        candidate = next((one for one in self._store.candidates.of(row["id"]) if one["number"] == number), None)
        if candidate is None:
            raise absent("candidate")
        return candidate

    def _made(self, row: dict[str, Any], number: int) -> Path:
        """The file of a finished candidate."""
        candidate = self._candidate(row, number)
        path = self._file(row, number)
        if not candidate["made"] or not path.is_file():
            raise UserError(f"Candidate {number} is not finished yet. Wait for it.")
        return path
