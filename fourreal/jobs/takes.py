"""Videos besides the first two: looked at for what they are, and handed to a run."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fourreal.errors import UserError
from fourreal.jobs import asking
from fourreal.jobs.files import link, put
from fourreal.jobs.library import Library, was_interlaced
from fourreal.jobs.run_files import TAKES, StoredTake, take_file, takes_content
from fourreal.jobs.take_values import FurtherVideo
from fourreal.jobs.verdicts import FurtherChecks
from fourreal.settings import check_takes


class Takes(Library):
    """The part of `Service` that is about videos besides the first two."""

    def check_further(self, owner: str, id: str, reference_id: str, freeze_id: str) -> FurtherChecks:
        """What a video is that goes with these two, and what there is to say of it; seconds the first time."""
        row, freeze = self._video(owner, id), self._video(owner, freeze_id)
        given = self._cameras(self._video(owner, reference_id), freeze) is not None
        if (seen := self._seen_take(id, freeze_id, given)) is not None:
            return seen
        with self._checks.turn(owner):
            if (seen := self._seen_take(id, freeze_id, given)) is not None:  # asked twice at once
                return seen
            own, other = (self.places.video(one) / "clip.mp4" for one in (id, freeze_id))
            checks, pictures = asking.look_at_take(own, other, given, was_interlaced(row), self.limits)
        with contextlib.suppress(OSError):  # a full disk: it is looked at again next time
            for role, content in pictures.items():
                put(self.places.flaws(id, role, freeze_id), content)
            put(self.places.take_checks(id, freeze_id, given), json.dumps(asdict(checks)).encode())
        return checks

    def further_checks(self, owner: str, id: str, reference_id: str, freeze_id: str) -> FurtherChecks | None:
        """The same where somebody has looked before, else None."""
        self._video(owner, id)
        freeze = self._video(owner, freeze_id)
        return self._seen_take(id, freeze_id, self._cameras(self._video(owner, reference_id), freeze) is not None)

    def _seen_take(self, id: str, freeze_id: str, given: bool) -> FurtherChecks | None:
        try:
            path = self.places.take_checks(id, freeze_id, given)
            return FurtherChecks.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):  # not there, or torn by a power cut
            return None

    def _takes(
        self, owner: str, further: Sequence[FurtherVideo], reference: Mapping[str, Any], freeze: Mapping[str, Any]
    ) -> list[StoredTake]:
        """What a run keeps of further videos, the roles that nobody named found by looking.

        reference, freeze: the rows of the first two videos.
        """
        check_takes(len(further))
        total, takes = json.loads(reference["info"])["frames"], []
        for one in further:
            row = self._video(owner, one.video)
            role = one.role or self.check_further(owner, one.video, reference["id"], freeze["id"]).role
            if role == "freeze" and one.at is not None and not 0 <= one.at < total:
                raise UserError(
                    f"{row['name']} cannot show frame {one.at}: the reference video has frames 0 to {total - 1}."
                )
            takes.append(StoredTake(one.video, role, one.at, row["name"]))
        return takes

    def _store_takes(self, inputs: Path, takes: Sequence[StoredTake]) -> None:
        """Put further videos among a run's inputs."""
        for number, take in enumerate(takes):
            link(self.places.video(take.video) / "clip.mp4", take_file(inputs, number))
        if takes:
            put(inputs / TAKES, takes_content(takes))
