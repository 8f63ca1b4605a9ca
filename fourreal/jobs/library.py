"""The videos that people have taken in, each for themselves, and what can be said of them before a run."""

import contextlib
import hashlib
import json
import os
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fourreal.errors import UserError
from fourreal.jobs import asking, examples
from fourreal.jobs.database import disk_full
from fourreal.jobs.files import put, remove
from fourreal.jobs.places import FLAWS, FRAME_FILE, Places, absent, shown_name
from fourreal.jobs.store import Store, new_id
from fourreal.jobs.turns import Turns
from fourreal.jobs.values import Example, Video
from fourreal.jobs.verdicts import Checks
from fourreal.settings import JobLimits

SHORTEST_TOKEN = 16
CAMERAS_BYTES = 4 * 1024**2
LIMITS = JobLimits()


class Library:
    """The part of `Service` that is about videos."""

    def __init__(self, data: Path, limits: JobLimits = LIMITS) -> None:
        self.places, self.limits = Places(data), limits
        self.store = Store(self.places.store)
        self._intakes = Turns(limits.intakes, "videos being taken in")
        self._checks = Turns(limits.checks, "checks")

    def close(self) -> None:
        self.store.close()

    @staticmethod
    def owner(token: str) -> str:
        """The person behind a token that their browser keeps. It is not stored, so the store gives no one away."""
        if not isinstance(token, str) or len(token) < SHORTEST_TOKEN:
            raise UserError(f"The token is too short: use {SHORTEST_TOKEN} characters or more that nobody can guess.")
        return hashlib.sha256(token.encode()).hexdigest()[:32]

    # --- Videos -------------------------------------------------------------------------------------------------------

    def add_video(
        self, owner: str, path: Path, name: str, start: float | int = 0, end: float | int | None = None
    ) -> Video:
        """Take in a file from this machine's disk: from second `start` to `end` of it. It may be removed afterwards."""
        return self._take_in(owner, Path(path), shown_name(name, "video"), start=start, end=end)

    def trim(self, owner: str, id: str, first: int, last: int) -> Video:
        """A new video: frames `first` to `last`, both included, of one that is there."""
        row = self._video(owner, id)
        part = json.loads(row["example"]) if row["example"] else None
        if part:
            part |= {"first": part["first"] + first, "last": part["first"] + last}
        info = json.loads(row["info"])
        if not 0 <= first < last < info["frames"]:
            raise UserError(f"Choose two or more frames of 0 to {info['frames'] - 1}.")
        clip = self.places.video(id) / "clip.mp4"
        return self._take_in(owner, clip, row["name"], part, info.get("interlaced", False), frames=(first, last))

    def video(self, owner: str, id: str) -> Video:
        return _video(self._video(owner, id))

    def videos(self, owner: str) -> list[Video]:
        """Newest first."""
        return [_video(row) for row in reversed(self.store.videos(owner))]

    def video_file(self, owner: str, id: str, name: str | int) -> Path:
        """clip.mp4, by its number a small JPEG of a frame, or a picture out of `places.FLAWS`."""
        row = self._video(owner, id)
        frames = json.loads(row["info"])["frames"]
        if isinstance(name, int):
            name = FRAME_FILE.format(name) if 0 <= name < frames else ""
        elif name != "clip.mp4" and not FLAWS.fullmatch(name):
            name = ""
        path = self.places.video(id) / name
        if not name or not path.is_file():
            raise absent("picture" if name != "clip.mp4" else "video")
        return path

    def delete_video(self, owner: str, id: str) -> None:
        """Runs made from it keep what they need."""
        self._video(owner, id)
        self.store.remove_video(id)
        remove(self.places.video(id))

    # --- Examples -----------------------------------------------------------------------------------------------------

    def examples(self) -> list[Example]:
        return examples.examples()

    def add_example(self, owner: str, name: str) -> tuple[Video, Video]:
        """Its reference and freeze-time videos as if they had been uploaded; its cameras are remembered with them."""
        example = next((example for example in examples.examples() if example.name == name), None)
        if example is None:
            names = ", ".join(example.name for example in examples.examples())
            raise UserError(f"There is no example of that name: choose from {names}.")
        added = []
        for role, path in (("reference", example.reference), ("freeze", example.freeze)):
            what = {"reference": "reference", "freeze": "freeze-time"}[role]
            part = {"name": name, "role": role, "first": 0, "last": None}
            added.append(self._take_in(owner, path, f"{example.title} ({what})", part, as_is=True))
        return added[0], added[1]

    def check(self, owner: str, reference_id: str, freeze_id: str) -> Checks:
        """What the two videos show; seconds the first time."""
        reference, freeze = self._video(owner, reference_id), self._video(owner, freeze_id)
        if (seen := self._seen(reference_id, freeze_id)) is not None:
            return seen
        cameras = self._cameras(reference, freeze)
        one, other = (self.places.video(id) / "clip.mp4" for id in (reference_id, freeze_id))
        with self._checks.turn(owner):
            if (seen := self._seen(reference_id, freeze_id)) is not None:  # asked twice at once, by a page opened anew
                return seen
            mended = [role for role, row in (("reference", reference), ("freeze", freeze)) if was_interlaced(row)]
            checks, pictures = asking.look(one, other, cameras, mended, self.limits)
        with contextlib.suppress(OSError):  # a full disk: it is looked at again next time
            pair = {"reference": (reference_id, freeze_id), "freeze": (freeze_id, reference_id)}
            for role, content in pictures.items():
                put(self.places.flaws(pair[role][0], role, pair[role][1]), content)
            put(self.places.checks(freeze_id, reference_id), json.dumps(asdict(checks)).encode())
        return checks

    def seen_checks(self, owner: str, reference_id: str, freeze_id: str) -> Checks | None:
        """The same where somebody has looked before, else None."""
        self._video(owner, reference_id), self._video(owner, freeze_id)
        return self._seen(reference_id, freeze_id)

    def add_cameras(self, owner: str, reference_id: str, freeze_id: str, path: Path) -> int:
        """Take a cameras.json for these two videos; how many cameras it has. It may be removed afterwards."""
        reference, freeze = self._video(owner, reference_id), self._video(owner, freeze_id)
        self._room()
        content = Path(path).read_bytes() if Path(path).stat().st_size <= CAMERAS_BYTES else b""
        if not content:
            raise UserError(f"A cameras.json has at most {CAMERAS_BYTES // 1024**2} MB, and is not empty.")
        one, other = json.loads(reference["info"]), json.loads(freeze["info"])
        size = (other["width"], other["height"])
        with self._intakes.turn(owner):
            count = asking.given_cameras(Path(path), size, other["frames"], one["frames"], self.limits)
        try:
            put(self.places.video(freeze_id) / f"cameras-{reference_id}.json", content)
        except OSError as error:
            raise UserError(f"The cameras could not be stored: {error.strerror or error}. Free some space.") from error
        self.places.checks(freeze_id, reference_id).unlink(missing_ok=True)  # it knew nothing of them
        return count

    def cameras_known(self, owner: str, reference_id: str, freeze_id: str) -> bool:
        """Whether the cameras of two videos are known: given by somebody, or an example's."""
        return self._cameras(self._video(owner, reference_id), self._video(owner, freeze_id)) is not None

    # --- Within -------------------------------------------------------------------------------------------------------

    def _seen(self, reference_id: str, freeze_id: str) -> Checks | None:
        """What was seen in two videos when they were looked at, None before."""
        try:
            return asking.checks_of(json.loads(self.places.checks(freeze_id, reference_id).read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):  # not there, or torn by a power cut
            return None

    def _cameras(self, reference: dict[str, Any], freeze: dict[str, Any]) -> dict[str, Any] | None:
        """The content of a cameras.json for two rows of videos, None where there is none."""
        given = self.places.video(freeze["id"]) / f"cameras-{reference['id']}.json"
        if given.is_file():
            return json.loads(given.read_text(encoding="utf-8"))
        return examples.cameras_of(part_of(reference), part_of(freeze))

    def _take_in(
        self, owner: str, path: Path, name: str, part: dict[str, Any] | None = None, interlaced: bool = False, **how
    ) -> Video:
        self._room()
        id, created = new_id(), time.time()
        fresh = self.places.videos / f".new-{id}"
        with self._intakes.turn(owner):
            info = asking.take_in(path, fresh, name, self.limits, **how)
        info |= {"interlaced": True} if interlaced else {}
        try:
            os.replace(fresh, self.places.video(id))
            if part and part["last"] is None:
                part = part | {"last": info["frames"] - 1}
            self.store.add_video(id, owner, name, info, part, created)
        except Exception:
            remove(fresh)
            remove(self.places.video(id))
            raise
        for old in self.store.videos(owner)[: -self.limits.videos_per_person]:
            self.delete_video(owner, old["id"])
        return self.video(owner, id)

    def _room(self) -> None:
        if shutil.disk_usage(self.places.data).free < self.limits.free_bytes:
            raise disk_full()

    def _video(self, owner: str, id: str) -> dict[str, Any]:
        self.places.video(id)
        row = self.store.video(id)
        if row is None or row["owner"] != owner:
            raise absent("video")
        return row


def was_interlaced(row: dict[str, Any]) -> bool:
    """Whether a video's frames were made whole when it was taken in."""
    return json.loads(row["info"]).get("interlaced", False)


def part_of(row: dict[str, Any]) -> dict[str, Any] | None:
    return json.loads(row["example"]) if row["example"] else None


def _video(row: dict[str, Any]) -> Video:
    return Video(id=row["id"], name=row["name"], created=row["created"], **json.loads(row["info"]))
