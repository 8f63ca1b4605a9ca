"""What a run keeps in files of its own, besides its videos: which further ones it has, and why they cannot serve."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from fourreal.whole import json_of

TAKES = "takes.json"  # among a run's inputs: its further videos, the first of which is take-0.mp4
REFUSAL = "refusal.json"  # in a run's folder


@dataclass(frozen=True)
class StoredTake:
    """A further video among a run's inputs, where `label` is how the person called it."""

    video: str
    role: str
    at: int | None
    label: str


def take_file(inputs: Path, number: int) -> Path:
    return inputs / f"take-{number}.mp4"


def takes_content(takes: Sequence[StoredTake]) -> bytes:
    return json.dumps([asdict(take) for take in takes]).encode()


def stored_takes(inputs: Path) -> tuple[StoredTake, ...]:
    """The further videos of a run; none where it was made before there were any."""
    file = inputs / TAKES
    return tuple(StoredTake(**entry) for entry in json.loads(file.read_text(encoding="utf-8"))) if file.exists() else ()


@dataclass(frozen=True)
class Refusal:
    """That a run failed for its videos or their cameras: the same ones would come to the same end.

    cut: which video is cut to another shot ("reference", "freeze", or the number of a further one), "" where that is
    not the reason. first, last: frames of its longest part.
    """

    cut: str = ""
    first: int = 0
    last: int = 0


def refusal_content(refusal: Refusal) -> bytes:
    return json.dumps(asdict(refusal)).encode()


def stored_refusal(folder: Path) -> Refusal | None:
    """Why the videos of the run in this folder cannot serve; None where nothing says so."""
    content = json_of(folder / REFUSAL)
    return content and Refusal(**content)
