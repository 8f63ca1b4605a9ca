"""Where all cameras stood, found before a run and handed to it."""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fourreal.description import Options
from fourreal.errors import UserError
from fourreal.jobs import asking
from fourreal.jobs.files import link, put, storing
from fourreal.jobs.inspections import Inspections
from fourreal.jobs.library import Library
from fourreal.jobs.places import without_paths
from fourreal.jobs.take_values import FurtherVideo
from fourreal.jobs.turns import Turns
from fourreal.jobs.workspace import Workspace
from fourreal.whole import json_of

NEWEST = 6  # answers for two videos: others come with other further ones, another preset or another moment


class Placements:
    def __init__(self, workspace: Workspace, library: Library, inspections: Inspections) -> None:
        self._workspace, self._places = workspace, workspace.places
        self._library, self._inspections = library, inspections
        self._turns = Turns(workspace.limits.placings, "searches for cameras")

    def place(
        self, owner: str, reference_id: str, freeze_id: str, options: Options, further: Sequence[FurtherVideo] = ()
    ) -> dict[str, Any]:
        """Where the cameras of a run of these videos would be: {cameras, reference, takes, points, colors, notes}, the
        first two lists of world-to-camera matrices, `takes` [{name, role, cameras}]. Half a minute or more at first.

        Raises UserError where the run would refuse the videos, in the same words.
        """
        reference, freeze = self._library.row(owner, reference_id), self._library.row(owner, freeze_id)
        takes = self._inspections.takes(owner, further, reference, freeze)
        cameras = self._library.cameras(reference, freeze) if options.use_cameras else None
        seen = self._inspections.stored(reference_id, freeze_id)
        folder = self._places.placed(freeze_id, reference_id)
        clip_of = lambda id: str(self._places.video(id) / "clip.mp4")
        question = {
            "reference": clip_of(reference_id),
            "freeze": clip_of(freeze_id),
            "folder": str(folder),
            "cameras": None if cameras is None else str(folder / "cameras.json"),
            "options": options.deciding("cameras"),
            "meeting": seen and seen.meeting,
            "further": [
                {"role": take.role, "path": clip_of(take.video), "at": take.at, "label": take.label} for take in takes
            ],
        }
        name = hashlib.sha256(json.dumps([question, cameras], sort_keys=True).encode()).hexdigest()[:16]
        path = folder / f"layout-{name}.json"
        with self._turns.turn(owner):
            if (layout := json_of(path)) is None:
                self._workspace.check_room()
                with storing("The cameras"):
                    folder.mkdir(exist_ok=True)
                    if cameras is not None:
                        put(folder / "cameras.json", json.dumps(cameras).encode())
                try:
                    layout = asking.place(question, self._workspace.limits)
                except UserError as error:
                    raise UserError(without_paths(str(error), folder)) from None
                with contextlib.suppress(OSError):  # a full disk: it is looked for again next time
                    put(path, json.dumps(layout).encode())
                _let_go(folder.glob("layout-*.json"), (folder / "work").glob("placement-*"))
        return layout

    def hand_over(self, work: Path, reference_id: str, freeze_id: str) -> None:
        """Put what was found before among a run's work: by its name the run sees whether it is of the same videos."""
        for file in (self._places.placed(freeze_id, reference_id) / "work").glob("placement-*"):
            work.mkdir(exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # let go just now
                link(file, work / file.name)


def _let_go(*kinds: Iterable[Path]) -> None:
    """Of each kind of files only the newest stay."""
    for files in kinds:
        for old in sorted(files, key=lambda file: file.stat().st_mtime)[:-NEWEST]:
            old.unlink(missing_ok=True)
