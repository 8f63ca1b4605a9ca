"""Every backend, on tiny random weights of the real classes: what a `VideoModel` promises."""

import gc
import weakref

import numpy as np
import pytest
import tiny_models
import torch

from fourreal.camera.cameras import Cameras
from fourreal.clip import Clip
from fourreal.errors import Cancelled, UserError
from fourreal.progress import CancelToken
from fourreal.video import registry
from fourreal.video.conditioning import Conditioning
from fourreal.video.memory import Plan
from fourreal.video.model import VideoModel

SIZE, FRAMES = (96, 64), 17
ASK = {"frames": 9, "size": SIZE, "steps": 2}
BACKENDS = ["wan-vace-1.3b", "ltx-video", "sana-wm", "wan-ti2v-5b"]


def picture(seed: int, size=SIZE) -> np.ndarray:
    """Soft colours, different for each seed."""
    coarse = np.random.default_rng(seed).random((2, 3, 3))
    image = torch.nn.functional.interpolate(torch.tensor(coarse).permute(2, 0, 1)[None], size[::-1], mode="bilinear")
    return (image[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {name: tiny_models.save(name, root / name) for name in BACKENDS}


@pytest.fixture(scope="module", params=BACKENDS)
def model(request, folders):
    loaded = registry.load(request.param, folders[request.param], device="cpu")
    yield loaded
    loaded.release()


def most_conditioned(model) -> dict[int, np.ndarray]:
    """As many frames as the model can be given of 17."""
    places = {"anywhere": (0, 1, 2, 3, 4, 11), "leading clip": range(9), "first frame": (0,)}[
        model.capabilities.conditioning
    ]
    return {place: picture(place) for place in places}


def test_it_is_a_video_model_with_the_registrys_capabilities(model):
    assert isinstance(model, VideoModel)
    assert model.capabilities in [entry.capabilities for entry in registry.MODELS.values()]


def test_a_video_has_the_size_length_and_rate_asked_for_and_the_known_frames(model):
    events = []
    conditioning = most_conditioned(model)
    ask = {"frames": FRAMES, "size": SIZE, "steps": 3, "fps": 12, "preview": True}
    clip = model.generate("a fox in a yard", conditioning=conditioning, progress=events.append, **ask)
    assert (clip.frames.shape, clip.fps) == ((FRAMES, 64, 96, 3), 12.0)
    for place, given in conditioning.items():
        np.testing.assert_array_equal(clip.frames[place], given)
    assert [event.step for event in events if event.stage == "video"] == [0, 1, 2, 3, 3]
    previews = [event.preview for event in events if event.preview is not None]
    assert previews
    assert all(image.dtype == np.uint8 and image.shape[2] == 3 for image in previews)


def test_the_seed_decides(model):
    conditioning = {0: picture(0)}
    first, again, other = (
        model.generate("a fox", conditioning=conditioning, seed=seed, **ASK).frames for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert (first[1:] != other[1:]).any()


def test_text_alone_is_enough_where_it_is_said_to_be(model):
    if model.capabilities.text_alone:
        assert len(model.generate("a fox", **ASK)) == 9
    else:
        with pytest.raises(UserError, match="first frame"):
            model.generate("a fox", **ASK)


def test_the_latent_step_makes_up_the_pipelines_own_loop(model):
    """Sampling by `latent_step` and the scheduler's arithmetic gives the latents of the pipeline's call."""
    conditioning = most_conditioned(model)
    options = dict(frames=FRAMES, size=SIZE, guidance=3.0, steps=4)
    job = model.job(prompt="a fox", negative="blurred", conditioning=conditioning, **options)
    wanted = model.sample(job, seed=5)
    condition = model.condition(job)
    scheduler = model.pipe.scheduler
    sigmas, times = scheduler.sigmas.clone(), scheduler.timesteps.clone()
    multistep = hasattr(scheduler, "model_outputs")
    if multistep:
        scheduler.set_timesteps(4)
    latents = condition.with_conditioning(model.noise(wanted.shape, 5))
    for step, time in enumerate(times):
        level = float(time) / 1000  # what the network is told; a scheduler may round it
        clean = model.latent_step(latents, level, condition, job.guidance)
        velocity = (condition.with_conditioning(latents) - clean) / level
        if multistep:
            latents = scheduler.step(velocity, time, latents, return_dict=False)[0]
        else:
            latents = latents + (sigmas[step + 1] - sigmas[step]) * velocity
        latents = condition.with_conditioning(latents)
    torch.testing.assert_close(latents, wanted.float(), rtol=1e-4, atol=1e-4)


def test_known_latents_and_masks_are_those_of_the_known_frames(model):
    conditioning = most_conditioned(model)
    job = model.job(prompt="a fox", conditioning=conditioning, frames=FRAMES, size=SIZE, guidance=1.0, steps=2)
    condition = model.condition(job)
    step = model.capabilities.frame_step
    spans = [[0]] + [list(range(at, at + step)) for at in range(1, FRAMES, step)]
    marked = [all(frame in conditioning for frame in span) for span in spans]
    assert any(marked)
    assert not all(marked)
    video = torch.full((1, 3, FRAMES, 64, 96), 128 / 127.5 - 1)
    for place, given in conditioning.items():
        video[0, :, place] = torch.from_numpy(given.copy()).permute(2, 0, 1) / 127.5 - 1
    with torch.no_grad():
        latents = model.encode(video)
    if "control" in condition.extras:
        control = condition.extras["control"]
        masks = control[0, 2 * latents.shape[1] :]
        assert [not bool(mask.any()) for mask in masks.unbind(1)] == marked
        assert [bool(mask.all()) for mask in masks.unbind(1)] == [not conditioning for conditioning in marked]
        leading = marked.index(False)  # later latents see the grey of unknown frames beside them
        torch.testing.assert_close(control[:, : latents.shape[1], :leading], latents[:, :, :leading], atol=0.02, rtol=0)
    else:
        assert condition.keep[0, 0, :, 0, 0].bool().tolist() == marked
        count = sum(marked)
        torch.testing.assert_close(condition.clean[:, :, :count], latents[:, :, :count], atol=1e-5, rtol=0)
        final = model.sample(job, seed=0)
        torch.testing.assert_close(final[:, :, :count].float(), condition.clean[:, :, :count], atol=1e-5, rtol=0)


def test_known_frames_change_what_follows(model):
    videos = [model.generate("a fox", conditioning={0: picture(seed)}, **ASK).frames[1:] for seed in (0, 9)]
    assert (videos[0] != videos[1]).any()


def test_stopping_happens_between_two_steps(model):
    token, steps = CancelToken(), []

    def watch(event):
        steps.append(event.step)
        if event.step == 1:
            token.cancel()

    with pytest.raises(Cancelled):
        model.generate("a fox", conditioning={0: picture(0)}, progress=watch, cancel=token, **ASK)
    assert max(steps) == 1
    assert len(model.generate("a fox", conditioning={0: picture(0)}, **ASK)) == 9  # and the model is none the worse


def test_denoising_once_gives_a_target_without_a_gradient(model):
    video = torch.stack([torch.from_numpy(picture(n)).permute(2, 0, 1) / 255 for n in range(9)]).requires_grad_()
    conditioning = {0: picture(40)}
    target = model.denoise_once(video, 0.6, "a fox", conditioning=conditioning, guidance=4, rescale=0.5, seed=1)
    assert target.shape == video.shape
    assert not target.requires_grad
    assert target.isfinite().all()
    np.testing.assert_array_equal((target[0] * 255).round().byte().permute(1, 2, 0).numpy(), conditioning[0])
    again = model.denoise_once(video, 0.6, "a fox", conditioning=conditioning, guidance=4, rescale=0.5, seed=1)
    torch.testing.assert_close(again, target)
    other = model.denoise_once(video, 0.6, "a fox", conditioning=conditioning, guidance=4, rescale=0.5, seed=2)
    assert not torch.equal(other, target)
    assert all(parameter.grad is None for parameter in model.pipe.transformer.parameters())
    # with hardly any noise there is nothing to be said but what was shown, whatever the autoencoder loses
    unchanged = model.denoise_once(video, 1e-6, "a fox", conditioning={0: picture(0)}, guidance=1, seed=1)
    torch.testing.assert_close(unchanged[1:], video.detach()[1:], atol=2e-3, rtol=0)


def test_memory_that_runs_out_is_said_with_what_to_do(model, monkeypatch):
    def fail(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(model.pipe.transformer, "forward", fail)
    with pytest.raises(UserError, match="9 frames of 96x64"):
        model.generate("a fox", conditioning={0: picture(0)}, **ASK)


def test_a_camera_path_matters_where_one_is_followed(model):
    cameras = Cameras(torch.eye(4).repeat(9, 1, 1), torch.tensor([90.0, 90.0, 48.0, 32.0]), SIZE)
    moving = cameras.world_to_camera.clone()
    moving[:, 0, 3] = torch.linspace(0, 0.5, 9)
    moving = Cameras(moving, cameras.intrinsics, SIZE)
    if not model.capabilities.cameras:
        with pytest.raises(ValueError, match="cameras"):
            model.generate("a fox", conditioning={0: picture(0)}, cameras=cameras, **ASK)
        return
    ask = ASK | {"conditioning": {0: picture(0)}}
    still, other = (model.generate("a fox", cameras=path, **ask).frames for path in (cameras, moving))
    assert (still != other).any()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"prompt": "  "}, ["empty"]),
        ({"prompt": "fox " * 100_000}, ["characters", "Shorten"]),
        ({"prompt": "fox " * 250}, ["too long"]),
        ({"frames": 18}, ["17"]),
        ({"frames": 15}, ["17"]),
        ({"frames": 100_000}, ["nearest"]),
        ({"size": (100, 60)}, ["96x64"]),
        ({"size": (0, 64)}, ["nearest"]),
        ({"conditioning": {9: picture(0)}}, ["0 to 8"]),
        ({"conditioning": {-1: picture(0)}}, ["0 to 8"]),
        ({"conditioning": {0: picture(0, (48, 32))}}, ["48x32", "96x64"]),
        ({"conditioning": {number: picture(number) for number in range(9)}}, ["nothing to generate"]),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_can(model, options, words):
    with pytest.raises(UserError) as refusal:
        model.generate(**({"prompt": "a fox", "conditioning": {0: picture(0)}} | ASK | options))
    assert all(word in str(refusal.value) for word in words)


def test_known_frames_it_cannot_take_are_refused(model):
    taken, ask = model.capabilities.conditioning, ASK | {"frames": FRAMES}
    fine = {(3,): taken == "anywhere", tuple(range(9)): taken != "first frame", tuple(range(8)): taken == "anywhere"}
    for places, allowed in fine.items():
        conditioning = Conditioning(Clip(np.stack([picture(n) for n in places]), 8.0), places)
        if allowed:
            clip = model.generate("a fox", conditioning=conditioning, **ask)
            np.testing.assert_array_equal(clip.frames[list(places)], conditioning.clip.frames)
        else:
            with pytest.raises(UserError, match=r"can (only )?be given"):
                model.generate("a fox", conditioning=conditioning, **ask)


@pytest.mark.parametrize("name", BACKENDS)
def test_it_works_at_the_precision_of_graphics_cards(name, folders, monkeypatch):
    monkeypatch.setattr("fourreal.video.loading.make_plan", lambda *args: Plan("cpu", "bfloat16", "none", True))
    if not registry.entry(name).cpu_bfloat16:  # diffusers refuses on a CPU alone, and in one place alone
        from diffusers.models.transformers import transformer_sana_wm as module

        grid, exact = module.create_grid, {"dtype": torch.float32}
        monkeypatch.setattr(module, "create_grid", lambda **how: grid(**how | exact).to(how["dtype"]))
    model = registry.load(name, folders[name])
    assert model.pipe.transformer.dtype == torch.bfloat16
    clip = model.generate("a fox", conditioning={0: picture(0)}, preview=True, **ASK)
    np.testing.assert_array_equal(clip.frames[0], picture(0))
    video = torch.rand(9, 3, 64, 96)
    target = model.denoise_once(video, 0.5, "a fox", conditioning={0: picture(0)}, guidance=5, rescale=0.7)
    assert (target.dtype, target.shape) == (torch.float32, video.shape)
    assert target.isfinite().all()
    model.release()


@pytest.mark.parametrize("name", BACKENDS)
def test_releasing_frees_the_weights(name, folders):
    model = registry.load(name, folders[name], device="cpu")
    model.generate("a fox", conditioning={0: picture(0)}, preview=True, **ASK)
    weights = [weakref.ref(parameter) for parameter in model.pipe.transformer.parameters()]
    weights += [weakref.ref(parameter) for parameter in model.pipe.text_encoder.parameters()]
    model.release()
    gc.collect()
    assert [weight() for weight in weights if weight() is not None] == []
    with pytest.raises(ValueError, match="released"):
        model.generate("a fox", **ASK)
    model.release()  # once more does no harm
