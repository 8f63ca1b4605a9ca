"""Room for files that came in: a budget for all, one for each client, and a part of the disk that they leave free."""

import ipaddress
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fourreal.jobs.files import bytes_of

SMALLEST = 64 * 1024  # bytes that a file counts at least: the disk has to remember the smallest, too
UNKNOWN = ""  # whose files are that lay here when the page was started


class Refused(Exception):
    """An upload that is not taken: HTTP status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


@dataclass
class Claim:
    """What an upload that is under way may become: `size` bytes, of which `written` are in files of these folders."""

    room: "Room"
    client: str
    size: int = 0
    written: int = 0
    folders: set[str] = field(default_factory=set)

    def write(self, count: int) -> None:
        """Account for `count` bytes more, before they are written. Raises Refused."""
        self.room.grow(self, count)


class Room:
    """What the files take that lie in the folders of `folder`, by client. Any thread may ask.

    most, most_of_one: bytes of all clients and of one. free: bytes of the disk that stay free.
    """

    def __init__(self, folder: Path, most: int, most_of_one: int, free: int) -> None:
        self.folder, self.most, self.most_of_one, self.free = folder, most, most_of_one, free
        self._lock = threading.Lock()
        self._claims: list[Claim] = []
        self._lying: dict[str, tuple[str, int]] = {}  # name of a folder: client, bytes
        self.look()

    @contextmanager
    def claim(self, client: str, size: int) -> Iterator[Claim]:
        """Room for an upload that says it has `size` bytes, for as long as it takes. Raises Refused."""
        claim = Claim(self, client)
        with self._lock:
            self._check(claim, size)
            coming = sum(other.size - other.written for other in self._claims)
            if disk_free(self.folder) - coming - size < self.free:
                raise self._full()
            claim.size = size
            self._claims.append(claim)
        try:
            yield claim
        finally:
            with self._lock:
                self._claims.remove(claim)

    def grow(self, claim: Claim, count: int) -> None:
        with self._lock:
            written = claim.written + count
            if written > claim.size:
                self._check(claim, written - claim.size)
                claim.size = written
            if disk_free(self.folder) - count < self.free:
                raise self._full()
            claim.written = written

    def keep(self, claim: Claim, files: Sequence[Path]) -> None:
        """These files of an upload are whole, each in a folder of its own, and stay until `drop`."""
        with self._lock:
            claim.size = claim.written = 0
            claim.folders.clear()
            self._lying |= {file.parent.name: (claim.client, max(file.stat().st_size, SMALLEST)) for file in files}

    def drop(self, folder: Path) -> None:
        with self._lock:
            self._lying.pop(folder.name, None)

    def look(self) -> None:
        """See what is there: another process may have put files here, or removed some."""
        with self._lock:
            coming = {name for claim in self._claims for name in claim.folders}
            there = {entry.name: bytes_of(entry) for entry in self.folder.glob("*") if entry.name not in coming}
            whose = {name: client for name, (client, _) in self._lying.items()}
            self._lying = {name: (whose.get(name, UNKNOWN), max(size, SMALLEST)) for name, size in there.items()}

    def _check(self, claim: Claim, more: int) -> None:
        taken = [*self._lying.values(), *((other.client, other.size) for other in self._claims)]
        if sum(size for client, size in taken if client == claim.client) + more > self.most_of_one:
            shown = f"{self.most_of_one / 1024**3:.1f} GB"
            raise Refused(429, f"Your uploads may take {shown} until they are used. Use them, or try again in an hour.")
        if sum(size for _, size in taken) + more > self.most:
            raise Refused(507, "The server holds as many uploads as it may. Try again in some minutes.")

    def _full(self) -> Refused:
        return Refused(507, "The server's disk is almost full. Delete scenes, or try again later.")


def disk_free(folder: Path) -> int:
    """Free bytes of the disk on which a folder is, or will be made."""
    return shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.is_dir())).free


def client_of(host: str) -> str:
    """Who an address belongs to: itself, or the network of an IPv6 address, of which a person has 2^64."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    address = getattr(address, "ipv4_mapped", None) or address
    return str(address if address.version == 4 else ipaddress.ip_network((address, 64), strict=False))
