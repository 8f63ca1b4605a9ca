"""The page without a browser: what it serves and what it refuses, and every step by name through `gradio_client`."""

import json
import os
import re
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from gradio.utils import LRUCache
from job_samples import gone
from web_samples import ANNA, FORM, form, healthy, served, wait

from fourreal.jobs.service import Service
from fourreal.web.lean import forget_once

pytest_plugins = ["web_fixtures"]

ROOT = Path(__file__).parents[1]


# --- What is served ------------------------------------------------------------------------------------------------


def test_the_page_says_that_it_is_well(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")


@pytest.mark.parametrize(("kind", "suffix"), [("scene", "r4d"), ("preview", "jpg"), ("critique", "jpg")])
def test_what_a_newer_one_has_replaced_is_answered_with_the_newer_one(client, page, annas_run, kind, suffix):
    live = page.data / "runs" / annas_run["id"] / "live"
    live.mkdir(exist_ok=True)
    (live / f"{kind}-990000001.{suffix}").write_bytes(b"newest")
    assert client.get(f"/files/{annas_run['id']}/live/{kind}-990000000.{suffix}").content == b"newest"
    (live / f"{kind}-990000001.{suffix}").unlink()


def test_an_ablation_study_is_served_as_a_page(client, page):
    (page.data / "ablations" / "fox").mkdir(parents=True)
    (page.data / "ablations" / "fox" / "page.html").write_text("<!doctype html><p>study</p>")
    answer = client.get("/ablations/fox")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert client.get("/ablations/other").status_code == 404
    assert client.get("/ablations/..%2fstore.sqlite").status_code == 404


def test_every_answer_tells_the_browser_to_keep_to_this_host(client):
    for path in ("/", "/", "/healthz", "/ready/fox_yard/scene.r4d", "/nothing"):
        headers = client.get(path).headers
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert policy.endswith("frame-ancestors 'self'")
        assert re.findall(r"https?://[^ ;]+", policy) == []


def test_the_ready_made_scene_is_served_once_and_then_not_again(client):
    first = client.get("/ready/fox_yard/scene.r4d")
    assert first.status_code == 200
    assert first.content[:2] == b"\x1f\x8b"
    again = client.get("/ready/fox_yard/scene.r4d", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    part = client.get("/ready/fox_yard/scene.r4d", headers={"range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, first.content[:10])


def test_nothing_of_the_page_names_another_host_or_asks_home(client):
    config = client.get("/config").json()
    assert config["analytics_enabled"] is False
    page = client.get("/").text
    loaded = re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(https?:[^"]+)"', page)
    assert loaded == []
    assert not re.findall(r"url\(['\"]?https?:", client.get("/theme.css").text)


def test_how_events_go_on_is_told_to_one_small_component(client):
    """With every component that is told, a browser looks through all that it holds: the page would be slow to watch."""
    config = client.get("/config").json()
    hidden = [event for event in config["dependencies"] if event["show_progress"] == "hidden"]
    (listener,) = {tuple(event["show_progress_on"]) for event in hidden}
    (one,) = (component for component in config["components"] if [component["id"]] == list(listener))
    assert one["type"] == "html"
    assert len(hidden) > 20


def test_a_session_that_is_forgotten_twice_is_no_error():
    """Gradio does so where two of a page's streams break off at once."""
    queue = SimpleNamespace(pending_messages_per_session=LRUCache(2))
    forget_once(queue)
    messages = queue.pending_messages_per_session
    messages["somebody"] = None
    del messages["somebody"]
    del messages["somebody"]
    assert (len(messages), messages.max_size) == (0, 2)


def test_the_page_as_people_start_it_loads_no_model_library_and_has_a_worker(tmp_path):
    """Processes as they are: `app.py`, which starts the worker, which looks what devices there are."""
    data = tmp_path / "data"
    with served(data, worker=False) as page:
        assert healthy(page.url)
        mapped = Path(f"/proc/{page.page.pid}/maps").read_text()
        loaded = set(re.findall(r"/site-packages/(\w+)", mapped))
        assert "pydantic_core" in loaded
        assert {"torch", "numba", "gsplat", "pycolmap", "scipy"} & loaded == set()
        service = Service(data)
        assert wait(lambda: service.workspace.store.fact("devices"), "the worker says what it computes on")
        service.close()
        worker = int((data / "worker.lock").read_text())
        assert "Traceback" not in page.log(), page.log()
    os.kill(worker, signal.SIGTERM)
    wait(lambda: gone(worker), "the worker goes")


def test_the_server_draws_for_browsers_that_cannot(client):
    camera = {
        "camera_to_world": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, -0.4], [0, 0, 0, 1]],
        "fov_y": 50,
        "size": [160, 90],
        "time": 0.3,
    }
    ask = lambda **changes: client.get(
        "/frame.jpg", params={"scene": "ready/fox_yard/scene.r4d", "camera": json.dumps(camera | changes)}
    )
    first, later = ask(), ask(time=0.9)
    assert first.headers["content-type"] == "image/jpeg"
    assert first.content[:2] == later.content[:2] == b"\xff\xd8"
    assert first.content != later.content
    for changes in ({"fov_y": 500}, {"camera_to_world": [[1]]}, {"size": ["a"]}, {"time": None}):
        assert ask(**changes).status_code == 400
    assert client.get("/frame.jpg", params={"scene": "../store.sqlite", "camera": "{}"}).status_code == 400


# --- What is refused -----------------------------------------------------------------------------------------------


def test_no_route_gives_away_files_of_the_disk(client, page, annas_run):
    store, upload = page.data / "store.sqlite", client.post("/gradio_api/upload", content=form(b"secret"), headers=FORM)
    mine = upload.json()[0]
    for path in (store, ROOT / "app.py", Path("/etc/passwd"), page.data / "runs" / annas_run["id"] / "scene.r4d", mine):
        for way in (
            f"/gradio_api/file={path}",
            f"/file={path}",
            f"/gradio_api/file/{path}",
            f"/static/{path}",
            f"/gradio_api/proxy=file://{path}",
            f"/assets/..%2f..%2f{path}",
            f"/page/..%2f..%2f{path}",
            f"/viewer/..%2f..%2f{path}",
            f"/files/{annas_run['id']}/..%2f..%2f..{path}",
        ):
            answer = client.get(way)
            assert answer.status_code in (400, 403, 404, 405), way
            assert str(page.data) not in answer.text


@pytest.mark.parametrize(
    "name",
    [
        "journal.jsonl",
        "log.txt",
        "inputs/cameras.json",
        "work/lock",
        "../../store.sqlite",
        ".",
        "",
        "%00",
        "scene.safetensors",
        "live/../journal.jsonl",
        "live/scene-1.r4d/../../journal.jsonl",
    ],
)
def test_of_a_run_only_what_is_meant_to_be_seen_is_served(client, annas_run, name):
    assert client.get(f"/files/{annas_run['id']}/{name}").status_code == 404


def test_other_ids_than_ones_own_are_not_there(client, annas_run):
    for id in ("0" * 32, annas_run["id"][:-1], annas_run["id"].upper(), "..", "%2e%2e"):
        assert client.get(f"/files/{id}/scene.r4d").status_code == 404


@pytest.mark.parametrize("path", ["/etc/passwd", "store.sqlite", "http://example.com/a.mp4", "/proc/self/environ"])
def test_a_call_cannot_make_the_server_read_or_fetch_a_file(client, page, path):
    path = str(page.data / path) if path == "store.sqlite" else path
    file = {"path": path, "url": None, "meta": {"_type": "gradio.FileData"}}
    calls = client.get("/gradio_api/info").json()["named_endpoints"]
    assert "/add_video" in calls
    for way in ("/gradio_api/call/add_video", "/gradio_api/run/add_video", "/gradio_api/queue/join"):
        body = {"data": [ANNA, file, 0, None], "fn_index": 0, "session_hash": "x"}
        answer = client.post(way, json=body)
        assert answer.status_code == 400, way
        assert "root:" not in answer.text


def test_routes_of_gradio_that_the_page_has_no_use_for_are_closed(client):
    for way in (
        "/gradio_api/component_server",
        "/gradio_api/process_recording",
        "/gradio_api/vibe-edit",
        "/gradio_api/run-history/connect",
        "/gradio_api/stream/x",
    ):
        assert client.post(way, json={}).status_code == 404
    assert client.get("/gradio_api/proxy=https://example.com/").status_code == 404
    assert client.get("/monitoring").status_code in (403, 404)


def test_a_stream_of_a_session_that_has_gone_says_so_and_ends(client, page):
    answer = client.get("/gradio_api/queue/data", params={"session_hash": "nobody"})
    (message,) = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line]
    assert message["session_not_found"]
    assert "Exception in ASGI" not in page.log()


def test_a_call_of_many_megabytes_is_refused(client):
    assert client.post("/gradio_api/queue/join", content=b'{"a": "' + b"x" * 3_000_000 + b'"}').status_code == 413
