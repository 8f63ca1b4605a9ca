"""A page with nothing but the viewer, its scenes, and what tests do with it."""

import base64
import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from browser import Watched, until, watched_page
from PIL import Image
from playwright.sync_api import Browser

BUNDLE = Path(__file__).parents[2] / "fourreal" / "web" / "viewer" / "dist" / "viewer.js"

PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><style>body { margin: 0 } #box { width: %(width)s; height: %(height)spx }</style>
<div id="box"></div><div style="height: 3000px"></div>
<script type="module">
import { Viewer } from "./viewer.js";
window.Viewer = Viewer;
window.heard = [];
window.start = (options) => {
  const viewer = (window.viewer = new Viewer(document.getElementById("box"), options));
  for (const name of ["load", "error", "camera", "change"]) {
    viewer.addEventListener(name, (event) => heard.push([name, event.detail]));
  }
};
window.ready = true;
</script>"""

NEXT_FRAME = "() => new Promise((drawn) => viewer.addEventListener('frame', () => drawn(), { once: true }))"
PNG = """async () => {
  const bytes = new Uint8Array(await (await viewer.screenshot()).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""


def lay_out(folder: Path, width: str = "320px", height: int = 267) -> None:
    """The page and the bundle in a folder to be served; 267 leaves 320x180 above the toolbar's two rows."""
    shutil.copy(BUNDLE, folder / "viewer.js")
    (folder / "index.html").write_text(PAGE % {"width": width, "height": height}, encoding="utf-8")


@dataclass
class Player:
    """A viewer on its page."""

    watched: Watched

    @property
    def page(self):
        return self.watched.page

    def run(self, script: str, argument=None):
        """The value of a piece of JavaScript that knows `viewer`."""
        return self.page.evaluate(script, argument)

    def load(self, name: str, **options) -> dict:
        return self.run("([name, options]) => viewer.load(name, options)", [name, options])

    def picture(self) -> np.ndarray:
        """(H, W, 3) uint8: what is shown, once it is sorted and drawn."""
        return np.array(Image.open(io.BytesIO(base64.b64decode(self.run(PNG)))).convert("RGB"))

    def view(self) -> dict:
        return self.run("viewer.view()")

    def heard(self, name: str) -> list:
        """What the events of a name told, since the start."""
        return [detail for event, detail in self.run("heard") if event == name]

    def until(self, condition: str) -> None:
        until(self.page, condition)

    def button(self, name: str):
        return self.page.get_by_role("button", name=name)

    @property
    def middle(self) -> tuple[float, float]:
        """The middle of the stage, in pixels of the window."""
        box = self.page.locator(".stage").bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@contextmanager
def player(
    browser: Browser, url: str, options: dict | None = None, expected: tuple[str, ...] = (), before: str = "", **context
) -> Iterator[Player]:
    """A viewer without a scene, which does not play by itself unless `options` say so. `before`: a script run first."""
    context.setdefault("viewport", {"width": 640, "height": 400})
    with watched_page(browser, expected, before, **context) as watched:
        watched.page.goto(f"{url}/index.html")
        until(watched.page, "window.ready")
        watched.page.evaluate("options => start(options)", {"autoplay": False, **(options or {})})
        yield Player(watched)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Of two 8-bit pictures of the same size, in dB."""
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-12)))
