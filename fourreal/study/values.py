"""A study: its pairs of films, and how it lies on the disk."""

import json
import math
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fourreal.errors import UserError
from fourreal.study.questions import QUESTIONS, questions_of

FORMAT = 1
FILE, RATERS, VOTES = "study.json", "raters", "votes.sqlite"
ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
CLIP = re.compile(r"[0-9a-f]{32}\.mp4", re.ASCII)
MOST_PAIRS, MOST_SECONDS, MOST_SIDE = 60, 30.0, 1280
SLOWEST, FASTEST = 4.0, 60.0  # frames a second
LONGEST_NAME, LONGEST_PROMPT = 80, 500


@dataclass(frozen=True)
class Entry:
    """One film that is asked for. method: who made it. source: a run's folder, a shipped scene's name, or a video."""

    method: str
    source: str


@dataclass(frozen=True)
class PairRequest:
    """Two films to be compared. prompt: the text that both were made from, "" where there is none."""

    first: Entry
    second: Entry
    prompt: str = ""


@dataclass(frozen=True)
class StudyRequest:
    """A study that is to be made.

    size: (width, height) of all films, even; seconds, fps: of all films. None: see `films.common_form`.
    """

    pairs: tuple[PairRequest, ...]
    name: str = "Study"
    size: tuple[int, int] | None = None
    seconds: float | None = None
    fps: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.pairs) <= MOST_PAIRS:
            raise UserError(f"A study has 1 to {MOST_PAIRS} pairs, not {len(self.pairs)}: give that many.")
        for pair in self.pairs:
            if not pair.first.method or not pair.second.method or pair.first.method == pair.second.method:
                raise UserError("The two films of a pair need two different names of methods: name each of them.")
            if pair.first.source == pair.second.source:
                raise UserError("The two films of a pair are the same one: choose another for one of them.")
        if self.seconds is not None and not 1 <= self.seconds <= MOST_SECONDS:
            raise UserError(f"Films of {self.seconds:g} seconds cannot be made: choose 1 to {MOST_SECONDS:g}.")
        if self.fps is not None and not SLOWEST <= self.fps <= FASTEST:
            raise UserError(f"Films at {self.fps:g} frames a second cannot be made: choose {SLOWEST:g} to {FASTEST:g}.")
        if self.size is not None and not all(64 <= side <= MOST_SIDE and side % 2 == 0 for side in self.size):
            raise UserError(
                f"Films of {self.size[0]}x{self.size[1]} cannot be made: choose even sides of 64 to {MOST_SIDE} pixels."
            )

    @classmethod
    def from_dict(cls, values: object) -> "StudyRequest":
        """What somebody wrote as JSON: {name, pairs: [{prompt, first: {method, source}, second: ...}], size, ...}.

        Raises UserError, naming what is wrong.
        """
        if isinstance(values, list):
            values = {"pairs": values}
        if not isinstance(values, dict) or not isinstance(values.get("pairs"), list):
            raise UserError('A study is asked for as {"pairs": [...]}: see docs/study.md.')
        pairs = tuple(_pair(number, pair) for number, pair in enumerate(values["pairs"], 1))
        size = values.get("size")
        if size is not None and not (isinstance(size, list) and len(size) == 2 and all(type(n) is int for n in size)):
            raise UserError("The size of a study's films is [width, height] in pixels.")
        numbers = {name: values.get(name) for name in ("seconds", "fps")}
        for name, number in numbers.items():
            if number is not None and (type(number) not in (int, float) or not math.isfinite(number)):
                raise UserError(f"A study's {name} is a number.")
        name = one_line(values.get("name") or "Study", LONGEST_NAME)
        return cls(pairs, name, None if size is None else tuple(size), **numbers)


@dataclass(frozen=True)
class Film:
    """One side of a pair. clip: the name of its file, which says nothing. note: what was done to it, for the maker."""

    method: str
    clip: str
    note: str = ""


@dataclass(frozen=True)
class Pair:
    first: Film
    second: Film
    prompt: str = ""

    @property
    def questions(self) -> tuple[str, ...]:
        return questions_of(self.prompt)

    def film(self, clip: str) -> Film:
        """The one of that name. Raises KeyError where the pair has none."""
        return {film.clip: film for film in (self.second, self.first)}[clip]


@dataclass(frozen=True)
class Study:
    """See the module. created: seconds since 1970. key: names the results, as `id` names what raters see."""

    id: str
    key: str
    name: str
    created: float
    size: tuple[int, int]
    seconds: float
    fps: float
    pairs: tuple[Pair, ...]
    owner: str = ""

    def write(self, folder: Path) -> None:
        """Raises OSError where it cannot be written."""
        (folder / FILE).write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=1), encoding="utf-8")

    def for_raters(self) -> dict[str, Any]:
        """All that a rater's browser is told: no name, no method; films by the order of their files."""
        pairs = [
            {
                "pair": number,
                "clips": sorted((pair.first.clip, pair.second.clip)),
                "prompt": pair.prompt,
                "questions": pair.questions,
            }
            for number, pair in enumerate(self.pairs)
        ]
        return {"study": self.id, "size": self.size, "questions": QUESTIONS, "pairs": pairs}

    def answers(self) -> int:
        """How many questions a rater is asked in all."""
        return sum(len(pair.questions) for pair in self.pairs)


def read(folder: Path) -> Study:
    """The study in a folder. Raises UserError where there is none, or a damaged one."""
    path = folder / FILE
    if not path.is_file():
        raise UserError(f"There is no study in {folder}: give the folder that `fourreal study make --out` wrote.")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values.pop("format") != FORMAT:
            raise UserError(f"The study in {folder} was written by a newer version: update fourreal.")
        pairs = tuple(
            Pair(Film(**pair["first"]), Film(**pair["second"]), pair["prompt"]) for pair in values.pop("pairs")
        )
        study = Study(**{**values, "size": tuple(values["size"]), "pairs": pairs})
        names = [film.clip for pair in pairs for film in (pair.first, pair.second)]
        if not all(ID.fullmatch(id) for id in (study.id, study.key)) or not all(map(CLIP.fullmatch, names)):
            raise ValueError("a name is not one of ours")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"The study in {folder} is damaged ({error}): restore it, or make it anew.") from error
    return study


def new_id() -> str:
    """32 hex digits that nobody can guess."""
    return secrets.token_hex(16)


def one_line(text: object, most: int) -> str:
    """Text as somebody gave it, on one line, without control characters, not too long."""
    plain = "".join(letter if letter.isprintable() else " " for letter in str(text)[: 4 * most])
    return " ".join(plain.split())[:most]


def _pair(number: int, values: object) -> PairRequest:
    if not isinstance(values, Mapping):
        raise UserError(f"Pair {number} is no object: see docs/study.md.")
    entries = []
    for side in ("first", "second"):
        entry = values.get(side)
        if not isinstance(entry, Mapping) or not all(isinstance(entry.get(key), str) for key in ("method", "source")):
            raise UserError(f'Pair {number} has no {side} film: write "{side}": {{"method": ..., "source": ...}}.')
        entries.append(Entry(one_line(entry["method"], LONGEST_NAME), entry["source"]))
    first, second = entries
    return PairRequest(first=first, second=second, prompt=one_line(values.get("prompt") or "", LONGEST_PROMPT))
