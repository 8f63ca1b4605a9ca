"""Videos besides the first two, as a person hands them in."""

from collections.abc import Mapping

from fourreal.description import Description, described, option
from fourreal.errors import UserError
from fourreal.settings import check_takes

TAKE_ROLES = {"reference": "another camera that filmed the motion", "freeze": "another frozen moment of it"}
MOST_FRAME = 100_000


@described
class FurtherVideo(Description):
    """A video besides the first two, see `pipeline.takes.Further`."""

    video: str = option(help="its id")
    role: str | None = option(
        None, "what it shows", unset="found by looking", choices=TAKE_ROLES, called="role of a further video"
    )
    at: int | None = option(
        None,
        "frame of the reference video at which it begins, or that was frozen",
        unset="0, or found by looking",
        bounds={"ge": -MOST_FRAME, "le": MOST_FRAME},
        refusal="There is no frame {value}.",
    )

    @classmethod
    def from_dict(cls, values: object) -> "FurtherVideo":
        """Raises UserError for anything but the fields of this class."""
        if not isinstance(values, Mapping) or "video" not in values:
            raise UserError("A further video is given as {video, role, at}.")
        return super().from_dict(values)


def further_videos(values: object) -> tuple[FurtherVideo, ...]:
    """What a program or a browser sent as further videos. Raises UserError where they are too many or no such."""
    if values is None:
        return ()
    if not isinstance(values, list | tuple):
        raise UserError("Further videos are given as a list of {video, role, at}.")
    check_takes(len(values))
    return tuple(map(FurtherVideo.from_dict, values))
