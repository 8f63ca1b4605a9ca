"""Where a task of a creation works: in a folder of its own below the run's, with what its candidate is made from.

What it says in the journal there and shows of what forms is passed on to the run's, and its files come to the others
once its video is made.
"""

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fourreal.engine.values import LOG
from fourreal.jobs import journal
from fourreal.jobs.files import link, remove

PARTS = "parts"  # of a run's folder


@dataclass
class Part:
    """See the module.

    step: "make", its one candidate; or "measure", how far cameras go that nobody commanded. numbers: of candidates.
    read: bytes of its journal that are passed on. stop: whether it was asked to.
    """

    step: str
    numbers: tuple[int, ...]
    folder: Path
    read: int = 0
    stop: bool = False

    def fill(self, run: Path, role: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Put what candidates are made from into its folder, and no more.

        Raises:
            OSError: the disk is full, or a video is gone.
        """
        needed = list((run / "inputs").glob("*"))
        for row in rows:
            how = row["how"]
            if how["way"] == "own":
                needed.append(run / "own" / f"{how['file']}.mp4")
            sources = {row["number"], *([how["of"]] if how["way"] == "longer" and self.step == "make" else [])}
            needed += [path for source in sources for path in (run / "candidates").glob(f"{role}-{source}.*")]
        self.folder.mkdir(parents=True)
        for path in needed:
            to = self.folder / path.relative_to(run)
            to.parent.mkdir(parents=True, exist_ok=True)
            link(path, to)

    def bring(self, videos: Path, role: str, number: int) -> None:
        """The files of a candidate, to the others."""
        videos.mkdir(exist_ok=True)
        for path in sorted((self.folder / "candidates").glob(f"{role}-{number}.*")):
            os.replace(path, videos / path.name)

    def lines(self) -> list[dict[str, Any]]:
        """What its journal says that was not passed on."""
        lines, self.read = journal.read(self.folder / "journal.jsonl", self.read)
        return lines

    def picture(self, name: str | None) -> bytes | None:
        """Of what forms; None where it is gone by now."""
        with contextlib.suppress(OSError):
            return (self.folder / "live" / Path(name).name).read_bytes() if name else None
        return None

    def leave(self, run: Path) -> None:
        """Take its folder away. What it printed stays with the run."""
        with contextlib.suppress(OSError):  # it matters less than what is made
            printed = (self.folder / LOG).read_bytes()
            with (run / LOG).open("ab") as whole:
                whole.write(printed)
        remove(self.folder)
