"""What all jobs have in common, whatever they make: a folder, a place in the line, a journal, files.

A job is a reconstruction (`runs.py`) or a creation (`creations.py`); the store calls both runs.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fourreal.errors import UserError
from fourreal.jobs import journal
from fourreal.jobs.files import remove, storing
from fourreal.jobs.places import absent, checked, file_within
from fourreal.jobs.store import new_id
from fourreal.jobs.workspace import Workspace


class Jobs:
    """Jobs of any kind: put into the line, stopped, removed, and their files."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self._places, self._store = workspace, workspace.places, workspace.store

    def journal(self, owner: str, id: str, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """What happened from byte `offset` of the journal on, and where to go on reading."""
        self.row(owner, id)
        return journal.read(self._places.run(id) / "journal.jsonl", offset)

    def cancel(self, owner: str, id: str, keep: bool = False) -> None:
        """Stop a job; with `keep` its scene as it is now is kept. It can be resumed. What is over stays as it is."""
        self.row(owner, id)
        self._store.cancel(id, keep)

    def delete(self, owner: str, id: str) -> None:
        """Remove a job with all its files; one that runs is stopped first."""
        self.row(owner, id)
        if self._store.delete(id):
            remove(self._places.run(id))
            self._store.forget(id)

    def file(self, owner: str, id: str, name: str) -> Path:
        """A file of a job, by a name out of `places.FILES`."""
        self.row(owner, id)
        return file_within(self._places.run(id), name)

    def public_file(self, id: str, name: str) -> Path:
        """The same for whoever knows the job's id, which nobody can guess: for addresses that a browser fetches."""
        folder = self._places.run(id)
        if self._store.run(id) is None:
            raise absent("scene")
        return file_within(folder, name)

    def public_name(self, id: str) -> str:
        """The name that a job has for people, for whoever knows its id."""
        row = self._store.run(checked(id, "scene"))
        if row is None:
            raise absent("scene")
        return row["name"]

    # --- For runs and creations ---------------------------------------------------------------------------------------

    def queue(
        self,
        owner: str,
        *,
        name: str,
        reference: str,
        freeze: str,
        options: Mapping[str, Any],
        fill: Callable[[Path], None],
        example: str | None = None,
        kind: str = "reconstruct",
        candidates: Sequence[Mapping[str, Any]] = (),
    ) -> str:
        """Make a job's folder, then its place in the line, and return its id; nothing is left where either fails.

        fill: puts into the folder `inputs` what the job needs. The others: see `Store.add_run`.
        """
        id = new_id()
        folder = self._places.run(id)
        try:
            with storing("The run"):
                (folder / "inputs").mkdir(parents=True)
                fill(folder / "inputs")
            most = self._workspace.limits.queued_per_person
            if not self._store.add_run(id, owner, name, reference, freeze, options, example, most, kind, candidates):
                raise self._too_many()
        except UserError:
            remove(folder)
            raise
        return id

    def requeue(self, id: str, change: Callable[[sqlite3.Connection], None] = lambda db: None) -> None:
        """Put a job that is over back into the line, and change with it what is to be done.

        Raises UserError where its owner has too many there; then nothing is changed.
        """
        if not self._store.requeue(id, self._workspace.limits.queued_per_person, change):
            raise self._too_many()

    def row(self, owner: str, id: str, kind: str | None = None) -> dict[str, Any]:
        """A job of this person's in the store, of a kind if one is named. Raises UserError where there is none."""
        self._places.run(id)
        row = self._store.run(id)
        if row is None or row["owner"] != owner or row["kind"] != (kind or row["kind"]):
            raise absent("scene")
        return row

    def _too_many(self) -> UserError:
        most = self._workspace.limits.queued_per_person
        return UserError(
            f"You have {most} jobs waiting already, which is the most a person may have. Wait until one has begun, or "
            "stop one."
        )
