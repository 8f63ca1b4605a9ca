"""The page without a browser: what it serves and what it refuses, and every step by name through `gradio_client`."""

import asyncio
import io
import json
import logging
import os
import re
import signal
import traceback
from pathlib import Path

import av
import httpx
import pytest
from asked_here import asked_here
from fastapi import FastAPI
from fourdgs.validate import validate
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from job_samples import gone, hand
from page_child import LIVE, tiny
from web_samples import ANNA, BEN, FORM, PATIENCE, answering, calling, form, healthy, lying, served, wait

from fourreal.jobs import live
from fourreal.jobs.devices import CPU
from fourreal.jobs.service import Service
from fourreal.web.server import create_app

ROOT = Path(__file__).parents[1]


class Page:
    """The page served by this process, which does its runs with tiny presets and what else children would do."""

    def __init__(self, data: Path, url: str) -> None:
        self.data, self.url, self._log = data, url, io.StringIO()

    def log(self) -> str:
        """What is told the administrator."""
        return self._log.getvalue()

    def print_exc(self, *_, **__) -> None:
        """In place of `traceback.print_exc`, which is how Gradio tells of errors."""
        self._log.write(traceback.format_exc())


async def application(data: Path, service: Service) -> FastAPI:
    """The page, made within a loop of events: Gradio opens loops where there is none, and leaves them open."""
    return create_app(data, service)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    data = tmp_path_factory.mktemp("page") / "data"
    with pytest.MonkeyPatch.context() as patch, asked_here():
        for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_CACHE_FREQUENCY"):  # the application sets them
            patch.setenv(name, "")
        for name, value in LIVE.items():
            patch.setattr(live, name, value)
        service = Service(data)
        service.workspace.store.remember("devices", [CPU])
        with answering(asyncio.run(application(data, service))) as url, hand(data, tiny(60)):
            running = Page(data, url)
            patch.setattr(traceback, "print_exc", running.print_exc)
            handler = logging.StreamHandler(running._log)
            for logger in (logging.getLogger(), logging.getLogger("uvicorn")):
                logger.addHandler(handler)
            yield running
            for logger in (logging.getLogger(), logging.getLogger("uvicorn")):
                logger.removeHandler(handler)
            for row in service.workspace.store.all_runs("running"):  # of a test that failed
                service.workspace.store.cancel(row["id"], keep=False)
        service.close()
    assert "Traceback" not in running.log(), running.log()


@pytest.fixture(scope="module")
def client(page):
    # each request by a connection of its own: the server may close one that was kept just when it is used again
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=page.url, timeout=PATIENCE, limits=limits) as client:
        yield client


@pytest.fixture(scope="module")
def api(page):
    with calling(page.url) as call:
        yield call


@pytest.fixture(scope="module")
def videos(api, fox_yard):
    """Anna's two videos: the reference one as a file of hers, the other cut from a longer one."""
    reference = api("add_video", token=ANNA, file=handle_file(str(fox_yard / "reference.mp4")))
    freeze = api("add_video", token=ANNA, file=handle_file(str(fox_yard / "freeze.mp4")))
    return reference, freeze


@pytest.fixture(scope="module")
def run(api):
    """A finished run of Anna's of a shipped example, done through the API alone."""
    taken = api("add_example", token=ANNA, name="fox_yard")
    pair = {"reference": taken["reference"]["id"], "freeze": taken["freeze"]["id"]}
    started = api("reconstruct", token=ANNA, **pair, options={"preset": "draft"}, name="Fox <b>&</b>")
    wait(lambda: api("status", token=ANNA, run=started["id"])["state"] in ("done", "failed"), "the run ends")
    ended = api("status", token=ANNA, run=started["id"])
    assert ended["state"] == "done", ended
    return ended


# --- What is served ------------------------------------------------------------------------------------------------


def test_the_page_says_that_it_is_well(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")


@pytest.mark.parametrize(("kind", "suffix"), [("scene", "r4d"), ("preview", "jpg"), ("critique", "jpg")])
def test_what_a_newer_one_has_replaced_is_answered_with_the_newer_one(client, page, run, kind, suffix):
    live = page.data / "runs" / run["id"] / "live"
    live.mkdir(exist_ok=True)
    (live / f"{kind}-990000001.{suffix}").write_bytes(b"newest")
    assert client.get(f"/files/{run['id']}/live/{kind}-990000000.{suffix}").content == b"newest"
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


def test_no_route_gives_away_files_of_the_disk(client, page, run):
    store, upload = page.data / "store.sqlite", client.post("/gradio_api/upload", content=form(b"secret"), headers=FORM)
    mine = upload.json()[0]
    for path in (store, ROOT / "app.py", Path("/etc/passwd"), page.data / "runs" / run["id"] / "scene.r4d", mine):
        for way in (
            f"/gradio_api/file={path}",
            f"/file={path}",
            f"/gradio_api/file/{path}",
            f"/static/{path}",
            f"/gradio_api/proxy=file://{path}",
            f"/assets/..%2f..%2f{path}",
            f"/page/..%2f..%2f{path}",
            f"/viewer/..%2f..%2f{path}",
            f"/files/{run['id']}/..%2f..%2f..{path}",
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
def test_of_a_run_only_what_is_meant_to_be_seen_is_served(client, run, name):
    assert client.get(f"/files/{run['id']}/{name}").status_code == 404


def test_other_ids_than_ones_own_are_not_there(client, run):
    for id in ("0" * 32, run["id"][:-1], run["id"].upper(), "..", "%2e%2e"):
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
    (told,) = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line]
    assert told["session_not_found"]
    assert "Exception in ASGI" not in page.log()


def test_a_call_of_many_megabytes_is_refused(client):
    assert client.post("/gradio_api/queue/join", content=b'{"a": "' + b"x" * 3_000_000 + b'"}').status_code == 413


# --- Every step by name --------------------------------------------------------------------------------------------


def test_videos_are_taken_in_trimmed_and_judged(api, client, videos, page):
    reference, freeze = videos
    assert (reference["width"], reference["height"], reference["frames"]) == (512, 288, 24)
    short = api("trim", token=ANNA, video=reference["id"], first=4, last=15)
    assert short["frames"] == 12
    assert client.get("/" + short["url"]).headers["content-type"] == "video/mp4"
    frame = client.get("/" + short["url"].replace("clip.mp4", "frames/0003.jpg"))
    assert frame.headers["content-type"] == "image/jpeg"
    assert client.get("/" + short["url"].replace("clip.mp4", "frames/0099.jpg")).status_code == 404
    assert client.get("/" + short["url"].replace("clip.mp4", "info.json")).status_code == 404
    found = api("check", token=ANNA, reference=reference["id"], freeze=freeze["id"])
    assert found["ok"] is True
    assert found["canonical_frame"] is not None
    assert all(verdict["sentence"] for verdict in found["verdicts"])
    assert not [path for path in lying(page.data / "uploads") if path.endswith("reference.mp4")]  # used, and gone


def test_known_cameras_are_taken_for_the_videos_they_belong_to(api, videos, fox_yard, tmp_path):
    reference, freeze = videos
    pair = {"token": ANNA, "reference": reference["id"], "freeze": freeze["id"]}
    assert api("add_cameras", **pair, file=handle_file(str(fox_yard / "cameras.json"))) == freeze["frames"]
    assert "arc" in {verdict["name"] for verdict in api("check", **pair)["verdicts"]}
    short = api("trim", token=ANNA, video=freeze["id"], first=0, last=9)["id"]
    with pytest.raises(AppError, match="33 freeze-time cameras"):
        api("add_cameras", **(pair | {"freeze": short}), file=handle_file(str(fox_yard / "cameras.json")))
    for content in (b"[]", b"{", b"", b'{"intrinsics": {"fx": 1e400}}'):
        (tmp_path / "cameras.json").write_bytes(content)
        with pytest.raises(AppError):
            api("add_cameras", **pair, file=handle_file(str(tmp_path / "cameras.json")))


def test_an_estimate_is_given_before_the_start_and_what_cannot_be_is_refused(api, videos):
    pair = {"token": ANNA, "reference": videos[0]["id"], "freeze": videos[1]["id"]}
    found = api("estimate", **pair, options={"preset": "draft"})
    assert found["fits"] is True
    assert found["seconds"] > 0
    assert found["memory_mb"] > 0
    assert found["critic"] is None
    asked = {"preset": "draft", "critic": "wan-vace-1.3b", "strength": 2, "distillation_steps": 90}
    critic = api("estimate", **pair, options=asked)["critic"]
    assert set(critic) == {"steps", "seconds", "memory_mb", "seconds_without", "reason"}
    assert critic["seconds"] is None
    for options in (
        {"preset": "huge"},
        {"nonsense": 1},
        {"seed": "x"},
        {"canonical_frame": -1},
        {"without": ["all"]},
        {"strength": 11},
        {"distillation_steps": 0},
    ):
        with pytest.raises(AppError):
            api("reconstruct", **pair, options=options)
    with pytest.raises(AppError, match="0 to 23"):
        api("reconstruct", **pair, options={"canonical_frame": 999})


def test_a_scene_is_made_told_about_and_taken_away(api, client, run, tmp_path):
    assert run["name"] == "Fox <b>&</b>"
    assert client.get("/" + run["url"]).content[:2] == b"\x1f\x8b"
    told, offset = [], 0
    while (part := api("journal", token=ANNA, run=run["id"], offset=offset))["entries"]:
        told, offset = told + part["entries"], part["offset"]
    stages = [entry["stage"] for entry in told]
    assert {"videos", "canonical", "motion: field"} <= set(stages)
    assert any(entry["preview"] for entry in told)
    assert any(entry["scene"] for entry in told)
    assert api("metrics", token=ANNA, run=run["id"])["splats"] > 100
    film = client.get("/" + api("export", token=ANNA, run=run["id"], format="mp4", trajectory="reference"))
    (tmp_path / "film.mp4").write_bytes(film.content)
    with av.open(tmp_path / "film.mp4") as container:
        assert sum(1 for _ in container.decode(video=0)) > 4
    assert api("export", token=ANNA, run=run["id"], format="r4d") == f"files/{run['id']}/scene.r4d"
    # A page that holds a scene is saved, never opened among ours, and is named after the scene.
    page = client.get("/" + api("export", token=ANNA, run=run["id"], format="html"))
    assert page.headers["content-disposition"] == "attachment; filename*=UTF-8''Fox_b_b.html"
    assert b"<title>Fox &lt;b&gt;&amp;&lt;/b&gt;</title>" in page.content
    moving = client.get("/" + api("export", token=ANNA, run=run["id"], format="4dgs"))
    assert moving.headers["content-disposition"].endswith(".4dgs")
    assert validate(moving.content).ok
    upright = client.get("/" + api("export", token=ANNA, run=run["id"], format="ply", upright=True))
    assert upright.headers["content-disposition"].endswith("Fox_b_b-ply-upright.zip")
    saved = client.get(f"/{run['url']}?download", headers={"range": "bytes=0-1"})
    assert saved.headers["content-disposition"].endswith("Fox_b_b.r4d")
    assert "content-disposition" not in client.get("/" + run["url"]).headers
    with pytest.raises(AppError, match="for ply"):
        api("export", token=ANNA, run=run["id"], format="splat", upright=True)
    with pytest.raises(AppError, match="format"):
        api("export", token=ANNA, run=run["id"], format="exe")


@pytest.mark.slow
def test_a_run_is_stopped_kept_continued_made_again_and_compared(api, run):
    long = api("duplicate", token=ANNA, run=run["id"], options={"preset": "standard"})
    state = lambda: api("status", token=ANNA, run=long["id"])
    lines = lambda: api("journal", token=ANNA, run=long["id"])["entries"]
    wait(lambda: any(line["scene"] for line in lines()), "there is something to keep")
    api("stop", token=ANNA, run=long["id"], keep=True)
    wait(lambda: state()["state"] == "stopped", "it stops")
    assert state()["has_scene"] is True
    assert api("resume", token=ANNA, run=long["id"])["state"] in ("queued", "running")
    api("stop", token=ANNA, run=long["id"])
    wait(lambda: state()["state"] == "stopped", "it stops again")
    found = api("compare", token=ANNA, first=run["id"], second=run["id"])
    assert found["splats"]["difference"] == 0
    assert api("rename", token=ANNA, run=long["id"], name="Longer")["name"] == "Longer"
    assert {one["id"] for one in api("scenes", token=ANNA)} >= {run["id"], long["id"]}
    assert api("delete", token=ANNA, run=long["id"]) is True
    with pytest.raises(AppError):
        state()


def test_what_is_annas_is_not_there_for_ben(api, run, videos):
    reference, freeze = videos
    assert api("scenes", token=BEN) == []
    for call, given in [
        ("status", {"run": run["id"]}),
        ("journal", {"run": run["id"]}),
        ("stop", {"run": run["id"]}),
        ("rename", {"run": run["id"], "name": "mine"}),
        ("delete", {"run": run["id"]}),
        ("export", {"run": run["id"], "format": "ply"}),
        ("duplicate", {"run": run["id"]}),
        ("trim", {"video": reference["id"], "first": 0, "last": 5}),
        ("check", {"reference": reference["id"], "freeze": freeze["id"]}),
        ("reconstruct", {"reference": reference["id"], "freeze": freeze["id"]}),
    ]:
        with pytest.raises(AppError, match="no such"):
            api(call, token=BEN, **given)
    assert api("status", token=ANNA, run=run["id"])["name"] == run["name"]
    with pytest.raises(AppError, match="token"):
        api("scenes", token="short")


@pytest.mark.parametrize("kind", ["text", "empty", "cut", "named"])
def test_what_is_no_video_is_refused_in_a_sentence_without_paths(api, page, fox_yard, tmp_path, kind):
    whole = (fox_yard / "reference.mp4").read_bytes()
    content = {"text": b"not a video", "empty": b"", "cut": whole[: len(whole) // 3], "named": b"\x89PNG\r\n\x1a\n"}
    path = tmp_path / "clip.mp4"
    path.write_bytes(content[kind])
    with pytest.raises(AppError) as failure:
        api("add_video", token=ANNA, file=handle_file(str(path)))
    assert str(page.data) not in str(failure.value)
    assert "Traceback" not in str(failure.value)
    assert len(str(failure.value)) > 20
    assert not [path for path in lying(page.data / "uploads") if path.endswith("clip.mp4")]


def test_what_is_documented_is_the_api(client):
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(/\w+)` \|", text, re.MULTILINE))
    api = client.get("/gradio_api/info").json()
    assert api["unnamed_endpoints"] == {}  # the page's own events are not part of it
    found = api["named_endpoints"]
    assert listed - {"/healthz"} == set(found)
    for name, endpoint in found.items():
        told = re.search(rf"^\| `{name}` \|(.*?)\|", text, re.MULTILINE).group(1)
        given = [one["parameter_name"] for one in endpoint["parameters"]]
        assert given[:1] == ([] if name == "/new_token" else ["token"])
        assert [word for word in re.findall(r"`(\w+)`", told)] == given[1:]
