"""The videos that people have taken in, each for themselves, and the cameras that came with them."""

import json
import os
import time
from pathlib import Path
from typing import Any

from fourreal.errors import UserError
from fourreal.jobs import asking, examples
from fourreal.jobs.files import put, remove, storing
from fourreal.jobs.places import FLAWS, FRAME_FILE, absent, shown_name
from fourreal.jobs.store import new_id
from fourreal.jobs.turns import Turns
from fourreal.jobs.values import Example, Video
from fourreal.jobs.workspace import Workspace

CAMERAS_BYTES = 4 * 1024**2


class Library:
    """See the module. intakes: the turns in which files are taken in, one for all who do so."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self._places, self._store = workspace, workspace.places, workspace.store
        self.intakes = Turns(workspace.limits.intakes, "videos being taken in")

    # --- Videos -------------------------------------------------------------------------------------------------------

    def add_video(
        self, owner: str, path: Path, name: str, start: float | int = 0, end: float | int | None = None
    ) -> Video:
        """Take in a file from this machine's disk: from second `start` to `end` of it. It may be removed afterwards."""
        return self.take_in(owner, Path(path), shown_name(name, "video"), start=start, end=end)

    def trim(self, owner: str, id: str, first: int, last: int) -> Video:
        """A new video: frames `first` to `last`, both included, of one that is there."""
        row = self.row(owner, id)
        part = json.loads(row["example"]) if row["example"] else None
        if part:
            part |= {"first": part["first"] + first, "last": part["first"] + last}
        info = json.loads(row["info"])
        if not 0 <= first < last < info["frames"]:
            raise UserError(f"Choose two or more frames of 0 to {info['frames'] - 1}.")
        clip = self._places.video(id) / "clip.mp4"
        return self.take_in(owner, clip, row["name"], part, info.get("interlaced", False), frames=(first, last))

    def video(self, owner: str, id: str) -> Video:
        return _video(self.row(owner, id))

    def videos(self, owner: str) -> list[Video]:
        """Newest first."""
        return [_video(row) for row in reversed(self._store.videos(owner))]

    def video_file(self, owner: str, id: str, name: str | int) -> Path:
        """clip.mp4, by its number a small JPEG of a frame, or a picture out of `places.FLAWS`."""
        row = self.row(owner, id)
        frames = json.loads(row["info"])["frames"]
        if isinstance(name, int):
            name = FRAME_FILE.format(name) if 0 <= name < frames else ""
        elif name != "clip.mp4" and not FLAWS.fullmatch(name):
            name = ""
        path = self._places.video(id) / name
        if not name or not path.is_file():
            raise absent("picture" if name != "clip.mp4" else "video")
        return path

    def delete_video(self, owner: str, id: str) -> None:
        """Runs made from it keep what they need."""
        self.row(owner, id)
        self._store.remove_video(id)
        remove(self._places.video(id))

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
            added.append(self.take_in(owner, path, f"{example.title} ({what})", part, as_is=True))
        return added[0], added[1]

    def add_cameras(self, owner: str, reference_id: str, freeze_id: str, path: Path) -> int:
        """Take a cameras.json for these two videos; how many cameras it has. It may be removed afterwards."""
        reference, freeze = self.row(owner, reference_id), self.row(owner, freeze_id)
        self._workspace.check_room()
        content = Path(path).read_bytes() if Path(path).stat().st_size <= CAMERAS_BYTES else b""
        if not content:
            raise UserError(f"A cameras.json has at most {CAMERAS_BYTES // 1024**2} MB, and is not empty.")
        one, other = json.loads(reference["info"]), json.loads(freeze["info"])
        size = (other["width"], other["height"])
        with self.intakes.turn(owner):
            count = asking.given_cameras(Path(path), size, other["frames"], one["frames"], self._workspace.limits)
        with storing("The cameras"):
            put(self._places.video(freeze_id) / f"cameras-{reference_id}.json", content)
        self._places.checks(freeze_id, reference_id).unlink(missing_ok=True)  # it knew nothing of them
        return count

    def has_cameras(self, owner: str, reference_id: str, freeze_id: str) -> bool:
        """Whether there are cameras for two videos: given by somebody, or an example's."""
        return self.cameras(self.row(owner, reference_id), self.row(owner, freeze_id)) is not None

    # --- Within -------------------------------------------------------------------------------------------------------

    def cameras(self, reference: dict[str, Any], freeze: dict[str, Any]) -> dict[str, Any] | None:
        """The content of a cameras.json for two rows of videos, given by somebody or an example's; None for none."""
        given = self._places.video(freeze["id"]) / f"cameras-{reference['id']}.json"
        if given.is_file():
            return json.loads(given.read_text(encoding="utf-8"))
        return examples.cameras_of(part_of(reference), part_of(freeze))

    def take_in(
        self, owner: str, path: Path, name: str, part: dict[str, Any] | None = None, interlaced: bool = False, **how
    ) -> Video:
        self._workspace.check_room()
        id, created = new_id(), time.time()
        fresh = self._places.videos / f".new-{id}"
        with self.intakes.turn(owner):
            info = asking.take_in(path, fresh, name, self._workspace.limits, **how)
        info |= {"interlaced": True} if interlaced else {}
        try:
            os.replace(fresh, self._places.video(id))
            if part and part["last"] is None:
                part = part | {"last": info["frames"] - 1}
            self._store.add_video(id, owner, name, info, part, created)
        except Exception:
            remove(fresh)
            remove(self._places.video(id))
            raise
        for old in self._store.videos(owner)[: -self._workspace.limits.videos_per_person]:
            self.delete_video(owner, old["id"])
        return self.video(owner, id)

    def row(self, owner: str, id: str) -> dict[str, Any]:
        self._places.video(id)
        row = self._store.video(id)
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
