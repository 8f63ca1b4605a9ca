"""Sweeps on the page: which are shown, what of them is served, how their runs are filtered and compared."""

import asyncio
import contextlib
import json
import os
import re
from dataclasses import replace
from types import SimpleNamespace

import httpx
import pytest
from sweep_samples import PROMPTS, write_sweep
from web_samples import ANNA, answering, calling

from fourreal.errors import UserError
from fourreal.jobs.service import Service
from fourreal.sweep import runs
from fourreal.sweep.watching import Watched
from fourreal.web import things
from fourreal.web.films import film
from fourreal.web.routes import scene_at
from fourreal.web.server import create_app
from fourreal.web.sweep_cards import drawn
from fourreal.web.sweep_folders import VARIABLE, sweep_urls, sweeps
from fourreal.web.sweep_runs import alike, filtered, title


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("sweeps") / "sweep"
    write_sweep(out)
    return out


@pytest.fixture(scope="module")
def named(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, os.pathsep.join((str(folder), str(folder.parent / "gone"))))
        for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_CACHE_FREQUENCY"):  # the application sets them
            patch.setenv(name, "")
        yield folder


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with contextlib.closing(Service(tmp_path_factory.mktemp("data"))) as service:
        yield service


@pytest.fixture(scope="module")
def url(named, service):
    async def application():  # within a loop, as Gradio else leaves some of its own open
        return create_app(service.workspace.places.data, service)

    with answering(asyncio.run(application())) as url:
        yield url


def test_what_can_be_seen_is_served_and_nothing_else(url, service):
    with calling(url) as call:
        sweep, gone = call("sweeps", token=ANNA)
    assert (gone["runs"], gone["problem"].count(".")) == ([], 1)
    states = [runs.DONE] * 3 + [runs.STOPPED, runs.FAILED, runs.WAITING]
    assert [run["state"] for run in sweep["runs"]] == states
    first, failed = sweep["runs"][0], sweep["runs"][4]
    assert failed["scene"] is None
    place = first["scene"].removesuffix("scene.r4d")
    with httpx.Client(base_url=url, limits=httpx.Limits(max_keepalive_connections=0), timeout=60) as client:
        assert client.get(first["scene"]).content == scene_at(service, first["scene"]).read_bytes()
        assert client.get(first["picture"]).headers["content-type"] == "image/jpeg"
        for name in (
            "manifest.json",
            "item.json",
            "..%2Fitem.json",
            "scene.r4d%2F..%2Fitem.json",
            "",
            "%2e%2e/scene.r4d",
        ):
            assert client.get(place + name).status_code == 404, name
        assert client.get(f"sweeps/{'0' * 16}/{'0' * 16}/scene.r4d").status_code == 404
        assert "Sweeps" in client.get("/").text
        assert "&lt;b&gt;rolling" not in client.get("/").text  # read when the tab is opened
        linked = client.get("/", params={"scene": first["thing"]}).text
    assert "<b>rolling" not in re.sub(r"<script.*?</script>", "", linked, flags=re.DOTALL)
    assert first["picture"] in linked


HERE = {"position": [0, 0, -1], "target": [0, 0, 0], "roll": 0, "fov": 30, "time": 0, "ease": "smooth"}
PATH = {
    "format": "fourreal camera path",
    "version": 1,
    "up": [0, -1, 0],
    "clock": "keys",
    "keys": [HERE | {"at": at} for at in (0, 0.1)],
}


def test_a_scene_of_a_sweep_is_filmed_and_one_of_another_person_is_not(url, service):
    page = SimpleNamespace(service=service)
    (watched, *_) = sweeps().values()
    run = watched.look().runs[0]
    wish = {
        "scene": f"{sweep_urls(watched.key, run.key)}scene.r4d?1",
        "keyframes": json.dumps(PATH),
        "size": "720p",
        "fps": 24,
    }
    made = film(page, service.owner(ANNA), wish)
    address = re.search(r'src="(sweeps/[^"]+\.mp4)"', made).group(1)
    with httpx.Client(base_url=url, timeout=60) as client:
        assert client.get(address).headers["content-type"] == "video/mp4"
        saved = client.get(address, params={"download": ""}).headers["content-disposition"]
        assert "Whole_method" in saved
        assert client.get(address.replace("path-", "path-0")).status_code == 404
    for scene in ("shared/" + "0" * 32 + "/scene.r4d", "clips/a/b/clip.mp4", "sweeps/x/y/scene.r4d", ""):
        with pytest.raises(UserError):
            film(page, service.owner(ANNA), wish | {"scene": scene})


def test_without_a_folder_there_is_no_tab(service, monkeypatch):
    monkeypatch.setenv(VARIABLE, "")

    async def labels():
        from fourreal.web.page import build
        from fourreal.web.uploads import UploadLimits, Uploads

        limits = UploadLimits(max_bytes=1, client_bytes=1, all_bytes=1, free_bytes=1)
        data = service.workspace.places.data
        blocks = build(service, Uploads(data / "uploads", limits), data)
        return [getattr(block, "label", None) for block in blocks.blocks.values()]

    tabs = asyncio.run(labels())
    assert "Study" in tabs
    assert "Sweeps" not in tabs


def test_runs_are_filtered_and_a_prompts_ways_compared(named, service):
    watched = next(iter(sweeps().values()))
    look = watched.look()
    assert len(filtered(look.runs, {"ablation": "without joint-sds", "state": None}, "")) == 2
    assert len(filtered(look.runs, {"state": "Made", "seed": "seed 0"}, "GREEN rolling")) == 3
    assert filtered(look.runs, {"preset": "standard"}, "") == []
    ways = alike(look.runs, look.runs[2], 4)
    assert [way.item.variant.without for way in ways] == [(), ("freeze-time",), ("joint-sds",)]
    assert len(alike(look.runs, look.runs[2], 2)) == 2
    assert look.runs[2] in alike(look.runs, look.runs[2], 2)
    assert alike(look.runs, look.runs[3], 4) == []
    assert title(look.runs, look.runs[1]) == f"Without freeze-time: {PROMPTS[0]}"
    thing = things.thing(service, "", things.of_sweep(watched.key, ways[0].key))
    assert (thing.kind, thing.figures["took"]) == ("scene", 75.0)
    for name in ("sweep:x/y", f"sweep:{watched.key}/{'0' * 16}", f"sweep:{watched.key}/{look.runs[3].key}"):
        with pytest.raises(UserError):
            things.thing(service, "", name)


def test_another_seed_comes_after_the_ablations(named):
    first, second, third, *_ = next(iter(sweeps().values())).look().runs
    seed = replace(first, key="other", item=replace(first.item, variant=replace(first.item.variant, seed=1)))
    assert [one.key for one in alike([seed, first, second, third], third, 3)] == [first.key, second.key, third.key]
    assert alike([seed, first, second, third], third, 4)[-1] is seed


def test_what_people_wrote_stays_text_and_why_it_failed_is_said(named):
    watched = next(iter(sweeps().values()))
    look = watched.look()
    html = drawn(watched, look, look.runs, 24)
    assert "&lt;b&gt;rolling" in html
    assert "<b>rolling" not in html
    assert "The disk is full &amp; &lt;i&gt;closed&lt;/i&gt;." in html
    assert html.count('data-action="open"') == html.count("<img") == 3
    assert "3 made, 1 waiting, 1 stopped, 1 failed of 6." in html
    assert "Show 2 more" in drawn(watched, look, look.runs, 2)
    missing = Watched(watched.folder.parent / "<gone>")
    assert "&lt;gone&gt; holds no sweep" in drawn(missing, missing.look(), (), 24)
