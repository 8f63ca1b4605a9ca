"""How fast the viewer loads and plays, and what 24 reloads leave behind, in a headless Chromium.

    python -m benchmarks.viewer [--seconds 6]

Without a GPU the browser draws in software (SwiftShader) on the same cores; a table goes to stdout. The scenes are made
here: a floor, a wall and a ring that turns, a third of the splats moving, each splat as large as half the way to its
neighbour. The shipped scene is played as well, as its splats are those of a real fit.
"""

import argparse
import math
import os
import sys
import tempfile
from pathlib import Path

import torch

from fourreal.camera.align import Similarity
from fourreal.camera.cameras import Cameras, Origin
from fourreal.camera.trajectory import look_at
from fourreal.scene.r4d import r4d_bytes
from fourreal.scene.scene4d import Scene4D
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.motion_bases import MotionBases

ROOT = Path(__file__).parents[1]
SIZE = (480, 270)
BAR = 87  # pixels of the toolbar below a stage of that width
UP = torch.tensor([0.0, -1.0, 0.0])


def main() -> None:
    add = (parser := argparse.ArgumentParser(description=__doc__.split("\n\n")[0])).add_argument
    add("--seconds", type=float, default=6.0, help="of playing that the frame rate is taken over")
    options = parser.parse_args()
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/viewer")]  # the browser is found and watched as in the tests
    from browser import chromium, find_chromium, static_server
    from viewer_page import lay_out

    if find_chromium() is None:
        sys.exit("There is no Chromium here: nothing was measured.")
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder)
        lay_out(site, f"{SIZE[0]}px", SIZE[1] + BAR)
        scenes = {"5k x 16": made(5_000, 16), "100k x 24": made(100_000, 24)}
        scenes["fox_yard"] = (ROOT / "assets" / "scenes" / "fox_yard.r4d").read_bytes()
        for name, content in scenes.items():
            (site / f"{name}.r4d").write_bytes(content)
        with static_server(site) as url, chromium() as browser:
            print(
                f"Chromium {browser.version}, {SIZE[0]}x{SIZE[1]}, load {os.getloadavg()[0]:.1f} "
                f"on {os.cpu_count()} cores\n"
            )
            print("| scene | MB | loads in ms | of it unpacked in ms | fps | fps at full resolution |")
            print("|---|---|---|---|---|---|")
            for name, content in scenes.items():
                row(browser, url, name, len(content), options.seconds)
            print()
            reloads(browser, url)


def made(count: int, frames: int) -> bytes:
    """A scene file: two still planes and a ring of splats that turns."""
    g = torch.Generator().manual_seed(0)
    rand = lambda *shape: torch.rand(*shape, generator=g)
    ring, floor, wall = count // 3, count // 3, count - 2 * (count // 3)
    angle, around = rand(ring) * 2 * math.pi, rand(ring) * 2 * math.pi
    out = 0.28 + 0.07 * around.cos()
    means = torch.cat(
        [
            torch.stack([out * angle.cos(), 0.07 * around.sin(), out * angle.sin()], 1),
            torch.stack([rand(floor) * 1.8 - 0.9, torch.full((floor,), 0.3), rand(floor) * 1.6 - 0.8], 1),
            torch.stack([rand(wall) * 1.8 - 0.9, rand(wall) * 1.0 - 0.7, torch.full((wall,), 0.8)], 1),
        ]
    )
    spacing = torch.cat(
        [
            torch.full((ring,), math.sqrt(0.77 / ring)),
            torch.full((floor,), math.sqrt(2.9 / floor)),
            torch.full((wall,), math.sqrt(1.8 / wall)),
        ]
    )
    moves = torch.arange(count) < ring
    gaussians = Gaussians(
        means=means,
        quats=torch.tensor([1.0, 0, 0, 0]).repeat(count, 1),
        scales=(spacing[:, None] / 2).log().repeat(1, 3),
        opacities=torch.full((count,), 2.0),
        colors=rand(count, 3) * 0.5 + 0.25,
        moves=moves,
        motion=torch.zeros(count, 2),
    )
    field = MotionBases(torch.zeros(1, 3), torch.full((1,), 1.0), frames, 0)
    with torch.no_grad():
        field.rotation += torch.randn(field.rotation.shape, generator=g) * 0.15
        field.translation += torch.randn(field.translation.shape, generator=g) * 0.03
    turn = torch.linspace(-0.6, 0.6, 9)
    centres = torch.stack([turn.sin(), torch.full_like(turn, -0.3), -turn.cos()], 1)
    freeze = Cameras(
        look_at(centres, torch.zeros(3), UP), torch.tensor([480.0, 480.0, 240.0, 135.0]), SIZE, Origin("given", 1.0)
    )
    scene = Scene4D(
        gaussians,
        field.requires_grad_(False),
        freeze[4],
        freeze,
        tuple(range(9)),
        Similarity.identity(),
        12.0,
        torch.tensor([0.06, 0.07, 0.08]),
    )
    return r4d_bytes(scene, "made")


def row(browser, url: str, name: str, size: int, seconds: float) -> None:
    from viewer_page import player

    loads, unpacked, rates = [], [], []
    for adaptive in (True, False):
        with player(browser, url, {"adaptive": adaptive, "pixelRatio": 1}) as viewer:
            for _ in range(3):
                loads.append(viewer.load(f"{name}.r4d")["milliseconds"])
                unpacked.append(viewer.run("viewer.slots.scenes[0].loaded.times.unpack"))
            viewer.run("viewer.playing = true; viewer.loop = 'loop'")
            viewer.page.wait_for_timeout(2000)  # until the resolution has settled
            viewer.run("viewer.counted = 0; viewer.addEventListener('frame', () => viewer.counted++)")
            viewer.page.wait_for_timeout(1000 * seconds)
            rates.append(viewer.run("[viewer.counted, viewer.pacer.share]"))
    (quick, share), (full, _) = rates
    middle = lambda values: sorted(values)[len(values) // 2]
    print(
        f"| {name} | {size / 1e6:.1f} | {middle(loads):.0f} | {middle(unpacked):.0f} | "
        f"{quick / seconds:.0f} (at {100 * share:.0f} %) | {full / seconds:.0f} |",
        flush=True,
    )


def reloads(browser, url: str) -> None:
    from viewer_page import player

    count = """() => {
      window.alive = 0;
      const gl = WebGL2RenderingContext.prototype;
      const { createTexture, deleteTexture } = gl;
      gl.createTexture = function () { alive++; return createTexture.call(this); };
      gl.deleteTexture = function (texture) { if (texture) alive--; deleteTexture.call(this, texture); };
    }"""
    with player(browser, url, {"pixelRatio": 1}, before=f"({count})()") as viewer:
        session = viewer.page.context.new_cdp_session(viewer.page)

        def state() -> tuple[int, float]:
            session.send("HeapProfiler.collectGarbage")
            usage = session.send("Runtime.getHeapUsage")
            return viewer.run("alive"), (usage["usedSize"] + usage.get("backingStorageSize", 0)) / 1e6

        print("| reloads of 100k x 24 | textures | heap with buffers, MB |\n|---|---|---|")
        done = 0
        for times in (2, 11, 11):
            for _ in range(times):
                viewer.load("100k x 24.r4d")
            done += times
            textures, megabytes = state()
            print(f"| {done} | {textures} | {megabytes:.1f} |", flush=True)


if __name__ == "__main__":
    main()
