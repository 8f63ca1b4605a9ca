"""The viewer in a real browser: what it draws, how it is steered, and what happens when something is wrong."""

import gzip
import hashlib
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from browser import chromium, needs_chromium, static_server
from job_samples import until
from scene_samples import SIZE, some_scene
from videos import numbered
from viewer_page import BUNDLE, lay_out, player, psnr

from fourreal.camera.align import Similarity
from fourreal.clip import Clip, write
from fourreal.scene.place import outward
from fourreal.scene.r4d import r4d_bytes, read_r4d
from fourreal.scene.scene4d import Scene4D

pytestmark = needs_chromium

AGREES = 45.0  # dB; measured 57 and more: what is left is rounding, and which of two splats at one depth is in front
AGREES_IN_MOTION = 40.0  # dB; measured 48: ten bits


@pytest.fixture(scope="module")
def site(tmp_path_factory, assets):
    """A folder with the page, a small scene, a checkpoint of it that looks otherwise, and a ready-made one."""
    folder = tmp_path_factory.mktemp("site")
    lay_out(folder)
    scene = some_scene()
    (folder / "scene.r4d").write_bytes(r4d_bytes(scene, "first"))
    later = replace(scene, gaussians=replace(scene.gaussians, colors=1 - scene.gaussians.colors))
    (folder / "later.r4d").write_bytes(r4d_bytes(later, "later"))
    (folder / "fox_yard.r4d").write_bytes((assets / "scenes" / "fox_yard.r4d").read_bytes())
    write(Clip(numbered(8, (96, 64)), 12.0), folder / "other.mp4")
    return folder


@pytest.fixture(scope="module")
def url(site):
    with static_server(site) as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def viewer(browser, url):
    with player(browser, url) as viewer:
        viewer.load("scene.r4d")
        yield viewer


def truth(site, name: str, view: dict, size: tuple[int, int]) -> np.ndarray:
    """What our own rasterizer draws of a file, for the camera and the time of `Viewer.view`."""
    scene = read_r4d((site / name).read_bytes())
    return scene.render(np.array(view["camera_to_world"]), view["fov_y"], size, view["time"])


def compared(site, name: str, viewer) -> float:
    picture = viewer.picture()
    return psnr(picture, truth(site, name, viewer.view(), picture.shape[1::-1]))


# ---- What it draws


def test_draws_what_the_rasterizer_draws(browser, url, site):
    with player(browser, url) as viewer:
        told = viewer.load("fox_yard.r4d")
        header = read_r4d((site / "fox_yard.r4d").read_bytes()).header
        assert (told["splats"], told["frames"]) == (header["splats"], header["frames"])
        reference = np.array(header["view"]["reference"]["camera_to_world"])
        assert np.abs(np.array(viewer.view()["camera_to_world"]) - reference).max() < 1e-6
        viewer.run("viewer.time = 0.37")
        assert viewer.picture().std() > 20  # not blank
        assert compared(site, "fox_yard.r4d", viewer) > AGREES
        viewer.run("viewer.rig.orbit(0.5, 0.1)")
        assert compared(site, "fox_yard.r4d", viewer) > AGREES


def test_every_time_and_camera_agrees(viewer, site):
    for time, turn in [(0.0, 0.0), (0.613, 0.4), (1.0, -0.7)]:
        viewer.run("([time, turn]) => { viewer.time = time; viewer.rig.orbit(turn, 0.1) }", [time, turn])
        assert compared(site, "scene.r4d", viewer) > AGREES


def test_frames_in_motion_agree_nearly_as_well(browser, url, site):
    with player(browser, url, {"adaptive": False}) as viewer:
        viewer.load("fox_yard.r4d")
        viewer.run("viewer.time = 0.3")
        fine = viewer.picture()
        # What the canvas holds can only be read in the task that draws, so by hand.
        viewer.run("viewer.drawing.paint = ((paint) => function (share) { paint.call(this, share, false) })"
                   "(viewer.drawing.paint)")  # fmt: skip
        quick = viewer.picture()
        assert (fine != quick).any()
        assert psnr(quick, truth(site, "fox_yard.r4d", viewer.view(), quick.shape[1::-1])) > AGREES_IN_MOTION


def test_changes_with_time_and_orbit(viewer):
    start = viewer.picture()
    viewer.run("viewer.time = 0.8")
    later = viewer.picture()
    assert psnr(start, later) < 35
    viewer.run("viewer.rig.orbit(0.6, 0)")
    assert psnr(later, viewer.picture()) < 35


def test_canonical_is_the_scene_without_motion(viewer, site):
    viewer.run("viewer.time = 0.9; viewer.deformed = false")
    picture = viewer.picture()
    scene = read_r4d((site / "scene.r4d").read_bytes())
    view = viewer.view()
    canonical = scene.header["canonical"] / (scene.header["frames"] - 1)
    assert psnr(picture, truth(site, "scene.r4d", view | {"time": canonical}, picture.shape[1::-1])) > AGREES
    viewer.run("viewer.deformed = true")
    assert psnr(picture, viewer.picture()) < 35


def test_displays_and_background(viewer):
    seen = {}
    for mode in ("splats", "points", "depth"):
        viewer.run("mode => { viewer.display = mode }", mode)
        seen[mode] = viewer.picture()
    assert psnr(seen["splats"], seen["points"]) < 30
    assert psnr(seen["splats"], seen["depth"]) < 30
    viewer.run("viewer.display = 'splats'; viewer.background = '#ff0000'")
    bare = (viewer.picture() == [255, 0, 0]).all(-1)
    assert bare.any()
    viewer.run("viewer.background = null")
    assert np.abs(viewer.picture()[bare] - 255 * np.array([0.2, 0.3, 0.4])).max() < 1.5


# ---- Time


def test_plays_loops_and_halts(viewer):
    assert viewer.run("viewer.playing") is False
    viewer.run("viewer.loop = 'once'; viewer.speed = 4; viewer.playing = true")
    viewer.until("!viewer.playing")
    assert viewer.run("viewer.time") == 1
    viewer.run("viewer.loop = 'bounce'; viewer.times = []; viewer.addEventListener('frame', (e) => "
               "viewer.times.push(e.detail.time)); viewer.playing = true")  # fmt: skip
    viewer.until("viewer.times.length > 3 && viewer.time < 0.5")  # it went back, not round
    steps = np.abs(np.diff(viewer.run("viewer.times")))
    assert steps.max() < 0.99


NEXT_FRAME = "() => new Promise((drawn) => viewer.addEventListener('frame', () => drawn(), { once: true }))"


def test_draws_nothing_when_nothing_changes(viewer):
    viewer.run("viewer.settle()")
    viewer.until("viewer.drawing.polish === 2 && !viewer.drawing.fence")
    frames = """async () => {
      let count = 0;
      viewer.addEventListener("frame", () => count++);
      await new Promise((resolve) => setTimeout(resolve, 400));
      return count;
    }"""
    assert viewer.run(frames) == 0
    viewer.run("viewer.playing = true")
    viewer.run(NEXT_FRAME)
    viewer.run("scrollTo(0, 2000)")  # out of sight
    viewer.until("!viewer.frames.visible")
    assert viewer.run(frames) == 0
    viewer.run("scrollTo(0, 0)")
    viewer.run(NEXT_FRAME)


def test_leaves_the_machine_to_others_but_never_lets_a_hand_wait(viewer):
    count = """async () => {
      let frames = 0;
      const heard = () => frames++;
      viewer.addEventListener("frame", heard);
      await new Promise((resolve) => setTimeout(resolve, 700));
      viewer.removeEventListener("frame", heard);
      return frames;
    }"""
    viewer.run("() => { viewer.loop = 'loop'; viewer.playing = true; viewer.gentle = true; }")
    viewer.page.wait_for_function("viewer.drawing.restUntil > 0")
    viewer.run("() => viewer.settle()")
    viewer.run("() => { viewer.drawing.restUntil = Infinity; viewer.drawing.fence = null; }")
    assert viewer.run(count) == 0
    viewer.run("() => { viewer.rig.held = true; }")
    viewer.run(NEXT_FRAME)
    viewer.run("() => { viewer.rig.held = false; viewer.gentle = false; }")


def test_who_prefers_less_motion_gets_less(browser, url):
    with player(browser, url, {"autoplay": True}, reduced_motion="reduce") as viewer:
        viewer.load("scene.r4d")
        assert viewer.run("viewer.playing") is False
        at_once = viewer.run("(viewer.rig.orbit(0.5, 0), viewer.goHome(), viewer.rig.now.azimuth)")
        assert at_once == 0
    with player(browser, url, {"autoplay": True}) as viewer:
        viewer.load("scene.r4d")
        assert viewer.run("viewer.playing") is True


# ---- Camera


def test_mouse_and_wheel_within_soft_limits(viewer):
    x, y = viewer.middle
    home = viewer.run("viewer.camera")
    viewer.page.mouse.move(x, y)
    viewer.page.mouse.down()
    viewer.page.mouse.move(x - 60, y, steps=4)
    viewer.page.mouse.up()
    viewer.until("viewer.rig.now.azimuth > 0.2")  # dragged to the left: the camera goes to the right
    limit = viewer.run("viewer.rig.limits.azimuth[1]")
    viewer.page.mouse.down()
    viewer.page.mouse.move(x - 1500, y, steps=6)
    viewer.until(f"viewer.rig.now.azimuth > {limit}")  # it gives way
    assert viewer.run("viewer.rig.now.azimuth") < limit + 0.3
    viewer.page.mouse.up()
    viewer.until(f"Math.abs(viewer.rig.now.azimuth - {limit}) < 1e-6")  # and springs back
    viewer.page.mouse.move(x, y)
    for _ in range(40):
        viewer.page.mouse.wheel(0, 400)
    far = viewer.run("viewer.rig.limits.distance[1]")
    viewer.until(f"Math.abs(viewer.rig.now.distance - {far}) < 1e-6")
    assert viewer.run("scrollY") == 0  # the page did not scroll
    viewer.button("Limits").click()
    viewer.page.mouse.move(x, y)
    for _ in range(5):
        viewer.page.mouse.wheel(0, 400)
    viewer.until(f"viewer.rig.now.distance > {1.5 * far}")
    viewer.button("Reference camera").click()
    viewer.until("viewer.rig.now.azimuth === 0")
    assert np.allclose(viewer.run("viewer.camera.position"), home["position"], atol=1e-6)


def test_right_button_pans(viewer):
    x, y = viewer.middle
    before = viewer.run("viewer.rig.now")
    viewer.page.mouse.move(x, y)
    viewer.page.mouse.down(button="right")
    viewer.page.mouse.move(x + 30, y, steps=3)
    viewer.page.mouse.up(button="right")
    viewer.run("viewer.settle()")
    after = viewer.run("viewer.rig.now")
    assert after["azimuth"] == before["azimuth"]
    assert np.linalg.norm(np.subtract(after["target"], before["target"])) > 0.02


def test_keyboard(viewer):
    viewer.page.locator(".stage").focus()
    press = viewer.page.keyboard.press
    press("ArrowRight")
    press("ArrowUp")
    viewer.until("viewer.rig.now.azimuth > 0.1 && viewer.rig.now.elevation > viewer.rig.home.elevation + 0.1")
    press("+")
    viewer.until("viewer.rig.now.distance < 0.91 * viewer.rig.home.distance")
    press("r")
    viewer.until("viewer.rig.now.azimuth === 0")
    press(".")
    assert viewer.run("viewer.time") == pytest.approx(0.25)  # the second of five frames
    press(",")
    assert viewer.run("viewer.time") == 0
    press(" ")
    assert viewer.run("viewer.playing") is True
    press(" ")
    assert viewer.run("viewer.playing") is False
    for key, display in [("2", "points"), ("3", "depth"), ("1", "splats")]:
        press(key)
        assert viewer.run("viewer.display") == display
    press("d")
    assert viewer.run("viewer.deformed") is False
    press("l")
    assert viewer.run("viewer.locked") is False
    press("c")
    assert viewer.run("viewer.path") == "circle"
    press("ArrowLeft")
    assert viewer.run("viewer.path") is None  # the hand is stronger
    press("b")
    assert viewer.run("viewer.loop") == "loop"
    press("Control+r")  # not ours
    viewer.until("window.ready")


def test_camera_paths_stay_in_the_arc(viewer):
    low, high = viewer.run("viewer.rig.limits.azimuth")
    for path in ("circle", "spiral", "study"):
        places = viewer.run("""async ([path, step]) => {
          viewer.path = path;
          const seen = [];
          for (let k = 0; k < 200; k++) {
            viewer.drawing.advance(step);
            viewer.rig.finish();
            seen.push([viewer.rig.now.azimuth, viewer.rig.now.elevation, viewer.time]);
          }
          viewer.path = null;
          return seen;
        }""", [path, 0.0089 if path == "study" else 0.1])  # fmt: skip
        azimuth, elevation, time = np.array(places).T
        assert low - 1e-9 <= azimuth.min() < azimuth.max() <= high + 1e-9
        if path == "spiral":
            assert np.ptp(elevation) > 0.05
        else:
            assert np.ptp(azimuth) > 0.6 * (high - low)
        if path == "study":
            still = np.abs(np.diff(azimuth)) < 1e-9
            assert 0.6 < still.mean() < 0.85
            assert np.diff(time)[still].max() > 0.01
            assert len(np.unique(azimuth[1:][still].round(6))) == 4


def test_camera_can_be_read_and_set(viewer):
    wanted = {"position": [0.3, -0.2, -0.9], "target": [0.0, 0.1, 0.0], "up": [0.1, -1.0, 0.0], "fov": 30}
    viewer.run("camera => { viewer.locked = false; viewer.camera = camera }", wanted)
    got = viewer.run("viewer.camera")
    assert np.allclose(got["position"], wanted["position"], atol=1e-6)
    assert np.allclose(got["target"], wanted["target"], atol=1e-6)
    assert got["fov"] == 30
    before = viewer.view()["camera_to_world"]
    viewer.run("viewer.camera = viewer.camera")
    assert np.allclose(viewer.view()["camera_to_world"], before, atol=1e-6)


def test_tells_where_the_camera_comes_to_rest(viewer):
    viewer.run("heard.length = 0; viewer.rig.orbit(0.3, 0); viewer.redraw()")
    viewer.until("heard.some(([name]) => name === 'camera')")
    told = viewer.heard("camera")[-1]
    assert told == viewer.view()
    assert told["size"] == [320, 180]


# ---- Loading


def test_a_new_checkpoint_keeps_camera_time_and_play_state(viewer):
    viewer.run("viewer.rig.orbit(0.4, 0.1); viewer.rig.finish(); viewer.background = '#000000'; viewer.time = 0.6")
    before = viewer.run("[viewer.camera, viewer.time, viewer.playing, viewer.background]")
    old = viewer.picture()
    viewer.load("later.r4d")
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


# ---- Two at once


def test_two_scenes_share_camera_and_clock(viewer, site):
    viewer.load("later.r4d", slot=1)
    viewer.run("viewer.rig.orbit(0.3, 0); viewer.time = 0.4")
    single = viewer.picture()
    viewer.run("viewer.layout = 'wipe'; viewer.divider = 0.5")
    wiped = viewer.picture()
    middle = single.shape[1] // 2
    assert psnr(single[:, :middle], wiped[:, :middle]) > AGREES
    assert psnr(wiped, truth(site, "later.r4d", viewer.view(), wiped.shape[1::-1])) < 40
    assert psnr(wiped[:, middle:], truth(site, "later.r4d", viewer.view(), wiped.shape[1::-1])[:, middle:]) > AGREES
    x, y = viewer.middle
    viewer.page.mouse.move(x, y)
    viewer.page.mouse.down()
    viewer.page.mouse.move(x - 80, y, steps=3)
    viewer.page.mouse.up()
    assert viewer.run("viewer.divider") == pytest.approx(0.25, abs=0.02)
    viewer.run("viewer.layout = 'side'; viewer.load('scene.r4d', {slot: 1})")
    viewer.until("viewer.slots.nameOf(1) === 'first'")
    side = viewer.picture()
    assert psnr(side[:, : middle - 2], side[:, middle:-2]) > 40
    assert viewer.run("Boolean(viewer.slots[0] && viewer.slots[1])")
    viewer.run("viewer.clear(1); viewer.layout = 'single'")
    assert viewer.run("viewer.slots[1]") is None
    assert psnr(single, viewer.picture()) > AGREES


def test_scenes_of_different_frames_of_reference_are_laid_over_each_other(viewer, site):
    """The same standing scene, once in the fit's normalised frame and once in that of the input."""
    scene = some_scene().static()
    outside = Scene4D(
        gaussians=replace(outward(scene, 0.0), moves=torch.zeros(len(scene.gaussians), dtype=torch.bool)),
        field=scene.field, reference=scene.outward(scene.reference), freeze=scene.outward(scene.freeze),
        freeze_frames=scene.freeze_frames, similarity=Similarity.identity(), fps=scene.fps, background=scene.background,
    )  # fmt: skip
    (site / "inside.r4d").write_bytes(r4d_bytes(scene))
    (site / "outside.r4d").write_bytes(r4d_bytes(outside))
    viewer.load("inside.r4d", keep=False)
    viewer.load("outside.r4d", slot=1)
    viewer.run("viewer.rig.orbit(0.5, 0.2); viewer.rig.zoom(0.8)")
    inside = viewer.picture()
    viewer.run("viewer.layout = 'wipe'; viewer.divider = 0")
    assert psnr(inside, viewer.picture()) > 35  # the file's own rounding is of another size there


def test_a_video_takes_the_place_of_the_second_scene(viewer):
    size = viewer.run("viewer.loadVideo('other.mp4', {slot: 1, name: 'theirs'})")
    assert (size["width"], size["height"]) == (96, 64)
    viewer.run("viewer.layout = 'side'; viewer.time = 0")
    frame = "Math.round(document.querySelector('.fourreal-viewer').shadowRoot.querySelector('video').currentTime * 12)"
    viewer.until(f"{frame} === 0")
    viewer.run("viewer.time = 0.8")
    viewer.until(f"{frame} === 6")
    viewer.until("!viewer.film.video.seeking")
    grey = lambda: viewer.picture()[80:100, 170:230].mean((0, 1))  # the left half of the video, in the right half
    until(lambda: abs(grey().mean() - (6 * 25 + 30)) < 14, "its frame is drawn")
    assert np.ptp(grey()) < 12
    viewer.run("viewer.playing = true")
    viewer.until("!viewer.film.video.paused || viewer.clock.backwards")
    viewer.run("viewer.clear(1)")
    assert viewer.run("viewer.film.pane.hidden") is True
    bad = viewer.run("viewer.loadVideo('scene.r4d').catch((error) => error.message)")
    assert "cannot be played" in bad


# ---- Bad luck


def test_a_lost_graphics_context_comes_back(viewer):
    before = viewer.picture()
    viewer.run("window.handle = viewer.painter.gl.getExtension('WEBGL_lose_context'); handle.loseContext()")
    viewer.until("viewer.overlay.statusChip.textContent.includes('interrupted')")
    viewer.run("viewer.time = 0; viewer.redraw()")
    viewer.run("handle.restoreContext()")
    viewer.until("viewer.overlay.statusChip.hidden")
    assert psnr(before, viewer.picture()) > 60


def test_without_webgl2_it_says_so(url, site):
    png = r4d_png(site)
    with chromium(webgl=False) as browser:
        with player(browser, url) as viewer:
            assert viewer.run("Viewer.supported()") is False
            assert "WebGL2" in viewer.page.get_by_role("alert").inner_text()
            assert viewer.load("scene.r4d")["splats"] == 300
        with player(browser, url) as viewer:
            viewer.run("viewer.dispose()")
            viewer.run("""(url) => {
              window.asked = [];
              start({ autoplay: false, render: async (camera) => (asked.push(camera), url) });
            }""", png)  # fmt: skip
            viewer.load("scene.r4d")
            viewer.until("asked.length > 0 && viewer.overlay.preview.naturalWidth > 0")
            assert "WebGL2" in viewer.page.get_by_role("alert").inner_text()
            viewer.run("viewer.time = 0.5; viewer.rig.orbit(0.3, 0)")
            assert viewer.picture().shape[:2] == (SIZE[1], SIZE[0])
            viewer.until("JSON.stringify(asked.at(-1)) === JSON.stringify(viewer.view())")
            count = viewer.run("asked.length")
            viewer.page.wait_for_timeout(300)
            assert viewer.run("asked.length") == count  # nothing changes, nothing is asked


def r4d_png(site) -> str:
    import base64
    import io

    from PIL import Image

    scene = read_r4d((site / "scene.r4d").read_bytes())
    picture = scene.render(np.array(scene.header["view"]["reference"]["camera_to_world"]), 40, SIZE, 0.0)
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


# ---- The toolbar


def test_every_button_has_a_name_and_can_be_focused(viewer):
    viewer.button("Speed and display").click()
    controls = viewer.run("""() => [...viewer.root.querySelectorAll("button, input")].map((control) => {
      control.focus();
      const named = control.getAttribute("aria-label") || control.textContent.trim();
      const focused = viewer.root.getRootNode().activeElement === control;
      return [control.className, named, control.offsetParent ? focused : null];
    })""")
    assert len(controls) > 15
    assert all(name for _, name, _ in controls), controls
    assert {focused for _, _, focused in controls} <= {True, None}
    viewer.page.keyboard.press("Escape")
    assert viewer.run("viewer.ui.more.menu.hidden") is True


def test_buttons_do_what_they_say(viewer):
    viewer.button("Play (").click()
    assert viewer.run("viewer.playing") is True
    viewer.button("Pause (").click()
    viewer.button("Speed and display").click()
    viewer.button("0.5×").click()
    viewer.button("Depth").click()
    viewer.button("Canonical").click()
    viewer.button("Background: white").click()
    chosen = viewer.run("[viewer.speed, viewer.display, viewer.deformed, viewer.background]")
    assert chosen == [0.5, "depth", False, "#ffffff"]
    viewer.button("Camera path").click()
    viewer.button("Spiral").click()
    assert viewer.run("viewer.path") == "spiral"
    slider = viewer.page.get_by_label("Time")
    slider.fill("0.5")
    assert viewer.run("[viewer.time, viewer.playing]") == [0.5, False]
    with viewer.page.expect_download() as download:
        viewer.button("Save a picture").click()
    assert download.value.suggested_filename == "first.png"
    viewer.button("Full screen").click()
    viewer.until("document.fullscreenElement !== null")
    viewer.button("Leave full screen").click()
    viewer.until("document.fullscreenElement === null")


def test_fits_a_phone_and_takes_fingers(browser, url, tmp_path):
    lay_out(tmp_path, "100%", 330)
    (tmp_path / "scene.r4d").write_bytes(r4d_bytes(some_scene()))
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 3}
    with static_server(tmp_path) as own, player(browser, own, **phone) as viewer:
        viewer.load("scene.r4d")
        assert viewer.run("document.documentElement.scrollWidth") <= 390
        sizes = viewer.run("[...viewer.root.querySelectorAll('button.icon')].map((b) => b.getBoundingClientRect())"
                           ".map((box) => [box.width, box.height, box.left, box.right])")  # fmt: skip
        assert all(width >= 44 and height >= 44 and left >= 0 and right <= 390 for width, height, left, right in sizes)
        assert viewer.picture().shape[1] == 780  # three canvas pixels a point would be wasted
        session = viewer.page.context.new_cdp_session(viewer.page)

        def touch(kind: str, *points: tuple[float, float]) -> None:
            at = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

        x, y = viewer.middle
        touch("touchStart", (x, y))
        for step in range(1, 5):
            touch("touchMove", (x - 15 * step, y - 5 * step))
        touch("touchEnd")
        viewer.until("viewer.rig.now.azimuth > 0.2")
        assert viewer.run("scrollY") == 0
        viewer.run("viewer.goHome(); viewer.rig.finish()")
        touch("touchStart", (x - 30, y), (x + 30, y))
        for step in range(1, 5):
            touch("touchMove", (x - 30 - 8 * step, y), (x + 30 + 8 * step, y))
        touch("touchEnd")
        viewer.until("viewer.rig.now.distance < 0.8 * viewer.rig.home.distance")
        assert abs(viewer.run("viewer.rig.now.azimuth")) < 1e-6  # two fingers do not orbit


# ---- The bundle


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
