"""A video model as a second camera man: where it films, how its films are judged, what comes of them."""

from dataclasses import replace

import pytest
import torch
from distill_samples import ABLE, SETTINGS, Says, grey
from fit_samples import CANONICAL, FRAMES, FREEZE, STAGE_TWO, observations, see, true_scene
from test_distill_pipeline import SHORT, Killed
from test_pipeline import request, videos  # noqa: F401 the fixture

from fourreal.errors import UserError
from fourreal.fit import loop
from fourreal.fit.camera_man import choose, parts_of, placed
from fourreal.fit.canonical import Canonical
from fourreal.fit.distill import Critic
from fourreal.fit.film_judge import shifted
from fourreal.fit.motion import MotionStage
from fourreal.fit.moving import still
from fourreal.fit.observations import Take
from fourreal.fit.view import views_of
from fourreal.pipeline import reconstruct
from fourreal.pipeline.imagine import Imagining
from fourreal.pipeline.stages import Stages
from fourreal.progress import CancelToken, ignore
from fourreal.scene import bundle
from fourreal.settings import ImaginationSettings, MotionPhase
from fourreal.splat.deform import bend

TIMES = torch.linspace(0, 1, FRAMES).tolist()
FOLLOW = ImaginationSettings(
    takes=2,
    batch=1,
    calls=2,
    field=MotionPhase("imagined motion", 300, field_scale=2.0, matched=60),
    again=MotionPhase("imagined motion", 300, field_scale=2.0, matched=60),
    joint=MotionPhase("imagined", 10, "all", "both"),
)
PRESET = replace(SHORT, motion=STAGE_TWO, imagination=FOLLOW)


def towards(code: float):
    """The ball comes towards the reference camera, which sees it grow by a little."""
    scene = true_scene(TIMES[CANONICAL])
    scene.means[500:, 2] -= 0.06 * (code - CANONICAL)
    return scene


class Filming(Says):
    """Says what `scene_at` looks like in the shot that it is told of."""

    def __init__(self, scene_at) -> None:
        super().__init__(lambda video: see_shot(self.shot, scene_at), replace(ABLE, native_size=(48, 32)))
        self.critic = Critic(self, "a ball rolls", "a ball", on_shot=lambda shot: setattr(self, "shot", shot))


def see_shot(shot, scene_at) -> torch.Tensor:
    cameras = shot.cameras.resized(shot.size)
    frames = [see(scene_at(code), cameras[place])[0] for place, code in enumerate(shot.codes)]
    return torch.stack(frames).permute(0, 3, 1, 2)


@pytest.fixture(scope="module")
def scene():
    """What was observed of it, and a fit that has the motion flat, as one camera has it."""
    seen = observations()
    seen = replace(seen, reference=torch.cat([see(towards(code), seen.reference_camera) for code in range(FRAMES)]))
    canonical = Canonical(towards(CANONICAL), seen.freeze_cameras, None, None)
    moving = still(canonical.gaussians, seen, STAGE_TWO, 0)
    stage = MotionStage(seen, moving, canonical, STAGE_TWO, STAGE_TWO.phases[0], 0)
    loop.run(stage, None, ignore, CancelToken())
    return seen, canonical, stage.result()


def imagined(scene, critic, preset=PRESET):
    seen, canonical, moving = scene
    work = Imagining(seen, canonical, preset, 0, None, ignore, CancelToken(), critic)
    return work, work.run(moving)


def away(moving) -> float:
    """How far the ball is from where it is, in the last frame."""
    with torch.no_grad():
        bent = bend(moving.gaussians, moving.field.offsets(moving.gaussians, FRAMES - 1))
    return float((bent.means[500:].mean(dim=0) - towards(FRAMES - 1).means[500:].mean(dim=0)).norm())


def test_a_film_of_the_truth_moves_the_scene_towards_it(scene):
    work, done = imagined(scene, Filming(towards).critic)
    assert [reel.take is not None for reel in work.reels] == [True, True]
    assert done.report["believed"] == 2
    assert away(done.moving) < 0.7 * away(scene[2])
    assert "2 were believed" in done.note


def test_a_film_of_another_motion_changes_nothing(scene):
    for model in (Filming(lambda code: true_scene(code / (FRAMES - 1))).critic, Critic(Says(grey), "", "")):
        work, done = imagined(scene, model)
        assert done.moving is scene[2]
        assert done.report["believed"] == 0
        assert "None of" in done.note or "no takes" in done.note
        assert work.man.calls > 0


def test_cameras_are_chosen_where_least_is_known(scene):
    seen, _, moving = scene
    centres = seen.freeze_cameras.centres
    scene_at = lambda code: replace(moving.gaussians, moves=torch.arange(620) >= 500)
    first = choose(seen, scene_at, [seen.reference_camera.centres[0]])
    second = choose(seen, scene_at, [seen.reference_camera.centres[0], centres[first]])
    assert {first, second} == {0, FREEZE - 1}
    assert choose(seen, scene_at, list(centres)) is None
    left, top, width, height = placed(seen, scene_at, replace(ABLE, native_size=(24, 16)), first).window
    assert (width, height) >= (24, 16)
    assert left >= 0
    assert top >= 0
    assert left + width <= 48
    assert top + height <= 32


def test_films_come_in_parts_that_a_model_can_take():
    able = replace(ABLE, frame_step=4, native_frames=9, most_frames=9)
    for count in (2, 5, 6, 9, 24):
        parts = parts_of(list(range(count)), 9, able)
        whole = [code for part in parts for code in part[1:] if code == int(code)]
        assert sorted(whole) == list(range(1, count))
        assert all(part[0] == 0 and len(part) in (5, 9) and part == sorted(part) for part in parts)
    assert parts_of([3], 9, able) == []


def test_a_shift_is_told_from_another_brightness():
    noise = torch.rand(3, 40, 60, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.avg_pool2d(noise[None], 7, 1)[0]
    everywhere = torch.ones(30, 50, dtype=torch.bool)
    here, beside = smooth[:, 2:32, 2:52], 0.3 * smooth[:, 2:32, 2:52] + 0.7 * smooth[:, 2:32, 1:51]
    shift = shifted(0.8 * beside + 0.1, here, everywhere)
    torch.testing.assert_close(shift, torch.tensor([0.7, 0.0]), atol=0.1, rtol=0)
    assert float(shifted(0.8 * here + 0.1, here, everywhere).norm()) < 0.01


def test_trust_is_a_factor_on_the_loss(scene):
    seen = scene[0]
    take = Take(seen.reference, seen.freeze_cameras[0], tuple(range(FRAMES)), trust=0.5, part=0.25)
    assert views_of(replace(seen, others=(take,)), narrow=False)[1].share == 0.125
    with pytest.raises(ValueError, match="share"):
        replace(take, trust=0.0)


def test_killed_between_two_films_it_goes_on_with_those_there_are(scene, tmp_path):
    """The films of a run that was killed are used again, and the same scene comes of them."""
    seen, canonical, moving = scene
    short = replace(FOLLOW, field=replace(FOLLOW.field, steps=10), again=replace(FOLLOW.again, steps=10))
    calls = []

    def run(name: str, killed_at: int = -1):
        model = Filming(towards)
        answer = model.answer

        def counted(video):
            calls.append(len(video))
            if len(calls) == killed_at:
                raise Killed
            return answer(video)

        model.answer = counted
        preset = replace(PRESET, imagination=short)
        calls.clear()
        place = tmp_path / name / "imagined-1"
        return Stages(preset, 0, ignore, CancelToken(), model.critic).imagined(seen, canonical, moving, place)[0]

    whole, total = run("whole"), len(calls)
    with pytest.raises(Killed):
        run("run", total - 1)
    again = run("run")
    assert 0 < len(calls) < total / 2
    assert (again.report, again.note) == (whole.report, whole.note)
    for name, tensor in whole.moving.gaussians.tensors().items():
        torch.testing.assert_close(again.moving.gaussians.tensors()[name], tensor, atol=1e-4, rtol=1e-4)
    finished = run("run")
    assert not calls  # it is not asked again
    assert finished.report == whole.report


def test_a_run_says_what_came_of_its_films(videos, tmp_path):  # noqa: F811
    preset = replace(SHORT, imagination=FOLLOW, distillation=replace(SETTINGS, canonical_steps=0, motion_steps=0))
    model = Says(grey)
    reconstruct(request(videos, tmp_path / "with", preset=preset, prompt="a ball", critic_model=model, imagine=2))
    reconstruct(request(videos, tmp_path / "without", preset=preset))
    manifest = bundle.read_manifest(tmp_path / "with")
    assert manifest["imagined"]["believed"] == 0
    assert any("filmed no takes" in note for note in manifest["notes"])
    assert len(model.questions) > 0
    scenes = [bundle.load(tmp_path / name).gaussians.tensors() for name in ("with", "without")]
    for name, tensor in scenes[0].items():
        assert torch.equal(tensor, scenes[1][name])
    with pytest.raises(UserError, match="out of range"):
        request(videos, tmp_path / "with", preset=preset, prompt="a ball", critic_model=model, imagine=99)
