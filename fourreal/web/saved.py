"""What a download is called on the disk of whoever takes it: after its scene."""

import re
from pathlib import PurePath
from urllib.parse import quote

LONGEST = 60  # letters of a scene's name; a letter takes up to four of the 255 bytes that a disk gives a name

KEYED = re.compile(r"^path-[0-9a-f]{16}")  # a film along keyframes, see jobs/films.py


def saved_name(scene: str, file: str) -> str:
    """The name for `file` of a scene: "Fox.r4d" for scene.r4d, "Fox-orbit.mp4" for exports/orbit.mp4.

    A film along keyframes is "Fox-film-720p-30.mp4".

    scene: as a person gave it. Of that only what no disk, shell or header takes for something else is left.
    """
    path = PurePath(file)
    name = re.sub(r"[^\w-]+", "_", scene, flags=re.UNICODE)[:LONGEST].strip("_") or "scene"
    stem = KEYED.sub("film", path.stem)  # a number tells nobody which path it was
    return name + ("" if stem == "scene" else f"-{stem}") + path.suffix


def attachment(name: str) -> dict[str, str]:
    """The header by which a browser saves what it gets, under this name."""
    return {"content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
