"""The sky of a scene: what stands behind it where it has no splat, as no video filmed that.

It is a smooth colour by direction, from what the freeze-time cameras see at the rims of their pictures and through the
scene. Films and the viewer have it, for people; what is scored is drawn without.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.camera.cameras import Cameras
from fourreal.camera.rays import pixel_rays
from fourreal.scene.scene4d import Scene4D
from fourreal.splat.rasterize import Render, rasterize

TERMS = 16  # spherical harmonics up to degree three
CAMERAS, WIDTH = 7, 64  # whose pictures are looked at, and how wide they are drawn
RIM = 0.15  # of a picture, at its top and its sides: what is there goes on farther out
THROUGH = 8.0  # times as much as a pixel of the rim counts what is seen through the scene: that is sky already
STIFF = 0.01  # how much smoothness counts beside what was seen

# What makes the functions orthonormal, in the order and with the signs of 3D Gaussian splatting.
ONE, TWO = (0.28209479, 0.48860251), (1.09254843, 0.31539157, 0.54627422)
THREE = (0.59004359, 2.89061144, 0.45704580, 0.37317633, 1.44530572)


def sky_of(scene: Scene4D) -> Float[Tensor, "16 3"]:
    """The sky as spherical harmonics of RGB, by direction in the normalised frame; on the CPU."""
    count = len(scene.freeze)
    chosen = torch.linspace(0, count - 1, min(CAMERAS, count)).round().long().tolist()
    width, height = scene.freeze.size
    cameras = scene.freeze[chosen].resized((WIDTH, max(1, round(WIDTH * height / width))))
    gaussians, device = scene.at(scene.canonical_time), scene.background.device
    pictures = []
    for frame in range(len(cameras)):
        pose, lens = cameras.world_to_camera[frame].to(device), cameras.intrinsics.to(device)
        seen = rasterize(gaussians, pose, lens, cameras.size, scene.background)
        pictures.append((cameras[frame], seen.colour.cpu(), seen.alpha.cpu()))
    return fitted(pictures)


def fitted(pictures: list[tuple[Cameras, Float[Tensor, "H W 3"], Float[Tensor, "H W"]]]) -> Float[Tensor, "16 3"]:
    """The smoothest sky that agrees with pictures: of each its camera, its colours over the background, its alpha."""
    terms = torch.cat([harmonics(rays(camera)).reshape(-1, TERMS) for camera, _, _ in pictures]).double()
    colours = torch.cat([colour.clamp(0, 1).reshape(-1, 3) for _, colour, _ in pictures]).double()
    weights = torch.cat([(rim(alpha) + THROUGH * (1 - alpha).clamp(0, 1)).flatten() for _, _, alpha in pictures])
    weights = (weights / weights.sum()).double()[:, None]
    degree = torch.tensor([0.0] + [1.0] * 3 + [2.0] * 5 + [3.0] * 7, dtype=torch.float64)
    steep = torch.diag(STIFF * degree * (degree + 1))  # of a function on the sphere, the mean square of its slope
    return torch.linalg.solve(terms.T @ (weights * terms) + steep, terms.T @ (weights * colours)).float()


def rim(picture: Float[Tensor, "H W"]) -> Float[Tensor, "H W"]:
    """1 for the pixels at the top and the sides of a picture, 0 elsewhere."""
    height, width = picture.shape
    out = torch.ones(height, width)
    out[round(RIM * height) :, round(RIM * width) : width - round(RIM * width)] = 0
    return out


def over_sky(seen: Render, camera: Cameras, sky: Tensor, background: Tensor) -> Float[Tensor, "H W 3"]:
    """A picture of the normalised frame with the sky in the background's place. camera: F = 1, of the same frame."""
    behind = (harmonics(rays(camera)) @ sky).clamp(0, 1).to(seen.colour)
    return seen.colour + (1 - seen.alpha)[..., None] * (behind - background)


def rays(camera: Cameras) -> Float[Tensor, "H W 3"]:
    """In which direction each pixel of one camera (F = 1) looks: unit vectors of the world."""
    width, height = camera.size
    within = pixel_rays(camera.intrinsics.cpu(), width, height).reshape(height, width, 3)
    return torch.nn.functional.normalize(within, dim=-1) @ camera.world_to_camera[0, :3, :3].cpu()


def harmonics(directions: Float[Tensor, "*N 3"]) -> Float[Tensor, "*N 16"]:
    """The real spherical harmonics up to degree three of unit vectors; as in the viewer's `skyFragment`."""
    x, y, z = directions.unbind(-1)
    xx, yy, zz = x * x, y * y, z * z
    return torch.stack(
        [
            torch.full_like(x, ONE[0]),
            -ONE[1] * y,
            ONE[1] * z,
            -ONE[1] * x,
            TWO[0] * x * y,
            -TWO[0] * y * z,
            TWO[1] * (2 * zz - xx - yy),
            -TWO[0] * x * z,
            TWO[2] * (xx - yy),
            -THREE[0] * y * (3 * xx - yy),
            THREE[1] * x * y * z,
            -THREE[2] * y * (4 * zz - xx - yy),
            THREE[3] * z * (2 * zz - 3 * xx - 3 * yy),
            -THREE[2] * x * (4 * zz - xx - yy),
            THREE[4] * z * (xx - yy),
            -THREE[0] * x * (xx - 3 * yy),
        ],
        -1,
    )
