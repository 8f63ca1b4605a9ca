"""Further takes: where their cameras stood, what their colours were, which moment they show, what they are good for."""

import json
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fit_samples import CANONICAL, FRAMES, FREEZE, STAGE_ONE, STAGE_TWO, arc, observations, see, true_scene

from fourreal import clip
from fourreal.camera import cameras_file, steady
from fourreal.camera.align import pose_errors
from fourreal.camera.resection import Unplaced, resect
from fourreal.cli.options import frozen_at
from fourreal.clip import Clip
from fourreal.errors import UserError
from fourreal.fit import loop
from fourreal.fit.artifacts import pack_canonical, unpack_canonical
from fourreal.fit.canonical import Canonical, CanonicalStage
from fourreal.fit.motion import MotionStage
from fourreal.fit.movers import find_movers
from fourreal.fit.moving import still
from fourreal.fit.observations import Take, Targets
from fourreal.fit.settle import Settled, settle
from fourreal.fit.tone import Tone, tone_between
from fourreal.fit.view import views_of
from fourreal.pipeline import Request, reconstruct
from fourreal.pipeline.takes import Further
from fourreal.progress import CancelToken, ignore
from fourreal.scene import bundle
from fourreal.settings import Preset, SfmSettings
from fourreal.splat.deform import bend

TIMES = torch.linspace(0, 1, FRAMES).tolist()


@pytest.fixture(scope="module")
def seen():
    return observations()


@pytest.fixture(scope="module")
def canonical(seen) -> Canonical:
    return Canonical(true_scene(TIMES[CANONICAL]), seen.freeze_cameras, None, None)


# --- Colours ---------------------------------------------------------------------------------------------------------


def test_white_balance_exposure_and_gamma_are_undone_whatever_moved():
    random = torch.Generator().manual_seed(0)
    standard = 0.1 + 0.8 * torch.rand(4000, 3, generator=random)
    taken = (standard**0.9 * torch.tensor([1.12, 1.0, 0.88])).clamp(0, 1)
    other = taken.clone()
    other[:800] = torch.rand(800, 3, generator=random)  # a subject that is elsewhere now
    tone = tone_between(other, standard)
    inside = ((taken > 0.05) & (taken < 0.95)).all(1)
    assert float((tone(taken) - standard)[inside].abs().mean()) < 0.01


def test_colours_that_nobody_could_tell_apart_are_left_alone():
    standard = torch.rand(2000, 3, generator=torch.Generator().manual_seed(0))
    assert tone_between(standard * 1.005, standard).is_identity
    assert Tone.identity()(standard) is standard


# --- Cameras and moments ---------------------------------------------------------------------------------------------


def test_poses_colours_and_the_frozen_moment_are_found_from_the_scene(seen, canonical):
    elsewhere = arc(40, 60.0)[25]
    frames = torch.cat([see(true_scene(time), elsewhere) for time in TIMES])
    off = elsewhere.world_to_camera.clone()
    off[:, :3, 3] += torch.tensor([0.015, -0.01, 0.01])
    start = replace(seen, reference=frames * 0.8, reference_camera=replace(elsewhere, world_to_camera=off), canonical=0)
    settled = settle(start, canonical, [True], frozen=False)
    assert settled.canonical == CANONICAL
    placed = settled.applied(start)
    missed = lambda camera: float((camera.centres - elsewhere.centres).norm())
    assert missed(placed.reference_camera) < 0.6 * missed(start.reference_camera)
    assert float((placed.reference - frames).abs().mean()) < 0.3 * float((start.reference - frames).abs().mean())
    again = Settled.unpack(*settled.pack()).applied(start)
    assert torch.equal(again.reference, placed.reference)
    assert torch.equal(again.reference_camera.world_to_camera, placed.reference_camera.world_to_camera)


def test_colours_that_drift_within_a_take_are_evened(seen, canonical):
    ramp = torch.linspace(0.88, 1.12, len(seen.reference))[:, None, None, None]
    start = replace(seen, reference=(seen.reference * ramp).clamp(0, 1))
    settled = settle(start, canonical, [False], frozen=True)
    placed = settled.applied(start)
    off = lambda frames: float((frames[[0, -1]] - seen.reference[[0, -1]]).abs().mean())
    assert off(placed.reference) < 0.3 * off(start.reference)
    assert torch.equal(Settled.unpack(*settled.pack()).applied(start).reference, placed.reference)


def test_what_is_exact_and_alike_stays_as_it_is(seen, canonical):
    placed = settle(seen, canonical, [False], frozen=True).applied(seen)
    assert torch.equal(placed.reference, seen.reference)
    assert torch.equal(placed.reference_camera.world_to_camera, seen.reference_camera.world_to_camera)


@pytest.mark.slow
def test_a_camera_that_stood_elsewhere_is_placed_and_another_scene_is_not(assets):
    folder = assets / "examples/fox_yard"
    freeze, reference = (clip.read(folder / f"{name}.mp4").frames for name in ("freeze", "reference"))
    size = freeze.shape[2], freeze.shape[1]
    given = cameras_file.read(folder / "cameras.json").for_clips(size, len(freeze), len(reference))
    keep = [i for i in range(len(freeze)) if abs(i - given.freeze_reference_index) > 2]
    place = lambda take: resect(freeze[keep], given.freeze[keep], [take], SfmSettings(), CancelToken())[0]
    placement = place(Unplaced("reference", reference[::6], still=True))
    both = replace(given.freeze, world_to_camera=torch.cat([given.freeze.world_to_camera, placement.world_to_camera]))
    truth = replace(both, world_to_camera=torch.cat([given.freeze.world_to_camera, given.reference.world_to_camera]))
    turned, moved = pose_errors(both, truth)
    assert float(turned[-1]) < 0.1
    assert float(moved[-1]) < 0.01
    other = clip.read(assets / "examples/robot_dance/reference.mp4").frames[::6]
    with pytest.raises(UserError, match=r"other\.mp4 does not show enough"):
        place(Unplaced("other.mp4", other, still=True))


def test_a_hand_is_told_from_a_tripod_and_a_subject_from_both():
    wide = np.random.default_rng(1).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    wide = np.kron(wide, np.ones((4, 4, 1), np.uint8))
    shake = [(0, 0), (4, 2), (8, -3), (3, 5), (-4, 1), (-8, -4), (-2, 3), (5, 0), (7, 4), (0, -2)]
    held = np.stack([wide[20 + y : 200 + y, 20 + x : 320 + x] for x, y in shake])
    assert steady.sways(held)
    put = np.repeat(held[:1], 10, axis=0)
    for number, frame in enumerate(put):
        frame[60:140, 20 + 15 * number : 100 + 15 * number] = wide[60:140, 20:100]
    assert not steady.sways(put)
    assert steady.staying(put) > 0.4
    travels = np.stack([wide[20:200, 6 * i : 6 * i + 300] for i in range(10)])
    assert steady.staying(travels) < 0.1


# --- The fit ---------------------------------------------------------------------------------------------------------


def test_a_machine_too_busy_to_place_a_take_does_not_call_it_wrong(monkeypatch):
    pictures = np.random.default_rng(0).integers(0, 255, (3, 24, 32, 3), np.uint8)
    monkeypatch.setattr("fourreal.camera.resection.worker.run", lambda *_: -signal.SIGKILL)
    take = Unplaced("second.mp4", pictures, still=True)
    with pytest.raises(UserError, match=r"second\.mp4 was filmed from took longer than 240 seconds") as said:
        resect(pictures, arc(3), [take], SfmSettings(), CancelToken())
    assert "does not show" not in str(said.value)


def test_a_moving_camera_shows_the_same_movers(seen, canonical):
    path = arc(FRAMES, 20.0)
    frames = torch.cat([see(true_scene(time), path[i]) for i, time in enumerate(TIMES)])
    moves, core = find_movers(canonical.gaussians, replace(seen, reference=frames, reference_path=path))
    means = canonical.gaussians.means
    assert bool((means[core].norm(dim=1) < 0.3).all())
    assert not bool(moves[means[:, 2] > 0.6].any())


def test_another_camera_tells_what_the_first_cannot(seen, canonical):
    """The ball comes towards the first camera, which sees it grow by a little."""

    def towards(time: float):
        scene = true_scene(TIMES[CANONICAL])
        scene.means[500:, 2] -= 0.24 * (time - TIMES[CANONICAL])
        return scene

    frames = lambda camera: torch.cat([see(towards(time), camera) for time in TIMES])
    side = arc(3, 100.0)[0]
    start = replace(seen, reference=frames(seen.reference_camera))
    further = Take(frames(side), side, tuple(range(FRAMES)))
    away = []
    for observed in (start, replace(start, others=(further,))):
        moving = still(canonical.gaussians, observed, STAGE_TWO, 0)
        phase = replace(STAGE_TWO.phases[0], steps=300)
        stage = MotionStage(observed, moving, canonical, STAGE_TWO, phase, 0)
        loop.run(stage, None, ignore, CancelToken())
        moving = stage.result()
        with torch.no_grad():
            bent = bend(moving.gaussians, moving.field.offsets(moving.gaussians, FRAMES - 1))
        means = bent.means[500:].mean(dim=0)
        away.append(float((means - towards(1.0).means[500:].mean(dim=0)).norm()))
    assert away[1] < 0.7 * away[0]


def test_a_further_take_of_the_canonical_moment_is_fitted_in_both_stages(seen, tmp_path):
    """The freeze-time video goes half the way; the take shows the other half, and without it nobody does."""
    first, second = list(range(6)), list(range(5, FREEZE))
    take = Take(seen.freeze[second], seen.freeze_cameras[second], (CANONICAL,) * len(second))
    half = replace(seen, freeze=seen.freeze[first], freeze_cameras=seen.freeze_cameras[first])
    both = replace(half, others=(take,), frozen=(0,))
    fitted = {}
    for name, given in (("half", half), ("both", both)):
        stage = CanonicalStage(given, STAGE_ONE, True, 0)
        loop.run(stage, tmp_path / name, ignore, CancelToken())
        fitted[name] = unpack_canonical(*pack_canonical(stage.result()))
    far = seen.freeze_cameras[FREEZE - 1]
    miss = lambda moving: float((see(moving.gaussians, far)[0] - seen.freeze[FREEZE - 1]).square().mean())
    assert miss(fitted["both"]) < 0.7 * miss(fitted["half"])
    assert len(fitted["both"].cameras) == len(first)
    stage = MotionStage(
        both, still(fitted["both"].gaussians, both, STAGE_TWO, 0), fitted["both"], STAGE_TWO, STAGE_TWO.phases[-1], 0
    )
    assert len(stage.stills) == len(second)
    losses = [stage._freeze_step(np.random.default_rng(seed))[0] for seed in range(8)]
    assert all(torch.isfinite(loss) for loss in losses)


def test_frames_of_other_moments_and_sizes_are_all_seen(seen):
    wide = Take(seen.freeze[:4, :20], replace(seen.freeze_cameras[:4], size=(48, 20)), (1, 1, 1, 1))
    views = views_of(replace(seen, others=(wide,)), narrow=True)
    assert [sorted(view.at) for view in views] == [list(range(FRAMES)), [1]]
    assert views[1].at[1] == [0, 1, 2, 3]
    assert views[1].camera(2).size == (48, 20)
    assert (views[1].share, views[1].targets.size) == (1.0, (48, 20))


def test_what_is_masked_has_no_say(seen):
    mask = torch.ones(32, 48, dtype=torch.bool)
    mask[:10] = False
    targets = Targets(seen.reference, mask=mask)
    drawn = torch.zeros(32, 48, 3, requires_grad=True)
    target = targets.get(0)
    (targets.counted(drawn, target) - target.image).abs().sum().backward()
    assert not bool(drawn.grad[:10].any())
    assert bool((drawn.grad[10:] != 0).any())


# --- What a person says ----------------------------------------------------------------------------------------------


def test_moments_are_read_from_names(tmp_path):
    assert frozen_at("a/b.mp4@20") == (Path("a/b.mp4"), 20)
    assert frozen_at("b.mp4") == (Path("b.mp4"), None)
    (tmp_path / "c.mp4@7").touch()
    assert frozen_at(str(tmp_path / "c.mp4@7"))[1] is None  # a file that is called so


def test_takes_are_named_in_what_is_wrong_with_them(fourreal, tmp_path):
    files = {}
    for name, frames in (("reference", observations().reference), ("freeze", observations().freeze)):
        files[name] = tmp_path / f"{name}.mp4"
        clip.write(Clip((frames * 255).round().byte().numpy(), 12.0), files[name])
    for more, says in (
        (["--reference", files["reference"], "--offset", 1, "--offset", 2], "2 --offset for 1"),
        (["--reference", files["reference"], "--offset", 50], "no moment in common"),
        (["--freeze", f"{files['freeze']}@99"], "there is no frame 99"),
        (["--freeze", files["freeze"]] * 11, "at most 10"),
        ([], "are the same video"),
    ):
        out = tmp_path / "run"
        start = ["reconstruct", "--reference", files["reference"], "--freeze", files["freeze"], "--out", out]
        code, _, err = fourreal(*(start if more else [*start[:4], files["reference"], *start[5:]]), *more)
        assert code == 2
        assert says in err
        assert not out.exists()


def test_a_scene_is_made_from_three_videos_and_tells_of_them(tmp_path):
    seen, side = observations(), arc(3, 60.0)[0]
    write = lambda frames, name: clip.write(Clip((frames * 255).round().byte().numpy(), 12.0), tmp_path / name)
    write(seen.reference, "reference.mp4")
    write(seen.freeze, "freeze.mp4")
    write(torch.cat([see(true_scene(time), side) for time in TIMES]), "side.mp4")
    fx, fy, cx, cy = seen.freeze_cameras.intrinsics.tolist()
    poses = lambda cameras: [{"w2c": pose.tolist()} for pose in cameras.world_to_camera]
    (tmp_path / "cameras.json").write_text(
        json.dumps(
            {
                "intrinsics": {"fx": fx, "fy": fy, "cx": cx, "cy": cy, "w": 48, "h": 32},
                "canonical_index": CANONICAL,
                "freeze_reference_index": seen.freeze_reference,
                "freeze": poses(seen.freeze_cameras),
                "reference": poses(seen.reference_camera),
                "more_references": [{"file": "side.mp4", **poses(side)[0]}],
            }
        )
    )
    preset = Preset("tiny", 48 * 32, 40, 32, STAGE_ONE, STAGE_TWO)
    request = Request(
        reference=tmp_path / "reference.mp4",
        freeze=tmp_path / "freeze.mp4",
        out=tmp_path / "run",
        cameras=tmp_path / "cameras.json",
        preset=preset,
        device="cpu",
        further=(Further("reference", tmp_path / "side.mp4"),),
    )
    reconstruct(request)
    (take,) = bundle.read_manifest(tmp_path / "run")["takes"]
    assert (take["role"], take["file"], take["frames"]) == ("reference", "side.mp4", FRAMES)
