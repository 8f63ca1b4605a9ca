"""Finished scenes for other programs, and films of them: written by a child, once, until the scene changes."""

import json
import shutil
from pathlib import Path

from fourreal.errors import UserError
from fourreal.jobs.exporting import export_child
from fourreal.jobs.files import put
from fourreal.jobs.films import FilmWish, drop_old_films
from fourreal.jobs.jobs import Jobs
from fourreal.jobs.places import FILM, file_within
from fourreal.jobs.turns import Turns
from fourreal.jobs.workspace import Workspace
from fourreal.scene.export import FORMATS, SINGLE
from fourreal.scene.export_html import html_bytes


class Exports:
    def __init__(self, workspace: Workspace, jobs: Jobs) -> None:
        self._workspace, self._places, self._jobs = workspace, workspace.places, jobs
        self.turns = Turns(workspace.limits.exports, "exports")

    def make(
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
        row = self._jobs.row(owner, id, "reconstruct")
        folder = self._places.run(id)
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
            self._workspace.check_room()
            content = html_bytes(file_within(folder, "scene.r4d").read_bytes(), row["name"])
            (folder / "exports").mkdir(exist_ok=True)
            put(folder / "exports" / "scene.html", content)
            return file_within(folder, "exports/scene.html")
        if format == "mp4":
            self._film(owner, folder, folder / "exports", film)
            return file_within(folder, f"exports/{film.file}")
        out = folder / "exports" / (f"scene.{format}" if format in SINGLE else f"{format}{'-upright' * upright}.zip")
        self._write(owner, folder, out, ["--format", format, *["--upright"] * upright])
        return file_within(folder, f"exports/{out.name}")

    def public_film(self, owner: str, bundle: Path, name: str, film: FilmWish) -> Path:
        """A film of a scene that everybody may see; at once if it was made before, by anybody.

        bundle: the scene's folder. name: of the folder of its films, safe in paths.
        """
        if not (bundle / "manifest.json").is_file():
            raise UserError("This scene is not finished yet. Wait for it, or choose another.")
        self._film(owner, bundle, self._places.films / name, film)
        return self.public_film_file(name, film.file)

    def public_film_file(self, name: str, file: str) -> Path:
        """A film of that scene which was made before."""
        return file_within(self._places.films / name, file, FILM)

    def _film(self, owner: str, folder: Path, into: Path, film: FilmWish) -> None:
        out = into / film.file
        if film.path is not None:
            self._workspace.check_room()
            into.mkdir(parents=True, exist_ok=True)
            put(out.with_suffix(".json"), json.dumps(film.path.as_dict()).encode())
        self._write(owner, folder, out, ["--format", "mp4", *film.arguments(out)])
        drop_old_films(into, out)

    def _write(self, owner: str, folder: Path, out: Path, arguments: list[str]) -> None:
        """See to it that a child has written `out` since the scene in `folder` was finished."""
        there = lambda: out.is_file() and out.stat().st_mtime >= (folder / "manifest.json").stat().st_mtime
        if there():
            return
        with self.turns.turn(owner):
            if not there():  # nor was it made while this one waited
                self._workspace.check_room()
                most = shutil.disk_usage(self._places.data).free - self._workspace.limits.free_bytes
                export_child([str(folder), "--out", str(out), *arguments], self._workspace.limits.export_seconds, most)
