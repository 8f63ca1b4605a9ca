"""Reconstructions: two videos into a scene."""

import contextlib
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fourreal.description import Options
from fourreal.errors import UserError
from fourreal.jobs import examples, journal
from fourreal.jobs.critic_estimate import estimate_with_critic
from fourreal.jobs.files import link, put
from fourreal.jobs.inspections import Inspections
from fourreal.jobs.jobs import Jobs
from fourreal.jobs.library import Library, part_of
from fourreal.jobs.placements import Placements
from fourreal.jobs.places import shown_name
from fourreal.jobs.run_files import TAKES, StoredTake, stored_refusal, stored_takes, take_file, takes_content
from fourreal.jobs.statements import ran
from fourreal.jobs.take_values import FurtherVideo
from fourreal.jobs.values import MEETING, Estimate, Run
from fourreal.jobs.workspace import Workspace

UNNAMED = "Untitled"
# Of a run, what the store says as it is.
STORED = ("id", "name", "state", "place", "created", "started", "finished", "error", "reference", "freeze", "example")


class Runs:
    """See the module. Stopped, removed and followed they are as any job, see `jobs.Jobs`."""

    def __init__(
        self, workspace: Workspace, library: Library, inspections: Inspections, placements: Placements, jobs: Jobs
    ) -> None:
        self._workspace, self._places, self._store = workspace, workspace.places, workspace.store
        self._library, self._inspections, self._placements, self._jobs = library, inspections, placements, jobs

    def estimate(self, owner: str, reference_id: str, freeze_id: str, options: Options, further: int = 0) -> Estimate:
        """What a run would take, and whether it can be held here. further: how many videos besides the two."""
        reference, freeze = self._library.row(owner, reference_id), self._library.row(owner, freeze_id)
        given = options.use_cameras and self._library.cameras(reference, freeze) is not None
        return self._estimate(owner, options, given, further)

    def submit(
        self,
        owner: str,
        reference_id: str,
        freeze_id: str,
        options: Options,
        name: str = "",
        further: Sequence[FurtherVideo] = (),
    ) -> Run:
        """Put a run at the end of this person's part of the line. further: videos besides the two."""
        reference, freeze = self._library.row(owner, reference_id), self._library.row(owner, freeze_id)
        cameras = self._library.cameras(reference, freeze)
        frames = json.loads(reference["info"])["frames"]
        if options.canonical_frame is not None and options.canonical_frame >= frames:
            raise UserError(f"There is no frame {options.canonical_frame}: the reference video has 0 to {frames - 1}.")
        self._check_fits(owner, options, cameras is not None and options.use_cameras, len(further))
        takes = self._inspections.takes(owner, further, reference, freeze)
        example = examples.whole_example(part_of(reference), part_of(freeze))
        checks = self._inspections.stored(reference_id, freeze_id)

        def fill(inputs: Path) -> None:
            for role, id in (("reference", reference_id), ("freeze", freeze_id)):
                link(self._places.video(id) / "clip.mp4", inputs / f"{role}.mp4")
            self._store_takes(inputs, takes)
            self._placements.hand_over(inputs.parent / "work", reference_id, freeze_id)
            if cameras is not None:
                put(inputs / "cameras.json", json.dumps(cameras).encode())
            if checks is not None and checks.meeting is not None:  # the moment that the person saw
                put(inputs / MEETING, json.dumps(checks.meeting).encode())

        own: dict[str, Any] = {"reference": reference_id, "freeze": freeze_id, "example": example, "fill": fill}
        name = shown_name(name, _default_name(reference))
        return self.get(owner, self._jobs.queue(owner, name=name, options=options.as_dict(), **own))

    def duplicate(self, owner: str, id: str, options: Options) -> Run:
        """The same videos with other options, in a new run. What the options do not touch is not computed again."""
        row = self._jobs.row(owner, id, "reconstruct")
        old = self._places.run(id)
        given = (old / "inputs" / "cameras.json").is_file() and options.use_cameras
        self._check_fits(owner, options, given, len(stored_takes(old / "inputs")))

        def fill(inputs: Path) -> None:
            for file in (old / "inputs").iterdir():
                link(file, inputs / file.name)
            work = inputs.parent / "work"
            work.mkdir()
            for file in (old / "work").glob("*"):
                if file.is_file() and file.name != "lock" and file.suffix not in (".checkpoint", ".part"):
                    with contextlib.suppress(FileNotFoundError):  # the janitor may take it just now
                        link(file, work / file.name)

        same = {key: row[key] for key in ("reference", "freeze", "example")}
        name = shown_name(f"{row['name']} again", UNNAMED)
        return self.get(owner, self._jobs.queue(owner, name=name, options=options.as_dict(), fill=fill, **same))

    def get(self, owner: str, id: str) -> Run:
        return self._value(self._jobs.row(owner, id, "reconstruct"))

    def all(self, owner: str) -> list[Run]:
        """Newest first."""
        return [self._value(row) for row in self._store.runs(owner)]

    def videos_of(self, owner: str, id: str) -> tuple[str, str, list[str]]:
        """The ids of the two videos of a run and of its further ones; what was deleted is taken in again."""
        row = self._jobs.row(owner, id, "reconstruct")
        inputs = self._places.run(id) / "inputs"
        takes = enumerate(stored_takes(inputs))
        files = [
            (row["reference"], inputs / "reference.mp4", f"{row['name']} (reference)"),
            (row["freeze"], inputs / "freeze.mp4", f"{row['name']} (freeze-time)"),
            *((take.video, take_file(inputs, number), take.label) for number, take in takes),
        ]
        ids = []
        for video, path, name in files:
            there = self._store.video(video)
            ours = there is not None and there["owner"] == owner
            ids.append(video if ours else self._library.take_in(owner, path, shown_name(name, "video"), as_is=True).id)
        return ids[0], ids[1], ids[2:]

    def resume(self, owner: str, id: str) -> None:
        """Put a stopped or failed run back into the line; it goes on from where it was."""
        row = self._jobs.row(owner, id, "reconstruct")
        if row["state"] in ("stopped", "failed"):
            options, outdated = Options.stored(json.loads(row["options"]))
            if outdated:
                raise UserError(outdated)
            inputs = self._places.run(id) / "inputs"
            given = (inputs / "cameras.json").is_file() and options.use_cameras
            self._check_fits(owner, options, given, len(stored_takes(inputs)))
            self._jobs.requeue(id)

    def rename(self, owner: str, id: str, name: str) -> None:
        self._jobs.row(owner, id, "reconstruct")
        self._store.rename(id, shown_name(name, UNNAMED))

    def metrics(self, owner: str, id: str) -> dict[str, Any]:
        """Numbers of a finished run, {} before."""
        self._jobs.row(owner, id, "reconstruct")
        path = self._places.run(id) / "metrics.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    # --- Within -------------------------------------------------------------------------------------------------------

    def _store_takes(self, inputs: Path, takes: Sequence[StoredTake]) -> None:
        """Put further videos among a run's inputs."""
        for number, take in enumerate(takes):
            link(self._places.video(take.video) / "clip.mp4", take_file(inputs, number))
        if takes:
            put(inputs / TAKES, takes_content(takes))

    def _check_fits(self, owner: str, options: Options, cameras_given: bool, further: int) -> None:
        """Raises UserError where a run with these options cannot be held here."""
        estimate = self._estimate(owner, options, cameras_given, further)
        if not estimate.fits:
            raise UserError(estimate.reason)

    def _estimate(self, owner: str, options: Options, cameras_given: bool, further: int) -> Estimate:
        return estimate_with_critic(
            options,
            cameras_given,
            self._workspace.devices(),
            self._store.costs(),
            self._store.place_of_next(owner),
            self._places.data,
            self._workspace.limits,
            further,
        )

    def _value(self, row: dict[str, Any]) -> Run:
        folder = self._places.run(row["id"])
        options, outdated = Options.stored(json.loads(row["options"]))
        return Run(
            **{key: row[key] for key in STORED},
            options=options,
            outdated=outdated,
            has_scene=(folder / "scene.r4d").is_file(),
            seconds=ran(row, time.time()),
            progress=journal.last(folder / "journal.jsonl"),
            further=stored_takes(folder / "inputs"),
            refusal=stored_refusal(folder) if row["state"] == "failed" else None,
            cameras_given=(folder / "inputs" / "cameras.json").is_file() and options.use_cameras,
        )


def _default_name(reference: dict[str, Any]) -> str:
    return Path(re.sub(r" \(reference( \d+)?\)$", "", reference["name"])).stem or UNNAMED
