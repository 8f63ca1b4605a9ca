"""The judge of both engines: every splat on every pixel, float64, plain torch, gradients by autograd."""

import torch

from fourreal.splat.gaussians import Gaussians


def rotation_matrices(quats):
    """(N, 4) wxyz of any norm to (N, 3, 3)."""
    w, x, y, z = (quats / quats.norm(dim=-1, keepdim=True)).unbind(-1)
    rows = [
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], -1),
        torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], -1),
        torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], -1),
    ]
    return torch.stack(rows, -2)


def project(gaussians: Gaussians, world_to_camera, intrinsics, size, eps2d=0.3):
    """Centres in pixels (N, 2), covariances on screen (N, 2, 2), depths (N,)."""
    turn, shift = world_to_camera[:3, :3], world_to_camera[:3, 3]
    points = gaussians.means @ turn.T + shift
    x, y, z = points.unbind(-1)
    fx, fy, cx, cy = intrinsics
    bounds = []
    for length, focal, centre in ((size[0], fx, cx), (size[1], fy, cy)):
        margin = 0.3 * 0.5 * length / focal
        bounds.append((-centre / focal - margin, (length - centre) / focal + margin))
    ratio_x, ratio_y = (x / z).clamp(*bounds[0]), (y / z).clamp(*bounds[1])
    zero = torch.zeros_like(z)
    jacobian = torch.stack(
        [torch.stack([fx / z, zero, -fx * ratio_x / z], -1), torch.stack([zero, fy / z, -fy * ratio_y / z], -1)], -2
    )
    spread = jacobian @ turn @ rotation_matrices(gaussians.quats) * gaussians.scales.exp()[:, None]
    covariance = spread @ spread.mT + eps2d * torch.eye(2, dtype=z.dtype)
    return torch.stack([fx * x / z + cx, fy * y / z + cy], -1), covariance, z


def dense_rasterize(
    gaussians: Gaussians, world_to_camera, intrinsics, size, background, screen_gradient=None, eps2d=0.3
):
    """Colour (H, W, 3), accumulated depth (H, W), alpha (H, W), all float64."""
    width, height = size
    pose, intrinsics = world_to_camera.double(), intrinsics.double()
    gaussians = gaussians.map(lambda x: x.double() if x.is_floating_point() else x)
    depth_now = (gaussians.means @ pose[2, :3] + pose[2, 3]).detach()
    order = torch.argsort(depth_now)
    order = order[depth_now[order] >= 0.2]
    gaussians = gaussians[order]
    centres, covariance, depths = project(gaussians, pose, intrinsics, size, eps2d)
    if screen_gradient is not None:
        centres = centres + screen_gradient.double()[order]
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    pixels = torch.stack([columns, rows], -1).double()
    through = torch.ones(height, width, dtype=torch.float64)
    done = torch.zeros(height, width, dtype=torch.bool)
    image = torch.zeros(height, width, 4, dtype=torch.float64)
    features = torch.cat([gaussians.colors, depths[:, None]], -1)
    for n in range(len(order)):
        away = pixels - centres[n]
        exponent = -0.5 * ((away @ torch.linalg.inv(covariance[n])) * away).sum(-1)
        alpha = (torch.sigmoid(gaussians.opacities[n]) * exponent.exp()).clamp(max=0.999)
        alpha = torch.where((alpha >= 1 / 255) & ~done, alpha, 0.0)
        done = done | (through * (1 - alpha) <= 1e-4)
        alpha = torch.where(done, 0.0, alpha)
        image = image + (alpha * through)[..., None] * features[n]
        through = through * (1 - alpha)
    return image[..., :3] + through[..., None] * background.double(), image[..., 3], 1 - through
