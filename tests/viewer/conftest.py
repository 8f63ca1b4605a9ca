"""A site with scenes, a browser, and a viewer with a scene in it."""

from dataclasses import replace

import pytest
from browser import chromium, static_server
from scene_samples import some_scene
from videos import numbered
from viewer_page import lay_out, player

from fourreal.clip import Clip, write
from fourreal.scene.r4d import r4d_bytes


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
