"""Creations: a prompt into candidates for one of the two videos."""

import json
import time
from pathlib import Path
from typing import Any

from fourreal.description import LARGEST_SEED, Wishes
from fourreal.errors import UserError
from fourreal.jobs import asking, candidate_rows, journal
from fourreal.jobs.candidate_files import shown
from fourreal.jobs.create_estimate import estimate_creation, offers
from fourreal.jobs.create_values import BY_MODEL, MOST_CANDIDATES, Creation, Offer
from fourreal.jobs.files import link
from fourreal.jobs.jobs import Jobs
from fourreal.jobs.library import Library
from fourreal.jobs.offered import check_makeable, offered
from fourreal.jobs.places import shown_name
from fourreal.jobs.statements import ran
from fourreal.jobs.values import Estimate
from fourreal.jobs.workspace import Workspace
from fourreal.video import registry

PICTURE = "picture.jpg"


class Creations:
    """See the module. A creation is a job: it waits in the line and can be stopped, see `jobs.Jobs`.

    What is done with its candidates is in `candidates.Candidates`.
    """

    def __init__(self, workspace: Workspace, library: Library, jobs: Jobs) -> None:
        self._workspace, self._places = workspace, workspace.places
        self._store, self._library, self._jobs = workspace.store, library, jobs

    def models(self) -> list[Offer]:
        """All there are, with what they need; nothing is loaded."""
        return offers(self._workspace.devices())

    def usual_model(self) -> str:
        """The name of the model that is taken unless a person chooses another; seconds the first time."""
        usual = registry.usual(any(device["kind"] == "cuda" for device in self._workspace.devices()))
        may = offered()
        if not may.refusal(registry.entry(usual)):
            return usual
        return next((one.name for one in may.models("reference")), usual)

    def estimate(self, owner: str, wishes: Wishes, count: int, picture: bool = False) -> Estimate:
        """What `count` candidates would take, and whether they can be made here."""
        return estimate_creation(
            wishes,
            count,
            self._workspace.devices(),
            self._store.costs("create"),
            self._store.place_of_next(owner),
            self._places.data,
            self._workspace.limits,
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
            info = json.loads(self._library.row(owner, reference_id)["info"])
            frames, able = info["frames"], registry.entry(wishes.model).capabilities
            if wishes.frame is None or not 0 <= wishes.frame < frames:
                raise UserError(f"Pick a frame of the reference video to freeze: 0 to {frames - 1}.")
            able.alike((info["width"], info["height"]), wishes.size)  # raises where the model has no such shape
        estimate = self.estimate(owner, wishes, count)
        if not estimate.fits:
            raise UserError(estimate.reason)

        if picture is not None and freeze:
            raise UserError("A freeze-time video begins with a frame of the reference video, not with a picture.")
        earlier = self.picture(owner, picture_of) if picture is None and picture_of and not freeze else None

        def fill(inputs: Path) -> None:
            if picture is not None:
                named = shown_name(picture.name, "The picture")
                with self._library.intakes.turn(owner):
                    asking.take_picture(picture, inputs, named, self._workspace.limits)
            if earlier is not None:
                link(earlier, inputs / PICTURE)
            if freeze:
                link(self._places.video(reference_id) / "clip.mp4", inputs / "reference.mp4")

        rows = [{"number": seed + i, "how": BY_MODEL} for i in range(count)]
        name = shown_name(wishes.prompt, "a prompt")
        id = self._jobs.queue(
            owner,
            name=name,
            reference=reference_id if freeze else "",
            freeze="",
            options=wishes.as_dict(),
            fill=fill,
            kind="create",
            candidates=rows,
        )
        return self.get(owner, id)

    def picture(self, owner: str, id: str) -> Path | None:
        """The picture that the videos of a creation begin with; None where there is none."""
        self._jobs.row(owner, id, "create")
        path = self._places.run(id) / "inputs" / PICTURE
        return path if path.is_file() else None

    def get(self, owner: str, id: str) -> Creation:
        return self._creation(self._jobs.row(owner, id, "create"))

    def all(self, owner: str) -> list[Creation]:
        """Newest first."""
        return [self._creation(row) for row in self._store.runs(owner, "create")]

    def resume(self, owner: str, id: str) -> None:
        """Go on with one that was stopped or failed; what could not be made is tried again."""
        row = self._jobs.row(owner, id, "create")
        check_makeable(row)
        if row["state"] in ("stopped", "failed"):
            self._jobs.requeue(id, lambda db: candidate_rows.retry(db, id))

    def next_seed(self, owner: str, wishes: Wishes, reference_id: str = "") -> int:
        """The first seed with which nobody has made the same before: 0, or the one after those of earlier creations."""
        options, best = wishes.as_dict(), 0
        for row in self._store.runs(owner, "create"):
            if json.loads(row["options"]) == options and row["reference"] == reference_id:
                with self._store.database.reading() as db:
                    best = max(best, candidate_rows.next_number(db, row["id"]))
        return best if best <= LARGEST_SEED - MOST_CANDIDATES else 0

    def _creation(self, row: dict[str, Any]) -> Creation:
        folder = self._places.run(row["id"])
        wishes, outdated = Wishes.stored(json.loads(row["options"]))
        candidates = [shown(folder / "candidates", wishes.role, one) for one in self._store.candidates.of(row["id"])]
        running, dropped = row["state"] == "running", self._store.candidates.dropped(row["id"])
        return Creation(
            **{key: row[key] for key in ("id", "state", "place", "created", "error", "reference")},
            wishes=wishes,
            outdated=outdated,
            picture=f"inputs/{PICTURE}" if (folder / "inputs" / PICTURE).is_file() else "",
            discarded=dropped[-1]["number"] if dropped else None,
            seconds=ran(row, time.time()),
            candidates=tuple(sorted(candidates, key=lambda one: (not one.made, -(one.total or 0.0), one.number))),
            preview=newest_preview(folder) if running else "",
            progress=journal.last(folder / "journal.jsonl"),
        )


def newest_preview(folder: Path) -> str:
    names = [path.name for path in (folder / "live").glob("preview-*.jpg")]
    return f"live/{max(names, key=lambda name: (len(name), name))}" if names else ""
