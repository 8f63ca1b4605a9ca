"""Where the cameras stood, found before a run: asked for once, refused as a run refuses, and handed to it."""

import json
from dataclasses import replace

import pytest
from job_samples import ANNA, service_in

from fourreal.description import Options
from fourreal.errors import UserError
from fourreal.jobs import asking

DRAFT = Options(preset="draft")


@pytest.fixture
def service(tmp_path):
    with service_in(tmp_path / "data") as service:
        yield service


def test_cameras_that_are_known_are_shown_as_a_run_will_have_them(service):
    reference, freeze = service.library.add_example(ANNA, "fox_yard")
    placement = service.placements.place(ANNA, reference.id, freeze.id, DRAFT)
    assert (len(placement["reference"]), placement["takes"]) == (1, [])
    assert len(placement["cameras"]) > 20
    assert json.loads(json.dumps(placement)) == placement


def test_what_was_found_is_kept_for_the_same_question_and_for_the_run(service, monkeypatch):
    reference, freeze = service.library.add_example(ANNA, "fox_yard")
    calls = []

    def place(question, limits):
        calls.append(question)
        work = service.workspace.places.placed(freeze.id, reference.id) / "work"
        work.mkdir(exist_ok=True)
        (work / f"placement-{len(calls)}").write_text("found")
        return {"cameras": [len(calls)]}

    monkeypatch.setattr(asking, "place", place)
    unknown = replace(DRAFT, use_cameras=False)
    for _ in range(2):
        assert service.placements.place(ANNA, reference.id, freeze.id, unknown) == {"cameras": [1]}
    assert service.placements.place(ANNA, reference.id, freeze.id, replace(unknown, canonical_frame=3)) == {
        "cameras": [2]
    }
    assert [question["cameras"] for question in calls] == [None, None]
    run = service.runs.submit(ANNA, reference.id, freeze.id, unknown)
    assert {path.name for path in (service.workspace.places.run(run.id) / "work").iterdir()} == {
        "placement-1",
        "placement-2",
    }


def test_what_cannot_serve_is_said_before_the_run_and_asked_anew(service, monkeypatch):
    reference, freeze = service.library.add_example(ANNA, "fox_yard")

    def place(question, limits):
        raise UserError(f"{question['folder']}/cameras.json: points lie in a plane.")

    monkeypatch.setattr(asking, "place", place)
    with pytest.raises(UserError, match=r"^cameras\.json: points lie in a plane"):
        service.placements.place(ANNA, reference.id, freeze.id, DRAFT)
    monkeypatch.setattr(asking, "place", lambda question, limits: {"cameras": []})
    assert service.placements.place(ANNA, reference.id, freeze.id, DRAFT) == {"cameras": []}
