"""The film editor: keys are added, moved, eased, previewed, deleted, saved and loaded; the formula is Python's."""

import json

import numpy as np
import pytest
from browser import needs_chromium
from test_camera_keyframes import BROKEN, broken, some_path
from viewer_page import player

from fourreal.camera.keyframes import APART, CLOCKS, EASES, FOV, LONGEST, MOST_BYTES, MOST_KEYS, CameraPath
from fourreal.scene.film import RATES, SIZES, TRAJECTORIES

pytestmark = needs_chromium


@pytest.fixture
def editor(browser, url):
    with player(browser, url, {"autoplay": False}) as viewer:
        viewer.run("() => { viewer.options.makeFilm = async (wish) => { window.wish = wish; }; }")
        viewer.load("scene.r4d")
        viewer.button("Film editor").click()
        yield viewer


def two_keys(viewer) -> None:
    viewer.button("Add key").click()
    viewer.run("() => { viewer.rig.orbit(0.4, 0); viewer.steered(); viewer.rig.finish(); viewer.time = 1; }")
    viewer.button("Add key").click()


def keys(viewer) -> list[dict]:
    return viewer.run("viewer.track.keys")


def test_viewer_and_film_go_along_a_path_alike(viewer):
    for value in (some_path(), some_path() | {"clock": "plays", "up": [0.2, -1.0, 0.3]}):
        path = CameraPath.of(value)
        viewer.run("(path) => viewer.track.load(path)", value)
        for seconds in np.linspace(0, path.seconds, 37):
            pose, fov, time = path.shot(float(seconds))
            seen = viewer.run(
                "(at) => { viewer.track.at = at; viewer.track.place();"
                " return [viewer.rig.poseOf(), viewer.rig.now.fov, viewer.time]; }",
                float(seconds),
            )
            assert np.allclose(seen[0], pose, atol=1e-9)
            assert seen[1] == pytest.approx(fov)
            if path.clock == "keys":
                assert seen[2] == pytest.approx(time)


def test_both_sides_have_the_same_words_and_refuse_the_same_files(viewer):
    assert viewer.run("Object.keys(Viewer.FILM.paths)") == list(TRAJECTORIES)
    assert viewer.run("Viewer.FILM.eases") == list(EASES)
    assert viewer.run("Viewer.FILM.clocks") == list(CLOCKS)
    assert viewer.run("Viewer.FILM.limits") == [APART, LONGEST, *FOV, MOST_KEYS, MOST_BYTES]
    assert viewer.run("Viewer.FILM.sizes") == {name: list(size) for name, size in SIZES.items()}
    assert viewer.run("Viewer.FILM.rates") == list(RATES)
    attempt = """(text) => {
      try { viewer.track.load(JSON.parse(text)); } catch (error) { return error.name; }
      return "";
    }"""
    for place, value in BROKEN:
        text = json.dumps(broken(place, value)).replace("NaN", "null").replace("Infinity", "1e999")
        assert viewer.run(attempt, text) == "RangeError", (place, value)
    assert viewer.run("viewer.track.keys.length") == 0
    assert viewer.run(attempt, json.dumps(some_path())) == ""


def test_keys_are_added_where_one_stands_moved_eased_and_deleted(editor):
    two_keys(editor)
    first, second = keys(editor)
    assert (first["at"], second["at"], first["time"], second["time"]) == (0, 2, 0.5, 1)
    assert np.allclose(
        first["position"],
        editor.run("viewer.slots[0].header.view.reference.camera_to_world.slice(0, 3).map((row) => row[3])"),
        atol=1e-5,
    )
    track = editor.page.get_by_role("group", name="Film editor")
    track.get_by_label("How the camera goes through").select_option("halt")
    track.get_by_label("Seconds at which").fill("3.5")
    track.get_by_label("Seconds at which").press("Enter")
    track.get_by_label("Lens in").fill("85")
    assert (keys(editor)[1]["at"], keys(editor)[1]["ease"], round(keys(editor)[1]["fov"])) == (3.5, "halt", 16)
    strip = editor.page.locator(".strip").bounding_box()
    mark = editor.page.locator(".mark").nth(1).bounding_box()
    y = strip["y"] + strip["height"] / 2
    editor.page.mouse.move(mark["x"] + 12, y)
    editor.page.mouse.down()
    editor.page.mouse.move(strip["x"] + strip["width"] / 2, y, steps=4)
    editor.page.mouse.up()
    assert keys(editor)[1]["at"] == 4  # of eight seconds
    editor.page.mouse.click(strip["x"] + strip["width"] / 4, y)
    assert editor.run("[viewer.track.at, viewer.rig.driven]") == [2, True]
    editor.button("Add key").click()
    assert [key["at"] for key in keys(editor)] == [0, 2, 4], "between two keys, where the playhead is"
    editor.run("() => { viewer.rig.orbit(-0.2, 0); viewer.steered(); viewer.rig.finish(); }")
    before = keys(editor)[1]
    editor.button("Set to here").click()
    assert keys(editor)[1]["position"] != before["position"]
    editor.button("Delete").click()
    assert [key["at"] for key in keys(editor)] == [0, 4]


def test_by_keyboard_alone(editor):
    editor.page.locator(".stage").focus()
    editor.page.keyboard.press("k")
    for _ in range(3):
        editor.page.keyboard.press("ArrowRight")
    editor.page.keyboard.press("k")
    mark = editor.page.get_by_role("slider", name="Key 2 of 2")
    mark.focus()
    azimuth = editor.run("viewer.rig.now.azimuth")
    editor.page.keyboard.press("ArrowRight")
    editor.page.keyboard.press("Shift+ArrowRight")
    assert keys(editor)[1]["at"] == pytest.approx(3.1)
    assert mark.get_attribute("aria-valuetext") == "3.1 seconds"
    assert editor.run("viewer.rig.now.azimuth") == pytest.approx(azimuth, abs=1e-5), "arrows turn no camera here"
    editor.page.keyboard.press("Delete")
    assert len(keys(editor)) == 1
    editor.page.locator(".stage").focus()
    editor.page.keyboard.press("t")
    assert editor.run("viewer.editing") is False


def test_a_preview_plays_to_the_end_and_a_hand_ends_it(editor):
    two_keys(editor)
    editor.button("Preview the film").click()
    editor.until("!viewer.track.playing")
    assert editor.run("[viewer.track.at, viewer.time, viewer.playing]") == [2, 1, False]
    editor.button("Preview the film").click()
    editor.until("viewer.track.at > 0.1")
    editor.page.locator(".stage").focus()
    editor.page.keyboard.press("ArrowLeft")
    assert editor.run("[viewer.track.playing, viewer.rig.driven]") == [False, False]


def test_a_path_is_saved_loaded_and_made_into_a_film(editor, tmp_path):
    two_keys(editor)
    with editor.page.expect_download() as download:
        editor.button("Save path").click()
    assert download.value.suggested_filename == "first-path.json"
    download.value.save_as(tmp_path / "path.json")
    path = CameraPath.read(tmp_path / "path.json")
    assert path.as_dict() == editor.run("viewer.track.path")
    editor.run("() => { viewer.track.keys = []; viewer.changed(); }")
    (tmp_path / "bad.json").write_text('{"keys": 7}')
    editor.page.locator("input[type=file]").set_input_files(str(tmp_path / "bad.json"))
    editor.until("viewer.overlay.statusChip.textContent.includes('no camera path')")
    editor.page.locator("input[type=file]").set_input_files(str(tmp_path / "path.json"))
    editor.until("viewer.track.keys.length === 2")
    editor.page.get_by_label("Size of the film").select_option("1080p")
    editor.page.get_by_label("Frames a second").select_option("60")
    editor.button("Make film").click()
    editor.until("window.wish")
    assert editor.run("wish") == {"path": path.as_dict(), "size": "1080p", "fps": 60}
