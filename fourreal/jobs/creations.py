"""Candidates for the two videos, made from a prompt: asked for, looked at, added to, and taken as a video."""

import json
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fourreal.description import LARGEST_SEED, Wishes
from fourreal.errors import UserError
from fourreal.jobs import asking, candidate_rows, journal
from fourreal.jobs.candidate_files import forget, json_of, shown, source_of
from fourreal.jobs.create_estimate import estimate_creation, offers
from fourreal.jobs.create_values import MOST_CANDIDATES, SIDES, Creation, Offer
from fourreal.jobs.files import link, put, remove
from fourreal.jobs.offered import offered
from fourreal.jobs.places import absent, shown_name
from fourreal.jobs.runs import Runs
from fourreal.jobs.statements import ran
from fourreal.jobs.store import new_id
from fourreal.jobs.values import Estimate, Video
from fourreal.video import registry

PICTURE = "picture.jpg"
BY_MODEL = {"way": "model"}


class Creations(Runs):
    """The part of `Service` that is about making videos. A creation is a run: it waits in the line and can be stopped.

    While it is there candidates may be added to it at any time, and it goes on until all are made.
    """

    def models(self) -> list[Offer]:
        """All there are, with what they need; nothing is loaded."""
        return offers(self.devices())

    def usual_model(self) -> str:
        """The name of the model that is taken unless a person chooses another; seconds the first time."""
        usual = registry.usual(any(device["kind"] == "cuda" for device in self.devices()))
        may = offered()
        if not may.refusal(registry.entry(usual)):
            return usual
        return next((one.name for one in may.models("reference")), usual)

    def estimate_creation(self, owner: str, wishes: Wishes, count: int, picture: bool = False) -> Estimate:
        """What `count` candidates would take, and whether they can be made here."""
        return estimate_creation(
            wishes,
            count,
            self.devices(),
            self.store.costs("create"),
            self.store.place_of_next(owner),
            self.places.data,
            self.limits,
            picture,
        )

    def create(
        self,
        owner: str,
        wishes: Wishes,
        count: int = 4,
        seed: int = 0,
        reference_id: str = "",
        picture: Path | None = None,
        picture_of: str = "",
    ) -> Creation:
        """Ask for `count` candidates, the first from `seed`, the others from those that follow.

        reference_id: the video of which `wishes.frame` is frozen, for freeze-time videos. picture: a file with the
        picture that reference videos begin with; it may be removed afterwards. picture_of: the earlier creation whose
        picture they begin with instead.
        """
        if not 1 <= count <= MOST_CANDIDATES:
            raise UserError(f"{count} candidates cannot be made at once; ask for 1 to {MOST_CANDIDATES}.")
        if not 0 <= seed <= LARGEST_SEED - MOST_CANDIDATES:
            raise UserError(f"Seed {seed} is out of range. Take one from 0 to {LARGEST_SEED - MOST_CANDIDATES}.")
        freeze = wishes.role == "freeze"
        if freeze:
            info = json.loads(self._video(owner, reference_id)["info"])
            frames, able = info["frames"], registry.entry(wishes.model).capabilities
            if wishes.frame is None or not 0 <= wishes.frame < frames:
                raise UserError(f"Pick a frame of the reference video to freeze: 0 to {frames - 1}.")
            able.alike((info["width"], info["height"]), wishes.size)  # raises where the model has no such shape
        estimate = self.estimate_creation(owner, wishes, count)
        if not estimate.fits:
            raise UserError(estimate.reason)

        if picture is not None and freeze:
            raise UserError("A freeze-time video begins with a frame of the reference video, not with a picture.")
        earlier = self.picture(owner, picture_of) if picture is None and picture_of and not freeze else None

        def fill(inputs: Path) -> None:
            if picture is not None:
                with self._intakes.turn(owner):
                    asking.take_picture(picture, inputs, shown_name(picture.name, "The picture"), self.limits)
            if earlier is not None:
                link(earlier, inputs / PICTURE)
            if freeze:
                link(self.places.video(reference_id) / "clip.mp4", inputs / "reference.mp4")

        rows = [{"number": seed + i, "how": BY_MODEL} for i in range(count)]
        name = shown_name(wishes.prompt, "a prompt")
        id = self._queue(
            owner, name, reference_id if freeze else "", "", wishes.as_dict(), fill, kind="create", candidates=rows
        )
        return self.creation(owner, id)

    def picture(self, owner: str, id: str) -> Path | None:
        """The picture that the videos of a creation begin with; None where there is none."""
        self._row(owner, id, "create")
        path = self.places.run(id) / "inputs" / PICTURE
        return path if path.is_file() else None

    def creation(self, owner: str, id: str) -> Creation:
        return self._creation(self._row(owner, id, "create"))

    def creations(self, owner: str) -> list[Creation]:
        """Newest first."""
        return [self._creation(row) for row in self.store.runs(owner, "create")]

    def resume_creation(self, owner: str, id: str) -> None:
        """Go on with one that was stopped or failed; what could not be made is tried again."""
        row = self._makeable(owner, id)
        if row["state"] in ("stopped", "failed"):
            self._requeue(id, lambda db: candidate_rows.retry(db, id))

    # --- Its candidates -----------------------------------------------------------------------------------------------

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
        """A candidate goes, also while it is being made. `restore` brings it back until the next one goes."""
        row = self._row(owner, id, "create")
        source = source_of(self._candidate(row, number))
        self.store.candidates.drop(id, number)
        for one in self.store.candidates.gone(id):
            self._forget(row, one)
        if source is not None:  # it may have been kept for this one alone
            self._forget(row, source)

    def restore(self, owner: str, id: str) -> int:
        """The candidate that was discarded last is there again; its number."""
        row = self._row(owner, id, "create")
        last = self.store.candidates.last_dropped(id)
        if last is None:
            raise UserError("There is nothing to bring back: only the last discarded candidate is kept.")
        if last["made"] and self._file(row, last["number"]).is_file():
            self._check_number(row)
            with self.store.database.writing() as db:
                candidate_rows.restore(db, id)
        else:
            self._makeable(owner, id)
            self._check_number(row)
            self._go_on(row, lambda db: candidate_rows.restore(db, id))
        return last["number"]

    def next_seed(self, owner: str, wishes: Wishes, reference_id: str = "") -> int:
        """The first seed with which nobody has made the same before: 0, or the one after those of earlier creations."""
        asked, best = wishes.as_dict(), 0
        for row in self.store.runs(owner, "create"):
            if json.loads(row["options"]) == asked and row["reference"] == reference_id:
                with self.store.database.reading() as db:
                    best = max(best, candidate_rows.next_number(db, row["id"]))
        return best if best <= LARGEST_SEED - MOST_CANDIDATES else 0

    def keep(self, owner: str, id: str, number: int, kept: bool = True) -> None:
        """Mark a candidate, or no longer: what is marked stays when the others are made anew."""
        row = self._row(owner, id, "create")
        self._candidate(row, number)
        self.store.candidates.keep(id, number, kept)

    def renew(self, owner: str, id: str) -> int:
        """Make all that are not kept anew; how many these are."""
        row = self._makeable(owner, id)
        rows = self.store.candidates.of(id)
        others = [one["number"] for one in rows if not one["kept"] and one["how"]["way"] == "model"]

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
        row = self._row(owner, id, "create")
        path = self._made(row, number)
        what = "freeze-time" if row["reference"] else "reference"
        video = self._take_in(owner, path, shown_name(f"{row['name'][:60]} ({what} {number})", what), as_is=True)
        cameras = path.with_suffix(".cameras.json")
        if row["reference"] and cameras.is_file():
            put(self.places.video(video.id) / f"cameras-{row['reference']}.json", cameras.read_bytes())
        return video

    # --- Within -------------------------------------------------------------------------------------------------------

    def _makeable(self, owner: str, id: str) -> dict[str, Any]:
        """The row of a creation that can have more. Raises UserError where it asked for what is no more."""
        row = self._row(owner, id, "create")
        wishes = Wishes.current(json.loads(row["options"]))
        if refusal := offered().refusal(registry.entry(wishes.model)):
            raise UserError(refusal)
        return row

    def _check_number(self, row: dict[str, Any], count: int = 1) -> None:
        if not 1 <= count <= MOST_CANDIDATES - len(self.store.candidates.of(row["id"])):
            raise UserError(f"There may be {MOST_CANDIDATES} candidates at once. Discard some first.")

    def _go_on(self, row: dict[str, Any], change: Callable[[sqlite3.Connection], None]) -> None:
        """Change which candidates there are, and have them made. Raises UserError, nothing changed, where there is no
        room for that on the disk or in the line."""
        self._room()
        self._requeue(row["id"], change)

    def _own(self, row: dict[str, Any], path: Path, name: str, **how) -> None:
        """Take a video in, in a child, and put it among the candidates."""
        self._room()
        self._check_number(row)
        folder, file = self.places.run(row["id"]) / "own", new_id()
        fresh = folder / f".new-{file}"
        with self._intakes.turn(row["owner"]):
            asking.take_in(path, fresh, name, self.limits, **how)
        try:
            os.replace(fresh / "clip.mp4", folder / f"{file}.mp4")
        except OSError as error:
            raise UserError(f"{name} could not be stored: {error.strerror or error}. Free some space.") from error
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
        wishes, video = Wishes.current(json.loads(row["options"])), json_of(self._file(row, number, ".clip.json"))
        able = registry.entry(wishes.model).capabilities
        able.check_extended(video.get("frames", 0))
        if "size" in video:  # of those that an earlier version made it is not known
            able.extended_size(tuple(video["size"]), wishes.size)

    def _forget(self, row: dict[str, Any], number: int) -> None:
        file = self._file(row, number)
        forget(file.parent, json.loads(row["options"])["role"], number, self.store.candidates.of(row["id"]))

    def _file(self, row: dict[str, Any], number: int, suffix: str = ".mp4") -> Path:
        role = json.loads(row["options"])["role"]
        return self.places.run(row["id"]) / "candidates" / f"{role}-{number}{suffix}"

    def _candidate(self, row: dict[str, Any], number: int) -> dict[str, Any]:
        candidate = next((one for one in self.store.candidates.of(row["id"]) if one["number"] == number), None)
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

    def _creation(self, row: dict[str, Any]) -> Creation:
        folder = self.places.run(row["id"])
        wishes, outdated = Wishes.stored(json.loads(row["options"]))
        candidates = [shown(folder / "candidates", wishes.role, one) for one in self.store.candidates.of(row["id"])]
        running, last = row["state"] == "running", self.store.candidates.last_dropped(row["id"])
        return Creation(
            **{key: row[key] for key in ("id", "state", "place", "created", "error", "reference")},
            wishes=wishes,
            outdated=outdated,
            picture=f"inputs/{PICTURE}" if (folder / "inputs" / PICTURE).is_file() else "",
            discarded=None if last is None else last["number"],
            seconds=ran(row, time.time()),
            candidates=tuple(sorted(candidates, key=lambda one: (not one.made, -(one.total or 0.0), one.number))),
            preview=newest_preview(folder) if running else "",
            progress=journal.last(folder / "journal.jsonl"),
        )


def newest_preview(folder: Path) -> str:
    names = [path.name for path in (folder / "live").glob("preview-*.jpg")]
    return f"live/{max(names, key=lambda name: (len(name), name))}" if names else ""
