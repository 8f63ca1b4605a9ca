"""What the stage of candidates shows, and what the forms of *Create* bring back."""

from dataclasses import replace

import pytest

from fourreal.description import Wishes
from fourreal.jobs.create_values import Candidate, Creation
from fourreal.jobs.values import Video
from fourreal.web.choice import NOT_JUDGED, stage
from fourreal.web.create_draft import draft_of, readable
from fourreal.web.create_follow import picks
from fourreal.web.create_form import BLANK, NEXT, Form
from fourreal.web.create_press import anew
from fourreal.web.create_start import begun_with
from fourreal.web.session import visitor
from fourreal.web.way import Step, first_step

ID = "c" * 32
FORM = {
    "prompt": "a fox",
    "model": "mini",
    "count": 2,
    "seeds": NEXT,
    "seed": 0,
    "frames": 16,
    "steps": 6,
    "width": 256,
    "height": 144,
    "guidance": 2.0,
    "arc": 60,
    "adapter": BLANK,
    "negative": "",
}


def creation(totals, role="reference", **changes) -> Creation:
    """Candidates with these scores; "waits" for one that is not there."""
    wishes = Wishes(role=role, prompt="a fox", frame=0 if role == "freeze" else None)
    each = tuple(
        Candidate(
            number,
            "model",
            total != "waits",
            False,
            file=f"candidates/{role}-{number}.mp4",
            frames=9,
            fps=8.0,
            total=None if total == "waits" else total,
            **changes,
        )
        for number, total in enumerate(totals)
    )
    return Creation(ID, "done", 0, wishes, 0.0, "", 1.0, "", each)


def form(role: str = "reference") -> Form:
    """A form of which nothing is laid out."""
    form = object.__new__(Form)
    form.role, form.fields = role, dict.fromkeys(FORM)
    return form


@pytest.mark.parametrize(
    ("totals", "scores", "best"),
    [
        ([0.5, 0.9, 0.7], ["50", "90", "70"], [1]),
        ([0.76, 0.76, 0.69], ["76", "76", "69"], []),
        ([0.761, 0.7601], ["76", "76"], []),
        ([None, None], [NOT_JUDGED, NOT_JUDGED], []),
        ([None, 0.4], [NOT_JUDGED, "40"], [1]),
        ([0.9], ["90"], []),
    ],
)
def test_one_is_best_only_where_it_is(totals, scores, best):
    items = stage(creation(totals), None, {})["reference"]["items"]
    assert [one["score"] for one in items] == scores
    assert [one["number"] for one in items if one["best"]] == best


def test_candidates_keep_their_places_as_others_arrive_and_the_taken_one_is_marked():
    value = stage(creation([0.2, "waits", 0.9]), None, {"reference": f"{ID}:2"})
    items = value["reference"]["items"]
    assert [(one["number"], one["picked"]) for one in items] == [(0, False), (2, True)]
    assert (value["shown"], value["reference"]["waiting"]) == ("reference", 1)
    assert items[0]["src"] == f"files/{ID}/candidates/reference-0.mp4"


def test_freeze_time_candidates_come_to_the_stage_once_there_are_some():
    assert stage(creation([0.5]), creation(["waits"], "freeze"), {})["shown"] == "reference"
    value = stage(creation([0.5]), creation([0.5], "freeze", degrees=112.4, still=0.9), {})
    assert value["shown"] == "freeze"
    assert [(one["arc"], one["still"]) for one in value["freeze"]["items"]] == [("112° around", "stands still")]
    assert stage(None, None, {})["shown"] == ""


@pytest.mark.parametrize(("still", "words"), [(None, "not judged"), (0.4, "a little"), (0.0, "moves")])
def test_whether_a_subject_stands_is_said_only_where_it_can_be_seen(still, words):
    (one,) = stage(None, creation([0.5], "freeze", still=still), {})["freeze"]["items"]
    assert words in one["still"]


def test_a_pick_counts_while_its_video_is_chosen():
    me = visitor({"reference": "v", "reference_pick": f"v:{ID}:3"})
    assert picks(me) == {"reference": f"{ID}:3"}
    assert picks(replace(me, reference="w")) == {}
    assert picks(visitor({"reference_pick": "nonsense"})) == {}


def test_an_own_video_stands_on_the_stage_in_place_of_candidates():
    video = Video("v" * 32, "me & you.mp4", 512, 288, 12.0, 24, 2.0)
    me = begun_with(visitor({"making": ID, "freeze": "f"}), video)
    assert (me.reference, me.canonical, me.making, me.freeze) == (video.id, 12, "", "")
    assert first_step(me) == Step.CREATE
    assert first_step(visitor({"reference": video.id})) == Step.VIDEOS
    group = stage(None, None, picks(me), video, "clip.mp4")["reference"]
    assert group["fixed"]
    assert [(one["title"], one["picked"]) for one in group["items"]] == [("me & you.mp4", True)]
    assert anew(me).reference == "", "what is made next is of another scene"
    assert anew(visitor({"reference": "uploaded in the next step"})).reference


def test_a_form_comes_back_as_it_was_left():
    draft = draft_of(visitor({"reference": "v", "freezing": "c"}), FORM)
    assert readable(form(), draft) == FORM | {"of": "v:c"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": "gone"},
        {"model": ["mini"]},
        {"prompt": 5},
        {"prompt": "x" * 5000},
        {"seeds": "all"},
        {"seed": "7"},
        {"frames": float("nan")},
        {"steps": 1e12},
        {"count": True},
    ],
)
def test_whatever_else_a_browser_kept_of_a_form_is_left_alone(wrong):
    assert readable(form(), FORM | wrong) == {}
    assert readable(form(), None) == readable(form(), ["x"]) == {}


def test_a_model_that_makes_no_reference_videos_is_none_for_them():
    assert readable(form(), FORM | {"model": "sana-wm"}) == {}
    assert readable(form("freeze"), FORM | {"model": "sana-wm"})["model"] == "sana-wm"
