"""Studies of the page: whose they are, how they are made in a process of their own, and what raters may reach."""

import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fourreal.errors import UserError
from fourreal.jobs.exporting import command_child
from fourreal.jobs.files import remove, storing
from fourreal.jobs.library import Library
from fourreal.jobs.places import ID, absent, file_within, without_paths
from fourreal.jobs.ready import ready_scenes
from fourreal.jobs.runs import Runs
from fourreal.jobs.turns import Turns
from fourreal.jobs.workspace import Workspace
from fourreal.study import exchange, values
from fourreal.study.page import rater_page
from fourreal.study.results import Results, results
from fourreal.study.values import CLIP, RATERS, Entry, Study, StudyRequest
from fourreal.study.votes import Votes, rater_of

log = logging.getLogger("fourreal.jobs.studies")
MOST_AT_ONCE = 50  # votes of one call
PROGRESS = re.compile(r"(films?|study) (\d+)/(\d+)", re.ASCII)
PHASES = {"films": "Filming scene {} of {}", "film": "Filming: picture {} of {}", "study": "Writing video {} of {}"}


@dataclass(frozen=True)
class Source:
    """What may go into a study. id: of a run or a video, or a shipped scene's name. kind: "scene" or "video"."""

    id: str
    title: str
    kind: str


class Studies:
    """See the module. Any thread may call any method; every one that names an owner is about theirs alone."""

    def __init__(self, workspace: Workspace, library: Library, runs: Runs) -> None:
        self._workspace, self._places = workspace, workspace.places
        self._library, self._runs = library, runs
        self._turns = Turns(workspace.limits.studies, "studies being made")

    # --- For who makes them -------------------------------------------------------------------------------------------

    def sources(self, owner: str) -> list[Source]:
        """Own finished scenes, those that ship with the product, own videos."""
        runs = [run for run in self._runs.all(owner) if self._finished(run.id)]
        mine = [Source(run.id, run.name, "scene") for run in runs]
        shipped = [Source(scene.name, scene.title, "scene") for scene in ready_scenes()]
        return [*mine, *shipped, *(Source(one.id, one.name, "video") for one in self._library.videos(owner))]

    def make(
        self, owner: str, request: Mapping[str, Any], telling: Callable[[str], None] = lambda sentence: None
    ) -> Study:
        """Make a study; a minute or so for each scene.

        request: see `values.StudyRequest.from_dict`, a source being an id. telling: is given sentences that say how far
        it is. Raises UserError.
        """
        whole = StudyRequest.from_dict(request)
        most = self._workspace.limits.studies_per_person
        if len(self.studies(owner)) >= most:
            raise UserError(f"You have {most} studies, which is the most a person may have: delete one.")
        place = lambda entry: replace(entry, source=self._source(owner, entry))
        pairs = [replace(pair, first=place(pair.first), second=place(pair.second)) for pair in whole.pairs]
        fresh = self._places.studies / ".making" / values.new_id()
        with self._turns.turn(owner):
            self._workspace.check_room()
            fresh.mkdir(parents=True)
            try:
                with storing("The study"):
                    self._make_in(fresh, replace(whole, pairs=tuple(pairs)), telling)
                    study = replace(values.read(fresh / "study"), owner=owner)
                    study.write(fresh / "study")
                    os.replace(fresh / "study", self._places.study(study.id))
            finally:
                remove(fresh)
        return study

    def studies(self, owner: str) -> list[Study]:
        """Newest first."""
        mine = []
        for folder in self._places.studies.iterdir() if self._places.studies.is_dir() else ():
            try:
                study = self._study(folder.name)
            except UserError as error:  # a damaged one, or none
                if ID.fullmatch(folder.name):
                    log.warning("%s", error)
                continue
            mine += [study] if study.owner == owner else []
        return sorted(mine, key=lambda study: study.created, reverse=True)

    def results(self, owner: str, id: str) -> Results:
        """What the votes say until now."""
        study = self._own(owner, id)
        return results(study, Votes(self._places.study(id)).all())

    def delete(self, owner: str, id: str) -> None:
        """Remove a study with its votes."""
        self._own(owner, id)
        remove(self._places.study(id))

    # --- For whoever has its address ----------------------------------------------------------------------------------

    def page(self, id: str) -> str:
        """What raters see."""
        return rater_page(self._study(id), server=True)

    def clip(self, id: str, name: str) -> Path:
        """One of its films."""
        self._study(id)
        return file_within(self._places.study(id) / RATERS / "clips", name, CLIP)

    def votes(self, id: str, token: object) -> list[dict[str, Any]]:
        """What this rater has answered: [{pair, question, clip, left}]."""
        self._study(id)
        answers = Votes(self._places.study(id)).of(rater_of(token))
        return [
            {"pair": vote.pair, "question": vote.question, "clip": vote.clip, "left": vote.on_left} for vote in answers
        ]

    def is_new(self, id: str, token: object) -> bool:
        """Whether this rater has not answered anything yet."""
        return not self.votes(id, token)

    def vote(self, id: str, token: object, votes: object) -> None:
        """Keep a rater's answers; see `votes`."""
        study, rater = self._study(id), rater_of(token)
        if not isinstance(votes, Sequence) or isinstance(votes, str) or not 1 <= len(votes) <= MOST_AT_ONCE:
            raise UserError(f"Send 1 to {MOST_AT_ONCE} votes at a time.")
        Votes(self._places.study(id)).add(study, [exchange.vote_of(study, rater, one) for one in votes])

    def folder(self, id: str, key: str) -> Path:
        """The folder of a study for whoever knows the key of its results."""
        if self._study(id).key != key:
            raise absent("study")
        return self._places.study(id)

    # --- Within -------------------------------------------------------------------------------------------------------

    def _make_in(self, fresh: Path, request: StudyRequest, telling: Callable[[str], None]) -> None:
        film = lambda entry: {"method": entry.method, "source": entry.source}
        pairs = [
            {"prompt": pair.prompt, "first": film(pair.first), "second": film(pair.second)} for pair in request.pairs
        ]
        options = {name: getattr(request, name) for name in ("name", "size", "seconds", "fps")}
        (fresh / "request.json").write_text(json.dumps({**options, "pairs": pairs}), encoding="utf-8")
        words = ["study", "make", str(fresh / "request.json"), "--out", str(fresh / "study")]
        most = shutil.disk_usage(self._places.data).free - self._workspace.limits.free_bytes
        late = "Making the study took too long and was ended. Take fewer pairs or shorter films."
        tell = lambda line: telling(sentence_of(line))
        command_child(words, self._workspace.limits.study_seconds, most, late, self._places.data, tell)

    def _source(self, owner: str, entry: Entry) -> str:
        """What the command line knows a source by, if it is this person's or everybody's."""
        if entry.source in [scene.name for scene in ready_scenes()]:
            return entry.source
        if ID.fullmatch(entry.source):
            video = self._workspace.store.video(entry.source)
            if video is not None and video["owner"] == owner:
                return str(self._places.video(entry.source) / "clip.mp4")
            self._runs.get(owner, entry.source)
            if not self._finished(entry.source):
                raise UserError("A scene of the study is not finished yet: wait for it, or choose another.")
            return str(self._places.run(entry.source))
        raise absent("scene")

    def _finished(self, run: str) -> bool:
        return (self._places.run(run) / "manifest.json").is_file()

    def _study(self, id: str) -> Study:
        folder = self._places.study(id)
        if folder.is_symlink() or not (folder / values.FILE).is_file():
            raise absent("study")
        try:
            return values.read(folder)
        except UserError as error:
            raise UserError(without_paths(str(error), self._places.data)) from error

    def _own(self, owner: str, id: str) -> Study:
        study = self._study(id)
        if study.owner != owner:
            raise absent("study")
        return study


def sentence_of(line: str) -> str:
    """A line of the command as a sentence for people, "" for any other."""
    match = PROGRESS.match(line)
    if match is None:
        return ""
    done, whole = int(match[2]), int(match[3])
    return PHASES[match[1]].format(min(done + 1, whole), whole)
