"""All that a page or an API needs of jobs, for people who may know nothing of each other.

Every call names the owner, and what is somebody else's is not there for them. Nothing here computes: children do.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fourreal.errors import UserError
from fourreal.jobs import asking, devices, examples, journal
from fourreal.jobs.children import ROOT, end, environment
from fourreal.jobs.database import disk_full
from fourreal.jobs.estimate import estimate
from fourreal.jobs.files import link, put, remove
from fourreal.jobs.places import FRAME_FILE, Places, absent, file_within, shown_name
from fourreal.jobs.store import Store, new_id
from fourreal.jobs.values import Checks, Estimate, Example, Options, Run, Video
from fourreal.scene.film import TRAJECTORIES
from fourreal.settings import JobLimits

SHORTEST_TOKEN = 16
FORMATS = ("ply", "splat", "mp4", "r4d")
UNNAMED = "Untitled"
LIMITS = JobLimits()


class Service:
    """See the module. Any thread may call any method.

    data: the data folder, made if it is missing. Every method raises UserError, with what to do, for what a person can
    mend; what is unknown and what is another person's are refused in the same words.
    """

    def __init__(self, data: Path, limits: JobLimits = LIMITS) -> None:
        self.places, self.limits = Places(data), limits
        self.store = Store(self.places.store)
        self._intake, self._export = threading.BoundedSemaphore(2), threading.BoundedSemaphore(1)

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
        return self._take_in(owner, clip, row["name"], part, frames=(first, last))

    def video(self, owner: str, id: str) -> Video:
        return _video(self._video(owner, id))

    def videos(self, owner: str) -> list[Video]:
        """Newest first."""
        return [_video(row) for row in reversed(self.store.videos(owner))]

    def video_file(self, owner: str, id: str, name: str | int) -> Path:
        """clip.mp4, or by its number a small JPEG of a frame."""
        row = self._video(owner, id)
        frames = json.loads(row["info"])["frames"]
        if isinstance(name, int):
            name = FRAME_FILE.format(name) if 0 <= name < frames else ""
        elif name != "clip.mp4":
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
            known = ", ".join(example.name for example in examples.examples())
            raise UserError(f"There is no example of that name: choose from {known}.")
        added = []
        for role, path in (("reference", example.reference), ("freeze", example.freeze)):
            what = {"reference": "reference", "freeze": "freeze-time"}[role]
            part = {"name": name, "role": role, "first": 0, "last": None}
            added.append(self._take_in(owner, path, f"{example.title} ({what})", part, as_is=True))
        return added[0], added[1]

    # --- Before a run -------------------------------------------------------------------------------------------------

    def check(self, owner: str, reference_id: str, freeze_id: str) -> Checks:
        """What the two videos show; seconds the first time."""
        reference, freeze = self._video(owner, reference_id), self._video(owner, freeze_id)
        kept = self.places.video(freeze_id) / f"checks-{reference_id}.json"
        if kept.is_file():
            return asking.checks_of(json.loads(kept.read_text(encoding="utf-8")))
        cameras = examples.cameras_of(_part(reference), _part(freeze))
        clips = (self.places.video(id) / "clip.mp4" for id in (reference_id, freeze_id))
        with self._intake:
            found = asking.look(*clips, cameras, self.limits)
        with contextlib.suppress(OSError):  # a full disk: it is looked at again next time
            put(kept, json.dumps(asdict(found)).encode())
        return found

    def estimate(self, owner: str, reference_id: str, freeze_id: str, options: Options) -> Estimate:
        """What a run would take, and whether it can be held here."""
        reference, freeze = self._video(owner, reference_id), self._video(owner, freeze_id)
        known = options.use_cameras and examples.cameras_of(_part(reference), _part(freeze)) is not None
        return self._estimate(owner, options, known)

    # --- Runs ---------------------------------------------------------------------------------------------------------

    def submit(self, owner: str, reference_id: str, freeze_id: str, options: Options, name: str = "") -> Run:
        """Put a run at the end of this person's part of the line."""
        reference, freeze = self._video(owner, reference_id), self._video(owner, freeze_id)
        cameras = examples.cameras_of(_part(reference), _part(freeze))
        frames = json.loads(reference["info"])["frames"]
        if options.canonical_frame is not None and options.canonical_frame >= frames:
            raise UserError(f"There is no frame {options.canonical_frame}: the reference video has 0 to {frames - 1}.")
        self._fitting(owner, options, cameras is not None and options.use_cameras)
        example = examples.whole_example(_part(reference), _part(freeze))

        def fill(inputs: Path) -> None:
            for role, id in (("reference", reference_id), ("freeze", freeze_id)):
                link(self.places.video(id) / "clip.mp4", inputs / f"{role}.mp4")
            if cameras is not None:
                put(inputs / "cameras.json", json.dumps(cameras).encode())

        name = shown_name(name, _default_name(reference))
        return self._queue(owner, name, reference_id, freeze_id, options, example, fill)

    def duplicate(self, owner: str, id: str, options: Options) -> Run:
        """The same videos with other options, in a new run. What the options do not touch is not computed again."""
        row = self._run(owner, id)
        old = self.places.run(id)
        self._fitting(owner, options, (old / "inputs" / "cameras.json").is_file() and options.use_cameras)

        def fill(inputs: Path) -> None:
            for file in (old / "inputs").iterdir():
                link(file, inputs / file.name)
            work = inputs.parent / "work"
            work.mkdir()
            for file in (old / "work").glob("*"):
                if file.is_file() and file.name != "lock" and file.suffix not in (".checkpoint", ".part"):
                    with contextlib.suppress(FileNotFoundError):  # the janitor may take it just now
                        link(file, work / file.name)

        name = shown_name(f"{row['name']} again", UNNAMED)
        return self._queue(owner, name, row["reference"], row["freeze"], options, row["example"], fill)

    def run(self, owner: str, id: str) -> Run:
        return self._value(self._run(owner, id))

    def runs(self, owner: str) -> list[Run]:
        """Newest first."""
        return [self._value(row) for row in self.store.runs(owner)]

    def journal(self, owner: str, id: str, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """What happened from byte `offset` of the journal on, and where to go on reading."""
        self._run(owner, id)
        return journal.read(self.places.run(id) / "journal.jsonl", offset)

    def cancel(self, owner: str, id: str, keep: bool = False) -> None:
        """Stop a run; with `keep` its scene as it is now is kept. It can be resumed. What is over stays as it is."""
        self._run(owner, id)
        self.store.cancel(id, keep)

    def resume(self, owner: str, id: str) -> None:
        """Put a stopped or failed run back into the line; it goes on from where it was."""
        row = self._run(owner, id)
        if row["state"] in ("stopped", "failed"):
            options = Options.from_dict(json.loads(row["options"]))
            known = (self.places.run(id) / "inputs" / "cameras.json").is_file() and options.use_cameras
            self._fitting(owner, options, known)
            if not self.store.requeue(id, self.limits.queued_per_person):
                raise self._too_many()

    def rename(self, owner: str, id: str, name: str) -> None:
        self._run(owner, id)
        self.store.rename(id, shown_name(name, UNNAMED))

    def delete(self, owner: str, id: str) -> None:
        """Remove a run with all its files; one that runs is stopped first."""
        self._run(owner, id)
        if self.store.delete(id):
            remove(self.places.run(id))
            self.store.forget(id)

    # --- Files of a run -----------------------------------------------------------------------------------------------

    def file(self, owner: str, id: str, name: str) -> Path:
        """A file of a run, by a name out of `places.FILES`."""
        self._run(owner, id)
        return file_within(self.places.run(id), name)

    def public_file(self, run_id: str, name: str) -> Path:
        """The same for whoever knows the run's id, which nobody can guess: for addresses that a browser fetches."""
        folder = self.places.run(run_id)
        if self.store.run(run_id) is None:
            raise absent("scene")
        return file_within(folder, name)

    def export(self, owner: str, id: str, format: str, trajectory: str | None = None) -> Path:
        """Write a finished scene for other programs; at once if that was done before."""
        self._run(owner, id)
        folder = self.places.run(id)
        if format not in FORMATS:
            raise UserError(f"There is no format of that name: choose from {', '.join(FORMATS)}.")
        if trajectory is not None and trajectory not in TRAJECTORIES:
            raise UserError(f"There is no path of that name: choose from {', '.join(TRAJECTORIES)}.")
        if not (folder / "manifest.json").is_file():
            raise UserError("This scene is not finished yet. Wait for it, or stop it and keep what is there.")
        if format == "r4d":
            return file_within(folder, "scene.r4d")
        film = trajectory or "orbit"
        out = folder / "exports" / (f"{film}.mp4" if format == "mp4" else f"{format}.zip")
        with self._export:
            if not out.is_file() or out.stat().st_mtime < (folder / "manifest.json").stat().st_mtime:
                extra = ["--trajectory", film] if format == "mp4" else []
                self._export_child([str(folder), "--format", format, "--out", str(out), *extra])
        return file_within(folder, f"exports/{out.name}")

    def metrics(self, owner: str, id: str) -> dict[str, Any]:
        """Numbers of a finished run, {} before."""
        self._run(owner, id)
        path = self.places.run(id) / "metrics.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    # --- Within -------------------------------------------------------------------------------------------------------

    def _take_in(self, owner: str, path: Path, name: str, part: dict[str, Any] | None = None, **how) -> Video:
        self._room()
        id, created = new_id(), time.time()
        fresh = self.places.videos / f".new-{id}"
        with self._intake:
            info = asking.take_in(path, fresh, name, self.limits, **how)
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

    def _queue(
        self, owner: str, name: str, reference: str, freeze: str, options: Options, example: str | None, fill
    ) -> Run:
        """Make a run's folder, then its place in the line; nothing is left of it where either fails."""
        id = new_id()
        folder = self.places.run(id)
        try:
            (folder / "inputs").mkdir(parents=True)
            fill(folder / "inputs")
            kept = self.store.add_run(
                id, owner, name, reference, freeze, options.as_dict(), example, self.limits.queued_per_person
            )
            if not kept:
                raise self._too_many()
        except OSError as error:
            remove(folder)
            raise UserError(f"The run could not be stored: {error.strerror or error}. Free some space.") from error
        except UserError:
            remove(folder)
            raise
        return self.run(owner, id)

    def _fitting(self, owner: str, options: Options, cameras_known: bool) -> None:
        """Raises UserError where a run with these options cannot be held here."""
        found = self._estimate(owner, options, cameras_known)
        if not found.fits:
            raise UserError(found.reason)

    def _estimate(self, owner: str, options: Options, cameras_known: bool) -> Estimate:
        return estimate(
            options, cameras_known, self.devices(), self.store.costs(), self.store.place_of_next(owner),
            self.places.data, self.limits,
        )  # fmt: skip

    def devices(self) -> list[dict[str, Any]]:
        """What computes here; seconds the first time, if no worker has looked yet."""
        found = self.store.fact("devices")
        if found is None:
            found = devices.find()
            self.store.remember("devices", found)
        return found

    def _room(self) -> None:
        if shutil.disk_usage(self.places.data).free < self.limits.free_bytes:
            raise disk_full()

    def _too_many(self) -> UserError:
        return UserError(
            f"You have {self.limits.queued_per_person} reconstructions waiting already, which is the most a person may "
            "have. Wait until one has begun, or stop one."
        )

    def _export_child(self, arguments: list[str]) -> None:
        child = subprocess.Popen(
            [sys.executable, "-m", "fourreal", "export", *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT, env=environment(), start_new_session=True,
        )  # fmt: skip
        try:
            _, told = child.communicate(timeout=self.limits.export_seconds)
        except subprocess.TimeoutExpired:
            raise UserError("Exporting took too long and was ended. Try another format or a shorter path.") from None
        finally:
            end(child)
        if child.returncode == 2:
            said = told.decode(errors="replace").strip().splitlines()[-1]
            raise UserError(said.removeprefix("fourreal: ").replace(str(self.places.data), "…"))
        if child.returncode:
            raise RuntimeError(f"export ended with {child.returncode}: {told.decode(errors='replace')[-2000:]}")

    def _video(self, owner: str, id: str) -> dict[str, Any]:
        self.places.video(id)
        row = self.store.video(id)
        if row is None or row["owner"] != owner:
            raise absent("video")
        return row

    def _run(self, owner: str, id: str) -> dict[str, Any]:
        self.places.run(id)
        row = self.store.run(id)
        if row is None or row["owner"] != owner:
            raise absent("scene")
        return row

    def _value(self, row: dict[str, Any]) -> Run:
        folder = self.places.run(row["id"])
        same = (
            "id", "name", "state", "place", "created", "started", "finished", "error", "reference", "freeze", "example",
        )  # fmt: skip
        running = row["state"] == "running"
        return Run(
            **{key: row[key] for key in same},
            options=Options.from_dict(json.loads(row["options"])),
            has_scene=(folder / "scene.r4d").is_file(),
            seconds=row["seconds"] + (time.time() - row["claimed"] if running else 0.0),
            progress=journal.last(folder / "journal.jsonl"),
        )


def _video(row: dict[str, Any]) -> Video:
    return Video(id=row["id"], name=row["name"], created=row["created"], **json.loads(row["info"]))


def _part(row: dict[str, Any]) -> dict[str, Any] | None:
    return json.loads(row["example"]) if row["example"] else None


def _default_name(reference: dict[str, Any]) -> str:
    return Path(reference["name"].removesuffix(" (reference)")).stem or UNNAMED
