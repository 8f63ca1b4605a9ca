"""What the viewer makes of files and of the browser: checkpoints, broken files, lost contexts, the bundle itself."""

import gzip
import hashlib
import json
import re

import numpy as np
import pytest
from browser import WITHOUT_GL, chromium_without_gl, needs_chromium
from scene_samples import SIZE
from viewer_page import BUNDLE, player, psnr

from fourreal.scene.r4d import read_r4d

pytestmark = needs_chromium


def test_a_new_checkpoint_keeps_camera_time_and_play_state(viewer):
    viewer.run("viewer.rig.orbit(0.4, 0.05); viewer.rig.finish(); viewer.background = '#000000'; viewer.time = 0.6")
    before = viewer.run("[viewer.camera, viewer.time, viewer.playing, viewer.background]")
    old = viewer.picture()
    viewer.load("later.r4d")
    viewer.run("viewer.rig.finish()")  # as any frame drawn since: what stretches a limit is not squeezed once more
    after = viewer.run("[viewer.camera, viewer.time, viewer.playing, viewer.background]")
    assert np.allclose(after[0]["position"], before[0]["position"], atol=1e-6)
    assert after[1:] == before[1:]
    assert psnr(old, viewer.picture()) < 30
    viewer.run("viewer.playing = true")
    viewer.load("scene.r4d")
    assert viewer.run("viewer.playing") is True
    viewer.load("later.r4d", keep=False)
    assert viewer.run("viewer.rig.now.azimuth") == 0


def test_no_frame_is_blank_while_scenes_are_swapped(viewer):
    viewer.run("""() => {
      const sheet = new OffscreenCanvas(32, 18).getContext("2d", { willReadFrequently: true });
      window.spreads = [];
      viewer.addEventListener("frame", () => {  // sent in the task that drew: the canvas can be read
        sheet.drawImage(viewer.canvas, 0, 0, 32, 18);
        const red = sheet.getImageData(0, 0, 32, 18).data.filter((_, i) => i % 4 === 0);
        spreads.push(Math.max(...red) - Math.min(...red));
      });
      viewer.playing = true;
    }""")
    for name in ("later.r4d", "scene.r4d", "later.r4d"):
        viewer.load(name)
    viewer.until("spreads.length > 5")
    assert min(viewer.run("spreads")) > 20


def test_without_memory_for_a_scene_the_one_before_stays(viewer):
    viewer.load("scene.r4d")
    before = viewer.picture()
    answer = viewer.run("""async () => {
      const { gl } = viewer.painter;
      gl.checkFramebufferStatus = () => gl.FRAMEBUFFER_UNSUPPORTED;
      const told = await viewer.load("later.r4d").then(() => "loaded", (error) => error.message);
      delete gl.checkFramebufferStatus;
      return told;
    }""")
    assert "too little graphics memory" in answer
    assert psnr(before, viewer.picture()) > 50
    viewer.run("viewer.status('')")


def test_a_newer_load_ends_the_older(viewer):
    outcome = viewer.run("""async () => {
      const loads = ["scene.r4d", "fox_yard.r4d", "later.r4d"].map((name) => viewer.load(name));
      const ends = await Promise.allSettled(loads);
      return ends.map((end) => end.reason?.name ?? end.status);
    }""")
    assert outcome == ["AbortError", "AbortError", "fulfilled"]
    assert viewer.run("viewer.title()") == "later"
    assert viewer.heard("error") == []


def broken_files(content: bytes) -> dict[str, bytes]:
    raw = gzip.decompress(content)
    length = int.from_bytes(raw[4:8], "little")
    header = json.loads(raw[8 : 8 + length])

    def with_header(**changes) -> bytes:
        text = json.dumps(header | changes).encode()
        return gzip.compress(raw[:4] + len(text).to_bytes(4, "little") + text + raw[8 + length :])

    arrays = header["arrays"]
    still = {**header["view"], "reference": {**header["view"]["reference"], "camera_to_world": [[0] * 4] * 4}}
    return {
        "empty": b"",
        "web page": b"<!doctype html><title>Not found</title>",
        "other gzip": gzip.compress(b"something else altogether"),
        "cut gzip": content[: len(content) // 2],
        "cut body": gzip.compress(raw[:-100]),
        "more body": gzip.compress(raw + b"more"),
        "huge header": gzip.compress(b"R4D1" + (2**31).to_bytes(4, "little") + b"{"),
        "no json": gzip.compress(b"R4D1" + (8).to_bytes(4, "little") + b"{splats:"),
        "newer version": with_header(version=2),
        "huge count": with_header(splats=10**9),
        "other count": with_header(splats=header["splats"] + 1),
        "half a splat": with_header(splats=1.5),
        "more moving than there are": with_header(moving=header["splats"] + 1),
        "no frames": with_header(frames=0),
        "endless frames": with_header(frames=10**7),
        "array missing": with_header(arrays=arrays[1:]),
        "array twice": with_header(arrays=[*arrays, arrays[0]]),
        "array unknown": with_header(arrays=[*arrays, {**arrays[0], "name": "__proto__"}]),
        "bytes": with_header(arrays=[{**arrays[0], "bytes": 4}, *arrays[1:]]),
        "step": with_header(arrays=[{**arrays[0], "step": ["1", 1, 1]}, *arrays[1:]]),
        "delta": with_header(arrays=[{**arrays[0], "delta": "columns"}, *arrays[1:]]),
        "camera": with_header(view=still),
        "no view": with_header(view=None),
    }


def test_broken_files_are_told_and_the_old_scene_stays(browser, url, site):
    files = broken_files((site / "scene.r4d").read_bytes())
    with player(browser, url, expected=("404",)) as viewer:
        viewer.load("scene.r4d")
        before = viewer.picture()
        for number, (what, content) in enumerate(files.items()):
            (site / f"broken{number}.r4d").write_bytes(content)
            outcome = viewer.run("name => viewer.load(name).catch((error) => error.message)", f"broken{number}.r4d")
            assert isinstance(outcome, str), f"{what} was taken for a scene"
            assert re.match(r"(This|The) scene|This is not a scene", outcome), f"{what}: {outcome}"
            assert viewer.heard("error")[-1] == {"slot": 0, "message": outcome}
            assert viewer.page.locator(".status").inner_text() == outcome
        assert "404" in viewer.run("viewer.load('nowhere.r4d').catch((error) => error.message)")
        assert len(viewer.heard("error")) == len(files) + 1
        assert np.array_equal(before, viewer.picture())


@pytest.mark.slow
def test_24_reloads_leave_nothing_behind(browser, url):
    count = """() => {
      window.alive = { textures: 0, buffers: 0, frames: 0, workers: 0 };
      const gl = WebGL2RenderingContext.prototype;
      for (const [kind, name] of [["textures", "Texture"], ["buffers", "Buffer"], ["frames", "Framebuffer"]]) {
        const [create, remove] = [gl["create" + name], gl["delete" + name]];
        gl["create" + name] = function () { alive[kind]++; return create.call(this); };
        gl["delete" + name] = function (what) { if (what) alive[kind]--; remove.call(this, what); };
      }
      const { terminate } = Worker.prototype;
      const Old = Worker;
      window.Worker = class extends Old { constructor(url) { super(url); alive.workers++; } };
      Worker.prototype.terminate = function () { alive.workers--; terminate.call(this); };
    }"""
    with player(browser, url, before=f"({count})()") as viewer:
        session = viewer.page.context.new_cdp_session(viewer.page)

        def heap() -> float:
            session.send("HeapProfiler.collectGarbage")
            usage = session.send("Runtime.getHeapUsage")
            return usage["usedSize"] + usage.get("backingStorageSize", 0)

        def reload(times: int) -> tuple[dict, float]:
            for number in range(times):
                viewer.load(["scene.r4d", "fox_yard.r4d"][number % 2])
                viewer.run("viewer.settle()")
            return viewer.run("alive"), heap()

        alive, used = reload(4)
        after, used_after = reload(24)
        assert alive["workers"] == 1
        assert after == alive
        assert used_after < used + 1_000_000  # one such scene alone takes two and a half
        viewer.run("viewer.dispose()")
        assert viewer.run("alive.workers") == 0
        assert viewer.run("document.getElementById('box').children.length") == 0


def test_a_lost_graphics_context_comes_back(viewer):
    viewer.run("viewer.time = 0")
    before = viewer.picture()
    viewer.run("window.handle = viewer.painter.gl.getExtension('WEBGL_lose_context'); handle.loseContext()")
    viewer.until("viewer.overlay.statusChip.textContent.includes('interrupted')")
    viewer.run("viewer.time = 0; viewer.redraw()")
    viewer.run("handle.restoreContext()")
    viewer.until("viewer.overlay.statusChip.hidden")
    assert psnr(before, viewer.picture()) > 60


def r4d_png(site) -> str:
    import base64
    import io

    from PIL import Image

    scene = read_r4d((site / "scene.r4d").read_bytes())
    picture = scene.render(np.array(scene.header["view"]["reference"]["camera_to_world"]), 40, SIZE, 0.0)
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


def test_without_webgl2_it_says_so(browser, url, site):
    says_so(browser, url, site, before=WITHOUT_GL)


@pytest.mark.slow
def test_a_browser_without_any_webgl_says_so(url, site):
    with chromium_without_gl() as browser:
        says_so(browser, url, site)


def says_so(browser, url, site, **how) -> None:
    png = r4d_png(site)
    with player(browser, url, **how) as viewer:
        assert viewer.run("Viewer.supported()") is False
        assert "WebGL2" in viewer.page.get_by_role("alert").inner_text()
        assert viewer.load("scene.r4d")["splats"] == 300
    with player(browser, url, **how) as viewer:
        viewer.run("viewer.dispose()")
        viewer.run(
            """(url) => {
          window.asked = [];
          start({ autoplay: false, render: async (camera) => (asked.push(camera), url) });
        }""",
            png,
        )
        viewer.load("scene.r4d")
        viewer.until("asked.length > 0 && viewer.overlay.preview.naturalWidth > 0")
        assert "WebGL2" in viewer.page.get_by_role("alert").inner_text()
        viewer.run("viewer.time = 0.5; viewer.rig.orbit(0.3, 0)")
        assert viewer.picture().shape[:2] == (SIZE[1], SIZE[0])
        viewer.until("JSON.stringify(asked.at(-1)) === JSON.stringify(viewer.view())")
        count = viewer.run("asked.length")
        viewer.page.wait_for_timeout(300)
        assert viewer.run("asked.length") == count  # nothing changes, nothing is asked


def test_the_bundle_is_what_the_sources_build():
    """Its first line carries the hash of the sources that it was built from."""
    root = BUNDLE.parents[1]
    digest = hashlib.sha256()
    files = {path.relative_to(root).as_posix(): path for path in (root / "src").rglob("*") if path.is_file()}
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + files[name].read_bytes() + b"\0")
    first = BUNDLE.read_text(encoding="utf-8").split("\n", 1)[0]
    assert digest.hexdigest() in first, "run `npm ci && npm run build` in fourreal/web/viewer"


def test_the_bundle_asks_for_nothing_else():
    content = BUNDLE.read_text(encoding="utf-8")
    assert len(content) < 200_000
    assert set(re.findall(r"https?://[\w.]+", content)) <= {"http://www.w3.org"}  # the name of SVG
    assert not re.search(r"\bimport\s*[({\"']", content)
