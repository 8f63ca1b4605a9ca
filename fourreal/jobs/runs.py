"""What all runs have in common, whatever they make: a folder, a place in the line, a journal, files."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fourreal.errors import UserError
from fourreal.jobs import devices, journal
from fourreal.jobs.files import remove
from fourreal.jobs.places import absent, checked, file_within
from fourreal.jobs.placings import Placings
from fourreal.jobs.store import new_id


class Runs(Placings):
    """The part of `Service` that is about runs of any kind."""

    def journal(self, owner: str, id: str, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """What happened from byte `offset` of the journal on, and where to go on reading."""
        self._row(owner, id)
        return journal.read(self.places.run(id) / "journal.jsonl", offset)

    def cancel(self, owner: str, id: str, keep: bool = False) -> None:
        """Stop a run; with `keep` its scene as it is now is kept. It can be resumed. What is over stays as it is."""
        self._row(owner, id)
        self.store.cancel(id, keep)

    def delete(self, owner: str, id: str) -> None:
        """Remove a run with all its files; one that runs is stopped first."""
        self._row(owner, id)
        if self.store.delete(id):
            remove(self.places.run(id))
            self.store.forget(id)

    def file(self, owner: str, id: str, name: str) -> Path:
        """A file of a run, by a name out of `places.FILES`."""
        self._row(owner, id)
        return file_within(self.places.run(id), name)

    def public_file(self, run_id: str, name: str) -> Path:
        """The same for whoever knows the run's id, which nobody can guess: for addresses that a browser fetches."""
        folder = self.places.run(run_id)
        if self.store.run(run_id) is None:
            raise absent("scene")
        return file_within(folder, name)

    def public_name(self, run_id: str) -> str:
        """The name that a run has for people, for whoever knows its id."""
        row = self.store.run(checked(run_id, "scene"))
        if row is None:
            raise absent("scene")
        return row["name"]

    def devices(self) -> list[dict[str, Any]]:
        """What computes here; seconds the first time, if no worker has looked yet."""
        available = self.store.fact("devices")
        if available is None:
            available = devices.find()
            self.store.remember("devices", available)
        return available

    # --- Within -------------------------------------------------------------------------------------------------------

    def _queue(
        self,
        owner: str,
        name: str,
        reference: str,
        freeze: str,
        options: Mapping[str, Any],
        fill: Callable[[Path], None],
        example: str | None = None,
        kind: str = "reconstruct",
        candidates: Sequence[Mapping[str, Any]] = (),
    ) -> str:
        """Make a run's folder, then its place in the line, and return its id; nothing is left where either fails."""
        id = new_id()
        folder = self.places.run(id)
        try:
            (folder / "inputs").mkdir(parents=True)
            fill(folder / "inputs")
            most = self.limits.queued_per_person
            queued = self.store.add_run(id, owner, name, reference, freeze, options, example, most, kind, candidates)
            if not queued:
                raise self._too_many()
        except OSError as error:
            remove(folder)
            raise UserError(f"The run could not be stored: {error.strerror or error}. Free some space.") from error
        except UserError:
            remove(folder)
            raise
        return id

    def _requeue(self, id: str, change: Callable[[sqlite3.Connection], None] = lambda db: None) -> None:
        """Put a run that is over back into the line, and change with it what is to be done.

        Raises UserError where its owner has too many there; then nothing is changed.
        """
        if not self.store.requeue(id, self.limits.queued_per_person, change):
            raise self._too_many()

    def _too_many(self) -> UserError:
        return UserError(
            f"You have {self.limits.queued_per_person} jobs waiting already, which is the most a person may have. Wait "
            "until one has begun, or stop one."
        )

    def _row(self, owner: str, id: str, kind: str | None = None) -> dict[str, Any]:
        """A run of this person's, of a kind if one is named."""
        self.places.run(id)
        row = self.store.run(id)
        if row is None or row["owner"] != owner or row["kind"] != (kind or row["kind"]):
            raise absent("scene")
        return row
