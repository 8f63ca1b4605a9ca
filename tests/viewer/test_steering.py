"""How the viewer is steered: time, mouse, fingers, keys and buttons."""

import numpy as np
import pytest
from browser import needs_chromium, static_server
from scene_samples import CANONICAL, FRAMES, some_scene
from viewer_page import NEXT_FRAME, lay_out, player

from fourreal.scene.r4d import r4d_bytes

pytestmark = needs_chromium

STRETCH = 0.08  # radians that the limits can be stretched by a hand that pulls, at most


def test_plays_loops_and_halts(viewer):
    assert viewer.run("viewer.playing") is False
    viewer.run("viewer.loop = 'once'; viewer.speed = 4; viewer.playing = true")
    viewer.until("!viewer.playing")
    assert viewer.run("viewer.time") == 1
    viewer.run(
        "viewer.loop = 'bounce'; viewer.times = []; viewer.addEventListener('frame', (e) => "
        "viewer.times.push(e.detail.time)); viewer.playing = true"
    )
    viewer.until("viewer.times.length > 3 && viewer.time < 0.5")  # it went back, not round
    steps = np.abs(np.diff(viewer.run("viewer.times")))
    assert steps.max() < 0.99


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
    viewer.until("viewer.drawing.restUntil > 0")
    viewer.run("() => viewer.settle()")
    viewer.run("() => { viewer.drawing.restUntil = Infinity; viewer.drawing.fence = null; }")
    assert viewer.run(count) == 0
    viewer.run("() => { viewer.rig.held = true; }")
    viewer.run(NEXT_FRAME)
    viewer.run("() => { viewer.rig.held = false; }")


def test_what_was_loaded_or_set_is_seen_at_once_on_a_machine_left_to_others(viewer):
    rest = "() => { viewer.gentle = true; viewer.drawing.lastHand = -Infinity; viewer.drawing.restUntil = Infinity; }"
    drawn = "new Promise((resolve) => viewer.addEventListener('frame', () => resolve(true), { once: true }))"
    for change in ("viewer.load('scene.r4d')", "viewer.display = 'depth'"):
        viewer.run("() => viewer.settle()")
        viewer.run(rest)
        assert viewer.run(f"async () => {{ const drawn = {drawn}; {change}; return drawn; }}")
    viewer.run("() => { viewer.display = 'splats'; viewer.gentle = false; }")


def test_begins_at_the_frozen_moment(viewer):
    frozen = CANONICAL / (FRAMES - 1)
    assert viewer.run("viewer.time") == frozen
    viewer.run("viewer.time = 0.9; viewer.clock.forward = false")
    viewer.load("scene.r4d", slot=1)
    viewer.load("later.r4d")
    assert viewer.run("viewer.time") == 0.9  # a checkpoint, or something beside it, leaves the clock alone
    viewer.load("scene.r4d", keep=False)
    assert viewer.run("[viewer.time, viewer.clock.forward]") == [frozen, True]


def test_who_prefers_less_motion_gets_less(browser, url):
    with player(browser, url, {"autoplay": True}, reduced_motion="reduce") as viewer:
        viewer.load("scene.r4d")
        assert viewer.run("[viewer.playing, viewer.time]") == [False, CANONICAL / (FRAMES - 1)]
        at_once = viewer.run("(viewer.rig.orbit(0.5, 0), viewer.goHome(), viewer.rig.now.azimuth)")
        assert at_once == 0
    with player(browser, url, {"autoplay": True}) as viewer:
        viewer.load("scene.r4d")
        assert viewer.run("viewer.playing") is True


def test_begins_with_a_slow_move_that_any_hand_ends(browser, url):
    with player(browser, url, {"autoplay": True}) as viewer:
        viewer.load("scene.r4d")
        viewer.until("Math.abs(viewer.rig.now.azimuth) > 0.01")
        moved = viewer.run("""() => {
          viewer.frames.end();
          const seen = [];
          for (let k = 0; k < 400; k++) { viewer.drawing.advance(0.05); seen.push(viewer.rig.now.azimuth); }
          return [seen, viewer.drawing.intro];
        }""")
        azimuths, left = moved
        low, high = viewer.run("viewer.rig.limits.azimuth")
        assert low < min(azimuths) < -0.2 < 0.2 < max(azimuths) < high
        assert np.abs(np.diff(azimuths)).max() < 0.02, "slowly"
        assert left is None
        assert abs(azimuths[-1]) < 1e-3, "and back"
    with player(browser, url, {"autoplay": True}) as viewer:
        viewer.load("scene.r4d")
        assert viewer.run("viewer.drawing.intro !== null")
        viewer.page.locator(".stage").focus()
        viewer.page.keyboard.press("ArrowUp")
        assert viewer.run("viewer.drawing.intro === null")


def test_the_camera_stays_as_high_and_near_as_the_videos_were_whatever_an_old_file_allows(viewer):
    limits = viewer.run("""() => {
      const { view } = viewer.slots[0].header;
      viewer.rig.setScene({ ...view, elevation: [-1, 1], distance: [0.1, 9] });
      const { elevation, distance } = viewer.rig.limits;
      return { elevation, distance, home: viewer.rig.home };
    }""")
    assert limits["elevation"][0] > limits["home"]["elevation"] - 0.05
    assert limits["elevation"][1] < limits["home"]["elevation"] + 0.15
    assert limits["distance"][1] < 1.1 * limits["home"]["distance"]


def test_a_drag_goes_no_lower_or_higher_than_the_cameras_that_stood_there(viewer):
    ends = viewer.run("""() => {
      const { rig } = viewer;
      const { view } = viewer.slots[0].header;
      rig.setScene(view);
      rig.cameras = [-0.5, 0, 0.5].map((azimuth) => ({ azimuth, elevation: rig.home.elevation + azimuth / 4 }));
      rig.limits.elevation = [-1, 1];
      return [-0.5, 0, 0.5].map((azimuth) => rig.elevationsAt(azimuth).map((end) => end - rig.home.elevation));
    }""")
    low, high = np.transpose(ends)
    assert np.allclose(low, [-0.125, 0, 0])  # the fixed paths stay at the reference camera's height
    assert np.allclose(high, [0, np.radians(4), 0.125 + np.radians(4)])


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
    assert viewer.run("viewer.rig.now.azimuth") < limit + STRETCH
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
    viewer.until("viewer.rig.now.azimuth > 0.1")
    viewer.until("viewer.rig.now.elevation > viewer.rig.elevationsAt(viewer.rig.now.azimuth)[1] - 1e-6")
    for _ in range(12):
        press("ArrowRight")
    limit = viewer.run("viewer.rig.limits.azimuth[1]")
    assert limit - 1e-9 < viewer.run("(viewer.rig.finish(), viewer.rig.now.azimuth)") < limit + STRETCH
    viewer.until(f"Math.abs(viewer.rig.now.azimuth - {limit}) < 1e-6")
    assert viewer.run(f"viewer.rig.now.elevation - viewer.rig.elevationsAt({limit})[1]") < 1e-6
    press("+")
    viewer.until("viewer.rig.now.distance < 0.91 * viewer.rig.home.distance")
    press("r")
    viewer.until("viewer.rig.now.azimuth === 0")
    press(".")
    assert viewer.run("viewer.time") == pytest.approx(0.75)  # the fourth of five frames
    press(",")
    assert viewer.run("viewer.time") == 0.5
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
    assert viewer.run("viewer.path") == "reference"
    press("ArrowLeft")
    assert viewer.run("viewer.path") is None  # the hand is stronger
    press("b")
    assert viewer.run("viewer.loop") == "loop"
    press("Control+r")  # not ours
    viewer.until("window.ready")


def test_camera_paths_stay_in_the_arc(viewer):
    low, high = viewer.run("viewer.rig.limits.azimuth")
    for path in ("orbit", "arc", "swing", "spiral", "study"):
        places = viewer.run(
            """async ([path, step]) => {
          viewer.path = path;
          const seen = [];
          for (let k = 0; k < 200; k++) {
            viewer.drawing.advance(step);
            viewer.rig.finish();
            seen.push([viewer.rig.now.azimuth, viewer.rig.now.elevation, viewer.time]);
          }
          viewer.path = null;
          return seen;
        }""",
            [path, 0.0089 if path == "study" else 0.1],
        )
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
    event = viewer.heard("camera")[-1]
    assert event == viewer.view()
    assert event["size"] == [320, 180]


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
    viewer.button("Still").click()
    viewer.button("Background: white").click()
    chosen = viewer.run("[viewer.speed, viewer.display, viewer.deformed, viewer.background]")
    assert chosen == [0.5, "depth", False, "#ffffff"]
    viewer.button("Camera path").click()
    viewer.button("Spiral").click()
    assert viewer.run("viewer.path") == "spiral"
    slider = viewer.page.get_by_label("Time", exact=True)
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
        sizes = viewer.run(
            "[...viewer.root.querySelectorAll('.bar button.icon')].map((b) => b.getBoundingClientRect())"
            ".map((box) => [box.width, box.height, box.left, box.right])"
        )
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
        limit = viewer.run("viewer.rig.limits.azimuth[1]")
        touch("touchStart", (x + 180, y))
        for left in (90, 180, 270, 360):
            touch("touchMove", (x + 180 - left, y))
        viewer.until(f"viewer.rig.now.azimuth > {limit}")
        assert viewer.run("viewer.rig.now.azimuth") < limit + STRETCH
        touch("touchEnd")
        viewer.until(f"Math.abs(viewer.rig.now.azimuth - {limit}) < 1e-6")
        viewer.run("viewer.goHome(); viewer.rig.finish()")
        touch("touchStart", (x - 30, y), (x + 30, y))
        for step in range(1, 5):
            touch("touchMove", (x - 30 - 8 * step, y), (x + 30 + 8 * step, y))
        touch("touchEnd")
        viewer.until("viewer.rig.now.distance < 0.8 * viewer.rig.home.distance")
        assert abs(viewer.run("viewer.rig.now.azimuth")) < 1e-6  # two fingers do not orbit
