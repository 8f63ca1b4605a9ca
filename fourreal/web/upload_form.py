"""The form that files come in with: taken apart as it streams in, each file in a folder of its own."""

import re
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from python_multipart.multipart import parse_options_header

from fourreal.settings import MOST_TAKES
from fourreal.web.room import Claim, Refused
from fourreal.whole import NAME_BYTES, shortened

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FORM_BYTES = 64 * 1024  # what a form may weigh on top of its file: boundaries and headers
ENDING_BYTES = 36  # of a name's ending, which says what the file is
UNSAFE = re.compile(r"[^\w.()\- ]+")


@dataclass(frozen=True)
class UploadLimits:
    """What one upload, one client and all clients may take. A client is an address, as nobody says here who they are.

    max_bytes: a file. files: in one request.
    per_client, at_once: uploads under way, of one client and in all.
    client_bytes, all_bytes: what may lie here and be under way. free_bytes: of the disk, which uploads leave free.
    stall_seconds: longest silence. grace_seconds, slowest: after so long an upload must average so many bytes a second.
    keep_seconds: how long a file waits to be used.
    """

    max_bytes: int = 2 * 1024**3
    files: int = MOST_TAKES
    per_client: int = 4
    at_once: int = 16
    client_bytes: int = 5 * 1024**3
    all_bytes: int = 15 * 1024**3
    free_bytes: int = 1024**3
    stall_seconds: float | int = 20.0
    grace_seconds: float | int = 30.0
    slowest: int = 16 * 1024
    keep_seconds: float | int = 3600.0

    def too_large(self) -> Refused:
        shown = (
            f"{self.max_bytes / 1024**3:.1f} GB" if self.max_bytes >= 1024**3 else f"{self.max_bytes / 1024**2:.0f} MB"
        )
        return Refused(413, f"That file is too large: at most {shown} a file. Make the video shorter or smaller.")


class Form:
    """The callbacks of the multipart parser: files go to disk, fields are ignored."""

    def __init__(self, folder: Path, limits: UploadLimits, claim: Claim) -> None:
        self.folder, self.limits, self.claim, self.name, self.size = folder, limits, claim, "", 0
        self.files: list[Path] = []
        self.out: BinaryIO | None = None
        self.header = self.value = self.disposition = b""

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self.part_begin,
            "on_header_field": lambda data, start, end: self.grow("header", data[start:end]),
            "on_header_value": lambda data, start, end: self.grow("value", data[start:end]),
            "on_header_end": self.header_end,
            "on_headers_finished": self.headers_finished,
            "on_part_data": self.part_data,
            "on_part_end": self.finish,
        }

    def part_begin(self) -> None:
        self.header = self.value = self.disposition = b""
        self.size = 0

    def grow(self, what: str, data: bytes) -> None:
        setattr(self, what, getattr(self, what) + data)
        if len(self.header) + len(self.value) > 8192:
            raise Refused(400, "The upload was not a well-formed form.")

    def header_end(self) -> None:
        if self.header.lower() == b"content-disposition":
            self.disposition = self.value
        self.header = self.value = b""

    def headers_finished(self) -> None:
        _, options = parse_options_header(self.disposition)
        if options.get(b"name") != b"files" or b"filename" not in options:
            return
        if len(self.files) >= self.limits.files:
            raise Refused(400, f"At most {self.limits.files} files at once.")
        self.name = safe_name(options[b"filename"].decode("utf-8", "replace"))
        folder = self.folder / secrets.token_hex(16)
        self.claim.folders.add(folder.name)
        folder.mkdir(parents=True, mode=0o700)
        self.files.append(folder / self.name)
        self.out = self.files[-1].open("wb")

    def part_data(self, data: bytes, start: int, end: int) -> None:
        self.size += end - start
        if self.out is None:
            if self.size > FORM_BYTES:
                raise Refused(413, "The upload holds more than files.")
            return
        if self.size > self.limits.max_bytes:
            raise self.limits.too_large()
        self.claim.write(end - start)
        self.out.write(data[start:end])

    def finish(self) -> None:
        if self.out is not None:
            self.out.close()
            self.out = None

    def discard(self) -> None:
        """Leave nothing of the upload."""
        if self.out is not None:
            out, self.out = self.out, None
            with suppress(OSError):  # a full disk may be found out only here; the file goes anyway
                out.close()
        for path in self.files:
            shutil.rmtree(path.parent, ignore_errors=True)
        self.files = []


def safe_name(name: str) -> str:
    """A plain file name: no folders, no control characters, no leading dot, short enough for a disk."""
    name = UNSAFE.sub("_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(". ")
    stem, dot, ending = name.rpartition(".")
    if dot and stem:
        ending = shortened(ending, ENDING_BYTES)
        name = f"{shortened(stem, NAME_BYTES - 1 - len(ending.encode()))}.{ending}"
    return shortened(name, NAME_BYTES).strip() or "video"
