"""Files and folders that others may be looking at meanwhile: they appear whole, and go whole."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from fourreal.errors import UserError
from fourreal.whole import whole

TRASH = ".trash-"


def put(path: Path, content: bytes) -> None:
    """Write a file that others see whole or not at all. Not synced, as it can be made again.

    Raises:
        OSError: it cannot be written; then what was there stays.
    """
    with whole(path, path.with_name(f".{path.name}.{secrets.token_hex(4)}.part"), sync=False) as part:
        part.write_bytes(content)


@contextlib.contextmanager
def storing(what: str) -> Iterator[None]:
    """Turns what the disk refuses into a sentence about `what`, with which it begins."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{what} could not be stored: {error.strerror or error}. Free some space.") from error


def remove(folder: Path) -> None:
    """Remove a folder whole: it has another name first, so that nobody meets half of it."""
    trash = folder.with_name(f"{TRASH}{secrets.token_hex(16)}")
    try:
        os.replace(folder, trash)
    except FileNotFoundError:
        return
    shutil.rmtree(trash, ignore_errors=True)  # what is left the janitor takes


def remove_untouched(folder: Path, before: float) -> None:
    """Remove what lies in a folder, if there is one, and was last written to before that time."""
    for entry in folder.iterdir() if folder.is_dir() else ():
        try:
            newest = max(path.lstat().st_mtime for path in (entry, *entry.glob("*")))
        except FileNotFoundError:  # used meanwhile
            continue
        if newest < before and entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        elif newest < before:
            entry.unlink(missing_ok=True)


def link(old: Path, new: Path) -> None:
    """The same file under a second name, which takes no room; a copy where the disk cannot do that.

    Raises:
        OSError: neither can be made.
    """
    try:
        os.link(old, new)
    except OSError:
        if not old.is_file() or new.exists():
            raise
        shutil.copyfile(old, new)


def bytes_of(folder: Path) -> int:
    """What the files of a folder take on the disk; those with several names are shared between them."""
    total = 0
    for root, _, files in os.walk(folder):
        for file in files:
            try:
                status = os.lstat(os.path.join(root, file))
            except FileNotFoundError:  # it went while we looked
                continue
            total += status.st_blocks * 512 // max(status.st_nlink, 1)
    return total
