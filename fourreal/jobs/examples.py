"""The examples that ship with the product, and the cameras they come with."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fourreal.installed import assets
from fourreal.jobs.values import Example

FOLDER = assets() / "examples"


def examples() -> list[Example]:
    """All of them, by name."""
    complete = []
    for folder in sorted(FOLDER.iterdir()) if FOLDER.is_dir() else ():
        reference, freeze, cameras = (folder / name for name in ("reference.mp4", "freeze.mp4", "cameras.json"))
        if reference.is_file() and freeze.is_file():
            given = cameras if cameras.is_file() else None
            complete.append(Example(folder.name, _title(folder.name, given), reference, freeze, given))
    return complete


def cameras_of(reference: Mapping[str, Any] | None, freeze: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The content of a cameras.json for two parts of one example's videos; None where no cameras are known.

    Args:
        reference, freeze: {name, role, first, last} of the shipped video that each comes from, or None.
    """
    if reference is None or freeze is None or not _pair(reference, freeze):
        return None
    content = _cameras(reference["name"])
    if content is None:
        return None
    first, last = freeze["first"], freeze["last"]
    cut = {"intrinsics": content["intrinsics"], "freeze": content["freeze"][first : last + 1]}
    cut["reference"] = content["reference"][:1]
    for key, part in (("canonical_index", reference), ("freeze_reference_index", freeze)):
        if part["first"] <= content[key] <= part["last"]:
            cut[key] = content[key] - part["first"]
    return cut


def whole_example(reference: Mapping[str, Any] | None, freeze: Mapping[str, Any] | None) -> str | None:
    """The name of the example whose two videos these are, uncut: only then does its ground truth fit."""
    if reference is None or freeze is None or not _pair(reference, freeze):
        return None
    content = _cameras(reference["name"])
    if content is None or not content.get("heldout"):
        return None
    uncut = [part["first"] == 0 and part["last"] == len(content[part["role"]]) - 1 for part in (reference, freeze)]
    return reference["name"] if all(uncut) else None


def _pair(reference: Mapping[str, Any], freeze: Mapping[str, Any]) -> bool:
    roles = [part["role"] for part in (reference, freeze)]
    return roles == ["reference", "freeze"] and reference["name"] == freeze["name"]


def _cameras(name: str) -> dict[str, Any] | None:
    file = {example.name: example.cameras for example in examples()}.get(name)
    return None if file is None else json.loads(file.read_text(encoding="utf-8"))


def _title(name: str, cameras: Path | None) -> str:
    prompt = json.loads(cameras.read_text(encoding="utf-8")).get("prompt") if cameras else None
    return prompt or name.replace("_", " ").capitalize()
