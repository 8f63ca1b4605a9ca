"""What goes in and out of `Creations` and `Candidates`: plain values, as in `values`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fourreal.description import StoredWishes

SIDES = ("left", "right")
BY_MODEL = {"way": "model"}  # how a candidate is made that nobody brought
MOST_CANDIDATES = 16  # of one creation: more than anybody looks at


@dataclass(frozen=True)
class Offer:
    """A video model as it is offered. fits: whether it runs here. on_disk: whether its weights are here.

    weights: how large they are, for people. words: all that mean something to it, by kind, where they are few.

    See `video.registry.Entry` for the others.
    """

    name: str
    title: str
    summary: str
    repository: str
    revision: str
    page: str
    licence: str
    download_gb: float
    memory_gb: tuple[float, float]
    roles: tuple[str, ...]
    cameras: bool
    frames: int
    frame_step: int
    size: tuple[int, int]
    size_step: int
    fps: float
    steps: int
    guidance: float
    on_disk: bool
    fits: bool
    weights: str = ""
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Candidate:
    """One video of a creation, there or still to be made.

    way: "model", "own" (somebody's own, or cut or reversed by them) or "longer" (another one with a window added).
    made: whether video and scores are there. marked: the person wants to keep it. file: to be had by `Jobs.file`.
    total: 0 to 1, the score; reasons: sentences, the most telling first. degrees, still: of a freeze-time video, how
    far the camera goes around and, 0 to 1, how well the subject stands. All are None where that is not known.
    seconds: how long making it took. frames, fps: of the video, 0 before it is there.
    best_frame: of a reference video, the one to freeze rather than others. size: (width, height), (0, 0) before.
    error: why it could not be made, "" as long as that may still be.
    """

    number: int
    way: str
    made: bool
    marked: bool
    name: str = ""
    file: str = ""
    total: float | None = None
    reasons: tuple[str, ...] = ()
    degrees: float | None = None
    still: float | None = None
    seconds: float | None = None
    frames: int = 0
    fps: float = 0.0
    best_frame: int = 0
    size: tuple[int, int] = (0, 0)
    error: str = ""


@dataclass(frozen=True)
class Creation:
    """Candidates for one of the two videos. candidates: those that are there best first, then those to be made.

    state, place, progress, error, created, seconds: as of `values.Run`. reference: id of the video that is frozen, ""
    for reference videos. preview: what is being made, as it looks by now; to be had by `Jobs.file`, "" before.
    picture: the one that its videos begin with, to be had by `Jobs.file`, "" for none.
    discarded: the number of the one that was discarded last, which is the next to come back.
    outdated: why no more can be made, where it asked for what is not there in this version; else "".
    """

    id: str
    state: str
    place: int
    wishes: StoredWishes
    created: float
    error: str
    seconds: float
    reference: str
    candidates: tuple[Candidate, ...]
    preview: str = ""
    progress: dict[str, Any] = field(default_factory=dict)
    outdated: str = ""
    picture: str = ""
    discarded: int | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being made or waits to be."""
        return self.state in ("queued", "running")

    @property
    def resumable(self) -> bool:
        """Whether it is over and can go on."""
        return self.state in ("stopped", "failed") and not self.outdated
