"""The small parts of the page: what people typed stays text, journals become curves, numbers become words."""

from dataclasses import replace

import gradio as gr
import pytest

from fourreal.description import Wishes
from fourreal.errors import UserError
from fourreal.jobs.create_values import Candidate, Creation
from fourreal.web.candidates import gallery, making
from fourreal.web.create_follow import looks_of
from fourreal.web.markup import button, tag
from fourreal.web.painter import checked
from fourreal.web.saved import attachment, saved_name
from fourreal.web.session import safely, sentence_of, visitor
from fourreal.web.words import amount, duration, reading, size

EYE = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 2], [0, 0, 0, 1]]


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


def test_a_long_sentence_stays_longer():
    assert reading("Too short.") == 20
    assert reading("x" * 400) == 60


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
    creation = Creation("c" * 32, "running", 0, wishes, 0.0, "", 1.0, "", each)
    drawn = gallery(creation)
    assert drawn.count('class="candidate"') == 1
    assert drawn.count('class="candidate-to-be"') == 2
    assert "It is &lt;too&gt; long." in drawn
    assert "1 more to come." in drawn
    assert drawn.count('data-action="discard"') == 3
    assert drawn.count('data-action="retry" data-number="2"') == 1
    assert "candidate 3 of 3" in making(creation)
    whole = looks_of(replace(creation, candidates=(*each[:2], replace(each[2], error=""))))
    assert whole != looks_of(creation), "the gallery is drawn anew"


# --- Who is looking, and what they are told --------------------------------------------------------------------------


@pytest.mark.parametrize("stored", [None, [], "x", {}, {"token": 5, "canonical": True, "run": None}, {"canonical": -3}])
def test_whatever_a_browser_kept_is_made_whole(stored):
    me = visitor(stored)
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
