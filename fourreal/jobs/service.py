"""All that a page or an API needs of jobs, for people who may know nothing of each other.

Every call names the owner, and what is somebody else's is not there for them. Nothing here computes: children do.
"""

import contextlib
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fourreal.description import Options
from fourreal.errors import UserError
from fourreal.jobs import examples, journal
from fourreal.jobs.creations import Creations
from fourreal.jobs.critic_estimate import estimate_with_critic
from fourreal.jobs.exporting import export_child
from fourreal.jobs.files import link, put
from fourreal.jobs.films import READY_SCENE, FilmWish, drop_old_films
from fourreal.jobs.library import LIMITS, part_of
from fourreal.jobs.places import FILM, STUDY, absent, file_within, shown_name
from fourreal.jobs.run_files import stored_refusal, stored_takes, take_file
from fourreal.jobs.shares import Shares
from fourreal.jobs.statements import ran
from fourreal.jobs.studies import Studies
from fourreal.jobs.take_values import FurtherVideo
from fourreal.jobs.turns import Turns
from fourreal.jobs.values import MEETING, Estimate, Run
from fourreal.scene.export import FORMATS
from fourreal.scene.export_html import html_bytes
from fourreal.settings import JobLimits

UNNAMED = "Untitled"


class Service(Shares, Creations):
    """See the module. Any thread may call any method.

    data: the data folder, made if it is missing. Every method raises UserError, with what to do, for what a person can
    mend; what is unknown and what is another person's are refused in the same words.
    """

    def __init__(self, data: Path, limits: JobLimits = LIMITS) -> None:
        super().__init__(data, limits)
        self._exports = Turns(limits.exports, "exports")
        self.studies = Studies(self)

    # --- Before a run -------------------------------------------------------------------------------------------------

    def estimate(self, owner: str, reference_id: str, freeze_id: str, options: Options, further: int = 0) -> Estimate:
        """What a run would take, and whether it can be held here. further: how many videos besides the two."""
        reference, freeze = self._video(owner, reference_id), self._video(owner, freeze_id)
        given = options.use_cameras and self._cameras(reference, freeze) is not None
        return self._estimate(owner, options, given, further)

    # --- Runs ---------------------------------------------------------------------------------------------------------

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
        reference, freeze = self._video(owner, reference_id), self._video(owner, freeze_id)
        cameras = self._cameras(reference, freeze)
        frames = json.loads(reference["info"])["frames"]
        if options.canonical_frame is not None and options.canonical_frame >= frames:
            raise UserError(f"There is no frame {options.canonical_frame}: the reference video has 0 to {frames - 1}.")
        self._fitting(owner, options, cameras is not None and options.use_cameras, len(further))
        takes = self._takes(owner, further, reference, freeze)
        example = examples.whole_example(part_of(reference), part_of(freeze))
        seen = self._seen(reference_id, freeze_id)

        def fill(inputs: Path) -> None:
            for role, id in (("reference", reference_id), ("freeze", freeze_id)):
                link(self.places.video(id) / "clip.mp4", inputs / f"{role}.mp4")
            self._store_takes(inputs, takes)
            self._hand_placement(inputs.parent / "work", reference_id, freeze_id)
            if cameras is not None:
                put(inputs / "cameras.json", json.dumps(cameras).encode())
            if seen is not None and seen.meeting is not None:  # the moment that the person saw
                put(inputs / MEETING, json.dumps(seen.meeting).encode())

        name = shown_name(name, _default_name(reference))
        return self.run(owner, self._queue(owner, name, reference_id, freeze_id, options.as_dict(), fill, example))

    def duplicate(self, owner: str, id: str, options: Options) -> Run:
        """The same videos with other options, in a new run. What the options do not touch is not computed again."""
        row = self._row(owner, id, "reconstruct")
        old = self.places.run(id)
        given = (old / "inputs" / "cameras.json").is_file() and options.use_cameras
        self._fitting(owner, options, given, len(stored_takes(old / "inputs")))

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
        id = self._queue(owner, name, row["reference"], row["freeze"], options.as_dict(), fill, row["example"])
        return self.run(owner, id)

    def run(self, owner: str, id: str) -> Run:
        return self._value(self._row(owner, id, "reconstruct"))

    def runs(self, owner: str) -> list[Run]:
        """Newest first."""
        return [self._value(row) for row in self.store.runs(owner)]

    def videos_of(self, owner: str, id: str) -> tuple[str, str, list[str]]:
        """The ids of the two videos of a run and of its further ones; what was deleted is taken in again."""
        row = self._row(owner, id, "reconstruct")
        inputs = self.places.run(id) / "inputs"
        takes = enumerate(stored_takes(inputs))
        files = [
            (row["reference"], inputs / "reference.mp4", f"{row['name']} (reference)"),
            (row["freeze"], inputs / "freeze.mp4", f"{row['name']} (freeze-time)"),
            *((take.video, take_file(inputs, number), take.label) for number, take in takes),
        ]
        ids = []
        for video, path, name in files:
            there = self.store.video(video)
            ours = there is not None and there["owner"] == owner
            ids.append(video if ours else self._take_in(owner, path, shown_name(name, "video"), as_is=True).id)
        return ids[0], ids[1], ids[2:]

    def resume(self, owner: str, id: str) -> None:
        """Put a stopped or failed run back into the line; it goes on from where it was."""
        row = self._row(owner, id, "reconstruct")
        if row["state"] in ("stopped", "failed"):
            options, outdated = Options.stored(json.loads(row["options"]))
            if outdated:
                raise UserError(outdated)
            inputs = self.places.run(id) / "inputs"
            given = (inputs / "cameras.json").is_file() and options.use_cameras
            self._fitting(owner, options, given, len(stored_takes(inputs)))
            self._requeue(id)

    def rename(self, owner: str, id: str, name: str) -> None:
        self._row(owner, id, "reconstruct")
        self.store.rename(id, shown_name(name, UNNAMED))

    # --- Files of a run -----------------------------------------------------------------------------------------------

    def export(
        self,
        owner: str,
        id: str,
        format: str,
        trajectory: str | None = None,
        upright: bool = False,
        film: FilmWish | None = None,
    ) -> Path:
        """Write a finished scene for other programs; at once if that was done before.

        film: for mp4, what to film, if not just a trajectory.
        """
        row = self._row(owner, id, "reconstruct")
        folder = self.places.run(id)
        if format not in FORMATS:
            raise UserError(f"There is no format of that name: choose from {', '.join(FORMATS)}.")
        film = film or FilmWish.of(trajectory)
        if upright and format != "ply":
            raise UserError(f"Upright is for ply, not for {format}. Leave it out.")
        if not (folder / "manifest.json").is_file():
            raise UserError("This scene is not finished yet. Wait for it, or stop it and keep what is there.")
        if format == "r4d":
            return file_within(folder, "scene.r4d")
        if format == "html":  # made of the viewer's file in a moment; always anew, as it holds the scene's name
            self._room()
            content = html_bytes(file_within(folder, "scene.r4d").read_bytes(), row["name"])
            (folder / "exports").mkdir(exist_ok=True)
            put(folder / "exports" / "scene.html", content)
            return file_within(folder, "exports/scene.html")
        if format == "mp4":
            self._film(owner, folder, folder / "exports", film)
            return file_within(folder, f"exports/{film.file}")
        out = folder / "exports" / f"{format}{'-upright' * upright}.zip"
        self._written(owner, folder, out, ["--format", format, *["--upright"] * upright])
        return file_within(folder, f"exports/{out.name}")

    def ready_film(self, owner: str, film: FilmWish) -> Path:
        """A film of the scene that ships with the product; at once if it was made before, by anybody."""
        self._film(owner, READY_SCENE, self.places.films, film)
        return self.ready_film_file(film.file)

    def ready_film_file(self, name: str) -> Path:
        """A film of that scene which was made before."""
        return file_within(self.places.films, name, FILM)

    def _film(self, owner: str, folder: Path, into: Path, film: FilmWish) -> None:
        out = into / film.file
        if film.path is not None:
            self._room()
            into.mkdir(exist_ok=True)
            put(out.with_suffix(".json"), json.dumps(film.path.as_dict()).encode())
        self._written(owner, folder, out, ["--format", "mp4", *film.arguments(out)])
        drop_old_films(into, out)

    def _written(self, owner: str, folder: Path, out: Path, arguments: list[str]) -> None:
        """See to it that a child has written `out` since the scene in `folder` was finished."""
        there = lambda: out.is_file() and out.stat().st_mtime >= (folder / "manifest.json").stat().st_mtime
        if not there():
            with self._exports.turn(owner):
                if not there():  # nor was it made while this one waited
                    self._room()
                    most = shutil.disk_usage(self.places.data).free - self.limits.free_bytes
                    export_child([str(folder), "--out", str(out), *arguments], self.limits.export_seconds, most)

    def metrics(self, owner: str, id: str) -> dict[str, Any]:
        """Numbers of a finished run, {} before."""
        self._row(owner, id, "reconstruct")
        path = self.places.run(id) / "metrics.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    # --- For everyone -------------------------------------------------------------------------------------------------

    def ablations(self) -> list[str]:
        """Names of the ablation studies that somebody with access to this machine put into the data folder."""
        return sorted(page.parent.name for page in self.places.ablations.glob("*/page.html") if self._study(page))

    def ablation_page(self, name: str) -> Path:
        """The page of one, which needs no other file."""
        page = self.places.ablations / name / "page.html"
        if not STUDY.fullmatch(name) or not self._study(page):
            raise absent("study")
        return page

    # --- Within -------------------------------------------------------------------------------------------------------

    @staticmethod
    def _study(page: Path) -> bool:
        plain = not any(part.is_symlink() for part in (page.parent, page))
        return bool(STUDY.fullmatch(page.parent.name)) and plain and page.is_file()

    def _fitting(self, owner: str, options: Options, cameras_known: bool, further: int) -> None:
        """Raises UserError where a run with these options cannot be held here."""
        estimate = self._estimate(owner, options, cameras_known, further)
        if not estimate.fits:
            raise UserError(estimate.reason)

    def _estimate(self, owner: str, options: Options, cameras_known: bool, further: int) -> Estimate:
        return estimate_with_critic(
            options,
            cameras_known,
            self.devices(),
            self.store.costs(),
            self.store.place_of_next(owner),
            self.places.data,
            self.limits,
            further,
        )

    def _value(self, row: dict[str, Any]) -> Run:
        folder = self.places.run(row["id"])
        same = (
            "id",
            "name",
            "state",
            "place",
            "created",
            "started",
            "finished",
            "error",
            "reference",
            "freeze",
            "example",
        )
        options, outdated = Options.stored(json.loads(row["options"]))
        return Run(
            **{key: row[key] for key in same},
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
    return Path(reference["name"].removesuffix(" (reference)")).stem or UNNAMED
