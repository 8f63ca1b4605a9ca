"""A run's journal becomes curves, and only what changed is sent."""

import asyncio
import json
import re
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from fourreal.description import Options
from fourreal.jobs.service import Service
from fourreal.jobs.values import Run
from fourreal.web import explore, figures, watch
from fourreal.web.cursor import MOST_POINTS, advance, fresh
from fourreal.web.parts import Page
from fourreal.web.session import visitor
from fourreal.web.uploads import Uploads
from fourreal.web.viewer_box import shown

EYE = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 2], [0, 0, 0, 1]]


def entry(step: int, stage: str = "canonical", **more) -> dict:
    return {"stage": stage, "step": step, "steps": 100, "values": {"loss": 1 / (1 + step), "psnr": 20 + step}} | more


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
    service.runs, service.jobs, service.library = SimpleNamespace(), SimpleNamespace(), SimpleNamespace()
    service.library.video = lambda owner, id: id
    service.runs.get = lambda owner, id: Run(
        id, "a fox", "running", 0, Options(preset="draft"), 0.0, 1.0, None, "", False, 1.0, "r" * 32, "f" * 32
    )
    service.jobs.journal = lambda owner, id, offset: (journal[offset:], len(journal))
    service.jobs.public_file = lambda id, name: Path("nowhere")

    async def laid_out():  # Gradio opens a loop of its own, and leaves it open, where none is running
        with gr.Blocks():
            made = {field.name: gr.State() for field in fields(Page)}
            page = Page(**made | {"service": service, "uploads": object.__new__(Uploads)})
            return page, watch.Watch(), explore.Explore()

    return *asyncio.run(laid_out()), journal


def test_what_a_tick_brings_while_a_run_goes_on_is_little(watched):
    page, step, end, journal = watched
    me, often = visitor({"token": "t", "run": "a" * 32}), set(watch.often(page, step))
    journal.append(entry(0))
    change = watch.news(page, step, end, me, fresh(me.run), None)
    assert not change.keys() <= often, "the first turns the page"
    journal.append(entry(1, scene="scene-2.r4d"))
    change = watch.news(page, step, end, me, change[page.cursor], None)
    assert page.viewer in change
    assert change.keys() <= often
    assert watch.news(page, step, end, me, change[page.cursor], None) == {}


def test_what_somebody_chose_meanwhile_stays_in_the_viewer(watched):
    """A comparison, or another scene, is not taken away by the scene that is forming."""
    page, step, end, journal = watched
    me = visitor({"token": "t", "run": "a" * 32})
    journal.append(entry(0))
    cursor = watch.news(page, step, end, me, fresh(me.run), shown("ready/fox_yard/scene.r4d"))[page.cursor]
    own = shown(f"files/{me.run}/live/scene-1.r4d")
    chosen = shown("ready/fox_yard/scene.r4d"), own | {"others": [{"url": "x.mp4", "kind": "video", "title": "x"}]}
    journal.append(entry(1, scene="scene-2.r4d"))
    for seen in chosen:
        change = watch.news(page, step, end, me, cursor, seen)
        assert not change.keys() & {page.viewer, page.caption}
        assert step.progress in change
    for seen in (own, shown(), None):
        assert page.viewer in watch.news(page, step, end, me, cursor, seen)
    asked_for = watch.news(page, step, end, me, fresh(me.run), chosen[0])
    assert page.viewer in asked_for, "whoever opens it sees it"


def test_the_step_that_the_docs_add_is_laid_out_and_counts():
    page_md = (Path(__file__).parents[1] / "docs" / "page.md").read_text()
    names: dict = {}
    exec(re.search(r"```python\n(.*?)```", page_md, re.DOTALL)[1], names)
    service = object.__new__(Service)
    service.owner, service.runs = (lambda token: token), SimpleNamespace(all=lambda owner: ["one", "two"])

    async def counted():
        with gr.Blocks():
            page = Page(**{field.name: gr.State() for field in fields(Page)} | {"service": service})
            step = names["Tally"]()
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
    values = {"distillation": 0.4, "trust in views": 0.25}
    cursor = advance(fresh("r"), [entry(10), entry(20, values=values, critique="critique-7.jpg")], 50)
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
