"""Random splats before a camera, and what tests of the rasterizer do with pictures of them."""

import math
from dataclasses import replace

import torch

from fourreal.splat.gaussians import Gaussians

NAMES = ("means", "quats", "scales", "opacities", "colors", "world_to_camera", "screen_gradient")


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
