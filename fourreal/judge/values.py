"""What a judge is asked, and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from fourreal.clip import Clip


@dataclass(frozen=True)
class Item:
    """A video that is to be judged. truth: a video of what it should show, from the same camera at the same times."""

    method: str
    name: str
    video: Path
    prompt: str
    truth: Path | None = None


@dataclass(frozen=True, eq=False)
class Question:
    """The same, read."""

    clip: Clip
    text: str
    truth: Clip | None = None


@dataclass(frozen=True)
class Row:
    """What was found of an item. scores: by their names; None where a judge cannot tell. errors: a sentence each."""

    method: str
    name: str
    prompt: str
    video: str
    scores: dict[str, float | None] = field(default_factory=dict)
    errors: tuple[str, ...] = ()


class Judge(Protocol):
    """name: as in `offers.OFFERS`. version: changes whenever the same question would get another answer. batch: how
    many questions it takes at once."""

    name: str
    version: str
    batch: int

    def __call__(self, questions: Sequence[Question]) -> list[dict[str, float | None]]:
        """The scores of each question, all of them under the same names. Raises UserError."""
