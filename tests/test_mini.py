"""The embedded model: words, cameras, noise, weights, training; at random weights where those will do."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from fourreal.camera.align import Similarity
from fourreal.camera.cameras import Cameras
from fourreal.clip.value import resize_picture
from fourreal.errors import Cancelled, UserError
from fourreal.progress import CancelToken
from fourreal.video import registry
from fourreal.video.extend import How, alternating, extend
from fourreal.video.freeze_time import around, freeze_time
from fourreal.video.mini import edm, loading, vocabulary
from fourreal.video.mini.network import MiniNetwork
from fourreal.video.mini.rig import FLOOR, on_rig, ray_features
from fourreal.video.mini.upsampler import Upsampler
from fourreal.video.model import VideoModel
from research.mini import data, feed, train
from research.world.world import cameras_at

WORDS, FROZEN = "a red ball bouncing", "Camera circulating around a red ball, time elapse"


def small_network() -> MiniNetwork:
    """With random last layers, so that what goes in is seen in what comes out."""
    torch.manual_seed(0)
    network = MiniNetwork(widths=(8, 16), depth=1, head=8, condition=16)
    for name, parameter in network.named_parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1 if name.endswith("weight") else 0.01)
    return network


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("mini")
    loading.save(out, small_network(), Upsampler(width=8, depth=1))
    return out


@pytest.fixture(scope="module")
def model(folder):
    return registry.load("mini", folder, "cpu")


def picture(seed: int, size=(256, 144)) -> np.ndarray:
    return resize_picture(np.random.default_rng(seed).integers(0, 255, (9, 16, 3), dtype=np.uint8), size)


# --- Words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "actors", "floor", "frozen", "unknown"),
    [
        ("a red ball bouncing on a grassy floor", [("red", "ball", "hops")], "grassy", False, ()),
        ("A crimson sphere hops across the sand.", [("red", "ball", "hops")], "sandy", False, ()),
        ("a blue box", [("blue", "crate", "")], "", False, ()),
        ("a red ball bouncing next to a blue box", [("red", "ball", "hops"), ("blue", "crate", "")], "", False, ()),
        (FROZEN, [("red", "ball", "")], "", True, ()),
        ("a cylinder circling", [("", "drum", "circles")], "", False, ()),
        ("the fox eats a yelow ball", [("", "ball", "")], "", False, ("fox", "eats", "yelow")),
        ("", [], "", False, ()),
    ],
)
def test_a_prompt_is_read(prompt, actors, floor, frozen, unknown):
    reading = vocabulary.read(prompt)
    assert (list(reading.actors), reading.floor, reading.frozen, reading.unknown) == (actors, floor, frozen, unknown)


def test_every_word_offered_is_understood_and_says_something_of_its_own():
    slots = [vocabulary.read(word).slots() for words in vocabulary.WORDS.values() for word in words]
    assert all(any(told) for told in slots)
    assert len(set(slots)) == len(slots)
    assert max(told[0] for told in slots) == len(vocabulary.COLOURS)


def test_slots_tell_of_as_many_things_as_the_model_learnt():
    reading = vocabulary.read("a red ball bouncing next to a blue box on a grassy floor")
    assert reading.slots(1) == (1, 1, 1, 0, 0, 0, 3)
    assert reading.slots(2) == (1, 1, 1, 4, 2, 0, 3)


def test_words_that_are_not_known_are_named_with_the_nearest():
    entry = registry.entry(registry.EMBEDDED)
    told = entry.remark("a purpel ball and a green crate")
    assert '"purpel" (do you mean "purple"?)' in told
    assert "the green crate is left out" in told
    assert entry.remark(WORDS) == ""
    assert registry.entry("ltx-video").remark("a purpel ball") == ""
    with pytest.raises(UserError, match=r"knows no word.*red"):
        entry.check("reference", "a fox eats an apple", 16, (256, 144), 4)


@pytest.mark.parametrize("prompt", ["красный мяч", "红色的球", "🔴", "a 🔴🔥", "123", "!!!", "Würfel"])
def test_a_prompt_without_a_word_that_it_knows_is_refused_in_whatever_language(prompt):
    with pytest.raises(UserError, match=r"knows no word.*red"):
        registry.entry(registry.EMBEDDED).check("reference", prompt, 16, (256, 144), 4)


def test_what_is_no_english_word_is_named_as_well():
    told = registry.entry(registry.EMBEDDED).remark("a red ball 🔥 мяч")
    assert '"🔥"' in told
    assert '"мяч"' in told


# --- Cameras ---------------------------------------------------------------------------------------------------------


def test_cameras_that_go_around_are_told_alike_in_whatever_frame_they_come():
    own = cameras_at(torch.linspace(0, 80, 16), (64, 36))
    rig = registry.entry(registry.EMBEDDED).capabilities.rig
    commanded = around(torch.linspace(0, 80, 16).deg2rad(), (64, 36), rig)
    torch.testing.assert_close(on_rig(own), on_rig(commanded), atol=1e-4, rtol=0)
    basis = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)).double())[0]
    turned = Similarity(2.7, basis * torch.linalg.det(basis), torch.tensor([1.0, -2.0, 0.5]).double())
    torch.testing.assert_close(on_rig(turned.apply_cameras(own)), on_rig(own), atol=1e-3, rtol=0)


def test_a_ray_is_told_where_it_meets_the_floor():
    cameras = cameras_at(torch.tensor([0.0, 40.0]), (64, 36), elevation=8)
    poses = on_rig(cameras)
    features = ray_features(poses, cameras.intrinsics, cameras.size)
    assert features.shape == (2, 12, 36, 64)
    direction, origin, meets, below = features[:, :3], features[:, 6:9], features[:, 9:11], features[:, 11]
    torch.testing.assert_close(origin[0, :, 0, 0].norm(), torch.tensor(1.0))
    assert (below[:, -1] == 1).all()
    assert (below[:, 0] == 0).all()  # above the horizon
    away = meets / 2 / (1 - meets.norm(dim=1, keepdim=True) / 2)  # undo the drawing in
    reach = (FLOOR - origin[:, 2]) / direction[:, 2]
    expected = origin[:, :2] + reach[:, None] * direction[:, :2]
    torch.testing.assert_close(away[:, :, -1], expected[:, :, -1], atol=1e-4, rtol=1e-4)


# --- The two calls ---------------------------------------------------------------------------------------------------


def test_it_is_a_video_model(model):
    assert isinstance(model, VideoModel)
    assert model.capabilities is registry.entry(registry.EMBEDDED).capabilities
    assert model.capabilities.window == (8, 8)


def test_the_seed_decides_and_known_frames_come_back_as_they_went_in(model):
    known = {0: picture(0), 9: picture(1)}
    one, same, other = (model.generate(WORDS, known=known, seed=seed, steps=2) for seed in (1, 1, 2))
    assert one.frames.shape == (16, 144, 256, 3)
    np.testing.assert_array_equal(one.frames, same.frames)
    assert (one.frames != other.frames).any()
    for place, given in known.items():
        np.testing.assert_array_equal(one.frames[place], given)
    small = model.generate(WORDS, size=(64, 36), steps=2, preview=True)
    assert small.frames.shape == (16, 36, 64, 3)


def test_words_cameras_and_known_frames_change_what_comes_out(model):
    ask = dict(size=(64, 36), steps=2, seed=1)
    plain = model.generate(WORDS, **ask).frames
    assert (model.generate("a blue box sliding", **ask).frames != plain).any()
    path = around(torch.linspace(0, 1, 16), (64, 36), model.capabilities.rig)
    assert (model.generate(WORDS, cameras=path, **ask).frames != plain).any()
    assert (model.generate(WORDS, known={0: picture(0, (64, 36))}, **ask).frames[1:] != plain[1:]).any()


def test_it_says_what_it_does_not_understand_and_can_be_stopped(model):
    events, token = [], CancelToken()

    def watch(event):
        events.append(event)
        if event.step == 2:
            token.cancel()

    with pytest.raises(Cancelled):
        model.generate("a red fox", size=(64, 36), steps=5, progress=watch, cancel=token, preview=True)
    assert any('"fox"' in event.message for event in events)
    assert [event.step for event in events if event.steps] == [0, 1, 2]
    assert events[-1].preview.shape == (180, 320, 3)


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        ({"frames": 17}, "16 frames"),
        ({"size": (512, 288)}, "256x144"),
        ({"prompt": " "}, "empty"),
        ({"known": {16: picture(0)}}, "not one of"),
        ({"known": {0: picture(0, (64, 36))}}, "64x36"),
    ],
)
def test_what_it_does_not_have_is_refused(model, ask, told):
    with pytest.raises(UserError, match=told):
        model.generate(**{"prompt": WORDS, "steps": 1} | ask)


def test_a_frozen_clip_is_extended_on_both_sides_along_its_circle(model, tmp_path):
    start = freeze_time(model, FROZEN, picture(3), arc=60, steps=1)
    assert start.rig == model.capabilities.rig
    out = extend(model, start, How(FROZEN, steps=1, folder=tmp_path), alternating(2)).video
    assert len(out.clip) == 32
    assert (out.canonical, round(out.degrees)) == (8, 124)
    np.testing.assert_array_equal(out.clip.frames[8:24], start.clip.frames)
    down = torch.deg2rad(torch.tensor(out.rig.elevation))
    up = torch.stack([torch.zeros(()), -down.cos(), -down.sin()])
    heights = out.cameras.centres @ up
    assert float(heights.max() - heights.min()) < 1e-4  # a level circle around a world that the camera looks down on


def test_a_step_at_sigma_is_edms_at_sigma_by_one_minus_sigma(model):
    video, sigma = torch.rand(16, 3, 36, 64), 0.4
    got = model.denoise_once(video, sigma, "", guidance=1.0, seed=5)
    asked = model.asked(
        model._job(
            prompt="",
            negative="",
            known=None,
            cameras=None,
            frames=16,
            size=(64, 36),
            fps=None,
            guidance=1.0,
            steps=None,
            wordless=True,
        )
    )
    noise = torch.randn(1, 16, 3, 36, 64, generator=torch.Generator().manual_seed(5))
    level = sigma / (1 - sigma)
    clean = edm.denoised(model.network, 2 * video[None] - 1 + level * noise, torch.tensor([level]), asked)[0]
    torch.testing.assert_close(got, (clean + 1) / 2, atol=1e-4, rtol=0)


def test_a_step_keeps_known_frames_and_gives_no_gradient(model):
    video = torch.rand(16, 3, 36, 64, requires_grad=True)
    given = picture(2, (64, 36))
    target = model.denoise_once(video, 0.7, WORDS, known={0: given}, seed=1)
    assert not target.requires_grad
    np.testing.assert_array_equal((target[0].permute(1, 2, 0) * 255).round().byte().numpy(), given)
    large = model.denoise_once(torch.rand(16, 3, 144, 256), 0.5, "", guidance=1.0)
    assert large.shape == (16, 3, 144, 256)


def test_at_two_bytes_the_network_answers_nearly_the_same():
    clips = data.draw([0, 1], 5)
    folder = registry.entry(registry.EMBEDDED).shipped / "network"
    network = MiniNetwork.from_pretrained(folder, torch_dtype=torch.float32)
    noise = torch.randn(clips.video.shape, generator=torch.Generator().manual_seed(0))
    for level in (-0.4, 0.2, 0.8):
        given = (noise, torch.zeros_like(noise), clips.mask & False, *clips.conditions()[2:], torch.full((2,), level))
        with torch.no_grad():
            whole, half = network(*given), network.at_two_bytes(*given)
        assert half.dtype == torch.float32
        assert 0 < (whole - half).square().mean() < 1e-3 * whole.square().mean()


def test_guidance_moves_away_from_saying_nothing(model):
    job = model._job(
        prompt=WORDS,
        negative="",
        known=None,
        cameras=None,
        frames=16,
        size=(64, 36),
        fps=None,
        guidance=1.0,
        steps=None,
    )
    asked, noisy = model.asked(job), torch.randn(1, 16, 3, 36, 64)
    said = edm.guided(model.network, noisy, 2.0, asked, 1.0)
    nothing = edm.guided(model.network, noisy, 2.0, asked._replace(slots=torch.zeros_like(asked.slots)), 1.0)
    assert (said - nothing).abs().max() > 1e-4
    torch.testing.assert_close(
        edm.guided(model.network, noisy, 2.0, asked, 3.0), nothing + 3 * (said - nothing), atol=1e-4, rtol=1e-4
    )


# --- Weights ---------------------------------------------------------------------------------------------------------


def test_weights_that_are_missing_or_damaged_are_told(folder, tmp_path):
    with pytest.raises(UserError, match="not whole"):
        registry.load("mini", tmp_path, "cpu")
    copy = tmp_path / "copy"
    loading.save(copy, small_network(), Upsampler(width=8, depth=1))
    weights = copy / "network" / "diffusion_pytorch_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(UserError, match=r"damaged: network/diffusion_pytorch_model\.safetensors"):
        registry.load("mini", copy, "cpu")
    with pytest.raises(UserError, match="no adapters"):
        registry.load("mini", folder, "cpu", adapter="360-orbit")


def test_those_that_come_along_are_whole_small_and_are_taken_without_a_network(assets):
    size = sum(file.stat().st_size for file in (assets / "mini").rglob("*") if file.is_file())
    assert size < 24 * 2**20
    model = registry.load("mini", device="cpu")
    assert model.identity.startswith("mini ")
    model.release()
    with pytest.raises(ValueError, match="released"):
        model.generate(WORDS)


# --- Training --------------------------------------------------------------------------------------------------------


def test_clips_follow_from_their_numbers_and_show_what_is_said_of_them():
    one, same, other = (data.draw([4, 5], seed) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one.video, other.video)
    assert one.video.shape == (2, 16, 3, 36, 64)
    assert float(one.video.abs().max()) <= 1
    clips = data.draw(list(range(24)), 7)
    still = (clips.video[:, 1:] - clips.video[:, :1]).abs().amax((1, 2, 3, 4))
    assert clips.frozen.any()
    assert (~clips.frozen).any()
    assert (still > 0.05).all()  # something moves in each: the camera, or what it sees
    for number, frozen in enumerate(clips.frozen.tolist()):
        turns = float((clips.rays[number, :, 6:9] - clips.rays[number, :1, 6:9]).abs().max())
        assert (turns > 1e-3) == frozen
        assert not frozen or clips.slots[number, 2] == 0  # nothing is said of motion in a frozen world


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path):
    plan = train.Plan(clips=8, batch=2, warm_steps=1)
    clips = [data.draw(data.numbers(step, 2), 0) for step in range(4)]
    whole = train.Training(plan, small_network(), torch.device("cpu"))
    losses = [whole.advance(some, 0.5) for some in clips]
    first = train.Training(plan, small_network(), torch.device("cpu"))
    for some in clips[:2]:
        first.advance(some, 0.5)
    second = train.Training(plan, small_network(), torch.device("cpu"))
    second.restore(first.state(), 2)
    assert [second.advance(some, 0.5) for some in clips[2:]] == losses[2:]
    for one, other in zip(whole.mean.parameters(), second.mean.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=0, rtol=0)


@pytest.fixture
def quick_sheet(monkeypatch):
    """Sheets of two steps."""
    monkeypatch.setattr(train.sheet, "write", partial(train.sheet.write, steps=2))


@pytest.mark.slow
def test_a_training_leaves_weights_a_log_and_a_sheet_and_is_not_mixed_with_another(quick_sheet, tmp_path):
    plan = train.Plan(clips=2, batch=2)
    weights = train.train(plan, tmp_path, small_network())
    assert weights.is_file()
    assert "frozen, first known" in (tmp_path / "log.txt").read_text()
    assert (tmp_path / "samples.png").is_file()
    assert json.loads((tmp_path / "training.json").read_text())["step"] == 1
    with pytest.raises(UserError, match="another seed"):
        train.train(replace(plan, seed=1), tmp_path, small_network())
    train.train(replace(plan, clips=4), tmp_path, small_network())
    assert json.loads((tmp_path / "training.json").read_text())["step"] == 2
    assert len(list(tmp_path.glob("state-*"))) == 1


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_clips_are_fed_in_order_and_seen_again(workers, monkeypatch):
    monkeypatch.setattr(feed, "APART", 2)
    with feed.Feed(feed.Wanted(fresh=2, repeats=2, seed=3), 1, torch.device("cpu"), workers) as food:
        given = [food.next(data.USUAL) for _ in range(3)]
    fresh = [data.draw(data.numbers(step, 2), 3) for step in (1, 2, 3)]
    assert [len(clips.video) for clips in given] == [2, 2, 4]
    expected = [fresh[0], fresh[1], data.Clips(*(torch.cat(pair) for pair in zip(fresh[2], fresh[0], strict=True)))]
    for one, other in zip(given, expected, strict=True):
        for value, wanted in zip(one, other, strict=True):
            torch.testing.assert_close(value, wanted, atol=0, rtol=0)


@pytest.mark.slow
def test_a_training_ends_after_so_many_minutes(quick_sheet, tmp_path):
    train.train(train.Plan(batch=2, repeats=2, minutes=0.01), tmp_path, small_network())
    told = json.loads((tmp_path / "training.json").read_text())
    assert 0.6 <= told["seconds"] < 60
    assert told["step"] >= 1


def test_a_standing_camera_is_the_worlds_own(model):
    expected = cameras_at(torch.zeros(16), (64, 36))
    cameras = model.standing(16)
    assert isinstance(cameras, Cameras)
    torch.testing.assert_close(cameras.intrinsics, expected.intrinsics)
    torch.testing.assert_close(on_rig(cameras), on_rig(expected), atol=1e-5, rtol=0)
