"""Freeze-time videos and their extension: every backend on tiny weights, and a model of paper for what goes wrong."""

from dataclasses import replace

import numpy as np
import pytest
import tiny_models
import torch
from candidate_samples import Films

from fourreal.clip import Clip
from fourreal.errors import Cancelled, UserError
from fourreal.progress import CancelToken
from fourreal.video import registry
from fourreal.video.conditioning import pictures, settled
from fourreal.video.extend import How, alternating, extend
from fourreal.video.freeze_time import FreezeTime, around, freeze_time, pick_frame

SIZE = (96, 64)
BACKENDS = ["wan-vace-1.3b", "ltx-video", "sana-wm", "wan-ti2v-5b"]


def ramp(frames: int, size=SIZE, start: int = 0) -> Clip:
    """Pictures that tell their number by a level, over a pattern."""
    y, x = np.mgrid[: size[1], : size[0]]
    pattern = np.stack([40 + x, 60 + y, 50 + (x + y) // 2], -1)
    return Clip(np.stack([pattern + start + n for n in range(frames)]).astype(np.uint8), 8.0)


class Paper(Films):
    """A model that makes each new frame from the last known one: one grey level on, and a tint that it cannot help."""

    def __init__(self, tint: int = 9, conditioning: str = "leading clip"):
        self.capabilities = replace(registry.entry("ltx-video").capabilities, conditioning=conditioning)
        self.identity, self.tint, self.calls = f"paper {tint}", tint, []

    def generate(self, prompt, *, conditioning=None, frames=None, size=None, seed=0, fps=None, cancel=None, **others):
        cancel.check()
        given = pictures(conditioning, size)
        self.calls.append((prompt, len(given), frames, seed))
        self.capabilities.check_conditioning(given, frames)
        first = given[0].astype(float)
        step = 1.0 if len(given) < 2 else np.median(given[1].astype(float) - given[0])
        raw = np.stack([first + step * n for n in range(frames)])
        return Clip(settled((raw + self.tint).clip(0, 255) / 255, given), float(fps))


@pytest.mark.parametrize("name", BACKENDS)
def test_every_backend_makes_and_extends_a_freeze_time_video_both_ways(name, tmp_path):
    model = registry.load(name, tiny_models.save(name, tmp_path / "model"), device="cpu")
    picked = ramp(1, (200, 100), 30).frames[0]
    made = freeze_time(model, "Camera circulating around a fox", picked, arc=40, frames=17, size=SIZE, steps=2)
    how = How("Camera circulating around a fox", steps=2, folder=tmp_path / "windows")
    out = extend(model, made, how, alternating(2))
    assert len(out.video.clip) == 33
    assert out.done == ("right", "left")
    np.testing.assert_array_equal(out.video.clip.frames[8:25], made.clip.frames)
    assert out.video.canonical == 8
    assert len(list((tmp_path / "windows").glob("*.safetensors"))) == 2
    if model.capabilities.cameras:
        assert out.video.degrees == pytest.approx(80, abs=0.1)
        cameras = out.video.cameras
        assert len(cameras) == 33
        torch.testing.assert_close(cameras.world_to_camera[8], torch.eye(4), atol=1e-5, rtol=0)
        distance = (cameras.centres - torch.tensor([0.0, 0, 2])).norm(dim=1)
        torch.testing.assert_close(distance, torch.full((33,), 2.0), atol=1e-4, rtol=0)
    else:
        assert out.video.cameras is None
    model.release()


@pytest.mark.parametrize("conditioning", ["leading clip", "first frame", "anywhere"])
def test_the_windows_are_those_that_the_capabilities_allow(conditioning):
    model = Paper(conditioning=conditioning)
    out = extend(model, FreezeTime(ramp(17), None), How("a fox"), alternating(2))
    count = 1 if conditioning == "first frame" else 9
    assert [(ask[1], ask[2]) for ask in model.calls] == [(count, count + 8)] * 2
    assert len(out.video.clip) == 33


@pytest.mark.parametrize("name", registry.MODELS)
def test_a_window_of_a_video_of_any_length_is_one_that_the_model_makes(name):
    model = Paper()
    model.capabilities = registry.entry(name).capabilities
    size = SIZE if not model.capabilities.sizes else (64, 36)
    for length in range(1, 20):
        extend(model, FreezeTime(ramp(length, size), None), How("a fox"), ["right"])
    for ask in model.calls:
        model.capabilities.check_frames(ask[2])
        model.capabilities.check_conditioning(range(ask[1]), ask[2])


def test_a_tint_does_not_add_up_over_many_windows():
    for conditioning in ("leading clip", "first frame"):
        clip = ramp(17, start=60)
        out = extend(
            Paper(tint=9, conditioning=conditioning), FreezeTime(clip, None), How("a fox"), ["right"] * 6
        ).video.clip
        wanted = clip.frames[-1] + 48.0
        assert abs((out.frames[-1] - wanted).mean()) < 6  # uncorrected it would be 54


def test_going_back_is_going_on_with_the_video_reversed():
    out = extend(Paper(), FreezeTime(ramp(17, start=60), None), How("a fox"), ["left"])
    levels = out.video.clip.frames.astype(float).mean((1, 2, 3))
    assert (np.diff(levels) > 0).all()
    assert out.video.canonical == 8


def test_an_extension_that_was_stopped_goes_on_where_it_was(tmp_path):
    how, start = How("a fox", folder=tmp_path), FreezeTime(ramp(17), None)
    token, model = CancelToken(), Paper()

    def stop_at_third(event):
        if event.stage == "extend" and event.step == 2:
            token.cancel()

    with pytest.raises(Cancelled):
        extend(model, start, how, alternating(4), progress=stop_at_third, cancel=token)
    assert len(model.calls) == 2
    again = Paper()
    out = extend(again, start, how, alternating(4))
    assert len(again.calls) == 2  # the two that were missing
    whole = extend(Paper(), start, replace(how, folder=None), alternating(4))
    np.testing.assert_array_equal(out.video.clip.frames, whole.video.clip.frames)


@pytest.mark.parametrize("change", [{"prompt": "a dog"}, {"seed": 1}, {"steps": 3}, {"guidance": 2}, {"negative": "x"}])
def test_a_kept_window_serves_only_what_it_was_made_for(tmp_path, change):
    how, model = How("a fox", folder=tmp_path), Paper()
    extend(model, FreezeTime(ramp(17), None), how, ["right"])
    extend(model, FreezeTime(ramp(17), None), how, ["right"])
    assert len(model.calls) == 1
    extend(model, FreezeTime(ramp(17), None), replace(how, **change), ["right"])
    extend(model, FreezeTime(ramp(17, start=5), None), how, ["right"])
    assert len(model.calls) == 3


def test_a_damaged_window_is_made_again(tmp_path):
    how, model = How("a fox", folder=tmp_path), Paper()
    first = extend(model, FreezeTime(ramp(17), None), how, ["right"])
    file = next(tmp_path.glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:1000])
    second = extend(model, FreezeTime(ramp(17), None), how, ["right"])
    assert len(model.calls) == 2
    np.testing.assert_array_equal(first.video.clip.frames, second.video.clip.frames)


def test_a_window_that_is_judged_bad_is_left_out_and_ends_its_side():
    judge = lambda before, after, side: "It gets blurred." if side == "left" else ""
    out = extend(Paper(), FreezeTime(ramp(17), None), How("a fox"), alternating(6), judge=judge)
    assert out.done == ("right",) * 3
    assert len(out.video.clip) == 17 + 24
    assert any("left" in reason and "blurred" in reason for reason in out.reasons)


def test_it_ends_when_there_is_enough():
    enough = lambda video: "Far enough." if len(video.clip) >= 33 else ""
    out = extend(Paper(), FreezeTime(ramp(17), None), How("a fox"), alternating(10), enough=enough)
    assert len(out.video.clip) == 33
    assert out.reasons == ("Far enough.",)


def test_no_room_for_a_window_is_said(tmp_path):
    folder = tmp_path / "file"
    folder.write_text("in the way")
    with pytest.raises(UserError, match="could not be kept"):
        extend(Paper(), FreezeTime(ramp(17), None), How("a fox", folder=folder / "windows"), ["right"])


def test_a_frame_that_is_not_there_cannot_be_picked():
    assert pick_frame(ramp(5), 4)[0, 0, 0] == 44
    for index in (-1, 5):
        with pytest.raises(UserError, match="0 to 4"):
            pick_frame(ramp(5), index)


def test_the_commanded_cameras_look_at_one_point_and_start_where_the_picked_frame_was():
    cameras = around(torch.linspace(0, np.pi, 9), (832, 480))
    torch.testing.assert_close(cameras.world_to_camera[0], torch.eye(4), atol=1e-6, rtol=0)
    ahead = torch.tensor([0.0, 0, 2, 1])
    seen = cameras.world_to_camera @ ahead
    torch.testing.assert_close(seen[:, :3], torch.tensor([0.0, 0, 2]).expand(9, 3), atol=1e-5, rtol=0)
    assert float(cameras.centres[-1, 2]) == pytest.approx(4, abs=1e-5)
