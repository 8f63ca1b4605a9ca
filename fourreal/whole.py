"""Files that appear whole or not at all."""

import json
import os
import secrets
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fourreal.errors import UserError

NAME_BYTES = 255  # of a file's or a folder's name; what people count is letters, of which one takes up to four


def replace_files(folder: Path, contents: dict[str, bytes]) -> None:
    """Write several files of a folder so that the last one exists only beside the others of the same writing.

    All are on the disk under temporary names before any takes its own; the last one's predecessor goes first.

    Raises:
        UserError: the folder cannot be written; then nothing in it has changed.
    """
    temporary: dict[str, Path] = {}
    make_folder(folder)
    try:
        for name, content in contents.items():
            temporary[name] = beside(folder / name)
            with temporary[name].open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        last = list(contents)[-1]
        (folder / last).unlink(missing_ok=True)
        for name, path in temporary.items():
            os.replace(path, folder / name)
        sync_folder(folder)
    except OSError as error:
        raise unwritable(folder, error) from error
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)


@contextmanager
def whole(path: Path, temporary: Path | None = None, sync: bool = True) -> Iterator[Path]:
    """A temporary name beside `path` to write to; it becomes `path` when the block ends without error.

    Args:
        temporary: that name, if it shall be the same each time; else a fresh hidden one of the same suffix.
        sync: whether the file outlives a power cut. What can be made again need not.

    Raises:
        OSError: the file cannot be written; then `path` is as it was.
    """
    temporary = temporary or beside(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        if sync:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if sync:
            sync_folder(path.parent)
    finally:
        with suppress(OSError):  # where it could not even be made, there is nothing to clear away
            temporary.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """As `whole`, in words.

    Raises:
        UserError: the file cannot be written; then `path` is as it was.
    """
    try:
        with whole(path) as temporary:
            yield temporary
    except OSError as error:
        raise unwritable(path, error) from error


def json_of(path: Path) -> Any:
    """What a file says; None where it is not there (yet), or was torn by a power cut."""
    with suppress(FileNotFoundError, ValueError):
        return json.loads(path.read_text(encoding="utf-8"))
    return None


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A fresh folder beside `folder`, which is not there or empty by the end of the block: then it takes that name.

    Raises:
        UserError: it cannot be written, or `folder` has something in it.
    """
    folder = folder.absolute()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{folder.name[:40]}-", dir=folder.parent, ignore_cleanup_errors=True
        ) as place:
            fresh = Path(place) / "fresh"
            fresh.mkdir()
            yield fresh
            fresh.replace(folder)
    except OSError as error:
        raise unwritable(folder, error) from error


def write_zip(path: Path, members: Iterator[tuple[str, bytes]]) -> None:
    """A zip of (name, content) pairs, drawn one at a time.

    Raises:
        UserError: as `writing`.
    """
    with writing(path) as temporary, zipfile.ZipFile(temporary, "x") as archive:
        for name, content in members:
            # A fixed date, so that the same scene gives the same file.
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, compresslevel=1)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing.

    Raises:
        UserError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error


def beside(path: Path) -> Path:
    """A fresh hidden name in the same folder, as only there can a file be renamed atomically."""
    ending = f"-{secrets.token_hex(4)}{path.suffix}"
    return path.with_name("." + shortened(path.stem, NAME_BYTES - 1 - len(os.fsencode(ending))) + ending)


def shortened(name: str, most: int) -> str:
    """The beginning of `name` that takes at most `most` bytes on the disk, no letter cut in two."""
    return os.fsencode(name)[: max(most, 0)].decode(errors="ignore")


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def unwritable(path: Path, error: OSError) -> UserError:
    return UserError(
        f"{path} cannot be written ({error.strerror or error}): free some space or choose another place with --out."
    )
