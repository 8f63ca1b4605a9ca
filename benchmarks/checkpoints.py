"""How long after it was written a scene that is still forming can be seen in the page.

    python -m benchmarks.checkpoints [--share 0.1]

The page, its worker and a real fit of the shipped example, all started as `python app.py` starts them, with the preset
draft cut down to a share of its steps; a headless Chromium, which draws on the same cores, presses *Try with this
example* and watches. A table goes to stdout: the time from the moment that a file of the viewer has its name on the
disk until the viewer is told of it, has loaded it and has drawn it. With `--share 1` it is a newcomer's whole way.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.jobs import free_port, served
from fourreal.installed import ROOT
from fourreal.jobs.children import environment

# When the viewer is told of a file, has loaded and first drawn it, in milliseconds of the machine's clock.
MARKS = ("announced", "loaded", "drawn")
NOTE = """() => {
  const viewer = fourrealViewer, load = viewer.load.bind(viewer);
  const now = () => performance.timeOrigin + performance.now();
  window.seen = {};
  viewer.load = async (url, options) => {
    const marks = { announced: now() };
    const detail = await load(url, options);
    marks.loaded = now();
    const name = url.match(/live\\/(scene-\\d+\\.r4d)/)?.[1];
    if (name) {
      seen[name] = marks;
      viewer.addEventListener('frame', () => { marks.drawn = now(); }, { once: true });
    }
    return detail;
  };
}"""


def main() -> None:
    add = (parser := argparse.ArgumentParser(description=__doc__.split("\n\n")[0])).add_argument
    add("--share", type=float, default=0.1, help="of the preset's steps")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests"))  # the browser is found and watched as in the tests
    from browser import chromium, find_chromium, watched_page

    if find_chromium() is None:
        sys.exit("There is no Chromium here: nothing was measured.")
    with tempfile.TemporaryDirectory(prefix="fourreal-checkpoints-") as folder:
        data, port, over = Path(folder), free_port(), threading.Event()
        (data / "share.json").write_text(json.dumps(options.share))
        start = lambda *command, **settings: subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=environment(**settings), stderr=subprocess.DEVNULL
        )
        worker = start("-m", "benchmarks.jobs", "worker", str(data))
        page = start("app.py", FOURREAL_DATA=str(data), GRADIO_SERVER_PORT=str(port))
        written: dict[str, float] = {}
        watching = threading.Thread(target=watch, args=(data, written, over))
        watching.start()
        try:
            url = served(f"http://127.0.0.1:{port}")
            with chromium() as browser, watched_page(browser, viewport={"width": 1360, "height": 850}) as watched:
                watched.page.goto(url)
                watched.page.wait_for_function("window.fourrealShown?.scene")
                watched.page.evaluate(NOTE)
                pressed = time.monotonic()
                watched.page.locator("#try").click()
                watched.page.locator("#summary .figures").wait_for(timeout=0)
                print(f"the finished scene {time.monotonic() - pressed:.0f} s after the press")
                seen = watched.page.evaluate("seen")
        finally:
            over.set()
            watching.join()
            for process in (page, worker):
                process.terminate()
                process.wait()
    tell(written, seen)


def watch(data: Path, written: dict[str, float], over: threading.Event) -> None:
    """Note when each file came; only the newest two are there."""
    while not over.wait(0.05):
        for path in data.glob("runs/*/live/scene-*.r4d"):
            try:
                written.setdefault(path.name, 1000 * path.stat().st_mtime)
            except FileNotFoundError:  # a newer one has taken its place
                continue


def tell(written: dict[str, float], seen: dict[str, dict[str, float]]) -> None:
    print(f"{len(written)} written, {len(seen)} seen, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| after it was written | median ms | 95% | slowest |\n|---|---|---|---|")
    for mark in MARKS:
        late = sorted(marks[mark] - written[name] for name, marks in seen.items() if mark in marks)
        print(f"| {mark} | {statistics.median(late):.0f} | {late[int(0.95 * (len(late) - 1))]:.0f} | {late[-1]:.0f} |")


if __name__ == "__main__":
    main()
