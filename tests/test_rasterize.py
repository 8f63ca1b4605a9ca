"""Both engines against a dense float64 compositor, and what callers rely on beyond the numbers."""

import math
from dataclasses import replace

import pytest
import torch
from dense_compositor import dense_rasterize
from devices import same
from rasterize_samples import NAMES, leaves, loss_of, make_scene, outputs

from fourreal.splat.rasterize import rasterize

# How far an engine may be from the judge: most pixels, every pixel by brightness, and gradients. gsplat's exp is rough.
CLOSE = {"cpu": (3e-4, 0.02, 2e-3), "cuda": (1e-3, 0.05, 1e-2)}


def place(**changes):
    """The random scene with its first splats replaced, so that they are seen among others."""
    gaussians, *rest = make_scene()
    for name, values in changes.items():
        tensor = getattr(gaussians, name).clone()
        tensor[: len(values)] = torch.as_tensor(values, dtype=tensor.dtype)
        gaussians = replace(gaussians, **{name: tensor})
    return gaussians, *rest


def behind_and_beside():
    """Behind the camera, just before and beyond the near plane, far outside the frustum."""
    gaussians, pose, *rest = make_scene()
    points = torch.tensor([[0, 0, -2.0], [0, 0, 0.005], [0.003, 0, 0.02], [30, 0, 2.0], [0, -9, 1.0], [2.0, 0, 1.5]])
    gaussians.means[: len(points)] = (points - pose[:3, 3]) @ pose[:3, :3]
    return gaussians, pose, *rest


SCENES = {
    "random": make_scene,
    "single pixel column": lambda: make_scene(40, (1, 37)),
    "many tiles": lambda: make_scene(300, (67, 50), seed=3, spread=1.0),
    "exact tiles": lambda: make_scene(60, (32, 16), seed=4),
    "opaque": lambda: make_scene(400, seed=5, spread=2.5, opacity=8.0),
    "behind and beside": behind_and_beside,
    "huge": lambda: place(scales=[[3.0, 2.5, 2.0], [5.0, -4.0, -4.0]]),
    "tiny": lambda: place(scales=[[-20.0] * 3, [-30.0] * 3, [-9.0, -9.0, 0.5]]),
    "needles": lambda: (needles(), *make_scene(80, seed=6)[1:]),
    "opacity saturated": lambda: place(opacities=[30.0, 12.0, -30.0, -5.6, 100.0, -100.0]),
    "empty": lambda: make_scene(0),
}


def needles():
    gaussians = make_scene(80, seed=6, spread=0.6)[0]
    return replace(gaussians, scales=gaussians.scales + torch.tensor([1.5, -1.5, -1.5]))


def on(device, scene):
    """The scene with its tensors there."""
    gaussians, *rest = scene
    return gaussians.to(device), *(x.to(device) if isinstance(x, torch.Tensor) else x for x in rest)


def relative(a, b):
    """Of two tensors, wherever each is."""
    a, b = a.cpu(), b.cpu()
    return ((a.double() - b.double()).norm() / b.double().norm().clamp_min(1e-9)).item()


@pytest.mark.parametrize("name", SCENES)
def test_image_and_gradients_equal_the_dense_compositor(name, device):
    scene, (most, every, gradient) = SCENES[name](), CLOSE[device]
    arguments, ours = leaves(on(device, scene))
    render = rasterize(*arguments)
    loss_of(*outputs(render)).backward()
    arguments, theirs = leaves(scene)
    wanted = dense_rasterize(*arguments)
    for mine, yours in zip(outputs(render), wanted, strict=True):
        error = (mine.cpu().double() - yours).abs().flatten()
        assert error.quantile(0.999) < most  # a pixel on the edge of a threshold may fall on either side
        assert error.max() < every * max(1.0, yours.abs().max())
    if not len(scene[0]):
        return
    loss_of(*wanted).backward()
    for key in NAMES:
        assert relative(ours[key].grad, theirs[key].grad) < gradient, key


@pytest.mark.parametrize("eps2d", [0.05, 1.0])
def test_splats_are_widened_by_what_is_asked(eps2d, device):
    scene, (most, _, gradient) = make_scene(60, (37, 29), seed=5), CLOSE[device]
    arguments, ours = leaves(on(device, scene))
    render = rasterize(*arguments, eps2d=eps2d)
    loss_of(*outputs(render)).backward()
    arguments, theirs = leaves(scene)
    wanted = dense_rasterize(*arguments, eps2d=eps2d)
    loss_of(*wanted).backward()
    assert (render.colour.cpu().double() - wanted[0]).abs().flatten().quantile(0.999) < most
    for key in NAMES:
        assert relative(ours[key].grad, theirs[key].grad) < gradient, key


def test_gradients_equal_finite_differences(device):
    """Log-scales, logit-opacities and the pose, through the float64 judge's own forward pass."""
    scene = make_scene(12, (24, 17), seed=2, spread=1.2, opacity=0.3)
    arguments, inputs = leaves(on(device, scene))
    loss_of(*outputs(rasterize(*arguments))).backward()
    for key in ("scales", "opacities", "world_to_camera"):
        arguments, probe = leaves(scene)
        direction = torch.randn(probe[key].shape, generator=torch.Generator().manual_seed(1)).double()
        if key == "world_to_camera":
            direction[3] = 0
        values = []
        for sign in (1, -1):
            moved = probe[key].detach().double() + sign * 1e-6 * direction
            gaussians, pose, *rest = arguments
            pose = moved if key == "world_to_camera" else pose
            gaussians = replace(gaussians.detach(), **({} if key == "world_to_camera" else {key: moved}))
            values.append(loss_of(*dense_rasterize(gaussians, pose.detach(), *rest[:-1])))
        slope = ((values[0] - values[1]) / 2e-6).item()
        assert (inputs[key].grad.cpu().double() * direction).sum().item() == pytest.approx(slope, rel=CLOSE[device][2])


def test_radii_say_what_is_seen(device):
    radii = rasterize(*on(device, behind_and_beside())).radii
    assert radii.dtype == torch.int32
    assert radii[:2].tolist() == [0, 0]
    assert radii[3:5].tolist() == [0, 0]
    assert (radii > 0).sum() > 50


def test_background_where_nothing_is(device):
    scene = on(device, make_scene(0, (19, 7)))
    render = rasterize(*scene)
    assert torch.equal(render.colour, scene[-1].expand(7, 19, 3))
    assert not render.alpha.any()
    assert not render.depth.any()
    assert render.radii.shape == (0,)


@pytest.mark.parametrize(
    "wanted", [("means",), ("colors",), ("world_to_camera",), ("screen_gradient",), ("opacities", "quats")]
)
def test_gradients_of_some_inputs_only(wanted, device):
    scene = on(device, make_scene())
    arguments, everything = leaves(scene)
    loss_of(*outputs(rasterize(*arguments))).backward()
    arguments, inputs = leaves(scene)
    for name in NAMES:
        inputs[name].requires_grad_(name in wanted)
    loss_of(*outputs(rasterize(*arguments))).backward()
    for name in NAMES:
        if name in wanted:
            assert same(inputs[name].grad, everything[name].grad)
        else:
            assert inputs[name].grad is None


def test_without_gradients_nothing_is_recorded(device):
    scene = on(device, make_scene())
    assert not rasterize(*scene).colour.requires_grad
    with torch.no_grad():
        arguments, _ = leaves(scene)
        assert not rasterize(*arguments).colour.requires_grad


@pytest.mark.parametrize("used", [0, 1, 2])
def test_backward_of_one_output_alone(used, device):
    arguments, ours = leaves(on(device, make_scene()))
    (outputs(rasterize(*arguments))[used] ** 2).sum().backward()
    arguments, theirs = leaves(make_scene())
    (dense_rasterize(*arguments)[used] ** 2).sum().backward()
    for name in NAMES:
        wanted = theirs[name].grad if theirs[name].grad is not None else torch.zeros_like(theirs[name])
        assert relative(ours[name].grad, wanted) < CLOSE[device][2]


def test_gradients_of_several_views_add_up(device):
    def views(arguments):
        gaussians, pose, *rest = arguments
        other = torch.eye(4).to(pose)
        other[0, 3] = 0.2
        return [(gaussians, pose, *rest), (gaussians, other @ pose, *rest)]

    arguments, together = leaves(on(device, make_scene()))
    sum(loss_of(*outputs(rasterize(*view))) for view in views(arguments)).backward()
    arguments, apart = leaves(on(device, make_scene()))
    for view in views(arguments):
        loss_of(*outputs(rasterize(*view))).backward()
    for name in NAMES:
        atol = 1e-5 if device == "cpu" else 1e-5 * float(apart[name].grad.abs().max() + 1)  # sums in any order
        torch.testing.assert_close(together[name].grad, apart[name].grad, rtol=1e-5, atol=atol)


def test_the_same_input_gives_the_same_bits():
    results = []
    for _ in range(3):
        arguments, inputs = leaves(make_scene(2000, (160, 90), seed=8))
        render = rasterize(*arguments)
        loss_of(*outputs(render)).backward()
        results.append([*outputs(render), *(inputs[name].grad for name in NAMES)])
    for again in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], again, strict=True))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e30])
@pytest.mark.parametrize("name", ["means", "quats", "scales", "opacities"])
def test_broken_gaussians_are_culled_and_the_rest_stays(name, bad):
    if name == "opacities" and bad > 0:
        pytest.skip("an infinite logit is an opacity of 1")
    if name == "scales" and bad == -math.inf:
        pytest.skip("a scale of 0 is a point, and drawn as one")
    scene = make_scene()
    arguments, inputs = leaves(place(**{name: torch.full_like(getattr(scene[0], name)[:3], bad)}))
    render = rasterize(*arguments)
    loss_of(*outputs(render)).backward()
    rest = rasterize(scene[0][3:], *scene[1:])
    assert not render.radii[:3].any()
    assert torch.equal(render.colour, rest.colour)
    assert all(not inputs[key].grad[:3].any() for key in NAMES[:5])
    assert all(torch.isfinite(inputs[key].grad).all() for key in NAMES)


def test_tensors_of_any_layout_are_taken(device):
    gaussians, pose, *rest = on(device, make_scene())
    turned = replace(gaussians, means=gaussians.means.T.contiguous().T, colors=gaussians.colors.flip(0).flip(0))
    assert same(rasterize(turned, pose.T.contiguous().T, *rest).colour, rasterize(gaussians, pose, *rest).colour)


@pytest.mark.cuda
def test_both_engines_agree():
    scene = make_scene(5000, (177, 99), seed=9)
    arguments, ours = leaves(scene)
    cpu = rasterize(*arguments)
    loss_of(*outputs(cpu)).backward()
    arguments, theirs = leaves(on("cuda", scene))
    cuda = rasterize(*arguments)
    loss_of(*outputs(cuda)).backward()
    for mine, yours in zip(outputs(cpu), outputs(cuda), strict=True):
        assert (mine - yours.cpu()).abs().flatten().quantile(0.999) < 1e-3
    assert ((cpu.radii > 0) != (cuda.radii.cpu() > 0)).sum() <= 2
    for name in NAMES:
        assert relative(theirs[name].grad.cpu(), ours[name].grad) < 1e-2, name
