"""What the viewer draws in a real browser, beside what the rasterizer draws; two scenes at once."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from browser import needs_chromium
from job_samples import until
from PIL import Image
from scene_samples import some_scene
from viewer_page import NEXT_FRAME, player, psnr

from fourreal.camera.align import Similarity
from fourreal.scene.place import outward
from fourreal.scene.r4d import r4d_bytes, read_r4d
from fourreal.scene.scene4d import Scene4D

pytestmark = needs_chromium

AGREES = 45.0  # dB; measured 57 and more: what is left is rounding, and which of two splats at one depth is in front
AGREES_IN_MOTION = 40.0  # dB; measured 48: ten bits


def truth(site, name: str, view: dict, size: tuple[int, int]) -> np.ndarray:
    """What our own rasterizer draws of a file, for the camera and the time of `Viewer.view`."""
    scene = read_r4d((site / name).read_bytes())
    return scene.render(np.array(view["camera_to_world"]), view["fov_y"], size, view["time"])


def compared(site, name: str, viewer) -> float:
    picture = viewer.picture()
    return psnr(picture, truth(site, name, viewer.view(), picture.shape[1::-1]))


def test_draws_what_the_rasterizer_draws(browser, url, site):
    with player(browser, url) as viewer:
        answer = viewer.load("fox_yard.r4d")
        header = read_r4d((site / "fox_yard.r4d").read_bytes()).header
        assert (answer["splats"], answer["frames"]) == (header["splats"], header["frames"])
        reference = np.array(header["view"]["reference"]["camera_to_world"])
        assert np.abs(np.array(viewer.view()["camera_to_world"]) - reference).max() < 1e-6
        viewer.run("viewer.time = 0.37")
        assert viewer.picture().std() > 20  # not blank
        assert compared(site, "fox_yard.r4d", viewer) > AGREES
        viewer.run("viewer.rig.orbit(0.5, 0.05)")
        assert compared(site, "fox_yard.r4d", viewer) > AGREES


def test_every_time_and_camera_agrees(viewer, site):
    for time, turn in [(0.0, 0.0), (0.613, 0.4), (1.0, -0.7)]:
        viewer.run("([time, turn]) => { viewer.time = time; viewer.rig.orbit(turn, 0.05) }", [time, turn])
        assert compared(site, "scene.r4d", viewer) > AGREES


def test_frames_in_motion_agree_nearly_as_well(browser, url, site):
    with player(browser, url, {"adaptive": False}) as viewer:
        viewer.load("fox_yard.r4d")
        viewer.run("viewer.time = 0.3")
        fine = viewer.picture()
        # What the canvas holds can only be read in the task that draws, so by hand.
        viewer.run(
            "viewer.drawing.paint = ((paint) => function (share) { paint.call(this, share, false) })"
            "(viewer.drawing.paint)"
        )
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


def test_displays_and_background(viewer, site):
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
    picture = viewer.picture()
    assert np.abs(picture[bare] - 255 * np.array([0.2, 0.3, 0.4])).max() < 70  # its sky, which begins as that
    sky = truth(site, "scene.r4d", viewer.view(), picture.shape[1::-1])
    assert np.abs(picture[bare] - sky[bare].astype(float)).max() < 1.5


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
    assert psnr(side[:, : middle - 2], side[:, middle + 2 :]) > 40
    assert viewer.run("Boolean(viewer.slots[0] && viewer.slots[1])")
    viewer.run("viewer.clear(1); viewer.layout = 'single'")
    assert viewer.run("viewer.slots[1]") is None
    assert psnr(single, viewer.picture()) > AGREES


def test_scenes_of_different_frames_of_reference_are_laid_over_each_other(viewer, site):
    """The same standing scene, once in the fit's normalised frame and once in that of the input."""
    scene = some_scene().static()
    outside = Scene4D(
        gaussians=replace(outward(scene, 0.0), moves=torch.zeros(len(scene.gaussians), dtype=torch.bool)),
        field=scene.field,
        reference=scene.outward(scene.reference),
        freeze=scene.outward(scene.freeze),
        freeze_frames=scene.freeze_frames,
        similarity=Similarity.identity(),
        fps=scene.fps,
        background=scene.background,
    )
    (site / "inside.r4d").write_bytes(r4d_bytes(scene))
    (site / "outside.r4d").write_bytes(r4d_bytes(outside))
    viewer.load("inside.r4d", keep=False)
    viewer.load("outside.r4d", slot=1)
    viewer.run("viewer.rig.orbit(0.5, 0.05); viewer.rig.zoom(0.8)")
    inside = viewer.picture()
    viewer.run("viewer.layout = 'wipe'; viewer.divider = 0")
    assert psnr(inside, viewer.picture()) > 35  # the file's own rounding is of another size there


def test_a_video_takes_the_place_of_the_second_scene(viewer):
    size = viewer.run("viewer.loadVideo('other.mp4', {slot: 1, name: 'theirs'})")
    assert (size["width"], size["height"]) == (96, 64)
    viewer.run("viewer.layout = 'side'; viewer.time = 0")
    frame = "Math.round(viewer.films[1].video.currentTime * 12)"
    viewer.until(f"{frame} === 0")
    viewer.run("viewer.time = 0.8")
    viewer.until(f"{frame} === 6")
    viewer.until("!viewer.films[1].video.seeking")
    grey = lambda: viewer.picture()[80:100, 170:230].mean((0, 1))  # the left half of the video, in the right half
    until(lambda: abs(grey().mean() - (6 * 25 + 30)) < 14, "its frame is drawn")
    assert np.ptp(grey()) < 12
    viewer.run("viewer.playing = true")
    viewer.until("!viewer.films[1].video.paused || viewer.clock.backwards")
    viewer.run("viewer.clear(1)")
    assert viewer.run("viewer.films[1].pane.hidden") is True
    bad = viewer.run("viewer.loadVideo('scene.r4d').catch((error) => error.message)")
    assert "cannot be played" in bad


STILL = """async ([name, box]) => {
  Object.assign(document.getElementById("box").style, { width: `${box[0]}px`, height: `${box[1]}px` });
  const { preview } = viewer.overlay;
  viewer.showImage(name);
  await preview.decode();
  await new Promise(requestAnimationFrame);
  viewer.drawing.arrange();
  const [stage, picture] = [viewer.stage, preview].map((element) => element.getBoundingClientRect());
  return [picture.x - stage.x, picture.y - stage.y, picture.width, picture.height];
}"""


@pytest.mark.parametrize("box", [(600, 300), (400, 360), (240, 500)])
def test_a_still_is_as_large_as_the_scene_will_be(browser, url, site, box):
    """Nothing jumps when the scene comes in its place, in a pane of whatever shape."""
    with player(browser, url) as viewer:
        viewer.load("scene.r4d")
        shape = viewer.run("viewer.slots.leader.header.view.reference.size")
        Image.new("RGB", shape, (200, 90, 40)).save(site / "still.png")
        x, y, width, height = viewer.run(STILL, ["still.png", box])
        assert width / height == pytest.approx(shape[0] / shape[1], abs=0.02)
        of_scene = """() => {
          const tangent = (degrees) => Math.tan((degrees * Math.PI) / 360);
          const { fov_y, size } = viewer.view();
          return (size[1] * tangent(viewer.camera.fov)) / tangent(fov_y);
        }"""
        assert height == pytest.approx(viewer.run(of_scene), abs=1)
        stage = viewer.run("[viewer.stage.clientWidth, viewer.stage.clientHeight]")
        assert (2 * x + width, 2 * y + height) == pytest.approx(tuple(stage), abs=1), "in the middle"


@pytest.mark.parametrize(("shape", "fills"), [((320, 180), True), ((108, 192), False)])
def test_no_bars_stand_beside_a_still(viewer, site, shape, fills):
    """It fills the pane, or has itself out of focus at its sides."""
    name = "{}x{}.png".format(*shape)
    Image.new("RGB", shape, (200, 90, 40)).save(site / name)
    _, _, width, _ = viewer.run(STILL, [name, (600, 300)])
    assert (width > 599) == fills
    assert viewer.run("viewer.overlay.behind.hidden") == fills


def test_four_things_are_compared_in_panes_of_one_shape(viewer):
    """Scenes and videos beside each other; the first scene leads, and when it goes the next one does."""
    viewer.run("viewer.loadVideo('other.mp4', {slot: 0, name: 'theirs'})")
    viewer.load("later.r4d", slot=1)
    viewer.load("later.r4d", slot=3)
    viewer.run("viewer.loadVideo('other.mp4', {slot: 2, name: 'others'})")
    viewer.run("viewer.layout = 'side'; viewer.time = 0.5")
    panes = "[...viewer.root.querySelectorAll('.name')].map((chip) => chip.hidden ? '' : chip.textContent)"
    assert viewer.run(panes) == ["theirs", "later", "others", "later"]
    seen = viewer.picture()  # 320x180: four panes of 156x88
    assert seen[:88, 162:].std() > 10
    assert psnr(seen[:88, 162:], seen[92:, 162:]) > 35, "one camera and one clock"
    assert (seen[89:91] < 30).all(), "between them it is dark"
    viewer.load("scene.r4d", slot=3)
    seen = viewer.picture()
    assert psnr(seen[:88, 162:], seen[92:, 162:]) < 20
    viewer.run("viewer.rename(3, 'Renamed')")
    assert viewer.run(panes)[3] == "Renamed"
    viewer.run("viewer.clear(1); viewer.clear(2)")
    assert viewer.run("[viewer.slots.leader === viewer.slots.scenes[3], viewer.slots.taken]") == [True, [0, 3]]
    viewer.run("viewer.clear(3); viewer.loadVideo('other.mp4', {slot: 1, name: 'again'})")
    viewer.until("viewer.slots[1]?.name === 'again'")
    assert viewer.run("viewer.clock.seconds") == pytest.approx(8 / 12, abs=0.1), "videos alone have their own clock"
    assert viewer.picture()[30:60, 20:140].mean() > 20


@pytest.mark.parametrize(("width", "height", "columns"), [(1280, 500, 2), (358, 500, 1), (1600, 300, 4)])
def test_panes_keep_sixteen_to_nine_and_are_as_large_as_can_be(viewer, width, height, columns):
    panes = viewer.run("([width, height]) => Viewer.panes('side', 4, width, height)", [width, height])
    rects = [pane["rect"] for pane in panes]
    assert all(abs(w / h - 16 / 9) < 0.03 for _, _, w, h in rects)
    assert len({x for x, *_ in rects}) == columns
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in rects)
