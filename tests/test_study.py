"""The paper's user study: films that nothing tells apart, votes that count once, shares as they should be."""

import csv
import json
import os
import re
import sqlite3

import numpy as np
import pytest
from scene_samples import some_scene
from scipy.stats import binomtest
from study_samples import moving, request

from fourreal import cli, clip
from fourreal.clip import Clip
from fourreal.errors import Cancelled, UserError
from fourreal.progress import CancelToken
from fourreal.scene import bundle
from fourreal.study import making, results
from fourreal.study.exchange import read_votes, table
from fourreal.study.films import Form, common_form, fitted
from fourreal.study.questions import QUESTIONS, paper_share
from fourreal.study.values import CLIP, RATERS, StudyRequest, read
from fourreal.study.votes import Vote, Votes, rater_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study of two pairs, as it was made; tests copy it before they change it."""
    place = tmp_path_factory.mktemp("study")
    making.make(request(place), place / "out")
    return place / "out"


@pytest.fixture
def study(folder, tmp_path):
    votes = tmp_path / "votes"
    votes.mkdir()
    return read(folder), Votes(votes)


def test_nothing_that_raters_get_tells_films_apart_but_their_pictures(folder):
    study = read(folder)
    clips = sorted((folder / RATERS / "clips").iterdir())
    names = {film.clip for pair in study.pairs for film in (pair.first, pair.second)}
    assert {path.name for path in clips} == names
    assert all(CLIP.fullmatch(name) for name in names)
    assert len({path.stat().st_size for path in clips}) == 1
    assert len({path.stat().st_mtime for path in clips}) == 1
    infos = [clip.probe(path) for path in clips]
    assert len({(info.width, info.height, info.frames, info.fps) for info in infos}) == 1
    for path in folder.joinpath(RATERS).rglob("*"):
        if path.is_file():
            assert not re.search(rb"ours|4dfy|theirs", path.read_bytes(), re.IGNORECASE), path
    assert clip.read(clips[0]).frames.std() > 5  # the padding does not keep it from playing
    order = [[film.clip for film in (pair.first, pair.second)] for pair in study.pairs]
    assert [pair["clips"] for pair in study.for_raters()["pairs"]] == [sorted(pair) for pair in order]


def test_a_film_fills_the_picture_at_its_own_speed_and_says_what_it_lost():
    frames = np.zeros((8, 40, 80, 3), np.uint8)
    frames[:, :, 20:60] = np.arange(8)[:, None, None, None] * 30
    alike, note = fitted(Clip(frames, 4.0), Form((40, 40), 4.0, 8.0))
    assert (len(alike), alike.size, alike.fps) == (32, (40, 40), 8.0)
    shown = alike.frames[:, 20, 20, 0] // 30
    assert shown.tolist() == [frame for frame in [*range(8), *range(8)] for _ in range(2)]
    assert "lasts 2.0 s of 4.0 and begins again" in note
    assert "50% of its picture" in note
    shorter, note = fitted(Clip(frames, 4.0), Form((80, 40), 1.0, 4.0))
    assert len(shorter) == 4
    assert "first 1.0 are shown" in note


def test_the_common_form_gives_no_film_bars_and_no_advantage(tmp_path):
    order = request(tmp_path, 1)
    form = common_form(StudyRequest(order.pairs), 8.0, [((512, 288), 8.0), ((300, 300), 2.0)])
    assert form == Form((288, 288), 8.0, 8.0)
    assert making.rate(StudyRequest(order.pairs), []) == 24.0
    infos = [clip.probe(tmp_path / name) for name in ("ours-0.mp4", "theirs-0.mp4")]
    assert making.rate(StudyRequest(order.pairs), infos) == 8.0  # not below


def test_a_scene_is_filmed_along_the_path_with_four_stops(tmp_path):
    bundle.save(some_scene(), tmp_path / "ours" / "a_ball", {})
    moving(tmp_path / "theirs" / "a_ball.mp4", frames=30)
    (pair,) = making.from_folders([tmp_path / "ours", tmp_path / "theirs"])
    assert (pair.prompt, pair.first.method, pair.second.method) == ("a ball", "ours", "theirs")
    study = making.make(StudyRequest((pair,)), tmp_path / "out")
    film = clip.read(tmp_path / "out" / RATERS / "clips" / study.pairs[0].first.clip)
    still = np.abs(np.diff(film.frames.astype(int), axis=0)).mean(axis=(1, 2, 3))
    assert study.seconds == pytest.approx(30 / 8, abs=0.2)
    assert still.max() > 1


def test_a_study_that_was_stopped_or_failed_leaves_nothing(tmp_path):
    stop = CancelToken()
    stop.cancel()
    order = request(tmp_path)
    with pytest.raises(Cancelled):
        making.make(order, tmp_path / "out", cancel=stop)
    os.remove(order.pairs[1].second.source)
    with pytest.raises(UserError, match=r"theirs-1\.mp4 is not there"):
        making.make(order, tmp_path / "out")
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".mp4"]


SIDE = {"method": "a", "source": "x"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "see docs"),
        ({"pairs": []}, "1 to 60"),
        ({"pairs": [1]}, "Pair 1 is no object"),
        ({"pairs": [{"first": {"method": "a", "source": "x"}}]}, "no second film"),
        ({"pairs": [{"first": SIDE, "second": SIDE | {"source": "y"}}]}, "two different"),
        ({"pairs": [{"first": SIDE, "second": SIDE | {"method": "b"}}]}, "same one"),
        ({"size": [3], "pairs": []}, "width, height"),
        ({"seconds": "1", "pairs": []}, "is a number"),
    ],
)
def test_a_study_that_cannot_be_made_is_said(values, message):
    with pytest.raises(UserError, match=message):
        StudyRequest.from_dict(values)


def voted(study, rater: str, first: bool, pair: int = 0, questions=tuple(QUESTIONS)) -> list[Vote]:
    films = study.pairs[pair].first, study.pairs[pair].second
    request = [name for name in questions if name in study.pairs[pair].questions]
    return [Vote(rater, pair, name, films[not first].clip, True) for name in request]


def test_an_answer_counts_once_and_may_be_changed(study):
    study, votes = study
    votes.add(study, voted(study, "a", True))
    votes.add(study, voted(study, "a", True))
    votes.add(study, voted(study, "a", False, questions=["motion"]))
    assert len(votes.all()) == 7
    assert [vote.clip for vote in votes.of("a") if vote.question == "motion"] == [study.pairs[0].second.clip]
    assert votes.of("b") == []


def test_votes_that_answer_nothing_are_refused_and_none_of_them_kept(study):
    study, votes = study
    good = voted(study, "a", True)
    other = Vote("a", 1, "motion", study.pairs[0].first.clip, True)
    without_text = Vote("a", 1, "text", study.pairs[1].first.clip, True)
    for bad in (other, without_text, Vote("a", 7, "motion", good[0].clip, True), Vote("a", 0, "x", good[0].clip, True)):
        with pytest.raises(UserError, match="answers no question"):
            votes.add(study, [*good, bad])
    assert votes.all() == []
    for token in ("short", 7, None, "x" * 500):
        with pytest.raises(UserError, match="nobody can guess"):
            rater_of(token)


def test_shares_are_those_of_the_votes_with_wilsons_interval(study):
    study, votes = study
    for number in range(10):
        votes.add(study, voted(study, f"r{number}", number < 7) + voted(study, f"r{number}", True, pair=1)[:2])
    tallied = results.results(study, votes.all())
    (one,) = tallied.comparisons
    assert (one.method, one.other, one.raters, tallied.finished) == ("ours", "4Dfy", 10, 0)
    shares = {share.question: share for share in one.shares}
    assert (shares["motion"].won, shares["motion"].votes) == (17, 20)
    assert (shares["shape"].won, shares["shape"].votes) == (7, 10)
    truth = binomtest(7, 10).proportion_ci(0.95, "wilson")
    assert (shares["shape"].low, shares["shape"].high) == pytest.approx((100 * truth.low, 100 * truth.high))
    low, high = shares["shape"].by_rater
    assert low < 70 < high
    assert shares["motion"].paper == 77.1
    assert results.results(study, votes.all(), finished_only=True).votes == 0
    assert tallied.on_left == 100


def test_methods_are_compared_whichever_side_they_were_written_on(study):
    study, votes = study
    first, second = study.pairs[1].first, study.pairs[1].second
    object.__setattr__(study.pairs[1], "first", second)
    object.__setattr__(study.pairs[1], "second", first)
    votes.add(study, voted(study, "a", True) + voted(study, "a", False, pair=1))
    (one,) = results.results(study, votes.all()).comparisons
    assert [share.percent for share in one.shares] == [100.0] * 7


def test_the_papers_shares_are_found_by_any_spelling():
    assert paper_share("dream in 4D", "dynamic") == 66.9
    assert paper_share("SV4D", "dynamic") is None


def test_votes_travel_as_files_and_rows_that_are_none_are_named(study, tmp_path):
    study, votes = study
    film = study.pairs[0].first.clip
    saved = {
        "study": study.id,
        "rater": "r" * 20,
        "votes": [{"pair": 0, "question": "motion", "clip": film, "left": False}],
    }
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(saved))
    votes.add(study, read_votes(study, path))
    (vote,) = votes.all()
    assert (vote.rater, vote.clip, vote.on_left) == (rater_of("r" * 20), film, False)
    path.write_text(json.dumps(saved | {"study": "0" * 32}))
    with pytest.raises(UserError, match="another study"):
        read_votes(study, path)
    rows = tmp_path / "rows.csv"
    rows.write_text("rater,pair,question,preferred\nAnn,0,motion,4Dfy\nBob,1,shape,ours\n")
    votes.add(study, read_votes(study, rows))
    assert {vote.on_left for vote in votes.all() if vote.rater != rater_of("r" * 20)} == {None}
    listed = list(csv.DictReader(table(study, votes.all()).splitlines()))
    assert sorted(row["preferred"] for row in listed) == ["4Dfy", "ours", "ours"]
    rows.write_text("rater,pair,question,preferred\nAnn,0,motion,4Dfy\nBob,9,shape,ours\n")
    with pytest.raises(UserError, match=r"rows.csv, row 3: there is no pair 9"):
        read_votes(study, rows)


def test_the_command_line_makes_a_study_takes_votes_and_reports(tmp_path, capsys):
    for method, seed in (("ours", 1), ("=HYPERLINK(x)<b>", 2)):
        moving(tmp_path / method / "a_square.mp4", seed=seed)
    out = tmp_path / "study"
    folders = [str(tmp_path / method) for method in ("ours", "=HYPERLINK(x)<b>")]
    assert cli.main(["study", "make", *folders, "--out", str(out), "--size", "64x64", "--device", "cpu"]) == 0
    (tmp_path / "votes.csv").write_text("rater,pair,question,preferred\nAnn,0,motion,ours\nBob,0,text,ours\n")
    assert cli.main(["study", "import", str(out), str(tmp_path / "votes.csv")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 answers of 2 raters"
    assert cli.main(["study", "report", str(out)]) == 0
    report = out / "report"
    page = (report / "index.html").read_text()
    assert "<b>" not in page.replace("&lt;b&gt;", "").split("<script>")[0]
    assert (report / "plotly.min.js").stat().st_size > 10**6
    rows = csv.DictReader((report / "results.csv").read_text().splitlines())
    (row,) = [row for row in rows if row["question"] == "text"]
    assert (row["other"][:2], row["percent"], row["wilson_low"]) == ("'=", "100.0", "20.7")
    assert json.loads((report / "results.json").read_text())["raters"] == 2
    assert cli.main(["study", "make", *folders, "--out", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_damaged_study_is_said(folder, tmp_path):
    with pytest.raises(UserError, match="no study"):
        read(tmp_path)
    (tmp_path / "study.json").write_text((folder / "study.json").read_text().replace('"clip": "', '"clip": "../'))
    with pytest.raises(UserError, match="damaged"):
        read(tmp_path)
    with sqlite3.connect(tmp_path / "votes.sqlite") as db:
        db.execute("CREATE TABLE votes (x)")
    db.close()
    with pytest.raises(UserError, match="could not be kept"):
        Votes(tmp_path).all()
