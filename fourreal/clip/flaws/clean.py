"""A clip without what is not scene, and what was found, in words."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from fourreal.clip.flaws import time
from fourreal.clip.flaws.borders import crop_of
from fourreal.clip.flaws.interlace import deinterlaced, interlaced
from fourreal.clip.flaws.overlay import has_overlay, mean_edges, overlay_mask
from fourreal.clip.value import Clip
from fourreal.errors import UserError

FEWEST = 6  # frames that must remain
EVEN = 1.0  # frames by which those that remain of a running video may be off even steps


@dataclass(frozen=True)
class Finding:
    """kind: "bars", "overlay", "fade", "cut", "repeats" or "interlaced". sentence: what was found, and what is done.

    frame: of a cut, the first frame after it.
    """

    kind: str
    sentence: str
    frame: int | None = None


@dataclass(frozen=True)
class Cleaned:
    """clip: what remains. frames: which of the file these are, rising. crop: (left, top, width, height) of the picture.

    mask: (h, w) what of the cropped picture is scene, None for all. Where it is not, the picture is filled from beside.
    edges: `mean_edges` of the picture before that, where there is a mask.
    """

    clip: Clip
    frames: list[int]
    crop: tuple[int, int, int, int]
    mask: Bool[np.ndarray, "h w"] | None
    findings: tuple[Finding, ...]
    edges: Float[np.ndarray, "2 k l"] | None = None

    @property
    def scene(self) -> Bool[Tensor, "h w"] | None:
        """`mask` as a tensor."""
        return None if self.mask is None else torch.from_numpy(self.mask)


def cleaned(
    clip: Clip, travels: bool, longer_part: bool = False, given: bool = False, beside: Cleaned | None = None
) -> Cleaned:
    """The clip put right.

    Args:
        travels: whether its camera does, as in a freeze-time video; then overlays show.
        longer_part: of a clip with hard cuts take the longest part; otherwise they are only told.
        given: its cameras are known, one a frame: nothing is cropped or left out, overlays are still masked.
        beside: another clip of the scene, already cleaned, whose overlays this one may have as well.
    """
    if given:
        return _masked(clip, list(range(len(clip))), (0, 0, *clip.size), travels, beside, ())
    findings: list[Finding] = []
    grey = time.small_grey(clip.frames)
    keep = ~time.faded(grey)
    if not keep.all():
        lost = (~keep).nonzero()[0].tolist()
        findings.append(Finding("fade", f"{_numbered(lost)} black or faded, and left out."))
    frames = keep.nonzero()[0]
    if cut := [int(frames[i]) for i in time.cuts(grey[frames])]:
        parts = np.split(frames, np.searchsorted(frames, cut))
        longest = max(parts, key=len)
        told = f"The video is cut to another shot at frame {', '.join(map(str, cut))}."
        if longer_part:
            frames = longest
            findings.append(Finding("cut", f"{told} Frames {longest[0]} to {longest[-1]} are used.", cut[0]))
        else:
            remedy = f"Trim it to frames {longest[0]} to {longest[-1]}, or say --longer-part."
            findings.append(Finding("cut", f"{told} {remedy}", cut[0]))
    fps = clip.fps
    again = time.repeated(grey[frames])
    if again.any() and (~again).sum() >= FEWEST and (travels or regular(~again)):
        fps *= float((~again).mean())
        frames = frames[~again]
        findings.append(Finding("repeats", f"{int(again.sum())} frames are repeated from the ones before; left out."))
    pictures = clip.frames[frames] if len(frames) < len(clip) else clip.frames
    crop = crop_of(pictures)
    if crop != (0, 0, *clip.size) and crop[2:] != clip.size:
        left, top, width, height = crop
        pictures = pictures[:, top : top + height, left : left + width]
        findings.append(Finding("bars", f"It has black bars; the picture within, {width}x{height}, is used."))
    else:
        crop = (0, 0, *clip.size)
    if interlaced(pictures):
        pictures = deinterlaced(pictures)
        findings.append(Finding("interlaced", "Its frames are interlaced; every second line is made anew."))
    return _masked(Clip(np.ascontiguousarray(pictures), fps), frames.tolist(), crop, travels, beside, tuple(findings))


def regular(keep: Bool[np.ndarray, " F"]) -> bool:
    """Whether the frames to keep are as good as evenly spread, so that without the others time goes on as it did."""
    at = keep.nonzero()[0]
    return bool(np.abs(at - np.linspace(0, len(keep) - 1, len(at))).max() <= EVEN)


def refuse_cuts(name: str, result: Cleaned, longer_part: bool) -> None:
    """Raises UserError where a clip is cut to another shot and nobody said what to do about it."""
    for finding in result.findings:
        if finding.kind == "cut" and not longer_part:
            raise UserError(f"{name}: {finding.sentence}")


def _masked(
    clip: Clip, frames: list[int], crop: tuple[int, int, int, int], travels: bool, beside: Cleaned | None,
    findings: tuple[Finding, ...],
) -> Cleaned:  # fmt: skip
    """With overlays masked, and filled so that nothing takes them for scene."""
    if travels:
        overlay = overlay_mask(clip.frames)
    elif beside is not None and beside.mask is not None:
        overlay = has_overlay(clip.frames, beside.edges, ~beside.mask)
    else:
        overlay = np.zeros(clip.frames.shape[1:3], bool)
    if not overlay.any():
        return Cleaned(clip, frames, crop, None, findings)
    y, x = overlay.nonzero()
    sentence = (
        f"Something that never moves lies over the picture, {overlay.mean():.0%} of it around pixel "
        f"({int(x.mean())}, {int(y.mean())}): a caption or a watermark. It is left out."
    )
    nearest = distance_transform_edt(overlay, return_distances=False, return_indices=True)
    filled = clip.frames[:, nearest[0], nearest[1]]
    kept = Clip(np.ascontiguousarray(filled), clip.fps)
    findings = (*findings, Finding("overlay", sentence))
    return Cleaned(kept, frames, crop, ~overlay, findings, mean_edges(clip.frames))


def _numbered(frames: list[int]) -> str:
    if len(frames) == 1:
        return f"Frame {frames[0]} is"
    return f"Frames {', '.join(map(str, frames))} are" if len(frames) < 6 else f"{len(frames)} frames at an end are"
