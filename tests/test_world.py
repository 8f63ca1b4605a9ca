"""The procedural world: exact, the same for a seed, and readable as a ground-truth scene."""

from dataclasses import replace

import pytest
import torch

from fourreal.camera.trajectory import Path
from fourreal.evaluate import ground_truth
from fourreal.evaluate.metrics import psnr
from research.world import raycast_cpu, raycast_torch
from research.world.raycast_torch import chords
from research.world.solids import Solids
from research.world.world import CONTEXTS, DYNAMIC, FROZEN, Texture, cameras_at, shot, without_motion
from research.world.worlds import caption, make_world, other_motion, other_shape
from research.world_files import held_out, write_scene

SIZE = (64, 36)


def solid(kind: int, half: list[float]) -> Solids:
    """One solid at the origin, unturned."""
    plain = torch.zeros(3, 2, 3)
    return Solids(
        torch.tensor([kind]),
        torch.tensor([half]),
        torch.eye(3)[None, None],
        torch.zeros(1, 1, 3),
        plain,
        plain,
        torch.zeros(3),
        torch.zeros(1),
    )


@pytest.mark.parametrize(
    ("kind", "inside"),
    [
        (0, lambda x: x.square().sum(-1) <= 1),
        (1, lambda x: x.abs().amax(-1) <= 1),
        (2, lambda x: (x[..., :2].square().sum(-1) <= 1) & (x[..., 2].abs() <= 1)),
    ],
    ids=["ball", "box", "drum"],
)
def test_a_chord_is_what_lies_inside_the_solid(kind, inside):
    """Against membership of dense samples along random rays, which knows nothing of the formulas."""
    g = torch.Generator().manual_seed(kind)
    half = [0.5, 0.8, 0.3]
    origin = 2 * torch.nn.functional.normalize(torch.randn(1, 400, 3, generator=g), dim=-1)
    direction = -origin + 0.8 * torch.randn(1, 400, 3, generator=g)
    enter, leave = (x[0, 0] for x in chords(solid(kind, half), origin, direction))
    t = torch.linspace(0, 8, 16001)
    within = inside((origin[0, :, None] + t[:, None] * direction[0, :, None]) / torch.tensor(half))
    length = within.float().sum(1) * (t[1] - t[0])
    expected = (leave - enter.clamp(min=0)).clamp(min=0)
    assert 50 < int((expected > 0).sum()) < 400
    torch.testing.assert_close(length, expected, atol=2e-3, rtol=0)


def test_a_seed_is_a_world_and_another_seed_another():
    assert make_world(3) == make_world(3)
    one, same, other = (make_world(n).view(shot(make_world(n), DYNAMIC, 2, SIZE)).colour for n in (3, 3, 4))
    assert torch.equal(one, same)
    assert psnr(other.flatten(0, 1), one.flatten(0, 1)) < 20


def test_more_rays_a_pixel_change_only_the_edges():
    world = make_world(1)
    path = shot(world, FROZEN, 3, SIZE)
    coarse, fine = world.view(path, 2).colour, world.view(path, 4).colour
    assert psnr(coarse.flatten(0, 1), fine.flatten(0, 1)) > 28
    assert float((coarse - fine).abs().median()) < 0.01


def test_a_point_is_seen_in_the_same_place_from_everywhere():
    """Depth and cameras agree: the surface one camera sees, brought into another, is at the depth seen there."""
    world = make_world(2)
    path = shot(world, FROZEN, 2, (128, 72), arc=20)
    seen = world.view(path, 1)
    width, height = path.cameras.size
    fx, fy, cx, cy = path.cameras.intrinsics
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    rays = torch.stack([(x - cx) / fx, (y - cy) / fy, torch.ones_like(x)], -1)
    a, b = path.cameras.camera_to_world[0], path.cameras.world_to_camera[1]
    points = (rays * seen.depth[0][..., None]) @ a[:3, :3].T + a[:3, 3]
    there = points @ b[:3, :3].T + b[:3, 3]
    u, v = (fx * there[..., 0] / there[..., 2] + cx).long(), (fy * there[..., 1] / there[..., 2] + cy).long()
    inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
    depth = seen.depth[1][v[inside], u[inside]]
    close = ((depth - there[..., 2][inside]) / depth).abs() < 0.05
    assert float(inside.float().mean()) > 0.7
    assert float(close.float().mean()) > 0.85  # the rest is hidden behind something


def test_something_moves_in_one_kind_of_video_and_the_camera_in_the_other():
    for seed in range(8):
        world = make_world(seed)
        moving, frozen = (shot(world, context, 6, SIZE) for context in CONTEXTS)
        assert float((moving.cameras.centres - moving.cameras.centres[0]).abs().max()) == 0
        assert float((frozen.cameras.centres - frozen.cameras.centres[0]).norm(dim=1).max()) > 3
        assert len(set(frozen.times.tolist())) == 1
        seen = world.view(moving)
        assert 0.01 < float(seen.moving.mean()) < 0.4
        changed = (seen.colour - seen.colour[0]).abs().mean(-1).amax(0) > 0.05
        assert 0.005 < float(changed.float().mean()) < 0.6
        stopped = without_motion(world).view(moving).colour
        torch.testing.assert_close(stopped[0], stopped[-1], atol=1e-4, rtol=0)


def test_drawn_shots_differ_and_stay_above_the_floor():
    world = make_world(5)
    shots = [shot(world, FROZEN, 4, SIZE, seed=n) for n in range(6)]
    assert len({float(path.times[0]) for path in shots}) == 6
    assert all(float(path.cameras.centres[:, 2].min()) > 0.3 for path in shots)


def test_decoys_agree_with_the_world_when_they_are_meant_to():
    for seed in range(4):
        world = make_world(seed)
        times = torch.tensor([world.still, (world.still + 0.5) % 1])
        at = Path(cameras_at(torch.tensor([world.azimuth] * 2), SIZE), times)
        true, moved, shaped = (w.view(at).colour for w in (world, other_motion(world, 1), other_shape(world, 1)))
        torch.testing.assert_close(moved[0], true[0], atol=1e-4, rtol=0)
        assert psnr(moved[1], true[1]) < 35
        assert psnr(shaped[0], true[0]) < 35


def test_a_shadow_falls_beside_what_hides_the_light():
    world = make_world(2)
    grey = Texture(((0.5,) * 3, (0.5,) * 3), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 1.0)
    world = replace(world, floor=grey)
    path = shot(world, DYNAMIC, 1, SIZE)
    floor = lambda w: w.view(path).colour[0, -12:].mean(-1)
    lit = floor(replace(world, actors=world.actors[len(world.movers) :]))
    assert float((lit - floor(world)).max()) > 0.1


def test_captions_name_what_is_there():
    world = make_world(0)
    mover = world.movers[0]
    assert caption(world) == f"a {mover.colour} {mover.name} {mover.does} on a wooden floor"
    assert mover.does not in caption(world, FROZEN)
    assert len({caption(world, DYNAMIC, seed) for seed in range(12)}) > 3
    assert " and " in caption(make_world(1, movers=2))


def test_a_world_is_written_as_a_scene_that_can_be_scored(tmp_path):
    world = make_world(6)
    truth = ground_truth.read(write_scene(world, tmp_path / "scene", size=SIZE, frames=12, freeze_frames=9, views=4))
    cameras = truth.cameras.for_clips(truth.freeze.size, 9, 12)
    assert len(truth.views) == 8
    shared = truth.freeze.frames[cameras.freeze_reference_index].astype(float)
    frozen = truth.reference.frames[cameras.canonical_index].astype(float)
    assert abs(shared - frozen).mean() < 3
    pose = cameras.freeze.world_to_camera[cameras.freeze_reference_index]
    torch.testing.assert_close(pose, cameras.reference.world_to_camera[0])
    hidden, _ = held_out(world, 12, SIZE, 4)
    exact = world.view(hidden, 3).colour[1].clamp(0, 1)
    torch.testing.assert_close(truth.views[1].colours(), exact, atol=0.003, rtol=0)
    assert all(0 < float(view.moving().mean()) < 0.5 for view in truth.views)


def test_the_compiled_caster_sees_what_the_one_in_torch_sees():
    for seed in range(3):
        world = make_world(seed, movers=1 + seed % 2)
        path = shot(world, FROZEN, 3, SIZE, seed=1)
        light = torch.nn.functional.normalize(torch.tensor(world.light), dim=0)
        solids = world.solids(path.times)
        ours, rule = (engine.cast(solids, path.cameras, light, 2) for engine in (raycast_cpu, raycast_torch))
        # a ray that grazes an edge may fall on either side of it
        assert float((ours.colour - rule.colour).abs().mean()) < 1e-4
        assert float(((ours.colour - rule.colour).abs() > 1e-3).float().mean()) < 1e-3
        assert float((ours.moving - rule.moving).abs().mean()) < 1e-4
        assert float((ours.depth - rule.depth).abs().median()) < 1e-4
