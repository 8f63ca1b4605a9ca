"""A fit of a procedural world in memory, and its score where no video looks."""

import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.camera.align import Similarity, normalise
from fourreal.evaluate.metrics import psnr, region
from fourreal.fit.moving import Moving
from fourreal.fit.observations import Observations
from fourreal.splat.deform import bend
from fourreal.splat.rasterize import rasterize
from research.world.world import DYNAMIC, FROZEN, World, shot
from research.world_files import held_out


def observed(
    world: World, size: tuple[int, int], frames: int = 24, freeze_frames: int = 25, arc: float | int = 150.0
) -> tuple[Observations, Similarity]:
    """Both videos of `world` with their true cameras, in the normalised frame, and the similarity that leads there."""
    at, middle = round(world.still * (frames - 1)), freeze_frames // 2
    reference = shot(world, DYNAMIC, frames, size)
    freeze = shot(world, FROZEN, freeze_frames, size, arc=arc, still=at / (frames - 1))
    similarity = normalise(freeze.cameras)
    see = lambda path: world.view(path, 3).colour.clamp(0, 1)
    return Observations(
        reference=see(reference),
        freeze=see(freeze),
        reference_camera=similarity.apply_cameras(reference.cameras[0]),
        freeze_cameras=similarity.apply_cameras(freeze.cameras),
        canonical=at,
        freeze_reference=middle,
    ), similarity


class Trial:
    """The held-out views of a world, rendered once, to score fits of it by. size: (width, height) of the views."""

    def __init__(self, world: World, similarity: Similarity, size: tuple[int, int], frames: int = 24) -> None:
        self.path, _ = held_out(world, frames, size, between=0, canonical=0)
        seen = world.view(self.path, 3)
        self.truth = seen.colour.clamp(0, 1)
        self.moving = [region(mask, size) for mask in seen.moving]
        self.cameras, self.frames = similarity.apply_cameras(self.path.cameras), frames

    @torch.no_grad()
    def pictures(self, fit: Moving) -> Float[Tensor, "F H W 3"]:
        """The held-out views as the fit, on whichever device, has them; on the CPU, as the truth is."""
        cameras = self.cameras.to(fit.gaussians.means.device)
        grey, out = fit.gaussians.means.new_full((3,), 0.5), []
        for number, time in enumerate(self.path.times.tolist()):
            scene = bend(fit.gaussians, fit.field.offsets(fit.gaussians, time * (self.frames - 1)))
            camera = cameras[number]
            drawn = rasterize(scene, camera.world_to_camera[0], camera.intrinsics, camera.size, grey)
            out.append(drawn.colour.clamp(0, 1).cpu())
        return torch.stack(out)

    def moving_psnr(self, fit: Moving) -> float:
        """PSNR in dB of the region where something moves, the mean over the held-out views."""
        pairs = zip(self.pictures(fit), self.truth, self.moving, strict=True)
        values = [psnr(picture, truth, where) for picture, truth, where in pairs if where.any()]
        return sum(values) / len(values)
