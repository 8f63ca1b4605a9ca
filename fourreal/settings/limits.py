"""What is accepted as a video, and what the page lets people do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fourreal.errors import UserError

MOST_TAKES = 10  # videos of a scene besides the first two


def check_takes(count: int) -> None:
    """Raises UserError where there are too many videos besides the first two."""
    if count > MOST_TAKES:
        raise UserError(f"There are {count} further videos; at most {MOST_TAKES} are taken. Leave some out.")


@dataclass(frozen=True)
class ClipLimits:
    """What is accepted as a video."""

    max_bytes: int = 2 * 1024**3
    max_pixels: int = 4096 * 2304  # a frame
    max_total_pixels: int = 300 * 1920 * 1080  # of all frames as they are kept in memory: 1.9 GB
    max_seconds: float = 120.0
    max_frames: int = 300


@dataclass(frozen=True)
class TurnLimits:
    """How much of one kind of work there may be.

    at_once, each: that goes on, of all people and of one. held, held_each: the same, with what waits for its turn.
    """

    at_once: int
    each: int
    held: int
    held_each: int


@dataclass(frozen=True)
class JobLimits:
    """What the page lets people do, and how much it keeps of it.

    max_upload_bytes: of one video file.
    uploads_bytes, uploads_bytes_per_person: of all files that came in and are not taken in yet, and of one person's,
        who is told by their address.
    max_side: pixels of the longer side at which uploads are kept; a preset looks at 512 at most.
    queued_per_person, videos_per_person: jobs waiting in the line, and videos kept, the oldest going first.
    disk_bytes: what videos and runs may take together before the oldest is removed; free_bytes: what stays free.
        Uploads leave twice as much, so that they never make the oldest go.
    keep_days: finished runs are kept whole at least so long; afterwards the disk budget may take them. None: for ever.
    intake_seconds, intake_bytes: time and address space of the process that decodes an upload; the largest that is
        accepted took 26 s on two idle cores, 110 s on busy ones, and less than 2 GB.
    check_seconds, check_bytes: of the one that looks at two videos, at full size as a run does; export_seconds: of one
        that exports; placing_seconds: of one that finds where the cameras stood, which takes half a minute for two
        short videos on two cores.
    study_seconds: of one that makes a study; studies_per_person: how many a person may have.
    intakes, checks, exports, placings, studies: how many of these processes there are. A person never has all of a
        kind.
    """

    max_upload_bytes: int = 512 * 1024**2
    uploads_bytes: int = 6 * 1024**3
    uploads_bytes_per_person: int = 3 * 512 * 1024**2
    max_side: int = 1024
    queued_per_person: int = 5
    videos_per_person: int = 40
    disk_bytes: int = 20 * 1024**3
    free_bytes: int = 512 * 1024**2
    keep_days: float | int | None = 30.0
    intake_seconds: float | int = 300.0
    intake_bytes: int = 3 * 1024**3
    check_seconds: float | int = 120.0
    check_bytes: int = 8 * 1024**3
    export_seconds: float | int = 900.0
    placing_seconds: float | int = 900.0
    study_seconds: float | int = 3600.0
    studies_per_person: int = 20
    intakes: TurnLimits = TurnLimits(at_once=3, each=2, held=16, held_each=4)
    checks: TurnLimits = TurnLimits(at_once=2, each=1, held=12, held_each=4)
    exports: TurnLimits = TurnLimits(at_once=2, each=1, held=12, held_each=3)
    placings: TurnLimits = TurnLimits(at_once=1, each=1, held=6, held_each=2)
    studies: TurnLimits = TurnLimits(at_once=1, each=1, held=6, held_each=1)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "JobLimits":
        """The limits of which `dataclasses.asdict` made `values`."""
        limits: dict[str, Any] = {
            name: TurnLimits(**one) if isinstance(one, Mapping) else one for name, one in values.items()
        }
        return cls(**limits)
