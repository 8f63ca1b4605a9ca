"""What is seen in videos before a run: in the first two together, and in each further one beside them."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fourreal.errors import UserError
from fourreal.jobs import asking
from fourreal.jobs.files import put
from fourreal.jobs.library import Library, was_interlaced
from fourreal.jobs.run_files import StoredTake
from fourreal.jobs.take_values import FurtherVideo
from fourreal.jobs.turns import Turns
from fourreal.jobs.verdicts import Checks, FurtherChecks
from fourreal.jobs.workspace import Workspace
from fourreal.settings import check_takes
from fourreal.whole import json_of


class Inspections:
    """See the module. What was seen once lies beside the video and is not looked for again."""

    def __init__(self, workspace: Workspace, library: Library) -> None:
        self._workspace, self._places, self._library = workspace, workspace.places, library
        self._turns = Turns(workspace.limits.checks, "checks")

    # --- The first two ------------------------------------------------------------------------------------------------

    def check(self, owner: str, reference_id: str, freeze_id: str) -> Checks:
        """What the two videos show; seconds the first time."""
        reference, freeze = self._library.row(owner, reference_id), self._library.row(owner, freeze_id)
        if (seen := self.stored(reference_id, freeze_id)) is not None:
            return seen
        cameras = self._library.cameras(reference, freeze)
        one, other = (self._places.video(id) / "clip.mp4" for id in (reference_id, freeze_id))
        with self._turns.turn(owner):
            if (seen := self.stored(reference_id, freeze_id)) is not None:  # asked twice at once, by a page opened anew
                return seen
            mended = [role for role, row in (("reference", reference), ("freeze", freeze)) if was_interlaced(row)]
            checks, pictures = asking.look(one, other, cameras, mended, self._workspace.limits)
        with contextlib.suppress(OSError):  # a full disk: it is looked at again next time
            pair = {"reference": (reference_id, freeze_id), "freeze": (freeze_id, reference_id)}
            for role, content in pictures.items():
                put(self._places.flaws(pair[role][0], role, pair[role][1]), content)
            put(self._places.checks(freeze_id, reference_id), json.dumps(asdict(checks)).encode())
        return checks

    def seen_checks(self, owner: str, reference_id: str, freeze_id: str) -> Checks | None:
        """The same where somebody has looked before, else None."""
        self._library.row(owner, reference_id), self._library.row(owner, freeze_id)
        return self.stored(reference_id, freeze_id)

    def stored(self, reference_id: str, freeze_id: str) -> Checks | None:
        """What was seen in two videos when they were looked at, whoever's they are; None before."""
        content = json_of(self._places.checks(freeze_id, reference_id))
        return content and Checks.from_dict(content)

    # --- Further ones -------------------------------------------------------------------------------------------------

    def check_further(self, owner: str, id: str, reference_id: str, freeze_id: str) -> FurtherChecks:
        """What a video is that goes with these two, and what there is to say of it; seconds the first time."""
        row, freeze = self._library.row(owner, id), self._library.row(owner, freeze_id)
        given = self._library.cameras(self._library.row(owner, reference_id), freeze) is not None
        if (seen := self._stored_take(id, freeze_id, given)) is not None:
            return seen
        with self._turns.turn(owner):
            if (seen := self._stored_take(id, freeze_id, given)) is not None:  # asked twice at once
                return seen
            own, other = (self._places.video(one) / "clip.mp4" for one in (id, freeze_id))
            checks, pictures = asking.look_at_take(own, other, given, was_interlaced(row), self._workspace.limits)
        with contextlib.suppress(OSError):  # a full disk: it is looked at again next time
            for role, content in pictures.items():
                put(self._places.flaws(id, role, freeze_id), content)
            put(self._places.take_checks(id, freeze_id, given), json.dumps(asdict(checks)).encode())
        return checks

    def further_checks(self, owner: str, id: str, reference_id: str, freeze_id: str) -> FurtherChecks | None:
        """The same where somebody has looked before, else None."""
        self._library.row(owner, id)
        given = self._library.has_cameras(owner, reference_id, freeze_id)
        return self._stored_take(id, freeze_id, given)

    def takes(
        self, owner: str, further: Sequence[FurtherVideo], reference: Mapping[str, Any], freeze: Mapping[str, Any]
    ) -> list[StoredTake]:
        """What a run stores of further videos, the roles that nobody named found by looking.

        reference, freeze: the rows of the first two videos. Raises UserError where one cannot serve.
        """
        check_takes(len(further))
        total, takes = json.loads(reference["info"])["frames"], []
        for one in further:
            row = self._library.row(owner, one.video)
            role = one.role or self.check_further(owner, one.video, reference["id"], freeze["id"]).role
            if role == "freeze" and one.at is not None and not 0 <= one.at < total:
                raise UserError(
                    f"{row['name']} cannot show frame {one.at}: the reference video has frames 0 to {total - 1}."
                )
            takes.append(StoredTake(one.video, role, one.at, row["name"]))
        return takes

    def _stored_take(self, id: str, freeze_id: str, given: bool) -> FurtherChecks | None:
        content = json_of(self._places.take_checks(id, freeze_id, given))
        return content and FurtherChecks.from_dict(content)
