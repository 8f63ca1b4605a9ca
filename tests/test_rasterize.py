"""Both engines against a dense float64 compositor, and what callers rely on beyond the numbers."""

import contextlib
import math
import os
import signal
import stat
import threading
import warnings
from dataclasses import replace

import pytest
import torch
from dense_compositor import dense_rasterize
from devices import same
from job_samples import until

from fourreal.splat.gaussians import Gaussians
from fourreal.splat.rasterize import rasterize
from fourreal.splat.rasterize.kernels import private_folder
from fourreal.splat.rasterize.threads import set_thread_count, thread_count

NAMES = ("means", "quats", "scales", "opacities", "colors", "world_to_camera", "screen_gradient")
# How far an engine may be from the judge: most pixels, every pixel by brightness, and gradients. gsplat's exp is rough.
CLOSE = {"cpu": (3e-4, 0.02, 2e-3), "cuda": (1e-3, 0.05, 1e-2)}


def make_scene(count=150, size=(45, 29), seed=0, spread=1.6, opacity=1.5):
    """Random splats in front of a turned camera, some beyond the border; sizes not a multiple of any tile."""
    g = torch.Generator().manual_seed(seed)
    width, height = size
    focal = 0.9 * width
    depth = 2 + 4 * torch.rand(count, generator=g)
    u = (1.3 * torch.rand(count, generator=g) - 0.15) * width
    v = (1.3 * torch.rand(count, generator=g) - 0.15) * height
    points = torch.stack([(u - width / 2) / focal * depth, (v - height / 2) / focal * depth, depth], -1)
    angle = 0.3
    pose = torch.eye(4)
    pose[0, 0] = pose[2, 2] = math.cos(angle)
    pose[0, 2], pose[2, 0] = math.sin(angle), -math.sin(angle)
    pose[:3, 3] = torch.tensor([0.1, -0.05, 0.2])
    pixels = spread * math.sqrt(width * height / max(count, 1))
    gaussians = Gaussians.static(
        (points - pose[:3, 3]) @ pose[:3, :3],
        torch.randn(count, 4, generator=g) * 3,
        (pixels * depth / focal)[:, None].log() + 0.5 * torch.randn(count, 3, generator=g),
        opacity * torch.randn(count, generator=g),
        torch.rand(count, 3, generator=g),
    )
    intrinsics = torch.tensor([focal, 1.1 * focal, width / 2 + 1.3, height / 2 - 0.7])
    return gaussians, pose, intrinsics, size, torch.tensor([0.2, 0.5, 0.1])


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


def leaves(scene):
    """The scene with tensors that ask for gradients, and those tensors in the order of NAMES."""
    gaussians, pose, intrinsics, size, background = scene
    inputs = {name: getattr(gaussians, name).clone().requires_grad_() for name in NAMES[:5]}
    inputs["world_to_camera"] = pose.clone().requires_grad_()
    inputs["screen_gradient"] = torch.zeros(len(gaussians), 2, device=pose.device, requires_grad=True)
    gaussians = replace(gaussians, **{name: inputs[name] for name in NAMES[:5]})
    return (gaussians, inputs["world_to_camera"], intrinsics, size, background, inputs["screen_gradient"]), inputs


def loss_of(colour, depth, alpha, seed=7):
    """A fixed random weighing of every output."""
    g = torch.Generator().manual_seed(seed)
    weights = [torch.rand(x.shape, generator=g).to(x) for x in (colour, depth, alpha)]
    return sum((w * x).sum() for w, x in zip(weights, (colour, depth, alpha), strict=True))


def outputs(render):
    return render.colour, render.depth, render.alpha


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
    "asked", [("means",), ("colors",), ("world_to_camera",), ("screen_gradient",), ("opacities", "quats")]
)
def test_gradients_of_some_inputs_only(asked, device):
    scene = on(device, make_scene())
    arguments, everything = leaves(scene)
    loss_of(*outputs(rasterize(*arguments))).backward()
    arguments, inputs = leaves(scene)
    for name in NAMES:
        inputs[name].requires_grad_(name in asked)
    loss_of(*outputs(rasterize(*arguments))).backward()
    for name in NAMES:
        if name in asked:
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


@pytest.fixture
def two_threads():
    before = thread_count()
    set_thread_count(2)
    yield
    set_thread_count(before)


def test_a_forked_child_draws_what_its_parent_does(two_threads):
    """Threads stay behind in a fork, so a child needs its own."""
    arguments = make_scene()
    wanted = rasterize(*arguments).colour
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # later Pythons warn of any fork beside threads
        child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            same = torch.equal(rasterize(*arguments).colour, wanted) and thread_count() == 2
            os._exit(0 if same else 2)
        os._exit(3)
    try:
        end = until(lambda: (end := os.waitpid(child, os.WNOHANG))[0] and end, "drawing in the child", 60)
    except AssertionError:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    assert os.waitstatus_to_exitcode(end[1]) == 0


def test_compiled_code_is_kept_only_where_nobody_else_can_put_any(tmp_path, monkeypatch):
    """Whoever writes into numba's cache runs code in our processes."""
    fine, open_to_all, linked = tmp_path / "deep" / "fine", tmp_path / "open", tmp_path / "linked"
    assert private_folder([fine], "x") == fine / "x"
    assert stat.S_IMODE((fine / "x").stat().st_mode) == 0o700
    (fine / "x").chmod(0o777)  # as an older version may have made it, under another umask
    assert private_folder([fine], "x") == fine / "x"
    assert stat.S_IMODE((fine / "x").stat().st_mode) == 0o700
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    linked.symlink_to(fine)
    assert private_folder([open_to_all, linked], "x") is None
    open_to_all.chmod(0o1777)  # like /tmp itself
    (open_to_all / "y").symlink_to(fine)
    assert private_folder([open_to_all], "x") == open_to_all / "x"
    assert private_folder([open_to_all, fine], "y") == fine / "y"
    (tmp_path / "file").touch()
    somebody_else = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: somebody_else)
    assert private_folder([fine, open_to_all, tmp_path / "file", tmp_path / "file" / "in"], "x") is None


def test_two_threads_at_once():
    arguments, _ = leaves(make_scene())
    wanted = rasterize(*arguments).colour.detach()
    failures = []

    def work():
        for _ in range(20):
            arguments, _ = leaves(make_scene())
            render = rasterize(*arguments)
            loss_of(*outputs(render)).backward()
            if not torch.equal(render.colour.detach(), wanted):
                failures.append("another image")

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=300)
        assert not thread.is_alive()
    assert not failures


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
    kept = rasterize(scene[0][3:], *scene[1:])
    assert not render.radii[:3].any()
    assert torch.equal(render.colour, kept.colour)
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
