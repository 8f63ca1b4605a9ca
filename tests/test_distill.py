"""Distillation: its gradient, its shots, its memory, and what it does about models that err."""

from dataclasses import replace

import numpy as np
import pytest
import tiny_models
import torch
from devices import assert_alike
from distill_samples import ABLE, SETTINGS, Says, grey
from fit_samples import CANONICAL, FRAMES, SHARED, SIZE, STAGE_ONE, STAGE_TWO, observations, true_scene

from fourreal.errors import Cancelled
from fourreal.fit import loop
from fourreal.fit.canonical import Canonical, CanonicalStage
from fourreal.fit.distill import Critic, Distillation, annealed
from fourreal.fit.motion import MotionStage
from fourreal.fit.moving import still
from fourreal.fit.trajectories import Shots, model_size, random_window
from fourreal.fit.trust import Trust
from fourreal.progress import CancelToken, ignore
from fourreal.video import registry


@pytest.fixture(scope="module")
def seen(device):
    return observations().to(device)


def distilled(seen, model, moving=True, **changes) -> Distillation:
    settings = replace(SETTINGS, **changes)
    return Distillation(Critic(model, "a ball rolls", "a ball"), settings, seen, settings.motion_steps, moving, 0)


@pytest.fixture
def toy(device):
    return lambda: toy_on(device)


def toy_on(device: str):
    """A few translucent Gaussians of the scene's ball, none of which hides another, and what leads to any time."""
    ball = true_scene(0.5)[500::12].to(device)
    ball = replace(ball, opacities=torch.zeros_like(ball.opacities), scales=ball.scales + 0.5)
    means = ball.means.clone().requires_grad_()
    colors = ball.colors.clone().requires_grad_()
    drift = means.new_tensor([0.05, 0.0, 0.0])
    scene_at = lambda code: replace(ball, means=means + (code - CANONICAL) * drift, colors=colors)
    return means, colors, scene_at


@pytest.mark.parametrize("kind", ["views", "times"])
def test_the_gradient_is_that_of_the_distance_to_a_frozen_target(seen, kind, toy):
    target = torch.rand(5, 3, 16, 24, generator=torch.Generator().manual_seed(1)).to(seen.freeze)
    work = distilled(seen, Says(lambda video: target))
    shot = work.shots.draw(kind, np.random.default_rng(0), True)
    means, colors, scene_at = toy()
    work.distil(shot, scene_at, 0.5)
    free = [place for place in range(5) if place not in shot.conditioning]
    weight = SETTINGS.times_weight if kind == "times" else SETTINGS.views_weight

    def loss() -> float:
        with torch.no_grad():
            return weight * float((work.render(shot, scene_at) - target)[free].double().square().sum()) / target.numel()

    for tensor, step in ((means, 1e-3), (colors, 1e-2)):
        direction = tensor.grad / tensor.grad.norm()
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                tensor += sign * step * direction
            values.append(loss())
            with torch.no_grad():
                tensor -= sign * step * direction
        slope = (values[0] - values[1]) / (2 * step)
        assert slope == pytest.approx(float(tensor.grad.norm()), rel=0.05)
        assert values[1] < values[0]  # against the gradient it comes nearer


def test_chunks_give_the_gradient_of_the_whole(seen, toy):
    gradients = []
    for chunk in (1, 2, 5, 16):
        work = distilled(seen, Says(grey), chunk=chunk)
        shot = work.shots.draw("times", np.random.default_rng(2), True)
        means, colors, scene_at = toy()
        work.distil(shot, scene_at, 0.5)
        gradients.append(torch.cat([means.grad.flatten(), colors.grad.flatten()]))
    assert float(gradients[0].abs().max()) > 1e-3
    close = 1e-4 if seen.freeze.is_cuda else 1e-5
    for other in gradients[1:]:
        torch.testing.assert_close(other, gradients[0], atol=close, rtol=close)


def test_a_model_that_agrees_moves_nothing_and_known_frames_say_nothing(seen, toy):
    ends = torch.tensor([0, 4]).to(seen.freeze.device)
    for answer in (lambda video: video, lambda video: video.index_fill(0, ends, 0.9)):
        work = distilled(seen, Says(answer))
        shot = work.shots.draw("views", np.random.default_rng(0), True)
        means, colors, scene_at = toy()
        shot = replace(shot, conditioning={0: shot.conditioning[0], 4: shot.conditioning[0]})
        work.distil(shot, scene_at, 0.5)
        assert float(means.grad.abs().max()) == float(colors.grad.abs().max()) == 0


# --- Shots -----------------------------------------------------------------------------------------------------------


def test_shots_begin_at_a_real_frame_and_keep_to_the_method(seen):
    shots = Shots(seen, ABLE, 5, 12.0, 0.05)
    sides = set()
    for number in range(30):
        random = np.random.default_rng(number)
        views = shots.draw("views", random, True)
        assert len(set(views.codes)) == 1
        assert list(views.conditioning) == [0]
        poses = views.cameras.world_to_camera
        torch.testing.assert_close(poses[0], seen.reference_camera.world_to_camera[0], atol=1e-5, rtol=0)
        nearest = (views.cameras.centres[-1] - seen.freeze_cameras.centres).norm(dim=1).min()
        assert float(nearest) <= 0.051
        times = shots.draw("times", random, True)
        (at,) = times.conditioning
        assert times.codes[at] == CANONICAL
        assert (np.diff(times.codes) > 0).all()
        sides.add(at)
        assert float((times.cameras.world_to_camera - times.cameras.world_to_camera[0]).abs().max()) == 0
        for shot in (views, times):
            assert all(picture.shape == (16, 24, 3) for picture in shot.conditioning.values())
            assert shot.cameras.size[0] % 24 == shot.cameras.size[1] % 16 == 0
    assert sides == {0, 4}  # times after the canonical one, and before it
    first = Shots(seen, replace(ABLE, conditioning="first frame"), 5, 12.0, 0.05)
    assert all(list(first.draw("times", np.random.default_rng(n), True).conditioning) == [0] for n in range(9))
    assert first.draw("views", np.random.default_rng(0), False).codes == (float(CANONICAL),) * 5


def test_the_real_frame_is_what_the_camera_of_its_place_sees(seen, device):
    """Rendering the true scene at the shot's cameras, times and window gives the real frame it comes with."""
    shots, work = Shots(seen, ABLE, 5, 12.0, 0.05), distilled(seen, Says(grey))
    for number in range(12):
        shot = shots.draw(("views", "times")[number % 2], np.random.default_rng(number), True)
        (at,) = shot.conditioning
        with torch.no_grad():
            video = work.render(shot, lambda code: true_scene(code / (FRAMES - 1)).to(device), range(at, at + 1))
        real = torch.from_numpy(shot.conditioning[at]).permute(2, 0, 1) / 255
        assert float((video[0].cpu().clamp(0, 1) - real).abs().mean()) < 0.02


@pytest.mark.parametrize("kind", ["views", "times"])
def test_examinations_are_about_what_was_filmed(seen, kind, device):
    work = distilled(seen, Says(grey))
    for number in range(6):
        shot = work.shots.filmed(kind, np.random.default_rng(number))
        with torch.no_grad():
            video = work.render(shot, lambda code: true_scene(code / (FRAMES - 1)).to(device))
        real = torch.from_numpy(np.stack(shot.filmed)).permute(0, 3, 1, 2) / 255
        assert float((video.cpu().clamp(0, 1) - real).abs().mean()) < 0.02


def test_windows_lie_inside_shift_by_less_than_a_pixel_of_the_model_or_halve():
    random = np.random.default_rng(0)
    windows = {random_window((256, 144), (64, 36), random) for _ in range(300)}
    assert all(left >= 0 and top >= 0 and left + w <= 256 and top + h <= 144 for left, top, w, h in windows)
    assert {w for *_, w, _ in windows} == {128, 253}
    assert {left for left, _, w, _ in windows if w == 253} == {0, 1, 2, 3}
    assert random_window((256, 144), (256, 144), random) == (0, 0, 256, 144)
    assert model_size(registry.entry("wan-vace-1.3b").capabilities, (512, 288)) == (512, 288)


def test_noise_falls_by_the_square_root():
    assert [annealed(p, (0.98, 0.02)) for p in (0.0, 0.25, 1.0)] == pytest.approx([0.98, 0.5, 0.02])


# --- Models ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["wan-vace-1.3b", "ltx-video", "sana-wm", "wan-ti2v-5b"])
def test_every_backend_does_a_step_and_learns_nothing(name, seen, tmp_path, device, toy):
    large = torch.nn.functional.interpolate
    grown = lambda video: large(video.permute(0, 3, 1, 2), (64, 96)).permute(0, 2, 3, 1).contiguous()
    seen = replace(
        seen,
        reference=grown(seen.reference),
        freeze=grown(seen.freeze),
        reference_camera=seen.reference_camera.resized((96, 64)),
        freeze_cameras=seen.freeze_cameras.resized((96, 64)),
    )
    model = registry.load(name, tiny_models.save(name, tmp_path / name), device=device)
    work = distilled(seen, model, frames=9, guidance=4.0)
    for index in (0, 1):  # views, with an examination, and times
        means, _, scene_at = toy()
        values = work.step(index, scene_at)
        assert values["distillation"] >= 0
        assert work.last[1].isfinite().all()
        assert means.grad.isfinite().all()
        model.rest()  # and it comes back by itself
    assert all(
        parameter.grad is None
        for part in (model.pipe.transformer, model.pipe.vae, model.pipe.text_encoder)
        for parameter in part.parameters()
    )
    work.critic = Critic(model, "", "")  # nobody said what the videos show
    assert work.step(2, scene_at)["distillation"] >= 0
    model.release()


def test_words_fit_the_kind_of_shot_and_without_words_there_is_no_guidance(seen, toy):
    model = Says(grey)
    work = distilled(seen, model, examine=0, guidance=6.0)
    scene_at = toy()[2]
    work.step(0, scene_at)
    work.step(1, scene_at)
    assert [(q["prompt"], q["guidance"]) for q in model.questions] == [("a ball", 6.0), ("a ball rolls", 6.0)]
    assert model.questions[0]["sigma"] > model.questions[1]["sigma"]
    work.critic = Critic(model, "", "")
    work.step(2, scene_at)
    assert model.questions[-1]["guidance"] == 1


def test_a_critic_that_errs_where_the_truth_is_known_is_not_believed_elsewhere(device):
    video = torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(0)).to(device)
    trust, better = Trust(), video + 0.2 * torch.rand(video.shape).to(device)
    assert trust.share("times", better, video) == 1.0
    trust.examined("times", video, video)
    assert trust.share("times", better, video) == pytest.approx(1.0)
    trust.examined("times", 1 - video, video)
    assert trust.share("times", better, video) == 0.0
    assert trust.share("views", better, video) == 1.0
    again = Trust()
    again.restore(trust.state())
    assert again.error == trust.error


def test_memory_that_runs_out_means_fewer_frames_and_in_the_end_none(seen, toy):
    scene_at = toy()[2]
    work = distilled(seen, Says(grey, frames=3), frames=9)
    assert [bool(work.step(index, scene_at)) for index in range(4)] == [False, False, True, True]
    assert work.shots.frames == 3
    assert ["5 frames instead of 9" in work.notes[0], "3 frames instead of 5" in work.notes[1]] == [True, True]
    none = distilled(seen, Says(grey, frames=0), frames=3)
    for index in range(3):
        assert none.step(index, scene_at) == {}
    assert none.off
    assert "without" in none.notes[-1]
    assert none.critic.tally.notes == none.notes  # for whoever comes when it is over


# --- In the stages ---------------------------------------------------------------------------------------------------


def test_a_right_critic_of_views_brings_stage_one_nearer_to_the_truth_than_a_wrong_one(seen):
    """Both say the same of every shot: one what the scene is, the other grey."""
    few = replace(seen, held_out=tuple(i for i in range(9) if i not in (3, SHARED, 5)))
    losses = {}
    for name, answer in (("none", None), ("grey", grey)):
        distillation = None
        if answer is not None:
            settings = replace(SETTINGS, canonical_steps=20, views_weight=200.0, examine=0)
            distillation = Distillation(Critic(Says(answer), "x", "x"), settings, few, 20, False, 0)
        stage = CanonicalStage(few, STAGE_ONE, False, 0, distillation)
        loop.run(stage, None, ignore, CancelToken())
        colour, _ = stage.render(stage.splats.gaussians, 8)
        losses[name] = float((colour.detach() - 0.5).abs().mean())
        if distillation is not None:
            assert len(distillation.critic.model.questions) == 20
    assert losses["grey"] < 0.8 * losses["none"]


@pytest.mark.parametrize("stage", ["canonical", "motion"])
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not(stage, seen, tmp_path):
    start = CanonicalStage(seen, replace(STAGE_ONE, steps=30, plain_steps=20), False, 0)
    loop.run(start, None, ignore, CancelToken())
    canonical: Canonical = start.result()

    def make():
        if stage == "canonical":
            work = Distillation(Critic(Says(grey, frames=3), "x", "x"), SETTINGS, seen, 4, False, 0)
            return CanonicalStage(seen, replace(STAGE_ONE, steps=12, plain_steps=2), False, 0, work)
        work = Distillation(Critic(Says(grey, frames=3), "x", "x"), SETTINGS, seen, 6, True, 0)
        phase = SETTINGS.place_in(STAGE_TWO).phases[-1]
        return MotionStage(seen, still(canonical.gaussians, seen, STAGE_TWO, 0), canonical, STAGE_TWO, phase, 0, work)

    whole, parts, token = make(), make(), CancelToken()
    loop.run(whole, None, ignore, CancelToken())
    heard = []

    def watch(event):
        heard.append(event)
        if event.step >= 7:
            token.cancel()

    path = tmp_path / "checkpoint"
    with pytest.raises(Cancelled):
        loop.run(reported_always(parts), path, watch, token)
    assert any("frames instead of" in event.message for event in heard)
    again = make()
    loop.run(again, path, heard.append, CancelToken())
    for name, tensor in whole.result().gaussians.tensors().items():
        assert_alike(getattr(again.result().gaussians, name), tensor, atol=1e-6, rtol=0)
    assert again.distillation.shots.frames == whole.distillation.shots.frames == 3
    assert heard[-1].critique.shape[2] == 3


def reported_always(stage):
    """The stage, with the token polled after each step: progress comes every quarter of a second as a rule."""
    loop_step = stage.step

    def step(index):
        values = loop_step(index)
        stage.distillation.notes.append(f"step {index}")
        return values

    stage.step = step
    return stage


def test_a_phase_without_all_gaussians_cannot_be_distilled(seen):
    start = CanonicalStage(seen, replace(STAGE_ONE, steps=20, plain_steps=10), False, 0)
    loop.run(start, None, ignore, CancelToken())
    moving = still(start.result().gaussians, seen, STAGE_TWO, 0)
    with pytest.raises(ValueError, match="beside the mover"):
        MotionStage(seen, moving, start.result(), STAGE_TWO, STAGE_TWO.phases[0], 0, distilled(seen, Says(grey)))


def test_shots_are_asked_about_at_the_fits_size_at_most(seen):
    assert model_size(ABLE, SIZE) == (24, 16)
    assert model_size(replace(ABLE, native_size=(640, 480)), SIZE) == SIZE
