"""Both stages on a tiny scene whose truth is known: they find it, and they go on after an interruption."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from devices import same
from fit_samples import (
    CANONICAL,
    FRAMES,
    MLP_STAGE_TWO,
    SHARED,
    SIZE,
    STAGE_ONE,
    STAGE_TWO,
    arc,
    observations,
    see,
    true_scene,
)

from fourreal.camera.align import pose_errors
from fourreal.errors import Cancelled, UserError
from fourreal.evaluate import metrics
from fourreal.fit import artifacts, loop
from fourreal.fit.canonical import Canonical, CanonicalStage
from fourreal.fit.initialize import initial_gaussians
from fourreal.fit.motion import MotionStage
from fourreal.fit.movers import find_movers, moving_window
from fourreal.fit.moving import Moving, still
from fourreal.fit.rigidity import Neighbours
from fourreal.fit.sweep import sweep
from fourreal.progress import CancelToken, ignore
from fourreal.splat.deform import bend
from fourreal.splat.gaussians import concatenate


@pytest.fixture(scope="module")
def seen(device):
    return observations().to(device)


@pytest.fixture(scope="module")
def canonical(seen) -> Canonical:
    stage = CanonicalStage(seen, replace(STAGE_ONE, steps=250), refine_poses=False, seed=0)
    loop.run(stage, None, ignore, CancelToken())
    return stage.result()


def psnr(ours, truth) -> float:
    """Of several views at once."""
    return metrics.psnr(ours.flatten(0, 1).cpu(), truth.flatten(0, 1).cpu())


def moved(seen, canonical, settings, seed=0) -> Moving:
    moving = still(canonical.gaussians, seen, settings, seed)
    for phase in settings.phases:
        stage = MotionStage(seen, moving, canonical, settings, phase, seed)
        loop.run(stage, None, ignore, CancelToken())
        moving = stage.result()
    return moving


def test_the_sweep_finds_the_wall_and_the_ball(seen):
    points = sweep(seen.freeze, seen.freeze_cameras).positions
    assert len(points) > 1000
    wall = (points[:, 2] - 0.8).abs() < 0.15
    ball = (points.norm(dim=1) - 0.12).abs() < 0.08
    assert float((wall | ball).float().mean()) > 0.8
    assert int(ball.sum()) > 50


def test_the_start_keeps_to_its_number_with_and_without_sparse_points(seen, device):
    points = torch.rand(5000, 3, generator=torch.Generator().manual_seed(0)).to(device)
    for observed in (seen, replace(seen, points=points, point_colors=points)):
        assert len(initial_gaussians(observed, 900, seed=0)) == 900


def test_stage_one_explains_views_it_never_saw(canonical):
    between = arc(6, 70.0)
    truth = see(true_scene(CANONICAL / (FRAMES - 1)), between)
    ours = see(canonical.gaussians, between)
    assert psnr(ours, truth) > 24.0
    assert psnr(ours, truth) > psnr(truth.roll(1, 0), truth) + 5


def test_movers_are_the_ball(seen, canonical):
    moves, core = find_movers(canonical.gaussians, seen)
    means = canonical.gaussians.means
    assert bool((means[core].norm(dim=1) < 0.3).all())
    assert not bool(moves[means[:, 2] > 0.6].any())
    assert int(core.sum()) > 20


def test_a_mover_is_known_by_where_it_shows_and_not_by_where_its_centre_is(seen, device):
    """The large splat in the middle of a ball shows between the small ones before it."""

    def scene(time: float):
        whole = true_scene(time).to(device)
        filling = whole[500:501].map(torch.clone)
        filling.means[:] = whole.means[500:].mean(dim=0)
        filling.scales[:] = math.log(0.08)
        whole.scales[500:] = math.log(0.012)
        return concatenate(whole, filling)

    times = torch.linspace(0, 1, FRAMES)
    reference = torch.cat([see(scene(time), seen.reference_camera) for time in times.tolist()])
    still_one = scene(float(times[CANONICAL]))
    moves, core = find_movers(still_one, replace(seen, reference=reference))
    assert bool(core[-1])
    assert not bool(moves[:500].any())


def test_a_reference_without_motion_is_said(seen, canonical):
    frozen = seen.reference[CANONICAL].expand_as(seen.reference)
    with pytest.raises(UserError, match="Nothing moves"):
        find_movers(canonical.gaussians, replace(seen, reference=frozen))
    assert moving_window(frozen, CANONICAL) == (0, 0, *SIZE)


@pytest.mark.parametrize(
    "settings", [STAGE_TWO, pytest.param(MLP_STAGE_TWO, marks=pytest.mark.slow)], ids=["bases", "mlp"]
)
def test_stage_two_finds_the_motion(seen, canonical, settings):
    phases = tuple(replace(p, steps=5 * p.steps if p.name == "field" else p.steps) for p in settings.phases)
    moving = moved(seen, canonical, replace(settings, phases=phases))
    side = arc(3, 40.0)
    ours, static = [], []
    for frame in (0, FRAMES - 1):
        truth = see(true_scene(frame / (FRAMES - 1)), side)
        with torch.no_grad():
            bent = bend(moving.gaussians, moving.field.offsets(moving.gaussians, frame))
        ours.append(psnr(see(bent, side), truth))
        static.append(psnr(see(canonical.gaussians, side), truth))
        # the background stays where it was, exactly
        still_ones = ~moving.gaussians.moves
        assert bool((bent.means[still_ones] == moving.gaussians.means[still_ones]).all())
    assert np.mean(ours) > np.mean(static) + 2.0


def test_frames_that_the_window_reaches_late_catch_up(seen, canonical):
    phase = replace(STAGE_TWO.phases[0], unfold=0.8)
    stage = MotionStage(seen, still(canonical.gaussians, seen, STAGE_TWO, 0), canonical, STAGE_TWO, phase, 0)
    for index in range(phase.steps):
        stage.step(index)
    visits = stage.draws.visits[stage.draws.frames]
    assert int(visits.sum()) == int(stage.draws.visits.sum()) == phase.steps
    assert int(visits.max()) < 2 * int(visits.min())  # 2.9 times were any that is open as likely as another


def test_growth_adds_gaussians_and_leaves_the_canonical_ones(seen, canonical):
    start = still(canonical.gaussians, seen, STAGE_TWO, 0)
    phase = STAGE_TWO.phases[1]
    stage = MotionStage(seen, start, canonical, STAGE_TWO, phase, 0)
    loop.run(stage, None, ignore, CancelToken())
    grown, before = stage.result().gaussians, start.gaussians
    assert len(before) < len(grown) <= phase.growth.budget
    for name in ("means", "quats", "scales", "opacities", "colors"):
        assert torch.equal(getattr(grown, name)[: len(before)], getattr(before, name))


def stages(seen, canonical):
    start = lambda: still(canonical.gaussians, seen, STAGE_TWO, 0)
    return {
        "canonical": lambda: CanonicalStage(seen, STAGE_ONE, refine_poses=True, seed=0),
        **{
            phase.name: lambda phase=phase: MotionStage(seen, start(), canonical, STAGE_TWO, phase, 0)
            for phase in STAGE_TWO.phases
        },
        "mlp": lambda: MotionStage(
            seen,
            still(canonical.gaussians, seen, MLP_STAGE_TWO, 0),
            canonical,
            MLP_STAGE_TWO,
            replace(MLP_STAGE_TWO.phases[0], steps=12),
            0,
        ),
    }


@pytest.mark.parametrize("name", ["canonical", "field", "growth", "joint", "mlp"])
def test_an_interrupted_stage_ends_where_the_uninterrupted_one_does(seen, canonical, name, tmp_path):
    make = stages(seen, canonical)[name]
    whole = make()
    loop.run(whole, None, ignore, CancelToken())
    checkpoint, runs = tmp_path / "checkpoint", 0
    while True:
        runs += 1
        stage, cancel = make(), CancelToken()
        steps_done = 0

        def counted(index, do=stage.step, cancel=cancel):
            nonlocal steps_done
            steps_done += 1
            if steps_done == 5:
                cancel.cancel()
            return do(index)

        stage.step = counted
        try:
            loop.run(stage, checkpoint, ignore, cancel)
            break
        except Cancelled:
            assert checkpoint.exists()
    assert runs == -(-whole.steps // 5)
    ended, wanted = stage.state(), whole.state()
    if seen.freeze.is_cuda:  # rounding decides now and then which Gaussian is split: rows differ, the picture does not
        assert set(ended) == set(wanted)
        wanted = {key: value for key, value in wanted.items() if key.endswith(".step") or key == "visits"}
        assert np.abs(stage.preview().astype(float) - whole.preview()).mean() < 2.0
    for key, value in wanted.items():
        torch.testing.assert_close(ended[key], value, rtol=1e-3, atol=1e-4, msg=lambda m, k=key: f"{k}: {m}")


def test_a_checkpoint_holds_no_neighbours_and_they_are_made_again(seen, canonical):
    make = stages(seen, canonical)["joint"]
    stage, again = make(), make()
    for index in range(stage.steps):
        if stage.neighbours is None:
            stage.step(index)
    shift = torch.randn(len(stage.splats), 3).to(seen.freeze)
    stage.splats.params["means"].data += 0.1 * shift  # they are of where these were before
    state = {k: v.clone() for k, v in stage.state().items()}
    assert [k for k in state if k.startswith("near")] == ["near.means"]
    again.restore(state)
    for ours, theirs in zip(again.neighbours, stage.neighbours, strict=True):
        assert torch.equal(ours, theirs)


def test_a_checkpoint_with_neighbours_in_it_still_loads(seen, canonical):
    stage, old = (stages(seen, canonical)["joint"]() for _ in range(2))
    near = Neighbours.of(stage.splats.params["means"] + torch.rand(len(stage.splats), 3).to(seen.freeze), 5)
    stage.restore(old.state() | {f"near.{k}": v for k, v in near._asdict().items()})
    assert torch.equal(stage.neighbours.edge, near.edge)
    old.restore({k: v.clone() for k, v in stage.state().items()})  # and so does the next one
    assert torch.equal(old.neighbours.index, near.index)


def test_neighbours_follow_when_rows_change_places_and_their_number_stays(seen, canonical):
    """As many are split as are removed; the split ones and what comes after them have other numbers."""
    growth = replace(STAGE_TWO.phases[1].growth, every=5, fraction=0.1, budget=len(canonical.gaussians))
    phase = replace(STAGE_TWO.phases[2], steps=20, videos="reference", growth=growth)
    stage = MotionStage(seen, still(canonical.gaussians, seen, STAGE_TWO, 0), canonical, STAGE_TWO, phase, 0)
    dead = 30
    stage.splats.params["opacities"].data[:dead] = -9.0
    before = len(stage.splats)
    for index in range(6):
        stage.step(index)
    means = stage.splats.params["means"].detach()
    assert len(stage.splats) == before
    near = stage.neighbours
    assert torch.equal(near.edge, stage.means_then[near.index] - stage.means_then[:, None])
    assert float((stage.means_then - means).norm(dim=1).max()) < 0.05  # a step, not another Gaussian


def test_a_torn_checkpoint_is_no_checkpoint(seen, tmp_path):
    checkpoint = tmp_path / "checkpoint"
    checkpoint.write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00torn")
    stage = CanonicalStage(seen, replace(STAGE_ONE, steps=2), refine_poses=False, seed=0)
    events = []
    loop.run(stage, checkpoint, events.append, CancelToken())
    assert events[-1].step == 2
    assert events[-1].preview.shape == (SIZE[1], SIZE[0], 3)
    assert {"loss", "psnr", "splats"} <= set(events[-1].values)


def test_a_full_disk_is_said(seen, tmp_path):
    (tmp_path / "file").write_text("in the way")
    cancel = CancelToken()
    cancel.cancel()
    stage = CanonicalStage(seen, STAGE_ONE, refine_poses=False, seed=0)
    with pytest.raises(UserError, match="Could not write"):
        loop.run(stage, tmp_path / "file" / "checkpoint", ignore, cancel)


def test_stages_hand_on_what_they_found(seen, canonical, tmp_path, device):
    stage = CanonicalStage(seen, STAGE_ONE, refine_poses=True, seed=0)
    loop.run(stage, None, ignore, CancelToken())
    result = stage.result()
    codec = artifacts.pack_canonical, artifacts.unpack_canonical
    again, _ = artifacts.cached(tmp_path / "canonical", lambda: (result, 1.0), *codec)
    read, seconds = artifacts.cached(tmp_path / "canonical", pytest.fail, *codec)
    assert again is result
    assert seconds == 1.0
    read = read.to(device)
    assert torch.equal(read.gaussians.means, result.gaussians.means)
    assert torch.equal(read.cameras.world_to_camera, result.cameras.world_to_camera)
    image = torch.full((2, 2, 3), 0.5, device=device)
    assert torch.equal(read.exposure(image, 0), result.exposure(image, 0))
    offsets = zip(read.field.offsets(read.gaussians, 1), result.field.offsets(result.gaussians, 1), strict=True)
    assert all(same(a, b) for a, b in offsets)


def test_exposure_is_found_again(seen, device):
    tint = 1 + 0.15 * torch.sin(torch.arange(len(seen.freeze)) * 2.0)
    tint[SHARED] = 1.0
    tinted = replace(seen, freeze=(seen.freeze * tint[:, None, None, None].to(device)).clamp(0, 1))
    settings = replace(STAGE_ONE, steps=300, deformation="none", exposure_rate=5e-3)
    stage = CanonicalStage(tinted, settings, refine_poses=False, seed=0)
    loop.run(stage, None, ignore, CancelToken())
    grey = torch.full((1, 1, 3), 0.5, device=device)
    assert float(stage.exposure(grey, SHARED).mean()) == 0.5
    brightness = [float(stage.exposure(grey, i).detach().mean()) for i in range(len(tint))]
    assert np.corrcoef(brightness, tint.numpy())[0, 1] > 0.95


def test_crooked_poses_are_straightened(seen):
    crooked = seen.freeze_cameras.world_to_camera.clone()
    crooked[:, 0, 3] += 0.02 * torch.cos(torch.arange(len(crooked)) * 3.0).to(crooked)
    crooked[SHARED] = seen.freeze_cameras.world_to_camera[SHARED]
    given = replace(seen.freeze_cameras, world_to_camera=crooked)
    settings = replace(STAGE_ONE, steps=500, deformation="none", exposure_rate=0.0, pose_rate=2e-3)
    stage = CanonicalStage(replace(seen, freeze_cameras=given), settings, refine_poses=True, seed=0)
    loop.run(stage, None, ignore, CancelToken())
    refined = stage.result().cameras
    assert torch.equal(refined.world_to_camera[SHARED], seen.freeze_cameras.world_to_camera[SHARED])
    before, after = (pose_errors(c, seen.freeze_cameras)[1].median() for c in (given, refined))
    assert float(after) < 0.6 * float(before)
