"""What goes in and out of the part of `Service` that makes videos from a prompt: plain values, as in `values`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from fourreal.errors import UserError
from fourreal.jobs.values import DEVICES, among, as_far_as_valid, of_kinds
from fourreal.video import registry
from fourreal.video.capabilities import check_text
from fourreal.video.lora import KNOWN

ROLES = ("reference", "freeze")
SIDES = ("left", "right")
MOST_CANDIDATES = 16  # of one creation: more than anybody looks at
OUTDATED = (
    "This version cannot make more of these candidates, but those that are there can be taken. Begin anew for others."
)


def adapters(entry: registry.Entry) -> list[str]:
    """The known LoRAs that were made for a model."""
    return [one.name for one in KNOWN.values() if one.base in entry.adapters]


@dataclass(frozen=True)
class StoredWishes:
    """`Wishes` as some version kept them: for showing, as this one may not be able to make what they ask for."""

    role: str
    prompt: str
    model: str = registry.DEFAULT
    negative: str | None = None
    frames: int | None = None
    size: tuple[int, int] | None = None
    steps: int | None = None
    guidance: float | int | None = None
    arc: float | int = 45.0
    frame: int | None = None
    adapter: str | None = None
    device: str = "auto"

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; `from_dict` reads it."""
        return asdict(self) | {"size": None if self.size is None else list(self.size)}


@dataclass(frozen=True)
class Wishes(StoredWishes):
    """What a person may choose for a creation; see `video.candidates.Wish`. None takes what the model is best at.

    frame: of the reference video, the one that a freeze-time video freezes. adapter: a known LoRA, by name.

    Raises UserError where a value is none of the choices, or nothing that the model can make.
    """

    def __post_init__(self) -> None:
        among("role", self.role, ROLES)
        among("device", self.device, DEVICES)
        if not 0 < self.arc <= 360:
            raise UserError(f"A camera cannot go {self.arc:g} degrees around; ask for 1 to 360.")
        if self.guidance is not None and not 0 <= self.guidance <= 100:
            raise UserError(f"A guidance of {self.guidance:g} makes no sense; ask for 1 to 20.")
        entry = registry.entry(self.model)
        check_text(self.negative)
        entry.check(self.role, self.prompt, *self.amount)
        # known ones by name alone: a file's name or a repository's is nothing that a stranger may choose
        among("adapter for this model", self.adapter, (None, *adapters(entry)))

    @property
    def amount(self) -> tuple[int, tuple[int, int], int]:
        """Frames, (width, height) and denoising steps of each video."""
        able = registry.entry(self.model).capabilities
        usual = (able.native_frames, able.native_size, able.steps)
        asked = (self.frames, self.size, self.steps)
        return tuple(default if one is None else one for one, default in zip(asked, usual, strict=True))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Wishes":
        """Raises UserError for names and kinds of values that are none of these."""
        missing = {"role", "prompt"} - set(values)
        if missing:
            raise UserError(f"A creation needs {' and '.join(sorted(missing))}.")
        return cls(**_of_kinds(values))


def current(values: Mapping[str, Any]) -> Wishes:
    """The wishes of a creation that was stored. Raises UserError where they are nothing that is there any more."""
    try:
        return Wishes.from_dict(values)
    except UserError as error:
        raise UserError(f"{OUTDATED} {error}") from error


def stored(values: Mapping[str, Any]) -> tuple[StoredWishes, str]:
    """What some version kept of a creation's wishes; and why nothing more can be made of them, "" where it can."""
    try:
        return current(values), ""
    except UserError as error:
        readable, _ = as_far_as_valid(_of_kinds, values)
        role = readable.get("role") if readable.get("role") in ROLES else ROLES[0]
        return StoredWishes(**{"prompt": "", **readable, "role": role}), str(error)


def _of_kinds(values: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the wishes. Raises UserError for names and kinds of values that are none of these."""
    none = type(None)
    of_kinds(values, {
        "role": (str,), "prompt": (str,), "model": (str,), "negative": (str, none), "frames": (int, none),
        "size": (list, tuple, none), "steps": (int, none), "guidance": (float, int, none), "arc": (float, int),
        "frame": (int, none), "adapter": (str, none), "device": (str,),
    })  # fmt: skip
    size = values.get("size")
    if size is not None and (len(size) != 2 or not all(type(side) is int for side in size)):
        raise UserError("A size is two whole numbers of pixels: width and height.")
    return {**values, "size": None if size is None else tuple(size)}


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
    made: whether video and scores are there. kept: the person marked it. file: to be had by `Service.file`.
    total: 0 to 1, the score; reasons: sentences, the most telling first. degrees: how far the camera goes around, None
    where that is not known. seconds: how long making it took. frames, fps: of the video, 0 before it is there.
    best_frame: of a reference video, the one to freeze rather than others. size: (width, height), (0, 0) before.
    error: why it could not be made, "" as long as that may still be.
    """

    number: int
    way: str
    made: bool
    kept: bool
    name: str = ""
    file: str = ""
    total: float | None = None
    reasons: tuple[str, ...] = ()
    degrees: float | None = None
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
    for reference videos. preview: what is being made, as it looks by now; to be had by `Service.file`, "" before.
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

    @property
    def busy(self) -> bool:
        """Whether something is being made or waits to be."""
        return self.state in ("queued", "running")

    @property
    def resumable(self) -> bool:
        """Whether it is over and can go on."""
        return self.state in ("stopped", "failed") and not self.outdated
