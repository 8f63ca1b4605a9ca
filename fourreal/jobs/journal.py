"""A run's journal: one JSON object a line, which one process appends to and many read."""

import json
import math
import os
from pathlib import Path
from typing import Any

MOST_BYTES = 512 * 1024  # read at once
TAIL_BYTES = 64 * 1024  # a line is far shorter


class JournalWriter:
    """Appends lines to a journal. A write that fails is counted, not raised: the work matters more than its story."""

    def __init__(self, path: Path) -> None:
        self.path, self.lost = path, 0

    def write(self, line: dict[str, Any]) -> None:
        """line: JSON-able; numbers that are not finite become null, and what is no text question marks."""
        entry = json.dumps(_finite(line), ensure_ascii=False, separators=(",", ":")) + "\n"
        content = entry.encode(errors="replace")
        try:
            with open(self.path, "ab", buffering=0) as file:
                if _torn(self.path):  # by a full disk or a power cut: the broken line ends here
                    content = b"\n" + content
                if file.write(content) != len(content):
                    self.lost += 1
        except OSError:
            self.lost += 1


def read(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The whole lines from byte `offset` on, at most half a megabyte of them, and where the next ones begin.

    An offset beyond the end starts over, as the journal was begun anew.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            offset = offset if 0 <= offset <= size else 0
            file.seek(offset)
            content = file.read(MOST_BYTES)
    except FileNotFoundError:
        return [], 0
    whole = content.rfind(b"\n") + 1
    return _lines(content[:whole]), offset + whole


def last(path: Path) -> dict[str, Any]:
    """The last line, {} where there is none."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - TAIL_BYTES))
            content = file.read()
    except FileNotFoundError:
        return {}
    lines = _lines(content[: content.rfind(b"\n") + 1])
    return lines[-1] if lines else {}


def _lines(content: bytes) -> list[dict[str, Any]]:
    """What can be read of each line; torn ones are left out."""
    entries = []
    for line in content.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            entries.append(value)
    return entries


def _torn(path: Path) -> bool:
    with path.open("rb") as file:
        if not (size := os.fstat(file.fileno()).st_size):
            return False
        file.seek(size - 1)
        return file.read(1) != b"\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value
