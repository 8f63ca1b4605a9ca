"""One call, two engines: gsplat's kernels on CUDA, our own numba kernels on a CPU.

The CPU engine in order of work: `project` (Gaussians to ellipses), `tiles` (which ellipse touches which tile, sorted by
depth), `blend`, then back: `blend_backward`, `project_backward`. `simd` gives numba the vectors they compute with.
"""

from dataclasses import dataclass

from jaxtyping import Float, Integer
from torch import Tensor

from fourreal.splat.gaussians import Gaussians

EPS2D = 0.3  # square pixels by which every splat is widened on screen, as in 3DGS


@dataclass(frozen=True)
class Render:
    """What one camera sees.

    colour: (H, W, 3) RGB over the background.
    depth: (H, W) accumulated depth along z, world units: sum of weight * z, *not* divided by alpha.
    alpha: (H, W) accumulated opacity in [0, 1].
    radii: (N,) int32, the larger half extent of each splat on screen in pixels, 0 where it was culled.
    """

    colour: Float[Tensor, "H W 3"]
    depth: Float[Tensor, "H W"]
    alpha: Float[Tensor, "H W"]
    radii: Integer[Tensor, " N"]


def rasterize(
    gaussians: Gaussians,
    world_to_camera: Float[Tensor, "4 4"],
    intrinsics: Float[Tensor, "4"],
    size: tuple[int, int],
    background: Float[Tensor, "3"],
    screen_gradient: Float[Tensor, "N 2"] | None = None,
    eps2d: float = EPS2D,
) -> Render:
    """Draw `gaussians` as one pinhole camera sees them, differentiably.

    Gradients flow to the five float tensors that give `gaussians` shape and colour, and to `world_to_camera`. The same
    input gives the same bits on a CPU as long as the number of threads stays; CUDA sums gradients in any order.
    Gaussians that are not finite are culled on the CPU. The first call on a CPU compiles (see `cpu.warm_up`).

    Args:
        world_to_camera: (4, 4) rigid transform, OpenCV axes.
        intrinsics: (4,) fx, fy, cx, cy in pixels, pixel centres at +0.5. No gradient.
        size: (width, height) in pixels.
        background: (3,) RGB seen where alpha < 1. No gradient.
        screen_gradient: (N, 2) zeros with requires_grad: after the backward pass its .grad is the gradient of
            the loss with respect to the splats' projected centres, in pixels (what densification watches).
        eps2d: square pixels added to both variances on screen, so that no splat falls between pixels.

    Both engines share: near plane 0.2, alpha under 1/255 skipped and over 0.999 clamped, a ray ends where its
    transmittance falls to 1e-4.
    """
    if gaussians.means.is_cuda:
        from fourreal.splat.rasterize.cuda import rasterize_cuda as engine
    else:
        from fourreal.splat.rasterize.cpu import rasterize_cpu as engine
    return Render(*engine(gaussians, world_to_camera, intrinsics, size, background, screen_gradient, eps2d))
