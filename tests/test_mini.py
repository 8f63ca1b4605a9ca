"""The embedded model: words, cameras, noise, weights, training; at random weights where those will do."""

import numpy as np
import pytest
import torch
from mini_samples import FROZEN, WORDS, small_network

from fourreal.camera.cameras import Cameras
from fourreal.clip.value import resize_picture
from fourreal.errors import Cancelled, UserError
from fourreal.progress import CancelToken
from fourreal.video import registry
from fourreal.video.extend import How, alternating, extend
from fourreal.video.freeze_time import around, freeze_time
from fourreal.video.mini import edm, loading
from fourreal.video.mini.network import MiniNetwork
from fourreal.video.mini.rig import on_rig
from fourreal.video.mini.upsampler import Upsampler
from fourreal.video.model import VideoModel
from research.mini import data
from research.world.world import cameras_at


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


# --- The two calls ---------------------------------------------------------------------------------------------------


def test_it_is_a_video_model(model):
    assert isinstance(model, VideoModel)
    assert model.capabilities is registry.entry(registry.EMBEDDED).capabilities
    assert model.capabilities.window == (8, 8)


def test_the_seed_decides_and_known_frames_come_back_as_they_went_in(model):
    conditioning = {0: picture(0), 9: picture(1)}
    one, same, other = (model.generate(WORDS, conditioning=conditioning, seed=seed, steps=2) for seed in (1, 1, 2))
    assert one.frames.shape == (16, 144, 256, 3)
    np.testing.assert_array_equal(one.frames, same.frames)
    assert (one.frames != other.frames).any()
    for place, given in conditioning.items():
        np.testing.assert_array_equal(one.frames[place], given)
    small = model.generate(WORDS, size=(64, 36), steps=2, preview=True)
    assert small.frames.shape == (16, 36, 64, 3)


def test_words_cameras_and_known_frames_change_what_comes_out(model):
    ask = dict(size=(64, 36), steps=2, seed=1)
    plain = model.generate(WORDS, **ask).frames
    assert (model.generate("a blue box sliding", **ask).frames != plain).any()
    path = around(torch.linspace(0, 1, 16), (64, 36), model.capabilities.rig)
    assert (model.generate(WORDS, cameras=path, **ask).frames != plain).any()
    assert (model.generate(WORDS, conditioning={0: picture(0, (64, 36))}, **ask).frames[1:] != plain[1:]).any()


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
    ("ask", "sentence"),
    [
        ({"frames": 17}, "16 frames"),
        ({"size": (512, 288)}, "256x144"),
        ({"prompt": " "}, "empty"),
        ({"conditioning": {16: picture(0)}}, "not one of"),
        ({"conditioning": {0: picture(0, (64, 36))}}, "64x36"),
    ],
)
def test_what_it_does_not_have_is_refused(model, ask, sentence):
    with pytest.raises(UserError, match=sentence):
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
    conditions = model.conditions(model.job(prompt="", frames=16, size=(64, 36), guidance=1.0, wordless=True))
    noise = torch.randn(1, 16, 3, 36, 64, generator=torch.Generator().manual_seed(5))
    level = sigma / (1 - sigma)
    clean = edm.denoised(model.network, 2 * video[None] - 1 + level * noise, torch.tensor([level]), conditions)[0]
    torch.testing.assert_close(got, (clean + 1) / 2, atol=1e-4, rtol=0)


def test_a_step_keeps_known_frames_and_gives_no_gradient(model):
    video = torch.rand(16, 3, 36, 64, requires_grad=True)
    given = picture(2, (64, 36))
    target = model.denoise_once(video, 0.7, WORDS, conditioning={0: given}, seed=1)
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
    job = model.job(prompt=WORDS, frames=16, size=(64, 36), guidance=1.0)
    conditions, noisy = model.conditions(job), torch.randn(1, 16, 3, 36, 64)
    said = edm.guided(model.network, noisy, 2.0, conditions, 1.0)
    nothing = edm.guided(model.network, noisy, 2.0, conditions._replace(slots=torch.zeros_like(conditions.slots)), 1.0)
    assert (said - nothing).abs().max() > 1e-4
    torch.testing.assert_close(
        edm.guided(model.network, noisy, 2.0, conditions, 3.0), nothing + 3 * (said - nothing), atol=1e-4, rtol=1e-4
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


def test_a_standing_camera_is_the_worlds_own(model):
    expected = cameras_at(torch.zeros(16), (64, 36))
    cameras = model.standing(16)
    assert isinstance(cameras, Cameras)
    torch.testing.assert_close(cameras.intrinsics, expected.intrinsics)
    torch.testing.assert_close(on_rig(cameras), on_rig(expected), atol=1e-5, rtol=0)
