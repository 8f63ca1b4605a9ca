"""Having an upload decoded, or two videos looked at, by a child that may be killed."""

import base64
import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fourreal.errors import UserError
from fourreal.jobs.children import BrokeOff, ask
from fourreal.jobs.files import storing
from fourreal.jobs.verdicts import Checks, FurtherChecks
from fourreal.settings import JobLimits

BROKE_OFF = {
    "time": "takes too long to read. Trim it or make it smaller, or convert it to MP4 (H.264).",
    "memory": "needs too much memory to read. Trim it, or make its pictures smaller.",
    "crash": "cannot be read: decoding it broke off. It may be damaged. Download or export it again, or convert it to "
    "MP4 (H.264).",
}
Pictures = dict[str, bytes]  # JPEG, by the video's role
TORCH_BYTES = 32 * 1024**3  # of address space: torch reserves far more of it than it uses, with CUDA above all


def take_in(
    path: Path,
    folder: Path,
    name: str,
    limits: JobLimits,
    start: float | int = 0,
    end: float | int | None = None,
    frames: tuple[int, int] | None = None,
    reverse: bool = False,
    as_is: bool = False,
) -> dict[str, Any]:
    """Write clip.mp4, frames/ and info.json into `folder`, which must not exist and is gone again if this fails.

    Args:
        name: what the sentences call the file.
        start, end: seconds to keep. frames: first and last frame to keep instead. reverse: play it backwards.
        as_is: the file is one of ours, so it is copied and not encoded again.

    Returns:
        width, height, fps, frames, seconds, bytes.

    Raises:
        UserError: it is no video, damaged, too long, too large, or the disk is full.
    """
    part = {"start": start, "end": end, "frames": frames, "reverse": reverse, "as_is": as_is}
    most = {"max_bytes": limits.max_upload_bytes, "max_side": limits.max_side}
    question = {"path": str(path), "folder": str(folder), "name": name, **part, **most}
    with contextlib.ExitStack() as unless_whole:
        unless_whole.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            with storing(name):
                folder.mkdir(parents=True)
                info = ask("fourreal.jobs.intake", question, limits.intake_seconds, limits.intake_bytes)
        except BrokeOff as broke:
            raise UserError(f"{name} {BROKE_OFF[broke.why]}") from None
        unless_whole.pop_all()
    return info


def take_picture(path: Path, folder: Path, name: str, limits: JobLimits) -> None:
    """Write picture.jpg into `folder`. name: what the sentences call the file.

    Raises UserError where it is no picture, damaged, or too large.
    """
    question = {"path": str(path), "folder": str(folder), "name": name, "max_side": limits.max_side}
    try:
        ask("fourreal.jobs.picture", question, limits.intake_seconds, limits.intake_bytes)
    except BrokeOff:
        raise UserError(f"{name} cannot be read: decoding it broke off. Save it as JPEG or PNG.") from None


def look(
    reference: Path, freeze: Path, cameras: dict[str, Any] | None, mended: Sequence[str], limits: JobLimits
) -> tuple[Checks, Pictures]:
    """What there is to say of two videos, and pictures of what is put right in them, by `Checks.pictures`.

    mended: which of them ("reference", "freeze") were interlaced when they came in.

    Raises UserError where a video cannot be read.
    """
    question = {"reference": str(reference), "freeze": str(freeze), "cameras": cameras, "mended": mended}
    answer, pictures = _looked("fourreal.jobs.checks", question, "the two videos", limits)
    return Checks.from_dict(answer), pictures


def look_at_take(
    video: Path, freeze: Path, given: bool, mended: bool, limits: JobLimits
) -> tuple[FurtherChecks, Pictures]:
    """The same of a video besides the first two, whose cameras may be given."""
    question = {"video": str(video), "freeze": str(freeze), "given": given, "mended": mended}
    answer, pictures = _looked("fourreal.jobs.take_checks", question, "a further video", limits)
    return FurtherChecks.from_dict(answer), pictures


def place(question: Mapping[str, Any], limits: JobLimits) -> dict[str, Any]:
    """Where all cameras stood, see `fourreal.jobs.placing`. Raises UserError where a run would, in the same words."""
    with _said("Finding where the cameras stood {}. Trim the videos, or start without it."):
        return ask("fourreal.jobs.placing", question, limits.placing_seconds, TORCH_BYTES)


def _looked(module: str, question: dict[str, Any], what: str, limits: JobLimits) -> tuple[dict[str, Any], Pictures]:
    with _said(f"Looking at {what} {{}}. Trim them or make them smaller."):
        answer = ask(module, question, limits.check_seconds, limits.check_bytes)
    return answer, {role: base64.b64decode(content) for role, content in answer["pictures"].items()}


@contextlib.contextmanager
def _said(sentence: str) -> Iterator[None]:
    """Turns why a child broke off into a sentence, which has a gap for that."""
    try:
        yield
    except BrokeOff as broke:
        why = {"time": "took too long", "memory": "needs too much memory"}.get(broke.why, "broke off")
        raise UserError(sentence.format(why)) from None


def given_cameras(
    path: Path, size: tuple[int, int], freeze_frames: int, reference_frames: int, limits: JobLimits
) -> int:
    """How many cameras a cameras.json has for two videos of `size` (width, height) pixels.

    Raises:
        UserError: it cannot be read, or does not belong to them.
    """
    question = {"path": str(path), "size": size, "freeze_frames": freeze_frames, "reference_frames": reference_frames}
    try:
        return ask("fourreal.jobs.given", question, limits.check_seconds, TORCH_BYTES)["cameras"]
    except BrokeOff:
        raise UserError("cameras.json cannot be read. Give a smaller file with one camera a frame.") from None
