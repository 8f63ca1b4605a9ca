"""Videos besides the first two, as a person hands them in."""

from collections.abc import Mapping
from dataclasses import dataclass

from fourreal.errors import UserError
from fourreal.jobs.values import among, of_kinds
from fourreal.settings import check_takes

TAKE_ROLES = ("reference", "freeze")
KINDS = {"video": (str,), "role": (str, type(None)), "at": (int, type(None))}
MOST_FRAME = 100_000


@dataclass(frozen=True)
class FurtherVideo:
    """A video besides the first two.

    video: its id. role, at: see `pipeline.takes.Further`; of a role that is None it is found by looking.
    """

    video: str
    role: str | None = None
    at: int | None = None

    def __post_init__(self) -> None:
        among("role of a further video", self.role, (None, *TAKE_ROLES))
        if self.at is not None and abs(self.at) > MOST_FRAME:
            raise UserError(f"There is no frame {self.at}.")

    @classmethod
    def from_dict(cls, values: object) -> "FurtherVideo":
        """Raises UserError for anything but the fields of this class."""
        if not isinstance(values, Mapping) or "video" not in values:
            raise UserError("A further video is given as {video, role, at}.")
        of_kinds(values, KINDS)
        return cls(**values)


def further_videos(values: object) -> tuple[FurtherVideo, ...]:
    """What a program or a browser sent as further videos. Raises UserError where they are too many or no such."""
    if values is None:
        return ()
    if not isinstance(values, list | tuple):
        raise UserError("Further videos are given as a list of {video, role, at}.")
    check_takes(len(values))
    return tuple(map(FurtherVideo.from_dict, values))
