"""The small parts of the page: what people typed stays text, journals become curves, numbers become words."""

import asyncio
import json
import re
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from fourreal.description import Options, Wishes
from fourreal.errors import UserError
from fourreal.jobs.create_values import Candidate, Creation
from fourreal.jobs.service import Service
from fourreal.jobs.values import Run
from fourreal.web import explore, figures, watch
from fourreal.web.candidates import gallery, making
from fourreal.web.create_follow import looks_of
from fourreal.web.cursor import MOST_POINTS, advance, fresh
from fourreal.web.explore import remarks
from fourreal.web.guard import Guard, headers
from fourreal.web.lean import MOST_ANSWERS, FirstView
from fourreal.web.markup import button, tag
from fourreal.web.metrics import differences, flat, rows, table
from fourreal.web.painter import checked
from fourreal.web.parts import Page
from fourreal.web.saved import attachment, saved_name
from fourreal.web.scenes import cards
from fourreal.web.session import safely, sentence_of, visitor
from fourreal.web.theme import theme
from fourreal.web.uploads import Uploads
from fourreal.web.words import amount, duration, size

EYE = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 2], [0, 0, 0, 1]]


def entry(step: int, stage: str = "canonical", **more) -> dict:
    return {"stage": stage, "step": step, "steps": 100, "values": {"loss": 1 / (1 + step), "psnr": 20 + step}} | more


# --- Markup ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scene", "file", "saved"),
    [
        ("Fox", "scene.r4d", "Fox.r4d"),
        ("Fox", "exports/scene.html", "Fox.html"),
        ("狐 1", "orbit.mp4", "狐_1-orbit.mp4"),
        ("../../etc/passwd", "scene.r4d", "etc_passwd.r4d"),
        ("\"';\r\nx: y", "ply.zip", "x_y-ply.zip"),
        ("...", "scene.r4d", "scene.r4d"),
        ("字" * 80, "ply-upright.zip", "字" * 60 + "-ply-upright.zip"),
    ],
)
def test_a_download_is_named_after_its_scene_and_nothing_else(scene, file, saved):
    assert saved_name(scene, file) == saved
    assert len(saved.encode()) < 255
    assert set(attachment(saved)["content-disposition"]) <= set(map(chr, range(32, 127))) - set('"\\')


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '" onload="x', "a & b", "'"])
def test_what_people_typed_stays_text(name):
    made = tag("p", name, title=name) + button(name, "open", run=name)
    assert "<script" not in made
    assert made.count('"') == tag("p", "x", title="x").count('"') + button("x", "open", run="x").count('"')


def test_a_tag_keeps_zero_and_leaves_out_what_is_absent():
    assert tag("input", min=0, value=0, max=None, hidden=False, muted=True) == '<input min="0" value="0" muted></input>'


def test_seconds_and_megabytes_are_told_as_people_do():
    assert [duration(seconds) for seconds in (None, 3.4, 75, 1234, 5000)] == [
        "unknown",
        "3 s",
        "1 min 15 s",
        "21 min",
        "1 h 23 min",
    ]
    assert [amount(size) for size in (None, 0.2, 900, 2048)] == ["unknown", "1 MB", "900 MB", "2.0 GB"]


def test_bytes_are_told_as_they_are():
    assert [size(count) for count in (0, 812, 999_600, 1_253_387, 12_345_678, 512_000, 3.2e9, 1e13)] == [
        "0 B",
        "812 B",
        "1 MB",
        "1.25 MB",
        "12.3 MB",
        "512 kB",
        "3.2 GB",
        "10000 GB",
    ]


# --- Candidates ------------------------------------------------------------------------------------------------------


def test_what_waits_or_could_not_be_made_has_a_card_that_says_so_and_offers_what_can_be_done():
    wishes = Wishes(role="freeze", prompt="a fox", frame=0)
    each = (
        Candidate(0, "model", True, False, total=0.5),
        Candidate(1, "model", False, False),
        Candidate(2, "longer", False, False, "0, longer on the left", error="It is <too> long."),
    )
    found = Creation("c" * 32, "running", 0, wishes, 0.0, "", 1.0, "", each)
    drawn = gallery(found)
    assert drawn.count('class="candidate"') == 1
    assert drawn.count('class="candidate-to-be"') == 2
    assert "It is &lt;too&gt; long." in drawn
    assert "1 more to come." in drawn
    assert drawn.count('data-action="discard"') == 3
    assert drawn.count('data-action="retry" data-number="2"') == 1
    assert "candidate 3 of 3" in making(found)
    whole = looks_of(replace(found, candidates=(*each[:2], replace(each[2], error=""))))
    assert whole != looks_of(found), "the gallery is drawn anew"


# --- A run's journal -------------------------------------------------------------------------------------------------


def test_stages_follow_each_other_in_the_curves():
    cursor = advance(fresh("r"), [entry(10), entry(100)], 50)
    cursor = advance(cursor, [entry(5, "motion: field", scene="scene-1.r4d"), entry(9, "motion: field")], 90)
    assert cursor["series"]["step"] == [10, 100, 105, 109]
    assert [stage for _, stage in cursor["series"]["stages"]] == ["canonical", "motion: field"]
    assert (cursor["scene"], cursor["offset"]) == ("scene-1.r4d", 90)


def test_a_cursor_stays_small_and_keeps_the_newest():
    cursor = fresh("r")
    for begin in range(0, 5000, 50):
        cursor = advance(cursor, [entry(step) for step in range(begin, begin + 50)], begin + 50)
    assert len(cursor["series"]["step"]) <= MOST_POINTS
    assert cursor["series"]["step"][-1] == 4999
    assert cursor["series"]["step"] == sorted(cursor["series"]["step"])


@pytest.fixture
def watched():
    """The step that follows a run, of which `journal` has what is new; and that list."""
    journal = []
    service = object.__new__(Service)
    service.owner = lambda token: token
    service.runs, service.jobs = SimpleNamespace(), SimpleNamespace()
    service.runs.get = lambda owner, id: Run(
        id, "a fox", "running", 0, Options(preset="draft"), 0.0, 1.0, None, "", False, 1.0, "r" * 32, "f" * 32
    )
    service.jobs.journal = lambda owner, id, offset: (journal[offset:], len(journal))
    service.jobs.public_file = lambda id, name: Path("nowhere")

    async def laid_out():  # Gradio opens a loop of its own, and leaves it open, where none is running
        with gr.Blocks():
            made = {field.name: gr.State() for field in fields(Page)}
            page = Page(**made | {"service": service, "uploads": object.__new__(Uploads)})
            return page, watch.lay_out(), explore.lay_out()

    return *asyncio.run(laid_out()), journal


def test_what_a_tick_brings_while_a_run_goes_on_is_little(watched):
    page, step, end, journal = watched
    me, often = visitor({"token": "t", "run": "a" * 32}), set(watch.often(page, step))
    journal.append(entry(0))
    change = watch.news(page, step, end, me, fresh(me.run))
    assert not change.keys() <= often, "the first turns the page"
    journal.append(entry(1, scene="scene-2.r4d"))
    change = watch.news(page, step, end, me, change[page.cursor])
    assert page.viewer in change
    assert change.keys() <= often
    assert watch.news(page, step, end, me, change[page.cursor]) == {}


def test_the_step_that_the_docs_add_is_laid_out_and_counts():
    page_md = (Path(__file__).parents[1] / "docs" / "page.md").read_text()
    names: dict = {}
    exec(re.search(r"```python\n(.*?)```", page_md, re.DOTALL)[1], names)
    service = object.__new__(Service)
    service.owner, service.runs = (lambda token: token), SimpleNamespace(all=lambda owner: ["one", "two"])

    async def counted():
        with gr.Blocks():
            page = Page(**{field.name: gr.State() for field in fields(Page)} | {"service": service})
            step = names["lay_out"]()
            return names["wire"](page, step)["fn"]({"token": "t"})[step.scenes]

    assert asyncio.run(counted()) == "<p>2 scenes</p>"


def test_a_journal_begun_anew_begins_the_curves_anew():
    cursor = advance(fresh("r"), [entry(50)], 500)
    assert advance(cursor, [entry(1)], 20)["series"]["step"] == [1]


@pytest.mark.parametrize(
    "odd", [{}, {"stage": None}, {"step": None, "values": None}, {"values": {"loss": "x", "psnr": None}}]
)
def test_odd_lines_do_no_harm(odd):
    assert advance(fresh("r"), [odd, entry(3)], 9)["series"]["step"][-1] == 3


def test_curves_and_cameras_are_drawn_with_gaps_and_without_points():
    series = {
        "step": [1, 2, 3],
        "loss": [0.5, None, 0.1],
        "psnr": [None, 20.0, 21.0],
        "stages": [[0, "a"], [2, "b"]],
        "distillation": [],
    }
    drawn = json.loads(figures.curves(series).to_json())
    assert len(drawn["data"]) == 4
    assert {shape["x0"] for shape in drawn["layout"]["shapes"]} == {2}  # where the second stage began
    labels = lambda drawn: {drawn["layout"][axis].get("showticklabels", True) for axis in ("xaxis2", "yaxis", "yaxis2")}
    empty = series | {"step": [], "loss": [], "psnr": [], "stages": []}
    assert (labels(drawn), labels(json.loads(figures.curves(empty).to_json()))) == ({True}, {False})
    seen = json.loads(
        figures.layout(
            {"cameras": [EYE], "points": [[0, 0, 0], [99, 0, 0]], "colors": [[1, 0, 0], [0, 1, 0]]}
        ).to_json()
    )
    assert len(seen["data"][0]["x"]) == 1  # what lies far away is left out
    assert figures.layout({"cameras": [], "points": [], "colors": []}).data == ()


def test_the_video_models_part_is_followed_and_drawn_where_there_is_one():
    told = {"distillation": 0.4, "trust in views": 0.25}
    cursor = advance(fresh("r"), [entry(10), entry(20, values=told, critique="critique-7.jpg")], 50)
    cursor = advance(cursor, [entry(5, "motion: distillation", values={"distillation": 0.2, "trust in times": 1})], 90)
    assert cursor["series"]["distillation"] == [[20, 0.4], [15, 0.2]]
    assert (cursor["critique"], cursor["trust"]) == ("critique-7.jpg", {"views": 0.25, "times": 1.0})
    drawn = json.loads(figures.curves(cursor["series"]).to_json())
    assert len(drawn["data"]) == 6
    assert "Distillation loss" in [title["text"] for title in drawn["layout"]["annotations"]]
    for step in range(5000):
        cursor = advance(cursor, [entry(step, "motion: distillation", values={"distillation": 1.0})], 100 + step)
    assert len(cursor["series"]["distillation"]) <= MOST_POINTS
    assert cursor["series"]["distillation"][-1][0] - cursor["base"] == 4999


def test_a_frustum_lies_in_front_of_its_camera():
    corners, centre = figures.frustum(EYE)
    assert centre == pytest.approx([0, 0, -2])
    assert all(corner[2] > centre[2] for corner in corners)
    assert figures.upright((1, 2, 3)) == (1.0, 3.0, -2.0)


# --- Figures ---------------------------------------------------------------------------------------------------------


def test_figures_are_found_named_and_subtracted():
    psnr = {"canonical": 30.0, "motion: field": 28.0, "motion: joint": 29.0}
    metrics = {
        "splats": 1000,
        "stages": {stage: {"psnr": value} for stage, value in psnr.items()},
        "stopped": None,
        "ground_truth": {"psnr": 25.0, "pose": {"rotation_deg": None}},
        "notes": ["x"],
    }
    assert flat(metrics)["fit.freeze"] == 30.0
    assert flat(metrics)["fit.reference"] == 29.0  # that of the last phase
    assert dict(rows(metrics))["Unseen views"] == "25.0 dB"
    assert differences(metrics, {"splats": 1500})["splats"] == {"first": 1000.0, "second": 1500.0, "difference": 500.0}
    assert rows({}) == []


def test_a_comparison_has_a_column_each_and_says_what_is_the_same():
    one = {"took": 61.0, "splats": 1000, "frames": 8, "bytes": {"scene.r4d": 300_000}, "peak_memory_mb": 520.2}
    two = {"took": 58.0, "splats": 1000, "frames": 8, "bytes": {"scene.r4d": 300_900}, "peak_memory_mb": 520.3}
    drawn = table([("A <b>", one), ("B", two)])
    cells = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", drawn)][1:]
    assert ["Took", "1 min 01 s", "58 s", "−3 s"] in cells
    assert ["Splats", "1,000", "1,000", "same"] in cells
    assert ["Viewer file", "300 kB", "301 kB", "+900 B"] in cells
    assert ["Memory at most", "520 MB", "520 MB", "same"] in cells
    assert "A &lt;b&gt;" in drawn
    assert "<b>" not in drawn
    three = table([("A", one), ("B", two), ("C", {"bytes": {"video": 12}})])
    assert "difference</th>" not in three
    assert "<td>Video file</td><td>–</td><td>–</td><td>12 B</td>" in three
    assert table([("A", {}), ("B", {})]) == ""


def test_what_a_person_should_know_of_a_run_is_told():
    told = remarks({"notes": ["", "Done without <it>."], "splats": 3})
    assert told.count('class="note"') == 1
    assert "Done without &lt;it&gt;." in told
    assert remarks({}) == ""


def test_a_scene_of_another_version_says_what_it_cannot_do():
    run = Run("a" * 32, "a fox", "stopped", 0, Options(), 0.0, 1.0, 2.0, "", False, 1.0, "", "", outdated="Not <on>.")
    assert "Not &lt;on&gt;." in cards([run])
    assert "Not &lt;on&gt;." in cards([run], renaming=run.id)


# --- Who is looking, and what they are told --------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [None, [], "x", {}, {"token": 5, "canonical": True, "run": None}, {"canonical": -3}])
def test_whatever_a_browser_kept_is_made_whole(kept):
    me = visitor(kept)
    assert len(me.token) > 30
    assert me.canonical is None
    assert me.run == ""
    assert visitor(me) == me


def test_a_persons_mistake_is_told_and_a_bug_is_only_noted(caplog):
    assert sentence_of(UserError("Choose another.")) == "Choose another."
    assert caplog.records == []
    assert "/secret/path" not in sentence_of(RuntimeError("/secret/path"))
    assert "/secret/path" in caplog.text


def test_an_events_error_becomes_a_sentence():
    import gradio as gr

    @safely
    def fails():
        raise UserError("Choose another.")

    with pytest.raises(gr.Error) as failure:
        fails()
    assert failure.value.message == "Choose another."


@pytest.mark.parametrize(
    "wanted", [{}, {"camera_to_world": "x"}, {"camera_to_world": EYE, "fov_y": float("nan"), "size": [9, 9], "time": 0}]
)
def test_only_cameras_are_drawn(wanted):
    with pytest.raises(UserError):
        checked(wanted)
    fine = checked({"camera_to_world": EYE, "fov_y": 40, "size": [99999, 1], "time": 7})
    assert fine["size"] == [1280, 16]
    assert fine["time"] == 1.0


# --- The first view --------------------------------------------------------------------------------------------------


def visited(*visits: dict) -> list[str]:
    """What an application answers that tells the host and how often it was asked, each visit a request to "/"."""
    asked = []

    async def tell(request: Request) -> JSONResponse:
        asked.append(request)
        return JSONResponse(f"{request.headers['host']} {len(asked)}", 500 if "bad" in request.headers else 200)

    async def ask() -> list[str]:
        app = FirstView(Starlette(routes=[Route("/{path:path}", tell)]))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return [(await client.get(**({"url": "/"} | visit))).json() for visit in visits]

    return asyncio.run(ask())


def test_the_first_view_is_made_once_for_each_way_to_ask():
    other = {"headers": {"host": "other"}}
    assert visited({}, {}, other, {}, other) == ["test 1", "test 1", "other 2", "test 1", "other 2"]
    proxied = [{"headers": {"x-forwarded-host": host, "x-forwarded-proto": "https"}} for host in ("a", "b", "a")]
    assert visited(*proxied) == ["test 1", "test 2", "test 1"]


def test_what_is_not_the_first_view_or_went_wrong_is_not_kept():
    for visit in ({"url": "/config"}, {"url": "/?x=1"}, {"headers": {"origin": "http://b"}}, {"headers": {"bad": "1"}}):
        assert visited(visit, visit) == ["test 1", "test 2"]


def test_only_so_many_first_views_are_kept():
    hosts = [{"headers": {"host": str(number)}} for number in range(MOST_ANSWERS + 1)]
    assert visited(*hosts, hosts[-1], hosts[0])[-2:] == [f"{MOST_ANSWERS} {MOST_ANSWERS + 1}", f"0 {MOST_ANSWERS + 2}"]


# --- The guard -------------------------------------------------------------------------------------------------------


def guarded(method: str, path: str, **request) -> httpx.Response:
    """The answer of an application that echoes, behind the guard."""

    async def echo(request: Request) -> JSONResponse:
        return JSONResponse((await request.body()).decode())

    async def ask() -> httpx.Response:
        app = Guard(
            Starlette(routes=[Route("/{path:path}", echo, methods=["GET", "POST"])]), holds=lambda path: path == "/mine"
        )
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.request(method, path, **request)

    return asyncio.run(ask())


def test_calls_go_through_whole():
    body = {"data": ["x" * 1000, {"path": "/mine", "meta": {"_type": "gradio.FileData"}}]}
    answer = guarded("POST", "/gradio_api/queue/join", json=body)
    assert json.loads(answer.json()) == body
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("nested", [lambda x: x, lambda x: {"a": [x]}, lambda x: [[[{"b": {"c": x}}]]]])
@pytest.mark.parametrize("path", ["/yours", "http://example.com/x", 5, None, ["/mine"]])
def test_a_file_of_somebody_else_is_not_named_however_deep(nested, path):
    answer = guarded("POST", "/gradio_api/queue/join", json={"data": nested({"path": path})})
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/viewer/", "/page/", "/static/", "/assets/a/", "/gradio_api/call/", "/"])
def test_an_address_that_no_file_can_have_is_not_there(path):
    assert guarded("GET", path + "%E5%AD%97" * 90).status_code == 404


def test_what_cannot_be_read_is_not_passed_on():
    assert guarded("POST", "/gradio_api/queue/join", content=b'{"data": ').status_code == 400
    assert guarded("POST", "/gradio_api/queue/join", content=b"[" * 100_000 + b"{").status_code == 400
    assert guarded("POST", "/gradio_api/queue/join", content=b"{" + b" " * 2_000_000).status_code == 413


@pytest.mark.parametrize(
    "path", ["file=/etc/passwd", "file/etc/passwd", "proxy=http://example.com", "vibe-code", "runs", "component_server"]
)
def test_only_what_the_page_needs_of_gradio_is_open(path):
    assert guarded("GET", f"/gradio_api/{path}").status_code == 404
    assert guarded("GET", "/gradio_api/info").status_code == 200


@pytest.mark.parametrize(
    ("environment", "ancestors"),
    [
        ({}, "'self'"),
        ({"SPACE_HOST": "anna-fourreal.hf.space"}, "'self'"),  # only a Space has an id
        ({"SPACE_ID": "anna/fourreal"}, "'self' https://huggingface.co"),
        ({"SPACE_ID": "a/f", "SPACE_HOST": "a-f.hf.space"}, "'self' https://huggingface.co https://a-f.hf.space"),
        ({"SPACE_ID": "a/f", "SPACE_HOST": "*.hf.space"}, "'self' https://huggingface.co"),
        ({"SPACE_ID": "a/f", "SPACE_HOST": "a.b; script-src *"}, "'self' https://huggingface.co"),
    ],
)
def test_only_a_space_lets_itself_be_framed_and_only_by_its_own_page(environment, ancestors):
    policy = headers(environment)["content-security-policy"]
    assert policy.split("frame-ancestors ")[1] == ancestors


def test_the_guard_says_what_its_surroundings_allow(monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert "hf.space" not in guarded("GET", "/").headers["content-security-policy"]
    monkeypatch.setenv("SPACE_ID", "anna/fourreal")
    monkeypatch.setenv("SPACE_HOST", "anna-fourreal.hf.space")
    assert "https://anna-fourreal.hf.space" in guarded("GET", "/").headers["content-security-policy"]


def contrast(one: str, other: str) -> float:
    """WCAG's ratio of two colours #rrggbb, 1 to 21."""

    def light(color: str) -> float:
        parts = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
        red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


def test_words_in_grey_can_be_read():
    for scheme in ("", "_dark"):
        look = {name: getattr(theme(), name + scheme) for name in ("body_text_color_subdued", "body_background_fill")}
        grey, ground = (getattr(theme(), value.removeprefix("*")) for value in look.values())
        assert contrast(grey, ground) >= 4.5
