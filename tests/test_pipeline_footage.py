"""Which frames a run uses: where the two videos meet, and that each video is read and looked at once."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fit_samples import SIZE, STAGE_ONE, STAGE_TWO, arc

from fourreal import clip
from fourreal.camera import match, sfm
from fourreal.camera.estimate import Estimate
from fourreal.camera.match import find_frozen_frame
from fourreal.clip import Clip, sample_indices
from fourreal.clip.value import resize_picture
from fourreal.errors import Cancelled, UserError
from fourreal.fit import artifacts
from fourreal.pipeline import Request, put_right
from fourreal.pipeline import footage as films
from fourreal.pipeline import placement as placements
from fourreal.pipeline.reconstruct import place
from fourreal.pipeline.takes import Further
from fourreal.progress import CancelToken, ignore
from fourreal.settings import Preset

MOMENT, MEETING_FRAME = 7, 27
FEW = Preset("tiny", SIZE[0] * SIZE[1], 12, 6, STAGE_ONE, STAGE_TWO)


@pytest.fixture(scope="module")
def panned(tmp_path_factory) -> Path:
    """A freeze-time video of 55 frames that stands a while in its middle, where it shows what the reference does. Of
    12 frames that are taken of it evenly none has that view."""
    folder = tmp_path_factory.mktemp("panned")
    wide = resize_picture(np.random.default_rng(3).integers(0, 256, (24, 260, 3), dtype=np.uint8), (1040, 96))
    offsets = [16 * i for i in range(27)] + [440, 441] + [440 + 14 * i for i in range(1, 27)]
    freeze = np.stack([wide[:, x : x + 144] for x in offsets])
    reference = np.repeat(wide[None, :, 440 : 440 + 144], 16, axis=0)
    for number, frame in enumerate(reference):
        frame[30:54, 5 * number : 5 * number + 24] = 255 - frame[30:54, 5 * number : 5 * number + 24]
    for number, frame in enumerate(freeze):  # the subject, as it was at that moment
        left = 440 + 5 * MOMENT - offsets[number]
        frame[30:54, max(left, 0) : max(left + 24, 0)] = 255 - frame[30:54, max(left, 0) : max(left + 24, 0)]
    clip.write(Clip(freeze, 12.0), folder / "freeze.mp4")
    clip.write(Clip(reference, 12.0), folder / "reference.mp4")
    return folder


def thinned(videos: Path, tmp_path: Path, **changes) -> Request:
    inputs = dict(reference=videos / "reference.mp4", freeze=videos / "freeze.mp4", out=tmp_path / "run", device="cpu")
    return Request(**(inputs | {"preset": FEW} | changes))


def test_the_frames_in_which_two_videos_meet_survive_thinning(panned, tmp_path):
    evenly = sample_indices(55, 12)
    assert not {27, 28} & set(evenly)
    with pytest.raises(UserError, match="same scene"):  # what the rest of them shows
        find_frozen_frame(clip.read(panned / "reference.mp4").frames, clip.read(panned / "freeze.mp4").frames[evenly])
    wanted = thinned(panned, tmp_path)
    footage = films.read(wanted, wanted.preset, ignore)
    assert footage.meeting == (MOMENT, MEETING_FRAME)
    assert MOMENT in footage.reference_frames
    assert MEETING_FRAME in footage.freeze_frames
    assert (len(footage.reference), len(footage.freeze)) == (6, 12)


def test_what_was_seen_before_is_not_looked_for_and_what_the_person_chose_comes_first(panned, tmp_path, monkeypatch):
    monkeypatch.setattr(put_right, "find_frozen_frame", None)
    expected = (({}, (8, 28)), ({"canonical_frame": 3}, (3, 28)), ({"freeze_reference_frame": 20}, (8, 20)))
    for changes, meeting in expected:
        wanted = thinned(panned, tmp_path, meeting=(8, 28), **changes)
        assert films.read(wanted, wanted.preset, ignore).meeting == meeting
    beyond = thinned(panned, tmp_path, meeting=(8, 55))
    with pytest.raises(UserError, match="no frame 55"):
        films.read(beyond, beyond.preset, ignore)


@pytest.mark.parametrize("lost", [False, True])
def test_the_reference_camera_is_that_of_the_meeting_or_found_by_what_stands_still(panned, tmp_path, monkeypatch, lost):
    few = replace(FEW, freeze_frames=45)
    wanted = thinned(panned, tmp_path, preset=few)
    footage = films.read(wanted, few, ignore)
    placed = [i for i, frame in enumerate(footage.freeze_frames) if not (lost and frame == MEETING_FRAME)]
    cameras = replace(arc(len(footage.freeze)), size=footage.freeze.size)
    monkeypatch.setattr(
        placements,
        "estimate_cameras",
        lambda *_: Estimate(cameras, torch.zeros(0, 3), torch.zeros(0, 3), torch.tensor(placed)),
    )
    camera = cameras[footage.freeze_frames.index(28)]
    monkeypatch.setattr(placements.resection, "resect", lambda *_: [camera])
    place = lambda wanted: placements.estimated_placement(wanted, footage, ignore, CancelToken())
    placement = place(wanted)
    assert (placement.canonical, placement.freeze_reference) == (MOMENT, 28 if lost else MEETING_FRAME)
    assert placement.exact != lost
    pose = camera if lost else cameras[footage.freeze_frames.index(MEETING_FRAME)]
    assert torch.equal(placement.reference.world_to_camera[0], pose.world_to_camera[0])
    if lost:
        with pytest.raises(UserError, match="Leave --freeze-reference-frame out"):
            place(replace(wanted, freeze_reference_frame=MEETING_FRAME))


@pytest.mark.parametrize("still", [True, False])
def test_another_camera_that_sees_what_a_freeze_time_frame_saw_stood_there(panned, tmp_path, monkeypatch, still):
    """Exactly there if it stands still; else its path, found by what stands still, is tied to that pose."""
    few, side = replace(FEW, freeze_frames=55), 10
    frozen = clip.read(panned / "freeze.mp4").frames
    clip.write(Clip(np.repeat(frozen[side : side + 1], 16, axis=0), 12.0), tmp_path / "side.mp4")
    wanted = thinned(panned, tmp_path, preset=few, further=(Further("reference", tmp_path / "side.mp4"),))
    footage = films.read(wanted, few, ignore)
    footage = replace(footage, takes=(replace(footage.takes[0], still=still),))
    cameras = replace(arc(len(footage.freeze)), size=footage.freeze.size)
    start = placements.Placement(
        cameras, cameras[MEETING_FRAME], footage.freeze_frames, MOMENT, MEETING_FRAME, given=False
    )
    path, calls = cameras[: len(footage.takes[0].frames)], []

    def resect(placed, cameras, unplaced, *_):
        calls.append([take.same_lens for take in unplaced])
        return [path]

    monkeypatch.setattr(placements.resection, "resect", resect)
    placement = placements.with_takes(start, footage, {}, CancelToken())
    assert placement.takes_exact == (still,)
    assert calls == ([] if still else [[True]])
    poses = placement.takes[0].world_to_camera
    apart = (poses - cameras[side].world_to_camera[0]).abs().amax((1, 2))
    assert float(apart.min()) < 1e-5
    if not still:
        assert (len(poses), float(apart.max()) > 0.01) == (len(path), True)
        steps = lambda poses: poses[1:] @ torch.linalg.inv(poses[:-1])
        assert torch.allclose(steps(poses), steps(path.world_to_camera), atol=1e-5)


def test_the_cameras_of_another_meeting_are_not_taken_from_the_folder(panned, tmp_path, monkeypatch):
    names = []

    def cached(path, *_):
        names.append(path.name)
        raise Cancelled

    monkeypatch.setattr(artifacts, "cached", cached)
    for changes in ({}, {"meeting": (7, 27)}, {"meeting": (8, 27)}, {"canonical_frame": 8}, {}):
        wanted = thinned(panned, tmp_path, **changes)
        with pytest.raises(Cancelled):
            place(wanted, films.read(wanted, wanted.preset, ignore), tmp_path, ignore, CancelToken())
    assert len(set(names)) == 4
    assert names[0] == names[-1]


def test_each_video_is_read_and_looked_at_once(panned, tmp_path, monkeypatch):
    whole = clip.read(panned / "freeze.mp4")
    clip.write(Clip(whole.frames[:53], whole.fps), tmp_path / "other.mp4")
    calls = []

    def count(module, name, key):
        original = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args: calls.append((name, key(args))) or original(*args))

    count(clip, "read", lambda args: args[0].name)
    count(match, "camera_motion", lambda args: len(args[0]))
    count(match, "_most_alike", lambda args: (len(args[0]), len(args[1])))
    monkeypatch.setattr(sfm, "reconstruct", lambda *_: pytest.fail("begun"))
    wanted = thinned(panned, tmp_path, further=(Further("freeze", tmp_path / "other.mp4"),))
    footage = films.read(wanted, wanted.preset, ignore)
    with pytest.raises(pytest.fail.Exception):
        placements.estimated_placement(wanted, footage, ignore, CancelToken())
    reading = [("read", name) for name in ("reference.mp4", "freeze.mp4", "other.mp4")]
    meetings = [("_most_alike", pair) for pair in ((16, 55), (16, 53))]
    looks = [("camera_motion", frames) for frames in (16, 55, 53)]
    assert Counter(calls) == Counter([*reading, *meetings, *looks])
