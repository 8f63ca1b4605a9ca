"""From frames and cameras to what the fit may look at."""

import math

import torch

from fourreal.camera.align import Similarity, normalise
from fourreal.camera.cameras import Cameras
from fourreal.clip import Clip
from fourreal.fit.observations import Observations, Take
from fourreal.pipeline.footage import Footage
from fourreal.pipeline.placement import Placement
from fourreal.pipeline.put_right import Mask
from fourreal.settings import Preset


def observe(request, preset: Preset, footage: Footage, placement: Placement) -> tuple[Observations, Similarity]:
    """What the fit may look at, in the normalised frame, and the similarity that leads there."""
    similarity = normalise(placement.cameras, placement.points if len(placement.points) else None)
    place_of = {frame: i for i, frame in enumerate(placement.frames)}
    held_out = {place_of[frame] for frame in request.hold_out_freeze if frame in place_of}
    start = place_of[placement.freeze_reference]
    if "freeze-time" in request.without:
        held_out = set(place_of.values()) - {start}

    def seen(clip: Clip, cameras: Cameras, mask: Mask | None):
        size = fit_size(clip.size, preset.pixels)
        pictures = torch.from_numpy(clip.resized(size).frames).float() / 255
        return pictures, similarity.apply_cameras(cameras).resized(size), resized_mask(mask, size)

    frozen = footage.freeze[[footage.freeze_frames.index(frame) for frame in placement.frames]]
    freeze, freeze_cameras, freeze_mask = seen(frozen, placement.cameras, footage.masks[1])
    reference, path, reference_mask = seen(footage.reference, placement.reference, footage.masks[0])
    canonical = 0 if placement.canonical is None else footage.reference_frames.index(placement.canonical)
    others = []
    for take, cameras in zip(footage.takes, placement.takes, strict=True):
        pictures, where, mask = seen(take.clip, cameras, take.mask)
        others.append(Take(pictures, where, tuple(take.codes), mask))
    # not before it is known which moment was frozen
    moments = [
        place
        for place, take in enumerate(others)
        if footage.takes[place].further.role == "freeze" and set(take.codes) == {canonical}
    ]
    observations = Observations(
        reference=reference,
        freeze=freeze,
        reference_camera=path[canonical if len(path) > 1 else 0],
        freeze_cameras=freeze_cameras,
        canonical=canonical,
        freeze_reference=start,
        held_out=tuple(sorted(held_out)),
        points=similarity.apply_points(placement.points),
        point_colors=placement.point_colors,
        reference_path=path if len(path) > 1 else None,
        reference_mask=reference_mask,
        freeze_mask=freeze_mask,
        others=tuple(others),
        frozen=tuple(moments) if placement.canonical is not None else (),
    )
    return observations, similarity


def fit_size(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    """(width, height) of about `pixels`, the same shape, even, never larger than `size`."""
    scale = min(1.0, math.sqrt(pixels / (size[0] * size[1])))
    return max(2, round(size[0] * scale / 2) * 2), max(2, round(size[1] * scale / 2) * 2)


def free_takes(placement: Placement, refine: bool) -> list[bool]:
    """Of each take, the reference video first, whether its poses may be improved by what the scene shows."""
    return [not placement.exact and not placement.given, *(refine or not exact for exact in placement.takes_exact)]


def resized_mask(mask: Mask | None, size: tuple[int, int]) -> Mask | None:
    """The pixels of a picture of `size` (width, height) of which all is scene."""
    if mask is None:
        return None
    area = torch.nn.functional.interpolate(mask[None, None].float(), size[::-1], mode="area")
    return area[0, 0] > 0.99
