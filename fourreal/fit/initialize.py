"""The Gaussians that stage one starts from."""

import torch
from jaxtyping import Float
from scipy.spatial import cKDTree
from torch import Tensor

from fourreal.camera.rays import pixel_rays
from fourreal.fit.backdrop import PIECES, backdrop_colour, of_colour, wall
from fourreal.fit.observations import Observations
from fourreal.fit.sweep import FAR, Points, sweep
from fourreal.splat.gaussians import Gaussians

RANDOM_SHARE = 0.1  # of the points, for what the sweep could not place: sky, mirrors, frame borders
SPARSE_SHARE = 0.2  # of the points at most: those of structure from motion, where there are any
RANDOM_NEAR = 0.8  # least depth of those: nearer ones become debris in front of the cameras
SIZE_RANGE = (0.5, 6.0)  # smallest and largest standard deviation, in pixels of the nearest camera


def initial_gaussians(observations: Observations, count: int, seed: int) -> Gaussians:
    """Up to `count` Gaussians on what stands in the scene, and before a plain backdrop on a wall behind that."""
    colour = backdrop_colour(observations.freeze[observations.training_frames])
    if colour is None:
        return _scene(observations, count, seed)
    pieces = min(PIECES, count // 2)
    scene, behind = _scene(observations, count - pieces, seed, colour), wall(pieces, colour)
    both = zip(scene.tensors().items(), behind.tensors().values(), strict=True)
    return Gaussians(**{name: torch.cat([one, other]) for (name, one), other in both})


def _scene(observations: Observations, count: int, seed: int, backdrop: Float[Tensor, "3"] | None = None) -> Gaussians:
    """Gaussians on swept surfaces, on the sparse points, and at random along the rays, where they are of another colour
    than the backdrop.

    Sizes follow the distance to the nearest three neighbours (3DGS sec. 5.1), within what a camera can tell.
    """
    generator = torch.Generator().manual_seed(seed)
    frames = observations.training_frames
    cameras = observations.freeze_cameras[frames]
    clouds = [sweep(observations.freeze[frames], cameras)]
    clouds += [sweep(take.frames, take.cameras) for take in observations.frozen_takes]
    swept = without(Points(*(torch.cat(column) for column in zip(*clouds, strict=True))), backdrop)
    draw = lambda total, room: torch.randperm(total, generator=generator)[:room].to(swept.positions.device)
    sparse = draw(len(observations.points), int(count * SPARSE_SHARE))
    dense = draw(len(swept.positions), int(count * (1 - RANDOM_SHARE)) - len(sparse))
    random = without(_random_points(observations, frames, count - len(dense) - len(sparse), generator), backdrop)
    means = torch.cat([swept.positions[dense], observations.points[sparse], random.positions])
    colors = torch.cat([swept.colors[dense], observations.point_colors[sparse], random.colors])
    nearest = cKDTree(means.cpu().numpy()).query(means.cpu().numpy(), 4, workers=-1)[0][:, 1:]
    spacing = torch.from_numpy(nearest).to(means).square().mean(dim=1).sqrt()
    pixel = torch.cdist(means, cameras.centres).amin(dim=1) / cameras.intrinsics[0]
    size = spacing.clamp(SIZE_RANGE[0] * pixel, SIZE_RANGE[1] * pixel)
    quats = torch.nn.functional.normalize(torch.randn(len(means), 4, generator=generator), dim=1).to(means)
    return Gaussians.static(
        means, quats, size.log()[:, None].repeat(1, 3), torch.zeros(len(means), device=means.device), colors
    )


def without(points: Points, colour: Float[Tensor, "3"] | None) -> Points:
    """The points of another colour than `colour`; all of them for None."""
    if colour is None:
        return points
    other = ~of_colour(points.colors, colour)
    return Points(points.positions[other], points.colors[other])


def _random_points(observations: Observations, frames: list[int], count: int, generator: torch.Generator) -> Points:
    """Points on random rays of the training frames, more of them far away than uniform in inverse depth: what the sweep
    cannot place is a plain sky more often than a plain thing near by."""
    width, height = observations.size
    cameras = observations.freeze_cameras
    device = observations.freeze.device
    rays = pixel_rays(cameras.intrinsics, width, height)
    frame = torch.tensor(frames)[torch.randint(len(frames), (count,), generator=generator)].to(device)
    pixel = torch.randint(width * height, (count,), generator=generator).to(device)
    near = torch.rand(count, generator=generator).to(device).square()
    inverse = 1 / FAR + near * (1 / RANDOM_NEAR - 1 / FAR)
    pose = cameras.camera_to_world[frame]
    positions = (pose[:, :3, :3] @ (rays[pixel] / inverse[:, None])[..., None])[..., 0] + pose[:, :3, 3]
    colors = observations.freeze.flatten(1, 2)[frame, pixel]
    return Points(positions, colors)
