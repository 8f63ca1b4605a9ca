"""What step one and a run that failed say and offer, without a browser."""

from dataclasses import replace

import pytest

from fourreal.description import Options
from fourreal.errors import UserError
from fourreal.jobs.run_files import Refusal
from fourreal.jobs.take_values import FurtherVideo
from fourreal.jobs.values import Run, Video
from fourreal.jobs.verdicts import Checks, FurtherChecks, Verdict
from fourreal.settings import MOST_TAKES
from fourreal.web import failed, further
from fourreal.web.clip_cards import reasons, verdict_list
from fourreal.web.markup import pieces
from fourreal.web.session import visitor

ONE, TWO, THREE = (Video(letter * 32, f"{letter}<i>.mp4", 512, 288, 12.0, 24, 2.0) for letter in "abc")
CUT = Verdict("freeze_cut", False, "Freeze-time video: cut at frame 9. Trim it to frames 9 to 30.", part=(9, 30))
BARS = Verdict("reference_bars", None, "Reference video: it has black bars.")
STANDS = Verdict("reference_camera", True, "The camera stands still.")
FAILED = Run("r" * 32, "a fox", "failed", 0, Options(), 0.0, 1.0, 2.0, "Cut.", False, 1.0, ONE.id, TWO.id)


def test_each_card_says_why_and_shows_what_is_put_right():
    checks = Checks((STANDS, BARS, CUT), 0, 0, pictures=("reference",))
    card, plain = reasons("reference", ONE, TWO, "anna", checks), reasons("freeze", TWO, ONE, "anna", checks)
    assert f"clips/anna/{ONE.id}/flaws-reference-{TWO.id}.jpg" in card
    assert "The camera stands still." in card
    assert ">It has black bars." in card
    assert plain == ""
    rows = verdict_list(checks)
    assert "black bars" not in rows, "it is on the card"
    assert 'data-action="trim" data-first="9" data-last="30" data-role="freeze"' in rows
    assert "Swap the two" not in rows
    assert "Swap the two" in verdict_list(replace(checks, swapped=True))


def test_a_further_video_has_a_role_and_says_why():
    checks = FurtherChecks("freeze", "It travels.", (), (replace(CUT, name="cut"),), ("freeze",))
    entry = {"video": THREE.id, "role": "", "at": None}
    card = further.card(entry, THREE, "anna", checks, TWO.id, "")
    assert "It travels." in card
    assert '<option value="freeze" selected>' in card
    assert f'data-first="9" data-last="30" data-video="{THREE.id}"' in card
    assert "<i>" not in card.replace('<i class="mark">', "")
    other = further.card(entry | {"role": "reference"}, THREE, "anna", checks, TWO.id, "")
    assert "You chose this. It travels." in other
    assert "begins at frame" in other
    assert "looked at" in further.card(entry, THREE, "anna", None, TWO.id, "")
    assert "cannot be read" in further.card(entry, THREE, "anna", None, TWO.id, "It cannot be read.")


@pytest.mark.parametrize("odd", ["x", [3, None, {"video": 7}], [{"video": "a"}] * 99, [{"video": "a", "at": 10**9}]])
def test_further_videos_that_a_browser_kept_are_made_whole(odd):
    entries = visitor({"further": odd}).further
    assert len(entries) <= MOST_TAKES
    assert all(entry == {"video": "a", "role": "", "at": None} for entry in entries)


def test_a_role_or_a_frame_is_changed_and_what_is_left_out_is_not_used():
    me = visitor({"further": [{"video": "a", "role": "", "at": None}, {"video": "b", "role": "freeze", "at": 3}]})
    me = further.changed(None, me, {"action": "role", "video": "a", "value": "reference"})
    me = further.changed(None, me, {"action": "at", "video": "a", "value": "-4"})
    other, frozen = FurtherVideo(video="a", role="reference", at=-4), FurtherVideo(video="b", role="freeze", at=3)
    assert further.chosen(me) == [other, frozen]
    me = further.changed(None, me, {"action": "role", "video": "b", "value": "out"})
    assert further.chosen(me) == [other]
    for sent in ({"action": "at", "video": "a", "value": "1e9"}, {"action": "role", "video": "nowhere"}):
        with pytest.raises(UserError):
            further.changed(None, me, sent)


def test_a_run_that_failed_offers_what_helps():
    again = failed.offers(FAILED, False)
    assert ("Change the videos" in again, "Swap" in again, "cut" in again) == (True, False, False)
    refused = failed.offers(replace(FAILED, refusal=Refusal()), True)
    assert 'class="act main" data-action="swap"' in refused
    cut = failed.offers(replace(FAILED, refusal=Refusal("freeze", 9, 30)), False)
    assert 'class="act main" data-action="trim"' in cut


def test_the_drawings_have_titles():
    drawn = pieces("videos").guide()
    assert drawn.count("<title id=") == drawn.count('role="img"') == 3
