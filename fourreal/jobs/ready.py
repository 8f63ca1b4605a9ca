"""The scenes that ship with the product, which a visitor opens at once: `assets/scenes/scenes.json` lists them."""

import json
from dataclasses import dataclass
from pathlib import Path

from fourreal.errors import UserError
from fourreal.installed import assets

FOLDER = assets() / "scenes"


@dataclass(frozen=True)
class ReadyScene:
    """name: of its files. title: what people call it. made: of what it was made, a phrase. credits: a line for each
    work it rests on. bundle: its folder, as `export` takes it. viewer: its .r4d. poster: a small JPEG of it."""

    name: str
    title: str
    made: str
    credits: tuple[str, ...]
    bundle: Path
    viewer: Path
    poster: Path


def ready_scenes(folder: Path = FOLDER) -> list[ReadyScene]:
    """All whose files are there, in the order of the list; the first is the one that the page opens with."""
    listed = folder / "scenes.json"
    entries = json.loads(listed.read_text(encoding="utf-8")) if listed.is_file() else []
    scenes = [
        ReadyScene(
            name=entry["name"],
            title=entry["title"],
            made=entry["made"],
            credits=tuple(entry["credits"]),
            bundle=folder / entry["name"],
            viewer=folder / f"{entry['name']}.r4d",
            poster=folder / f"{entry['name']}.jpg",
        )
        for entry in entries
    ]
    return [one for one in scenes if all(p.is_file() for p in (one.bundle / "manifest.json", one.viewer, one.poster))]


def first() -> ReadyScene:
    """The one that the page opens with."""
    return ready_scenes()[0]


def ready_scene(name: str) -> ReadyScene:
    """The one that is called so. Raises UserError where there is none."""
    for scene in ready_scenes():
        if scene.name == name:
            return scene
    raise UserError("There is no ready scene of that name. Choose one from the page.")
