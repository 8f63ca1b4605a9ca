"""Where everything lies in a data folder, and which of it may be handed out."""

import os
import re
import unicodedata
from pathlib import Path

from fourreal.errors import UserError

ID = re.compile(r"[0-9a-f]{32}")
# What of a run may be asked for by name. Nothing else is looked at, so no name can lead out of the run's folder.
FILES = re.compile(
    r"scene\.r4d|thumbnail\.jpg|manifest\.json|metrics\.json|live/layout\.json|live/scene-\d{1,9}\.r4d"
    r"|live/(preview|critique)-\d{1,9}\.jpg|candidates/(reference|freeze)-\d{1,10}\.mp4|inputs/(reference|freeze)\.mp4|inputs/picture\.jpg"
    r"|exports/[a-z0-9][a-z0-9_-]{0,60}\.(zip|mp4|r4d|html|4dgs)",
    re.ASCII,
)
# The pictures of a video, besides those of its frames.
FLAWS = re.compile(r"flaws-(reference|freeze)-[0-9a-f]{32}\.jpg", re.ASCII)
FILM = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}\.mp4", re.ASCII)
STUDY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}", re.ASCII)
FRAME_FILE = "frames/{:04d}.jpg"
LONGEST_NAME = 80
RUNNER_LOCK = "runner.lock"


class Places:
    """The names below a data folder; nothing is made or looked at."""

    def __init__(self, data: Path) -> None:
        self.data = Path(data).absolute()
        self.store = self.data / "store.sqlite"
        self.worker_lock = self.data / "worker.lock"  # held alone by the worker
        self.page_lock = self.data / "page.lock"  # held together by all pages
        self.worker_log = self.data / "worker.log"
        self.videos = self.data / "videos"
        self.runs = self.data / "runs"
        self.uploads = self.data / "uploads"  # what came in by the page and was not taken in yet
        self.studies = self.data / "studies"
        self.shares = self.data / "shares"  # a file for each scene that is shared: see shares.py
        self.films = self.data / "films"  # of the scenes that everybody may see, a folder for each
        self.ablations = self.data / "ablations"  # what `fourreal ablate --out` wrote there, for everyone to see

    def video(self, id: str) -> Path:
        return self.videos / checked(id, "video")

    def checks(self, freeze_id: str, reference_id: str) -> Path:
        """What was seen in these two videos."""
        return self.video(freeze_id) / f"checks-{checked(reference_id, 'video')}.json"

    def take_checks(self, id: str, freeze_id: str, given: bool) -> Path:
        """What was seen in a video besides the first two. given: whether these have known cameras."""
        return self.video(id) / f"take-{checked(freeze_id, 'video')}{'-given' if given else ''}.json"

    def placed(self, freeze_id: str, reference_id: str) -> Path:
        """The folder for where the cameras of these two videos stood, found before a run."""
        return self.video(freeze_id) / f"placed-{checked(reference_id, 'video')}"

    def flaws(self, id: str, role: str, other_id: str) -> Path:
        """The picture of what is put right in a video in this role, beside another one."""
        return self.video(id) / f"flaws-{role}-{checked(other_id, 'video')}.jpg"

    def run(self, id: str) -> Path:
        return self.runs / checked(id, "scene")

    def study(self, id: str) -> Path:
        return self.studies / checked(id, "study")

    def runner_lock(self, id: str) -> Path:
        """Held alone by the process that makes the run."""
        return self.run(id) / RUNNER_LOCK


def checked(id: str, what: str) -> str:
    """`id`, if it is one. Raises UserError for anything else, in the words for one that is unknown."""
    if not isinstance(id, str) or not ID.fullmatch(id):
        raise absent(what)
    return id


def absent(what: str) -> UserError:
    """For what is not there and for what is somebody else's: the two cannot be told apart."""
    return UserError(f"There is no such {what}. It may have been deleted, or belong to another browser.")


def file_within(folder: Path, name: str, allowed: re.Pattern = FILES) -> Path:
    """The regular file `name` of `folder`, whatever tricks the name plays.

    Raises:
        UserError: the name is not among those allowed, nothing is there, or a link is on the way.
    """
    if not isinstance(name, str) or not allowed.fullmatch(name):
        raise absent("file")
    path = folder.joinpath(*name.split("/"))
    within = (folder, *(folder.joinpath(*name.split("/")[:n]) for n in range(1, name.count("/") + 2)))
    if any(part.is_symlink() for part in within) or not path.is_file():
        raise absent("file")
    return path


def shown_name(name: str, default: str) -> str:
    """A name as people gave it, made fit for showing: one line, no control or direction characters, not too long.

    It is never part of a path.
    """
    plain = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in str(name)[:1000])
    return " ".join(plain.split())[:LONGEST_NAME] or default


def without_paths(sentence: str, folder: Path) -> str:
    """A sentence for people who know nothing of our folders."""
    return sentence.replace(f"{folder}{os.sep}", "").replace(str(folder), "its folder")
