"""Runs that another version was asked for stay, and say what they cannot do."""

import json
import shutil
from pathlib import Path

import pytest
from job_samples import ANNA

from fourreal.description import Options, Wishes
from fourreal.errors import UserError
from fourreal.jobs.runner import Runner
from fourreal.jobs.service import Service
from fourreal.settings import PRESETS
from fourreal.video.one_model import OneModel

pytest_plugins = ["service_fixtures"]


def rewrite(service: Service, id: str, **options) -> None:
    """Options of a run as another version may have stored them."""
    row = service.workspace.store.run(id)
    with service.workspace.store.database.writing() as db:
        stored = json.dumps(json.loads(row["options"]) | options)
        db.execute("UPDATE runs SET options = ? WHERE id = ?", (stored, id))


def test_a_run_with_an_option_that_is_no_more_stays_and_says_what_it_cannot_do(service, videos, monkeypatch):
    options = Options(seed=7, canonical_frame=2)
    old, new = (service.runs.submit(ANNA, *videos, options).id for _ in range(2))
    service.jobs.cancel(ANNA, old)
    rewrite(service, old, preset="huge", sharpness=3)
    assert [run.id for run in service.runs.all(ANNA)] == [new, old]
    run = service.runs.get(ANNA, old)
    assert (run.options, run.resumable) == (options, False)
    assert "preset: huge, sharpness: 3" in run.outdated
    assert not service.runs.get(ANNA, new).outdated
    with pytest.raises(UserError, match="sharpness: 3"):
        service.runs.resume(ANNA, old)
    folder = service.workspace.places.run(old)
    for name in ("scene.r4d", "thumbnail.jpg", "manifest.json"):
        (folder / name).write_text("{}")
    monkeypatch.setattr("fourreal.jobs.exports.export_child", lambda arguments, *limits: _write(arguments[2]))
    assert service.jobs.file(ANNA, old, "scene.r4d").is_file()
    assert service.exports.make(ANNA, old, "ply").is_file()
    assert service.runs.metrics(ANNA, old) == {}
    assert service.jobs.journal(ANNA, old) == ([], 0)
    service.runs.rename(ANNA, old, "an old one")
    again = service.runs.duplicate(ANNA, old, service.runs.get(ANNA, old).options)
    assert (again.options, again.outdated) == (options, "")
    service.jobs.delete(ANNA, old)
    assert old not in [run.id for run in service.runs.all(ANNA)]


def _write(path: str) -> None:
    Path(path).parent.mkdir()
    Path(path).touch()


def test_a_creation_that_asked_for_what_is_no_more_stays_and_says_what_it_cannot_do(service, videos):
    made = service.creations.create(ANNA, Wishes(role="reference", prompt="a red ball bouncing"), count=2)
    service.jobs.cancel(ANNA, made.id)
    rewrite(service, made.id, model="gone-9b", sparkle=True, frames=5)
    (creation,) = service.creations.all(ANNA)
    assert (creation.wishes.role, creation.wishes.prompt) == ("reference", "a red ball bouncing")
    assert (creation.wishes.model, creation.wishes.frames, creation.resumable) == ("gone-9b", 5, False)
    assert "cannot make more" in creation.outdated
    place = service.workspace.places.run(made.id) / "candidates" / "reference-0.mp4"
    place.parent.mkdir()
    shutil.copy(service.workspace.places.video(videos[0]) / "clip.mp4", place)
    service.workspace.store.candidates.is_made(made.id, 0)
    about = ANNA, made.id
    for call in (
        lambda: service.candidates.more(*about),
        lambda: service.candidates.regenerate(*about, 0),
        lambda: service.candidates.renew(*about),
        lambda: service.candidates.longer(*about, 0, "left"),
        lambda: service.candidates.change(*about, 0, 0, 3),
        lambda: service.creations.resume(*about),
        lambda: service.candidates.add_own(*about, place, "own"),
    ):
        with pytest.raises(UserError, match="cannot make more"):
            call()
    assert place.is_file()  # what was refused changed nothing
    assert len(service.creations.get(*about).candidates) == 2
    assert service.candidates.take(*about, 0).frames == 8
    service.candidates.keep(*about, 0)
    service.candidates.discard(*about, 1)
    service.jobs.delete(*about)
    assert service.creations.all(ANNA) == []


@pytest.mark.parametrize("kind", ["reconstruct", "create"])
def test_an_option_that_is_no_more_fails_a_waiting_run_with_a_sentence(kind, service, videos):
    if kind == "create":
        id = service.creations.create(ANNA, Wishes(role="reference", prompt="a red ball bouncing"), count=1).id
        rewrite(service, id, model="gone-9b")
    else:
        id = service.runs.submit(ANNA, *videos, Options()).id
        rewrite(service, id, preset="huge")
    runner = Runner(
        service.workspace.store,
        service.workspace.places,
        service.workspace.store.claims.take("cpu:0"),
        PRESETS,
        OneModel(),
    )
    ended = runner.attempt(service.workspace.store.run(id))
    assert ended[0] == "failed"
    assert "version" in ended[1]
    assert runner.settle(*ended)
    assert service.workspace.store.run(id)["error"] == ended[1]
