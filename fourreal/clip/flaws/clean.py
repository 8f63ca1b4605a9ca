"""A clip without what is not scene, and what was found, in words."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from fourreal.clip.flaws.bars import Box, picture_box
from fourreal.clip.flaws.cuts import cuts, longest
from fourreal.clip.flaws.duplicates import repeats
from fourreal.clip.flaws.fades import blank, faded
from fourreal.clip.flaws.interlace import combed, deinterlaced, interlaced
from fourreal.clip.flaws.looks import numbers
from fourreal.clip.flaws.overlay import covered, lone_overlay, overlay, shared_overlay
from fourreal.clip.value import Clip
from fourreal.errors import Unusable, of

INTERLACED = "Its frames are interlaced; every second line is made anew."
WOVEN = "Some of its frames, {lost} of them, are woven of two moments; every second line of these is made anew."
MOSTLY = 0.6  # of the frames combed: all of them are, and in the others too little moves to see it
EVEN = 1.0  # frames by which those that remain of a running video may be off even steps


@dataclass(frozen=True)
class Finding:
    """kind: "bars", "overlay", "fade", "cut", "repeats" or "interlaced". sentence: what was found, and what is done.

    frames: of the file, that are left out or replaced; of a cut, the first ones after it.
    part: of a cut, the first and the last frame of the longest part without one.
    """

    kind: str
    sentence: str
    frames: tuple[int, ...] = ()
    part: tuple[int, int] | None = None


@dataclass(frozen=True)
class Cleaned:
    """clip: what remains. frames: which of the file these are, rising. crop: (left, top, width, height) of the picture.

    mask: (h, w) what of the cropped picture is scene, None for all. Where it is not, the picture is filled from beside.
    unfilled: the frames before that, where there is a mask.
    """

    clip: Clip
    frames: list[int]
    crop: Box
    mask: Bool[np.ndarray, "h w"] | None
    findings: tuple[Finding, ...]
    unfilled: UInt8[np.ndarray, "F h w 3"] | None = None


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
    keep = np.ones(len(clip), bool)
    done = "left out" if travels else "replaced by the nearest that is not, so that time stays what it is"
    for what, lost in (("Black or faded at an end", faded(clip.frames)), ("Blank for a moment", blank(clip.frames))):
        if lost.any():
            frames_lost = tuple(lost.nonzero()[0].tolist())
            findings.append(Finding("fade", f"{what}, and {done}: {numbers(frames_lost)}.", frames_lost))
            keep &= ~lost
    replaced = ~keep
    if replaced.any() and not travels:
        clear = keep.nonzero()[0]
        nearest = np.abs(np.arange(len(clip))[:, None] - clear).argmin(1)
        clip, keep = Clip(clip.frames[clear[nearest]], clip.fps), np.ones(len(clip), bool)
    frames = keep.nonzero()[0]
    if shots := cuts(clip.frames[frames]):
        first, last = frames[list(longest(len(frames), shots))].tolist()
        begins = tuple(frames[shots].tolist())
        remedy = f"Frames {first} to {last} are used." if longer_part else (f"Trim it to frames {first} to {last}.")
        sentence = f"It is cut to another shot at frame {', '.join(map(str, begins))}. {remedy}"
        findings.append(Finding("cut", sentence, begins, (first, last)))
        if longer_part:
            frames = frames[(frames >= first) & (frames <= last)]
    fps = clip.fps
    fresh = np.ones(len(frames), bool)
    fresh[repeats(clip.frames[frames], travels)] = False
    fresh |= replaced[frames] | np.append(False, replaced)[frames]  # of which one beside is a copy
    if not fresh.all() and (travels or regular(fresh)):
        fps *= float(fresh.mean())
        copies = tuple(frames[~fresh].tolist())
        frames = frames[fresh]
        which = "1 frame repeats the one before" if len(copies) == 1 else f"{len(copies)} frames repeat the ones before"
        findings.append(Finding("repeats", f"{which}; left out.", copies))
    pictures = clip.frames[frames] if len(frames) < len(clip) else clip.frames
    left, top, width, height = picture_box(pictures)
    crop = left, top, width, height
    if (width, height) != clip.size:
        pictures = pictures[:, top : top + height, left : left + width]
        findings.append(
            Finding("bars", f"It has bars beside the picture; the picture within, {width}x{height}, is used.")
        )
    if interlaced(pictures):
        woven = combed(pictures)
        if woven.mean() > MOSTLY:
            pictures = deinterlaced(pictures)
            findings.append(Finding("interlaced", INTERLACED))
        else:  # a film's frames brought to television's rate
            pictures = pictures.copy()
            pictures[woven] = deinterlaced(pictures[woven])
            findings.append(Finding("interlaced", WOVEN.format(lost=int(woven.sum()))))
    return _masked(Clip(np.ascontiguousarray(pictures), fps), frames.tolist(), crop, travels, beside, tuple(findings))


def regular(keep: Bool[np.ndarray, " F"]) -> bool:
    """Whether the frames to keep are as good as evenly spread, so that without the others time goes on as it did."""
    at = keep.nonzero()[0]
    return bool(np.abs(at - np.linspace(0, len(keep) - 1, len(at))).max() <= EVEN)


def refuse_cuts(name: str, path: Path, result: Cleaned, longer_part: bool) -> None:
    """Raises Unusable where a clip is cut to another shot and nobody said what to do about it."""
    for finding in result.findings:
        if finding.part is not None and not longer_part:
            raise Unusable(of(name, finding.sentence), "--longer-part does so.", (path, *finding.part))


def _masked(
    clip: Clip, frames: list[int], crop: Box, travels: bool, beside: Cleaned | None, findings: tuple[Finding, ...]
) -> Cleaned:
    """With overlays masked, and filled so that nothing takes them for scene."""
    if travels:
        over = overlay(clip.frames)
    elif beside is not None and beside.unfilled is not None and beside.mask is not None:
        over = shared_overlay(clip.frames, beside.unfilled, ~beside.mask)
    else:
        over = np.zeros(clip.frames.shape[1:3], bool)
    return _covered(Cleaned(clip, frames, crop, None, findings), over)


def without_lone_overlay(running: Cleaned, moment: int, twin: UInt8[np.ndarray, "h w 3"]) -> Cleaned:
    """A reference clip without what lies over it alone, as shows beside a freeze-time frame from the same pose.

    moment: place of the frame in `running` that was frozen; twin: the freeze-time frame.
    """
    if running.mask is not None:  # the same lies over both, and is known
        return running
    return _covered(running, lone_overlay(running.clip.frames, moment, twin))


def _covered(result: Cleaned, over: Bool[np.ndarray, "h w"]) -> Cleaned:
    """With an overlay masked and filled, if there is any."""
    if not over.any():
        return result
    clip = result.clip
    y, x = over.nonzero()
    sentence = (
        f"Something that never moves lies over the picture, {over.mean():.0%} of it around pixel "
        f"({int(x.mean())}, {int(y.mean())}): a caption or a watermark. It is left out."
    )
    filled = Clip(covered(clip.frames, ~over), clip.fps)
    findings = (*result.findings, Finding("overlay", sentence))
    return replace(result, clip=filled, mask=~over, findings=findings, unfilled=clip.frames)
