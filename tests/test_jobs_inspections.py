"""What is said of two videos before a run, and that the run has it from there."""

from dataclasses import replace

import numpy as np
import pytest
from job_samples import ANNA
from videos import encode, numbered

from fourreal.clip import Clip
from fourreal.clip.flaws import Cleaned
from fourreal.description import Options
from fourreal.jobs import asking, checks
from fourreal.jobs.claims import Claim
from fourreal.jobs.desk import StoreDesk
from fourreal.jobs.live import Live
from fourreal.jobs.reconstructing import Reconstructing
from fourreal.jobs.verdicts import Checks, Verdict
from fourreal.progress import CancelToken
from fourreal.video.one_model import OneModel

pytest_plugins = ["service_fixtures"]


def test_the_checks_of_an_example_speak_for_it_and_are_remembered(service, monkeypatch):
    reference, freeze = service.library.add_example(ANNA, "fox_yard")
    checks = service.inspections.check(ANNA, reference.id, freeze.id)
    verdicts = {verdict.name: verdict for verdict in checks.verdicts}
    assert {"reference_camera", "frozen_subject", "same_scene", "same_shape", "arc"} == set(verdicts)  # known cameras
    assert checks.ok
    assert (checks.canonical_frame, checks.freeze_frame) == (11, 16)
    assert verdicts["arc"].value == pytest.approx(138, abs=2)
    monkeypatch.setattr(asking, "look", None)
    assert service.inspections.check(ANNA, reference.id, freeze.id) == checks


def test_a_run_is_handed_the_moment_that_the_checks_saw(service, videos, monkeypatch):
    calls = []
    monkeypatch.setattr("fourreal.pipeline.reconstruct", lambda request, *_: calls.append(request))
    monkeypatch.setattr("fourreal.jobs.reconstructing.final_files", lambda *_: None)

    def request(run):
        folder = service.workspace.places.run(run.id)
        Reconstructing(
            folder,
            service.workspace.store.run(run.id),
            StoreDesk(service.workspace.store, Claim(run.id, 1)),
            {},
            OneModel(),
        ).do(Live(folder), CancelToken())
        return calls.pop()

    unseen = service.runs.submit(ANNA, *videos, Options())
    assert request(unseen).meeting is None
    seen = Checks((Verdict("same_scene", True, "They meet."),), 3, 7)
    monkeypatch.setattr(asking, "look", lambda *_: (seen, {}))
    service.inspections.check(ANNA, *videos)
    run = service.runs.submit(ANNA, *videos, Options())
    again = service.runs.duplicate(ANNA, run.id, Options(canonical_frame=5))
    assert (request(run).canonical_frame, request(run).meeting) == (None, (3, 7))
    assert (request(again).canonical_frame, request(again).meeting) == (5, (3, 7))
    (service.workspace.places.run(again.id) / "inputs" / "meeting.json").write_text(
        "[3,"
    )  # it is the same file in both runs
    service.workspace.places.checks(videos[1], videos[0]).write_text("")
    assert request(run).meeting is None
    assert service.inspections.check(ANNA, *videos) == seen
    other = Checks((Verdict("same_scene", False, "They do not."),), None, None)
    monkeypatch.setattr(asking, "look", lambda *_: (other, {}))
    service.inspections.check(ANNA, *reversed(videos))
    assert request(service.runs.submit(ANNA, *reversed(videos), Options())).meeting is None


def test_the_moment_that_known_cameras_name_is_the_one_that_is_seen():
    reference = np.random.default_rng(0).integers(0, 256, (4, 54, 96, 3), dtype=np.uint8)
    reference[1:] = reference[0]  # nothing moves, so any moment will do
    freeze = np.concatenate([255 - reference[:1], reference[:2]])
    running, frozen = (whole(frames) for frames in (reference, freeze))
    assert checks.same_scene(running, frozen, {})[1:] == (0, 1)
    assert checks.same_scene(running, frozen, {"canonical_index": 2, "freeze_reference_index": 2})[1:] == (2, 2)
    verdict, *frames = checks.same_scene(running, frozen, {"freeze_reference_index": 0})
    assert (verdict["ok"], frames) == (None, [None, None])  # the run looks for the camera elsewhere


def test_moments_are_numbered_as_in_the_files_whatever_was_left_out():
    frames = np.random.default_rng(0).integers(0, 256, (4, 54, 96, 3), dtype=np.uint8)
    running = replace(whole(frames), frames=[3, 4, 5, 6])
    assert checks.same_scene(running, whole(frames[2:]), {})[1:] == (5, 0)


def whole(frames: np.ndarray) -> Cleaned:
    return Cleaned(Clip(frames, 12.0), list(range(len(frames))), (0, 0, 96, 54), None, ())


def test_the_checks_say_what_speaks_against_two_videos(service, videos, upload, tmp_path):
    narrow = service.library.add_video(ANNA, encode(tmp_path / "narrow.mp4", numbered(size=(32, 48))), "narrow.mp4")
    checks = service.inspections.check(ANNA, videos[0], narrow.id)
    verdicts = {verdict.name: verdict.ok for verdict in checks.verdicts}
    assert not checks.ok
    assert verdicts["same_shape"] is None  # each is taken as it is
    assert verdicts["freeze_camera"] is False
    reference, _ = service.library.add_example(ANNA, "fox_yard")
    _, freeze = service.library.add_example(ANNA, "robot_dance")
    checks = service.inspections.check(ANNA, reference.id, freeze.id)
    assert {verdict.name: verdict.ok for verdict in checks.verdicts}["same_scene"] is None
    assert (checks.canonical_frame, checks.freeze_frame) == (None, None)


def test_checks_know_whether_anything_speaks_against_a_run():
    fine, unknown, bad = (Verdict("x", ok, "") for ok in (True, None, False))
    assert Checks((fine, unknown), 0, 0).ok
    assert not Checks((fine, bad), 0, 0).ok
