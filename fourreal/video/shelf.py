"""Candidates on the disk: <role>-<seed>.mp4, and beside it a .json with what it was asked to be and its scores.

A video without such a file, or with one of another video, was put there by a person: it is a candidate like the others.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from fourreal import clip
from fourreal.clip import Clip
from fourreal.video.capabilities import USUAL_RIG, Rig
from fourreal.video.freeze_time import FreezeTime
from fourreal.video.score import Role, Score, order
from fourreal.whole import unwritable, writing


@dataclass(frozen=True)
class StoredCandidate:
    """A finished candidate.

    path: the MP4. payload: what was to be made, as JSON has it; None for a person's own video.
    model: which weights made it. seconds: how long that took. angles: radians, where the camera was commanded.
    canonical: the number of the frame that was picked, which moves as frames are added before it.
    rig: the camera that was commanded.
    scores: with which picture they were found is `judged_with`, "" as long as there are none.
    """

    path: Path
    role: Role
    seed: int
    sha256: str
    payload: dict[str, Any] | None = None
    model: str = ""
    seconds: float | int = 0.0
    angles: tuple[float, ...] | None = None
    canonical: int = 0
    rig: Rig = USUAL_RIG
    scores: tuple[Score, ...] = ()
    judged_with: str = ""

    @property
    def own(self) -> bool:
        """Whether a person put it there."""
        return self.payload is None

    @property
    def total(self) -> float:
        """0 to 1."""
        return order([self.scores])[0].total

    @property
    def judged(self) -> bool:
        """Whether the total means something, see `score.Scored`."""
        return order([self.scores])[0].judged

    @property
    def score(self) -> str:
        """The total for people."""
        return f"{self.total:.2f}" if self.judged else "not judged"

    @property
    def reasons(self) -> tuple[str, ...]:
        """Sentences, the most telling first."""
        return order([self.scores])[0].reasons

    def read(self) -> Clip:
        """The video; UserError where a person's own one is none."""
        return clip.read(self.path)

    def freeze_time(self) -> FreezeTime:
        """The video with the camera that was commanded."""
        angles = None if self.angles is None else torch.tensor(self.angles)
        return FreezeTime(self.read(), angles, self.canonical, self.rig)


def find(folder: Path, role: Role, seed: int) -> StoredCandidate | None:
    """The candidate of this number; None where there is none."""
    path = folder / f"{role}-{seed}.mp4"
    if not path.is_file():
        return None
    own = StoredCandidate(path, role, seed, clip.content_hash(path))
    try:
        notes = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if notes["sha256"] != own.sha256:
            return own
        scores = tuple(Score(**score) for score in notes["scores"])
        angles = None if notes["angles"] is None else tuple(float(angle) for angle in notes["angles"])
        return replace(
            own,
            payload=notes["payload"] if "payload" in notes else notes["asked"],  # as it was called before
            model=notes["model"],
            seconds=notes["seconds"],
            angles=angles,
            canonical=notes["canonical"],
            rig=Rig(**notes.get("rig", {})),
            scores=scores,
            judged_with=notes["judged_with"],
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # nothing usable is known about it
        return own


def keep(video: FreezeTime, candidate: StoredCandidate) -> StoredCandidate:
    """Writes a video just made. It has its name only once all that is known of it lies beside it.

    Raises UserError where it cannot be written; then nothing has changed.
    """
    with writing(candidate.path) as new:
        clip.write(video.clip, new)
        angles = None if video.angles is None else tuple(video.angles.tolist())
        candidate = replace(
            candidate, sha256=clip.content_hash(new), angles=angles, canonical=video.canonical, rig=video.rig
        )
        note(candidate)
    return candidate


def note(candidate: StoredCandidate) -> None:
    """Writes down what is known of a candidate."""
    notes = asdict(candidate) | {"path": candidate.path.name}
    if candidate.scores:
        notes |= {"total": candidate.total, "judged": candidate.judged, "reasons": candidate.reasons}
    write_json(candidate.path.with_suffix(".json"), notes)


def write_json(path: Path, content: Any) -> None:
    """Whole or not at all. Raises UserError where it cannot be written."""
    with writing(path) as part:
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        part.write_bytes(text.encode(errors="replace"))


@contextmanager
def opened(folder: Path) -> Iterator[None]:
    """A folder that can be written to, found out before hours of work. Taken away again if nothing came of it."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    probe = folder / f".{secrets.token_hex(4)}.part"
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe.touch(exist_ok=False)
            probe.unlink()
        except OSError as error:
            raise unwritable(folder, error) from error
        yield
    finally:
        for place in missing:
            if not place.is_dir() or any(place.iterdir()):
                break
            place.rmdir()
