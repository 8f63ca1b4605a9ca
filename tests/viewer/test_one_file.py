"""A scene exported as one HTML file, opened from the disk by a browser that has no network."""

import base64
import io

import numpy as np
import pytest
from browser import needs_chromium, watched_page
from job_samples import until
from PIL import Image
from scene_samples import some_scene
from viewer_page import PNG, psnr

from fourreal.errors import UserError
from fourreal.scene import export_html
from fourreal.scene.export_html import html_bytes
from fourreal.scene.r4d import r4d_bytes, read_r4d

NAME = "Fox </title></script><script>window.broken = 1</script> \" onload='x' {0} &amp; 狐"
MOST = 2_000_000  # bytes of the ready scene's


@needs_chromium
@pytest.mark.parametrize(("file", "name"), [("a scene #1.html", ""), ("named.html", NAME)])
def test_it_opens_from_the_disk_without_a_host_and_shows_the_scene(browser, tmp_path, file, name):
    content = r4d_bytes(some_scene())
    if name:
        (tmp_path / file).write_bytes(html_bytes(content, name))
    else:
        some_scene().export(tmp_path / file)
    still = {"viewport": {"width": 320, "height": 267}, "offline": True, "reduced_motion": "reduce"}
    with watched_page(browser, **still) as watched:
        page = watched.page
        page.goto((tmp_path / file).as_uri())
        # Asked from outside, as the file's own policy forbids what `page.wait_for_function` does.
        until(lambda: page.evaluate("Boolean(window.viewer?.slots[0] || failed.textContent)"), "the scene is shown")
        assert (page.title(), page.inner_text("#failed")) == (name or "a scene #1", "")
        assert page.evaluate("window.broken === undefined && document.scripts.length === 1")
        page.evaluate("() => { viewer.playing = false; viewer.time = 0.5; }")
        seen = np.array(Image.open(io.BytesIO(base64.b64decode(page.evaluate(PNG)))).convert("RGB"))
        view = page.evaluate("viewer.view()")
        assert not watched.hosts
    drawn = read_r4d(content).render(np.array(view["camera_to_world"]), view["fov_y"], seen.shape[1::-1], view["time"])
    assert seen.std() > 10
    assert psnr(seen, drawn) > 45


def test_the_ready_scene_fits_into_two_megabytes(assets):
    assert len(html_bytes((assets / "scenes" / "fox_yard.r4d").read_bytes(), "A fox in a yard")) < MOST


def test_without_the_viewers_bundle_it_is_said_how_to_make_it(tmp_path, monkeypatch):
    monkeypatch.setattr(export_html, "BUNDLE", tmp_path / "viewer.js")
    with pytest.raises(UserError, match="npm run build"):
        some_scene().export(tmp_path / "a.html")
    assert not list(tmp_path.iterdir())
