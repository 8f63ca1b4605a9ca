"""The run that makes candidates, in this process, with a model of paper: what goes wrong with one stops no other."""

import json
from dataclasses import replace

import numpy as np
import pytest
from candidate_samples import Paper
from job_samples import ANNA
from test_video_candidates import judged  # noqa: F401 the fixture

from fourreal import clip
from fourreal.clip import Clip
from fourreal.description import Wishes
from fourreal.errors import UserError
from fourreal.jobs import candidate_rows
from fourreal.jobs.claims import CRASHES
from fourreal.jobs.creating import Creating
from fourreal.jobs.desk import StoreDesk
from fourreal.jobs.live import Live
from fourreal.jobs.service import Service
from fourreal.jobs.store import new_id
from fourreal.pipeline import candidates
from fourreal.progress import CancelToken
from fourreal.settings import PRESETS, JobLimits
from fourreal.video import registry
from fourreal.video.one_model import OneModel

VACE = "wan-vace-1.3b"
SMALL = {"frames": 9, "size": (64, 64), "steps": 2}


@pytest.fixture
def service(tmp_path, monkeypatch, judged):  # noqa: F811
    monkeypatch.setattr("fourreal.jobs.create_estimate.memory_of_machine", lambda: 64 * 1024**3)
    monkeypatch.setattr(candidates, "coverage", lambda video, cancel: ())
    service = Service(tmp_path / "data", replace(JobLimits(), free_bytes=0))
    service.workspace.store.remember("devices", [{"kind": "cpu", "name": "cpu", "memory_mb": None}])
    yield service
    service.close()


@pytest.fixture
def model(monkeypatch):
    """What is loaded, whatever is asked for. `trouble` says by the seed what goes wrong; under None, with loading."""
    trouble = {}

    def load(name, *others):
        if None in trouble:
            raise trouble[None]
        paper = Paper(name, check)
        paper.trouble = trouble
        return paper

    def check(seed):
        if seed in trouble:
            raise trouble[seed]

    monkeypatch.setattr(registry, "load", load)
    return trouble


def reference(service, count: int) -> str:
    return service.creations.create(
        ANNA, Wishes(role="reference", prompt="a fox looks around", model=VACE, **SMALL), count
    ).id


def freeze(service, tmp_path, model: str = VACE, size=(64, 64), **options) -> str:
    """A creation of freeze-time videos, of a reference video of some size; its id."""
    video, wishes = new_id(), Wishes(role="freeze", prompt="a ball", model=model, frame=0, **options)
    folder = service.workspace.places.video(video)
    folder.mkdir(parents=True)
    clip.write(film(size), folder / "clip.mp4")
    info = {"frames": 9, "width": size[0], "height": size[1]}
    service.workspace.store.add_video(video, ANNA, "fox.mp4", info, None, 0.0)
    return service.creations.create(ANNA, wishes, 1, 0, video).id


def film(size, frames: int = 9) -> Clip:
    steps = np.linspace(0, 255, size[0]).astype(np.uint8)
    return Clip(np.broadcast_to(steps[None, None, :, None], (frames, size[1], size[0], 3)).copy(), 8.0)


def own(service, id: str, video: Clip) -> None:
    """An upload as one more candidate, without the child that decodes it."""
    file = new_id()
    (service.workspace.places.run(id) / "own").mkdir(exist_ok=True)
    clip.write(video, service.workspace.places.run(id) / "own" / f"{file}.mp4")
    how = {"way": "own", "file": file, "name": "mine"}
    assert service.workspace.store.requeue(id, 5, lambda db: candidate_rows.add(db, id, how))


def work(service):
    """Do the next run as its runner does; the creation afterwards, and its candidates by their numbers."""
    claim = service.workspace.store.claims.take("cpu:0")
    folder = service.workspace.places.run(claim.run)
    store = service.workspace.store
    creating = Creating(folder, store.run(claim.run), StoreDesk(store, claim), PRESETS, OneModel())
    try:
        creating.do(Live(folder), CancelToken())
        assert service.workspace.store.claims.finish(claim, "done", cost=creating.cost())
    except UserError as error:
        service.workspace.store.claims.finish(claim, "failed", str(error))
    creation = service.creations.get(ANNA, claim.run)
    return creation, {one.number: one for one in creation.candidates}


def test_what_goes_wrong_with_one_is_on_its_card_and_the_others_go_on(service, model):
    id = reference(service, 4)
    model |= {1: UserError(f"{service.workspace.places.run(id)}/one went wrong. Mend it."), 2: RuntimeError("a bug")}
    creation, by = work(service)
    assert creation.state == "done"
    assert {number for number, one in by.items() if one.made} == {0, 3}
    assert by[1].error == "one went wrong. Mend it."
    assert "not your fault" in by[2].error
    service.candidates.retry(ANNA, id, 1)
    service.candidates.discard(ANNA, id, 2)
    model.clear()
    creation, by = work(service)
    assert (creation.state, sorted(by)) == ("done", [0, 1, 3])
    assert all(one.made and not one.error for one in by.values())
    service.candidates.retry(ANNA, id, 1)  # there is nothing to try
    assert service.creations.get(ANNA, id).state == "done"


def test_where_none_can_be_made_it_failed_and_going_on_tries_all_again(service, model):
    id = reference(service, 2)
    model |= {0: UserError("This is wrong."), 1: UserError("That is wrong.")}
    creation, by = work(service)
    assert creation.state == "failed"
    assert "This is wrong." in creation.error
    model.clear()
    service.creations.resume(ANNA, id)
    creation, by = work(service)
    assert (creation.state, [one.made for one in by.values()]) == ("done", [True, True])


def test_a_model_that_cannot_be_had_ends_the_run_but_no_video_of_ones_own(service, model):
    id = reference(service, 2)
    own(service, id, film((64, 64)))
    model[None] = UserError("The hub could not be reached. Try again.")
    creation, by = work(service)
    assert (creation.state, creation.error) == ("failed", "The hub could not be reached. Try again.")
    assert {number: (one.made, one.error) for number, one in by.items()} == {
        0: (False, ""),
        1: (False, ""),
        2: (True, ""),
    }
    service.candidates.discard(ANNA, id, 0)  # one that waits can go as well
    model.clear()
    service.creations.resume(ANNA, id)
    creation, by = work(service)
    assert (creation.state, {number: one.made for number, one in by.items()}) == ("done", {1: True, 2: True})


def test_an_upload_of_any_size_can_be_extended(service, model, tmp_path):
    id = freeze(service, tmp_path, **SMALL)
    own(service, id, film((1024, 574), 3))
    work(service)
    service.candidates.longer(ANNA, id, 1, "right")
    _, by = work(service)
    assert by[2].error == ""
    width, height = by[2].size
    assert (width % 16, height % 16, by[2].frames) == (0, 0, 11)
    assert width / height == pytest.approx(1024 / 574, rel=0.02)
    assert clip.read(service.jobs.file(ANNA, id, by[2].file)).size == by[2].size


def test_what_waits_to_be_made_longer_outlives_what_it_begins_with(service, model, tmp_path):
    id = freeze(service, tmp_path, **SMALL)
    work(service)
    service.candidates.longer(ANNA, id, 0, "left")
    service.candidates.discard(ANNA, id, 0)
    creation, by = work(service)
    assert (creation.state, {number: (one.made, one.error) for number, one in by.items()}) == ("done", {1: (True, "")})
    assert {path.name.split(".")[0] for path in (service.workspace.places.run(id) / "candidates").iterdir()} == {
        "freeze-1"
    }
    with pytest.raises(UserError, match="which it begins with, was discarded"):
        service.candidates.regenerate(ANNA, id, 1)
    assert service.creations.get(ANNA, id).candidates[0].made
    service.candidates.longer(ANNA, id, 1, "left")
    service.candidates.discard(ANNA, id, 1)
    service.candidates.discard(ANNA, id, 2)  # before it was made; both may come back
    assert {path.name.split(".")[0] for path in (service.workspace.places.run(id) / "candidates").iterdir()} == {
        "freeze-1"
    }
    assert (service.candidates.restore(ANNA, id), service.candidates.restore(ANNA, id)) == (2, 1)


def test_what_cannot_be_extended_or_frozen_is_said_before_it_waits_in_the_line(service, model, tmp_path):
    with pytest.raises(UserError, match="another shape"):
        freeze(service, tmp_path, "mini", (64, 64))
    id = freeze(service, tmp_path, "mini", (64, 36))
    own(service, id, film((64, 48)))
    own(service, id, film((64, 36), 297))
    _, by = work(service)
    for number, said in ((1, "another shape"), (2, "297 frames")):
        assert by[number].made
        with pytest.raises(UserError, match=said):
            service.candidates.longer(ANNA, id, number, "right")
    assert service.creations.get(ANNA, id).state == "done"


def test_a_candidate_at_which_the_runner_dies_again_and_again_is_given_up_alone(service, model):
    id = reference(service, 2)
    for _ in range(CRASHES):
        claim = service.workspace.store.claims.take("cpu:0")
        service.workspace.store.candidates.begin(id, 0, claim.number)
        state = service.workspace.store.claims.interrupted(claim, "The system ended the work.")
    assert state == "queued"
    creation, by = work(service)
    assert creation.state == "done"
    assert {number: (one.made, one.error) for number, one in by.items()} == {
        0: (False, "The system ended the work."),
        1: (True, ""),
    }
    for _ in range(CRASHES):
        service.candidates.more(ANNA, id)
        claim = service.workspace.store.claims.take("cpu:0")
        state = service.workspace.store.claims.interrupted(claim, "The system ended the work.")
    assert state == "failed", "where none was begun, none is to blame"


def test_a_candidate_that_an_earlier_version_made_can_be_extended(service, model, tmp_path):
    id = freeze(service, tmp_path, **SMALL)
    work(service)
    cameras = service.workspace.places.run(id) / "candidates" / "freeze-0.clip.json"
    cameras.write_text(
        json.dumps({key: value for key, value in json.loads(cameras.read_text()).items() if key != "size"})
    )
    service.candidates.longer(ANNA, id, 0, "right")
    _, by = work(service)
    assert by[1].made
