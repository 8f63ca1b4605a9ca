"""What was put right in a clip, drawn on a frame of it: bars hatched, overlays tinted, a line of its frames below."""

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from fourreal.clip.flaws.clean import Cleaned

LONGEST_SIDE = 400
STRIP, GAP = 14, 4  # pixels: how high the line of frames is, and what lies between
WHOLE, LEFT_OUT, BEYOND, CUT = (43, 148, 133), (224, 160, 80), (208, 88, 76), (255, 255, 255)
GROUND = (23, 23, 26)
HATCH = 12  # pixels from stripe to stripe
DRAWN = {"bars", "overlay", "fade", "cut", "repeats"}  # kinds of findings that can be seen in such a picture


def picture(frame: UInt8[np.ndarray, "H W 3"], result: Cleaned, total: int) -> UInt8[np.ndarray, "h w 3"] | None:
    """The picture, None where there is nothing to be seen in it.

    frame: one of the file's `total` frames, as it is there.
    """
    if not DRAWN & {finding.kind for finding in result.findings}:
        return None
    scale = min(1.0, LONGEST_SIDE / max(frame.shape[:2]))
    size = max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale))
    inside, over = _masks(frame.shape[:2], result)
    small = np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BOX)).astype(float)
    inside, over = (np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)) for mask in (inside, over))
    y, x = np.indices(small.shape[:2])
    stripes = (x + y) % HATCH < HATCH / 3
    small[~inside & stripes] = LEFT_OUT
    small[over] = 0.4 * small[over] + 0.6 * np.array(BEYOND)
    out = np.full((size[1] + GAP + STRIP, size[0], 3), GROUND, np.uint8)
    out[: size[1]] = small.round().astype(np.uint8)
    out[size[1] + GAP :] = _strip(result, total, size[0])
    return out


def _masks(shape: tuple[int, int], result: Cleaned) -> tuple[Bool[np.ndarray, "H W"], Bool[np.ndarray, "H W"]]:
    """Which pixels of the file's frames lie within the bars, and which under an overlay."""
    left, top, width, height = result.crop
    inside, over = np.zeros(shape, bool), np.zeros(shape, bool)
    inside[top : top + height, left : left + width] = True
    if result.mask is not None:
        over[top : top + height, left : left + width] = ~result.mask
    return inside, over


def _strip(result: Cleaned, total: int, width: int) -> UInt8[np.ndarray, "1 w 3"]:
    """The frames from left to right by what becomes of them, and where the clip is cut."""
    frames = np.full((total, 3), WHOLE, np.uint8)
    cuts: tuple[int, ...] = ()
    for finding in result.findings:
        if finding.part is not None:
            cuts = finding.frames
            first, last = finding.part
            frames[:first], frames[last + 1 :] = BEYOND, BEYOND
    for finding in result.findings:
        if finding.kind != "cut":
            frames[list(finding.frames)] = LEFT_OUT
    line = frames[(np.arange(width) * total) // width]
    for cut in cuts:
        at = round(cut * width / total)
        line[max(0, at - 1) : at + 1] = CUT
    return line[None]
