"""Re-upsampling: the film, what becomes of it, and that the scene follows."""

from dataclasses import replace

import pytest
import torch
from devices import assert_alike
from distill_samples import ABLE, Says
from fit_samples import FRAMES, SIZE, STAGE_ONE, STAGE_TWO, observations
from test_distill_pipeline import SHORT
from test_pipeline import request, videos  # noqa: F401 the fixture

from fourreal.errors import Cancelled, MemoryRanOut, UserError
from fourreal.fit import loop
from fourreal.fit.canonical import CanonicalStage
from fourreal.fit.distill import Critic
from fourreal.fit.moving import still
from fourreal.fit.upsample import UpsampleStage, film
from fourreal.pipeline import reconstruct
from fourreal.progress import CancelToken, ignore
from fourreal.scene import bundle
from fourreal.settings import NO_DISTILLATION, UpsampleSettings

LARGE = replace(ABLE, native_size=SIZE)
SETTINGS = UpsampleSettings(steps=60, frames=5, levels=(0.4, 0.2))


@pytest.fixture(scope="module")
def seen(device):
    return observations().to(device)


@pytest.fixture(scope="module")
def start(seen):
    stage = CanonicalStage(seen, replace(STAGE_ONE, steps=60), False, 0)
    loop.run(stage, None, ignore, CancelToken())
    return still(stage.result().gaussians, seen, STAGE_TWO, 0)


def stage(seen, start, answer) -> UpsampleStage:
    return UpsampleStage(seen, start, Critic(Says(answer, LARGE), "a ball rolls", "a ball"), SETTINGS, 0)


def test_in_the_film_camera_and_time_move(seen):
    shot = film(seen, Critic(Says(None, LARGE), "x", "x"), 5)
    assert (shot.codes[0], shot.codes[-1], len(shot)) == (0.0, FRAMES - 1.0, 5)
    moves = (shot.cameras.centres[1:] - shot.cameras.centres[:-1]).norm(dim=1)
    assert float(moves.min()) > 0.1
    torch.testing.assert_close(shot.cameras.world_to_camera[0], seen.reference_camera.world_to_camera[0])
    drawn = torch.from_numpy(shot.conditioning[0]).float() / 255
    assert float((drawn - seen.reference[0].cpu()).abs().mean()) < 0.01


def test_what_the_model_sees_is_degraded_and_it_goes_on_from_its_own_answers(seen, start):
    shown = []

    def answer(video):
        shown.append(video)
        return video * 0.5

    work = stage(seen, start, answer)
    result = work.restored()
    assert [question["sigma"] for question in work.critic.model.questions] == [0.4, 0.2]
    torch.testing.assert_close(shown[1], shown[0] * 0.5)
    torch.testing.assert_close(result, shown[1] * 0.5)
    sharp = torch.stack([work.render(place).detach().permute(2, 0, 1) for place in range(5)])
    edges = lambda video: float((video[..., 1:] - video[..., :-1]).abs().mean())
    assert edges(shown[0]) < 0.95 * edges(sharp)


def test_the_scene_follows_the_restored_film(seen, start):
    red = lambda video: torch.cat([video[:, :1] * 0 + 0.9, video[:, 1:]], dim=1)
    levels = {}
    for name, answer in (("red", red), ("as it is", lambda video: video)):
        work = stage(seen, start, answer)
        loop.run(work, None, ignore, CancelToken())
        levels[name] = float(work.render(4)[..., 0].mean().detach())
        assert work.result().field is start.field
    assert levels["red"] > levels["as it is"] + 0.004


def test_it_goes_on_after_an_interruption_without_asking_again(seen, start, tmp_path):
    whole, parts = (stage(seen, start, lambda video: 0.9 * video) for _ in range(2))
    loop.run(whole, None, ignore, CancelToken())
    token, step = CancelToken(), parts.step

    def stop(index):
        if index == 20:
            token.cancel()
        return step(index)

    parts.step = stop
    with pytest.raises(Cancelled):
        loop.run(parts, tmp_path / "checkpoint", ignore, token)
    again = stage(seen, start, lambda video: 0 * video)
    loop.run(again, tmp_path / "checkpoint", ignore, CancelToken())
    assert again.critic.model.questions == []
    assert_alike(again.result().gaussians.colors, whole.result().gaussians.colors, atol=1e-6, rtol=0)


def test_where_memory_runs_out_the_film_is_shortened_and_it_goes_on_with_that(seen, start):
    work = stage(seen, start, lambda video: 0.9 * video)
    work.critic.model.frames = 3
    work.step(0)
    assert [question["frames"] for question in work.critic.model.questions] == [5, 3, 3]
    assert work.shot.codes == (0.0, (FRAMES - 1) / 2, FRAMES - 1.0)
    assert "3 frames instead of 5" in work.critic.tally.notes[0]
    again = stage(seen, start, lambda video: 0 * video)
    again.restore({name: tensor.clone() for name, tensor in work.state().items()})
    again.step(1)
    assert again.critic.model.questions == []
    assert len(again.shot) == 3
    work.film, work.critic.model.frames = None, 1
    with pytest.raises(MemoryRanOut, match="even with a film of 2 frames"):
        work.step(1)


def test_what_goes_wrong_in_the_detail_does_not_cost_the_scene(videos, tmp_path):  # noqa: F811
    run, before = tmp_path / "run", []

    def fail(error):
        def answer(video):
            before.append((bundle.load(run).gaussians.means, bundle.read_manifest(run)["stopped"]))
            raise error

        return answer

    preset = replace(SHORT, upsample=SETTINGS, distillation=NO_DISTILLATION)
    request_with = lambda error: request(
        videos, run, preset=preset, prompt="a ball", detail=True, critic_model=Says(fail(error), LARGE)
    )
    with pytest.raises(ZeroDivisionError):  # a bug
        reconstruct(request_with(ZeroDivisionError()))
    assert bundle.load(run).frames == FRAMES
    for error, why in ((torch.OutOfMemoryError("CUDA"), "Memory ran out"), (UserError("It is not well."), "not well")):
        scene, manifest = reconstruct(request_with(error)), bundle.read_manifest(run)
        assert why in " ".join(manifest["notes"])
        assert "stopped" not in manifest
        assert "detail" not in manifest["seconds"]
        assert torch.equal(scene.gaussians.means, before[0][0])
        assert torch.equal(bundle.load(run).gaussians.means, before[0][0])
    assert before[0][1] == {"stage": "detail", "step": 0, "steps": SETTINGS.steps}


def test_a_reconstruction_with_detail_asks_for_it_last(videos, tmp_path):  # noqa: F811
    model, stages = Says(lambda video: video, LARGE), []
    preset = replace(SHORT, upsample=SETTINGS)
    wanted = {"prompt": "a ball", "detail": True, "critic_model": model}
    reconstruct(request(videos, tmp_path / "run", preset=preset, **wanted), lambda e: stages.append(e.stage))
    assert [question["sigma"] for question in model.questions[-2:]] == [0.4, 0.2]
    assert "detail" in stages
    assert bundle.read_manifest(tmp_path / "run")["seconds"]["detail"] > 0
