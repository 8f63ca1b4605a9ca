"""How fast the CPU rasterizer is: forward + backward against a tile compositor in plain torch, and against a peer.

    python -m benchmarks.rasterizer [--sizes S M L] [--threads 2] [--runs 15] [--clock wall] [--peer FILE]

FILE is a Python file that offers `render(means, quats, scales, opacities, colors, world_to_camera, K, width, height,
background, screen_gradient) -> colour, depth, alpha` with activated scales and opacities. All contestants take turns in
one process, so that whatever else the machine does hits them alike; ratios mean more than milliseconds.
"""

import argparse
import importlib
import math
import sys
import time
from pathlib import Path
from statistics import median

import numba
import torch

from fourreal.camera.cameras import intrinsic_matrix
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.quaternion import normalize, to_matrix
from fourreal.splat.rasterize import rasterize
from fourreal.splat.rasterize.cpu import warm_up
from fourreal.splat.rasterize.threads import set_thread_count, thread_count
from fourreal.splat.rasterize.tiles import TILE_WIDTH

SIZES = {"S": (10_000, 128, 72), "M": (20_000, 256, 144), "L": (100_000, 512, 288)}
BACKGROUND = torch.tensor([0.2, 0.5, 0.1])
TILE = 16
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def make_scene(count: int, width: int, height: int, opaque: bool = False, seed: int = 0):
    """Splats of about 1.5 times their spacing on screen, random opacities, seen by a turned camera.

    opaque: smaller and mostly opaque ones instead, as a fit to photographs tends to leave them.
    """
    g = torch.Generator().manual_seed(seed)
    focal = 0.9 * width
    depth = 2 + 4 * torch.rand(count, generator=g)
    u = (1.1 * torch.rand(count, generator=g) - 0.05) * width
    v = (1.1 * torch.rand(count, generator=g) - 0.05) * height
    points = torch.stack([(u - width / 2) / focal * depth, (v - height / 2) / focal * depth, depth], -1)
    pose = torch.eye(4)
    pose[0, 0] = pose[2, 2] = math.cos(0.3)
    pose[0, 2], pose[2, 0] = math.sin(0.3), -math.sin(0.3)
    pose[:3, 3] = torch.tensor([0.1, -0.05, 0.2])
    spacing = (0.8 if opaque else 1.5) * math.sqrt(width * height / count)
    gaussians = Gaussians.static(
        (points - pose[:3, 3]) @ pose[:3, :3],
        torch.randn(count, 4, generator=g),
        (spacing * depth / focal).log()[:, None] + 0.5 * torch.randn(count, 3, generator=g),
        1.5 * torch.randn(count, generator=g) + (4 if opaque else 0),
        torch.rand(count, 3, generator=g),
    )
    return gaussians, pose, torch.tensor([focal, focal, width / 2, height / 2])


def torch_project(means, quats, scales, pose, intrinsics, size):
    """Centres (N, 2), conics xx, xy, yy (N, 3), covariances (N, 3) and depths (N,), by autograd."""
    points = means @ pose[:3, :3].T + pose[:3, 3]
    x, y, z = points.unbind(-1)
    fx, fy, cx, cy = intrinsics
    limit_x, limit_y = 0.65 * size[0] / fx, 0.65 * size[1] / fy
    ratio_x, ratio_y = (x / z).clamp(-limit_x, limit_x), (y / z).clamp(-limit_y, limit_y)
    zero = torch.zeros_like(z)
    jacobian = torch.stack([fx / z, zero, -fx * ratio_x / z, zero, fy / z, -fy * ratio_y / z], -1).reshape(-1, 2, 3)
    spread = jacobian @ (pose[:3, :3] @ to_matrix(normalize(quats)) * scales.exp()[:, None])
    covariance = spread @ spread.mT
    xx, xy, yy = covariance[:, 0, 0] + 0.3, covariance[:, 0, 1], covariance[:, 1, 1] + 0.3
    determinant = xx * yy - xy * xy
    conics = torch.stack([yy, -xy, xx], -1) / determinant[:, None]
    return torch.stack([fx * x / z + cx, fy * y / z + cy], -1), conics, torch.stack([xx, xy, yy], -1), z


def torch_tiles(gaussians, pose, intrinsics, size, screen_gradient):
    """The same image in plain torch: one batch of (splats, pixels) a tile. Returns colour, depth, alpha, pairs seen."""
    width, height = size
    centres, conics, covariances, depths = torch_project(
        gaussians.means, gaussians.quats, gaussians.scales, pose, intrinsics, size
    )
    centres = centres + screen_gradient
    opacities = torch.sigmoid(gaussians.opacities)
    with torch.no_grad():
        extent = (2 * (255 * opacities).clamp_min(1).log()).sqrt()
        reach = extent[:, None] * covariances[:, [0, 2]].sqrt()
        low, high = centres - reach, centres + reach
        order = torch.argsort(depths)
        order = order[(depths[order] > 0.01) & (opacities[order] >= 1 / 255)]
        low, high = low[order], high[order]
        lists, corners = [], []
        for top in range(0, height, TILE):
            in_row = (high[:, 1] > top) & (low[:, 1] < top + TILE)
            band, band_low, band_high = order[in_row], low[in_row], high[in_row]
            for left in range(0, width, TILE):
                lists.append(band[(band_high[:, 0] > left) & (band_low[:, 0] < left + TILE)])
                corners.append((left, top))
    # Gathered once for all tiles, so that the gradient of gathering is one pass as well.
    splats = torch.cat([centres, conics, opacities[:, None], gaussians.colors, depths[:, None]], -1)
    splats = splats[torch.cat(lists)].split([len(x) for x in lists])
    images, pairs = [], 0
    for members, (left, top) in zip(splats, corners, strict=True):
        ys, xs = torch.arange(top, min(top + TILE, height)), torch.arange(left, min(left + TILE, width))
        y, x = (a.reshape(-1) + 0.5 for a in torch.meshgrid(ys, xs, indexing="ij"))
        dx, dy = x - members[:, 0:1], y - members[:, 1:2]
        xx, xy, yy, opacity = members[:, 2:3], members[:, 3:4], members[:, 4:5], members[:, 5:6]
        alpha = opacity * torch.exp(-0.5 * (xx * dx * dx + yy * dy * dy) - xy * dx * dy)
        alpha = torch.where(alpha >= 1 / 255, alpha.clamp_max(0.999), 0)  # (splats, pixels)
        after = torch.cumprod(1 - alpha, 0)
        through = torch.cat([torch.ones(1, len(x)), after[:-1]])
        weights = torch.where(after > 1e-4, alpha * through, 0)
        pairs += int((weights > 0).sum())
        image = weights.T @ members[:, 6:]
        rest = 1 - weights.sum(0)[:, None]
        images.append(torch.cat([image[:, :3] + rest * BACKGROUND, image[:, 3:], 1 - rest], -1))
    across, down = -(-width // TILE), -(-height // TILE)
    rows = [images[r * across : (r + 1) * across] for r in range(down)]
    widths = [min(TILE, width - c * TILE) for c in range(across)]
    image = torch.cat([torch.cat([i.reshape(-1, w, 5) for w, i in zip(widths, r, strict=True)], 1) for r in rows])
    return image[..., :3], image[..., 3], image[..., 4], pairs


def leaves(gaussians, pose):
    names = ("means", "quats", "scales", "opacities", "colors")
    inputs = {n: getattr(gaussians, n).clone().requires_grad_() for n in names}
    screen = torch.zeros(len(gaussians), 2, requires_grad=True)
    return Gaussians.static(**inputs), pose.clone().requires_grad_(), screen


def load_peer(path: str):
    """The `render` of a Python file, imported by its own name: numba finds cached kernels by that."""
    sys.path.insert(0, str(Path(path).parent))
    return importlib.import_module(Path(path).stem).render


def measure(contestants, runs, clock):
    """Milliseconds by `clock` of every run, contestants (name: function and its most runs) taking turns."""
    times = {name: [] for name in contestants}
    for function, _ in contestants.values():
        function()
    for run in range(runs):
        for name, (function, most) in contestants.items():
            if run < most:
                begin = clock()
                function()
                times[name].append(1e3 * (clock() - begin))
    return times


def evaluated(render):
    """Pixel-splat pairs that blending and its gradient evaluate, whole rows of tiles counted."""
    starts, ends, _pairs, spans = render.colour.grad_fn.stored[4]
    height = sum(
        int(((spans[a:b] >> 8).clip(spans[a:b] & 255) - (spans[a:b] & 255)).sum())
        for a, b in zip(starts[:-1], ends, strict=True)
    )
    return height * TILE_WIDTH


def main():
    """Measure every size asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--peer")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: time of all threads, for busy machines")
    parser.add_argument("--no-torch", action="store_true", help="leave out the slow torch compositor")
    options = parser.parse_args()
    numba.set_num_threads(min(options.threads, numba.config.NUMBA_NUM_THREADS))  # the peer's
    set_thread_count(options.threads)
    torch.set_num_threads(options.threads)
    peer = load_peer(options.peer) if options.peer else None
    print(f"kernels ready after {warm_up():.1f} s; {thread_count()} threads; forward + backward")
    print(f"{'scene':>22}  {'who':>6} {'best ms':>9} {'median ms':>10} {'x torch':>8} {'x peer':>7}")
    for key in options.sizes:
        for opaque in (False, True):
            compare(key, opaque, peer, options)


def compare(key, opaque, peer, options):
    count, width, height = SIZES[key]
    gaussians, pose, intrinsics = make_scene(count, width, height, opaque)
    weights = torch.rand(height, width, 5, generator=torch.Generator().manual_seed(1))
    ours, camera, screen = leaves(gaussians, pose)
    activated = leaves(gaussians, pose)[0]
    scales = gaussians.scales.exp().requires_grad_()
    opacities = gaussians.opacities.sigmoid().requires_grad_()
    seen = {}

    def finish(colour, depth, alpha):
        loss = (colour * weights[..., :3]).sum() + (depth * weights[..., 3]).sum() + (alpha * weights[..., 4]).sum()
        loss.backward()

    def run_ours():
        seen["render"] = rasterize(ours, camera, intrinsics, (width, height), BACKGROUND, screen)
        finish(seen["render"].colour, seen["render"].depth, seen["render"].alpha)

    def run_torch():
        *images, seen["pairs"] = torch_tiles(ours, camera, intrinsics, (width, height), screen)
        finish(*images)

    def run_peer():
        shapes = activated.means, activated.quats, scales, opacities, activated.colors
        view = camera, intrinsic_matrix(intrinsics), width, height
        finish(*peer(*shapes, *view, BACKGROUND, screen))

    contestants = {"ours": (run_ours, options.runs)}
    if peer:
        contestants["peer"] = run_peer, options.runs
    if not options.no_torch:
        contestants["torch"] = run_torch, 3
    times = measure(contestants, options.runs, CLOCKS[options.clock])
    scene = f"{count // 1000}k {width}x{height} {'opaque' if opaque else 'mixed'}"
    for name, values in times.items():
        ratios = [f"{min(times[n]) / min(values):.1f}" if n in times else "" for n in ("torch", "peer")]
        print(f"{scene:>22}  {name:>6} {min(values):9.2f} {median(values):10.2f} {ratios[0]:>8} {ratios[1]:>7}")
    floor = f", {seen['pairs'] / 1e6:.2f} M contribute" if "pairs" in seen else ""
    print(f"{'':>22}  pixel-splat pairs: the gradient evaluates {evaluated(seen['render']) / 1e6:.2f} M{floor}")


if __name__ == "__main__":
    main()
