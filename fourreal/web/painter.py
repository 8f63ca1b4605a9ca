"""Pictures of scenes for browsers without WebGL2, drawn in a process of its own: the page's never loads torch.

The process is started by the first picture and ends when none was wanted for a while. It reads one JSON object a line,
{"path", "camera_to_world", "fov_y", "size", "time"}, and answers with a line {"bytes"} or {"error"} and the JPEG.
"""

import json
import logging
import math
import subprocess
import sys
import threading
import time
from pathlib import Path

from fourreal import installed, system
from fourreal.errors import UserError
from fourreal.jobs.children import environment

WIDEST = 1280  # pixels of either side
IDLE_SECONDS = 120.0
DRAW_SECONDS = 90.0  # the first one may have to compile
WAITING = 4  # pictures wanted at once; whoever comes later asks again

log = logging.getLogger(__name__)


class Painter:
    """Draws one picture at a time; any thread may ask."""

    def __init__(self) -> None:
        self._child: subprocess.Popen | None = None
        self._lock, self._places, self._used = threading.Lock(), threading.BoundedSemaphore(WAITING), 0.0

    def draw(self, path: Path, wanted: dict) -> bytes:
        """A JPEG of the .r4d at `path`.

        Args:
            wanted: {"camera_to_world": 4 x 4 rows, "fov_y": degrees, "size": [width, height], "time": 0 to 1}.

        Raises:
            UserError: what is wanted is no camera, or too many pictures are wanted just now.
        """
        request = checked(wanted) | {"path": str(path)}
        if not self._places.acquire(blocking=False):
            raise UserError("The server is drawing for others. Try again in a moment.")
        try:
            with self._lock:
                return self._ask(request)
        finally:
            self._places.release()

    def _ask(self, request: dict) -> bytes:
        child = self._alive()
        assert child.stdin is not None
        assert child.stdout is not None
        slow = threading.Timer(DRAW_SECONDS, child.kill)
        slow.start()
        try:
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.flush()
            answer = json.loads(child.stdout.readline() or b"{}")
            picture = child.stdout.read(answer.get("bytes", 0))
        except (OSError, ValueError) as error:
            self._end()
            raise RuntimeError("the painter went away") from error
        finally:
            slow.cancel()
            self._used = time.monotonic()
        if not picture:
            log.error("no picture: %s", answer.get("error", "the painter went away"))
            raise UserError("This view could not be drawn. Turn the camera back, or reload the page.")
        return picture

    def _alive(self) -> subprocess.Popen:
        if self._child is None or self._child.poll() is not None:
            self._end()
            self._child = subprocess.Popen(
                installed.command("fourreal.web.painter"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment(),
                start_new_session=True,
            )
            threading.Thread(target=self._rest, args=(self._child,), daemon=True, name="painter's rest").start()
        return self._child

    def _rest(self, child: subprocess.Popen) -> None:
        """End a child that nobody asks any more."""
        self._used = time.monotonic()
        while child.poll() is None:
            time.sleep(1.0)
            with self._lock:
                if child is self._child and time.monotonic() - self._used > IDLE_SECONDS:
                    self._end()

    def _end(self) -> None:
        if self._child is not None:
            system.bury(self._child)
            self._child = None

    def close(self) -> None:
        with self._lock:
            self._end()


def checked(wanted: dict) -> dict:
    """What is wanted, if it is a camera. Raises UserError otherwise."""
    try:
        rows = [[float(x) for x in row] for row in wanted["camera_to_world"]]
        width, height = (min(max(round(float(side)), 16), WIDEST) for side in wanted["size"])
        fov, at = float(wanted["fov_y"]), min(max(float(wanted["time"]), 0.0), 1.0)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError("That is not a camera.") from error
    numbers = [fov, at, *(x for row in rows for x in row)]
    if [len(row) for row in rows] != [4] * 4 or not all(map(math.isfinite, numbers)) or not 0 < fov < 180:
        raise UserError("That is not a camera.")
    return {"camera_to_world": rows, "fov_y": fov, "size": [width, height], "time": at}


def paint() -> None:
    """The child: answers on stdout until stdin ends."""
    import numpy as np

    from fourreal.jpeg import jpeg
    from fourreal.scene.r4d import read_r4d

    out, scenes = sys.stdout.buffer, {}
    sys.stdout = sys.stderr  # whatever prints must not get between the answers
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            key = (request["path"], Path(request["path"]).stat().st_mtime_ns)
            if key not in scenes:
                scenes = {key: read_r4d(Path(request["path"]).read_bytes())}  # one at a time is kept
            camera = np.array(request["camera_to_world"], np.float32)
            pixels = scenes[key].render(camera, request["fov_y"], tuple(request["size"]), request["time"])
            content = jpeg(pixels)
            out.write(json.dumps({"bytes": len(content)}).encode() + b"\n" + content)
        except Exception as error:  # told to the page, which logs it; the next picture may be fine
            out.write(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode() + b"\n")
        out.flush()


if __name__ == "__main__":
    paint()
