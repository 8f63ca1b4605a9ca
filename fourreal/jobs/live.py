"""What others see of a run while it goes on (journal, pictures, scenes for the viewer), and what it leaves behind."""

import itertools
import json
import math
import re
import time
from pathlib import Path
from typing import Any

import numpy as np

from fourreal.errors import out_of_space
from fourreal.jobs import examples
from fourreal.jobs.files import put
from fourreal.jobs.journal import JournalWriter
from fourreal.jpeg import jpeg
from fourreal.progress import CancelToken, Event, ignore

LINE_SECONDS = 0.25  # between two journal lines at the least
SCENE_SHARE = 0.05  # of the time may go into writing scenes, however large they are
SCENE_SECONDS = 2.0  # between two scenes at the least
NEWEST = 2  # of each kind: the newest, and the one that somebody may just be reading
MOST_POINTS = 5000
WIDEST = 1600  # pixels of a picture that is looked at while the run goes on
THUMBNAIL = 480  # pixels wide


class Live:
    """The progress of a run, written into its folder. A disk that is full takes the pictures, not the run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.live = folder, folder / "live"
        self.live.mkdir(parents=True, exist_ok=True)
        self.journal = JournalWriter(folder / "journal.jsonl")
        taken = max(map(_number, self.live.glob("*-*.*")), default=0)
        self.numbers = itertools.count(1 + taken)  # never a name that a browser has seen before
        self.written_at, self.stage = -math.inf, ""
        self.scene_at, self.scene_cost = -math.inf, 0.0
        self.placed: tuple[int, int] | None = None  # how many cameras and points were last told of

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        preview = self.picture("preview", event.preview)
        critique = self.picture("critique", event.critique)
        scene = self.scene(event) if event.scene is not None and self.scene_due(now) else None
        if event.arrays:
            self.layout(event.arrays)
        new = event.message or preview or critique or scene or event.stage != self.stage
        if new or now - self.written_at >= LINE_SECONDS or (event.steps and event.step >= event.steps):
            self.written_at, self.stage = now, event.stage
            made = {"scene": scene, "preview": preview, "critique": critique}
            self.journal.write({**event.as_dict(), **made, "time": round(time.time(), 3)})

    def scene_due(self, now: float) -> bool:
        return now - self.scene_at >= max(self.scene_cost / SCENE_SHARE, SCENE_SECONDS)

    def scene(self, event: Event) -> str | None:
        """A scene for the viewer as it is now; its name."""
        from fourreal.scene.r4d import r4d_bytes

        begin = time.monotonic()
        made = None if event.scene is None else event.scene()
        if made is None:
            return None
        progress = {"stage": event.stage, "step": event.step, "steps": event.steps}
        name = self.put_next("scene", "r4d", r4d_bytes(made, "", progress, level=1))
        self.scene_at = time.monotonic()
        self.scene_cost = self.scene_at - begin
        return name

    def picture(self, kind: str, pixels: np.ndarray | None) -> str | None:
        """A picture for people, no wider than they can see; its name, None where there is none."""
        return None if pixels is None else self.put_next(kind, "jpg", jpeg(pixels, quality=85, within=WIDEST))

    def layout(self, arrays: dict[str, np.ndarray]) -> None:
        """Where the cameras and the sparse points are, each time that is news."""
        drawn = {name: np.asarray(arrays.get(name, np.zeros((0, 3))), np.float64) for name in ("points", "colors")}
        cameras = np.asarray(arrays.get("cameras", np.zeros((0, 4, 4))), np.float64)
        news = (len(cameras), len(drawn["points"]))
        if news == self.placed:
            return
        self.placed = news
        step = max(1, math.ceil(len(drawn["points"]) / MOST_POINTS))
        content = {"cameras": cameras.round(5).tolist()}
        content |= {name: values[::step].round(4).tolist() for name, values in drawn.items()}
        self.write(self.live / "layout.json", json.dumps(content).encode())

    def put_next(self, kind: str, suffix: str, content: bytes) -> str | None:
        """Write the next file of a kind and let the oldest go; its name, None where the disk is full."""
        name = f"{kind}-{next(self.numbers)}.{suffix}"
        if not self.write(self.live / name, content):
            return None
        for old in sorted(self.live.glob(f"{kind}-*.{suffix}"), key=_number)[:-NEWEST]:
            old.unlink(missing_ok=True)
        return name

    def write(self, path: Path, content: bytes) -> bool:
        try:
            put(path, content)
        except OSError as error:
            if not out_of_space(error):
                raise
            return False
        return True


def _number(path: Path) -> int:
    match = re.search(r"-(\d+)\.", path.name)
    return int(match[1]) if match else 0


def final_files(folder: Path, scene, name: str, live: Live) -> None:
    """What a finished run leaves beside its bundle: scene.r4d, thumbnail.jpg, metrics.json.

    Raises:
        OSError: the disk is full.
    """
    live(Event("finish", message="writing the scene for the viewer"))
    viewer_files(folder, scene, name)
    put(folder / "metrics.json", json.dumps(metrics_of(folder), indent=2).encode())


def viewer_files(folder: Path, scene, name: str) -> None:
    """What the page shows of a scene: scene.r4d and thumbnail.jpg.

    Raises:
        OSError: the disk is full.
    """
    from fourreal.scene.r4d import r4d_bytes
    from fourreal.scene.views import draw

    put(folder / "scene.r4d", r4d_bytes(scene, name))
    picture = draw(scene, scene.outward(scene.reference), scene.canonical_time)
    put(folder / "thumbnail.jpg", jpeg(picture, within=THUMBNAIL))


def metrics_of(folder: Path) -> dict[str, Any]:
    """Numbers of a run, from its manifest and the last that its journal says of each stage."""
    from fourreal.jobs import journal

    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    shown = ("preset", "device", "splats", "moving_splats", "frames", "fps", "seconds", "peak_memory_mb", "notes")
    stages, offset = {}, 0
    while True:
        lines, end = journal.read(folder / "journal.jsonl", offset)
        for line in lines:
            if line.get("values"):
                stages[line["stage"]] = line["values"]
        if end <= offset:
            break
        offset = end
    return {key: manifest[key] for key in shown if key in manifest} | {
        "cameras": manifest["cameras"]["freeze"]["origin"],  # how they were found, and how sure that is
        "stopped": manifest.get("stopped"),
        "stages": stages,
        "bytes": {file: (folder / file).stat().st_size for file in ("scene.r4d", "scene.safetensors")},
    }


def add_ground_truth(folder: Path, scene, example: str, cancel: CancelToken) -> None:
    """Add the score against views that no video shows to metrics.json.

    Raises:
        UserError: the scene and the example do not belong together.
    """
    from fourreal.evaluate import ground_truth
    from fourreal.evaluate.score import score

    path = folder / "metrics.json"
    scores = score(folder, scene, ground_truth.read(examples.FOLDER / example), ignore, cancel)
    metrics = json.loads(path.read_text(encoding="utf-8")) | {"ground_truth": scores}
    put(path, json.dumps(metrics, indent=2).encode())
