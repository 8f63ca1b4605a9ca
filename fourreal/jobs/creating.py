"""What a run of kind "create" does: candidates, one after the other, until all that were asked for are there.

What goes wrong with one is written on its card, and the others go on. What concerns all ends the run: a model that
cannot be had, a full disk.
"""

import contextlib
import json
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from fourreal.description import Wishes
from fourreal.errors import Cancelled, UserError, out_of_space
from fourreal.jobs.candidate_files import forget, next_of, none_made
from fourreal.jobs.children import in_words
from fourreal.jobs.create_estimate import work_of
from fourreal.jobs.desk import Desk
from fourreal.jobs.files import link, put
from fourreal.jobs.live import Live
from fourreal.jobs.places import without_paths
from fourreal.progress import CancelToken
from fourreal.settings import Preset
from fourreal.video.one_model import OneModel

LOOK_SECONDS = 0.25


class Creating:
    """row: the run's, from the store. desk: its candidates there. presets: not needed here. models: stays loaded for
    whoever comes next.

    Raises UserError where it asked for what is no more.
    """

    def __init__(
        self, folder: Path, row: Mapping[str, Any], desk: Desk, presets: Mapping[str, Preset], models: OneModel
    ) -> None:
        self.folder, self.desk = folder, desk
        self.wishes = Wishes.current(json.loads(row["options"]))
        self.videos, self.models = folder / "candidates", models
        self.spent: list[float] = []  # seconds a video
        self.device = ""

    def do(self, live: Live, cancel: CancelToken) -> None:
        """Finished candidates are kept, and a half-made one is begun anew.

        Raises UserError for what concerns all of them, or where none could be made; and Cancelled.
        """
        self.make(live, cancel)
        self.measure(live, cancel)
        rows = self.desk.candidates()
        if rows and all(row["error"] for row in rows):
            raise UserError(none_made(rows))

    def make(self, live: Live, cancel: CancelToken) -> None:
        """Make all that are not made. Raises as `do`."""
        wish = self._wish()
        self.models.work_for(None if self.wishes.device == "auto" else self.wishes.device, live, cancel)
        while (row := self._next()) is not None:
            self._settle(row, wish, self.models, live, cancel)

    def measure(self, live: Live, cancel: CancelToken) -> None:
        """Find out how far cameras go that nobody commanded: slow, so it comes when all can be seen already."""
        from fourreal.pipeline import candidates
        from fourreal.video import shelf

        for row in self.desk.candidates() if self.wishes.role == "freeze" else ():
            candidate = shelf.find(self.videos, "freeze", row["number"])
            if candidate is not None and candidate.angles is None and not cancel.cancelled:
                with self._apart(row["number"], cancel) as wanted:
                    candidates.measured(candidate, live, wanted)

    def cost(self) -> dict[str, Any] | None:
        """What a video took, for later estimates; None where none was made."""
        if not self.spent:
            return None
        work = work_of(self.wishes)
        return {"model": self.wishes.model, "device": self.device, "seconds": median(self.spent), "work": work}

    def afterwards(self) -> None:
        """Nothing more to do."""

    # --- One candidate ------------------------------------------------------------------------------------------------

    def _next(self) -> dict[str, Any] | None:
        return next_of(self.desk.candidates())

    def _settle(self, row: Mapping[str, Any], wish, models, live: Live, cancel: CancelToken) -> None:
        """Make a candidate, or note why it cannot be made."""
        number = row["number"]
        if row["how"]["way"] != "own":
            models.get(wish.choice)  # what is wrong with it concerns all
        self.desk.begin(number)
        with self._apart(number, cancel) as wanted:
            self._make(row, wish, models, live, wanted)
        if row["how"]["way"] == "longer":
            forget(self.videos, wish.role, row["how"]["of"], self.desk.candidates())

    @contextlib.contextmanager
    def _apart(self, number: int, cancel: CancelToken) -> Iterator[CancelToken]:
        """Work on a candidate, whose trouble is its own. It may be discarded meanwhile: then nothing is left of it."""
        try:
            yield Wanted(cancel, lambda: self.desk.has(number))
        except Cancelled:
            if cancel.cancelled:
                raise
        except Exception as error:
            if out_of_space(error):
                raise
            if not isinstance(error, UserError):
                traceback.print_exc()
            self.desk.fail(number, without_paths(in_words(error), self.folder))
        forget(self.videos, self.wishes.role, number, self.desk.candidates())

    def _wish(self):
        """The wish of the video room, with the picked frame where there is one."""
        from fourreal import clip
        from fourreal.clip.picture import read_picture
        from fourreal.pipeline.candidates import Wish
        from fourreal.video.freeze_time import pick_frame

        wish = Wish(**self.wishes.as_dict())
        if self.wishes.role == "freeze":
            shot = clip.read(self.folder / "inputs" / "reference.mp4")
            size = wish.capabilities.alike(shot.size, wish.size)
            wish = replace(wish, picked=pick_frame(shot, wish.frame), size=size)
        picture = self.folder / "inputs" / "picture.jpg"
        if self.wishes.role == "reference" and picture.is_file():
            wish = wish.beginning_with(read_picture(picture))
        return wish

    def _make(self, row: Mapping[str, Any], wish, models, live: Live, cancel: CancelToken) -> None:
        from fourreal.pipeline import candidates
        from fourreal.pipeline.from_prompt import best_frame
        from fourreal.video.memory import free_memory

        number, how, begin = row["number"], row["how"], time.monotonic()
        if how["way"] == "longer":
            candidate = candidates.longer(wish, models, self.videos, how["of"], how["side"], number, live, cancel)
        else:
            if how["way"] == "own":
                self.videos.mkdir(exist_ok=True)
                with contextlib.suppress(FileExistsError):
                    link(self.folder / "own" / f"{how['file']}.mp4", self.videos / f"{wish.role}-{number}.mp4")
            (candidate,) = candidates.make(wish, models, self.videos, [number], live, cancel, preview=True)
        if how["way"] == "model":
            self.spent.append(candidate.seconds or time.monotonic() - begin)
            self.device = free_memory(None if self.wishes.device == "auto" else self.wishes.device).device
        video = candidate.freeze_time()
        shot = video.clip
        content = {"frames": len(shot), "fps": shot.fps, "best_frame": best_frame(shot)[0], "size": shot.size}
        put(candidate.path.with_suffix(".clip.json"), json.dumps(content).encode())
        picked = self.wishes.frame
        if wish.role == "freeze" and picked is not None and (commanded := video.commanded(picked)) is not None:
            put(candidate.path.with_suffix(".cameras.json"), json.dumps(commanded).encode())
        self.desk.is_made(number)


class Wanted(CancelToken):
    """Set when `whole` is, or when `there` says that nobody wants the result any more."""

    def __init__(self, whole: CancelToken, there) -> None:
        super().__init__()
        self._whole, self._there, self._looked = whole, there, 0.0

    @property
    def cancelled(self) -> bool:
        if not self._event.is_set() and time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            with contextlib.suppress(UserError):  # a full disk does not concern whoever only looks
                if not self._there():
                    self._event.set()
        return self._event.is_set() or self._whole.cancelled
