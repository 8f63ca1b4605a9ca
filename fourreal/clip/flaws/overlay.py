"""Logos, subtitles and watermarks: edges that stay where they are while the camera moves and all others go."""

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image
from scipy.ndimage import binary_closing, binary_dilation, binary_fill_holes, gaussian_filter, label, uniform_filter

from fourreal.clip.flaws.looks import grey, spread

_WIDTH = 512  # pixels at which it is looked for
_SAMPLE, _FEWEST, _MANY = 24, 5, 12  # frames
_SLOPE = 5.0  # grey levels a pixel: what a faint watermark's edges have
_STAYS, _NOISE = 0.5, 2.0  # how far an edge may be from the frames' median: that share of it, or levels a pixel
_SURE, _LIKELY = 0.85, 0.6  # share of the frames in which an edge stays: at its heart, and all over
# Of an edge, as the median over frames and pixels: a solid overlay had 0.01, faint ones 0.05 to 0.28. What of a subject
# stays by chance had 0.2 and more, in small patches, or in larger ones of clips of few frames.
_SOLID, _FAINT = 0.15, 0.3
_EDGES, _FAINT_EDGES = 40, 100  # fewest pixels of sure edges that make a solid overlay, and a faint one
_REACH, _MARGIN = 9, 4  # pixels: between the letters of one thing, at most; masked around it
_LARGEST = 0.15  # share of the picture that overlays may cover
_ALIVE = 0.02  # least share of the picture whose edges go
# Of an overlay that one video alone has, beside a picture without it. Edges are strange where both are less alike than
# _UNLIKE, in windows of _NEAR pixels, shifted by up to _SHIFT.
_UNLIKE, _NEAR, _SHIFT = 0.5, 11, 3
_MOSTLY_ALIKE = 0.4  # share of the edges that stay which may be strange: with more, the two show other things
_MOSTLY, _TELLS = 0.8, 10.0  # unless that share of the picture differs by fewer grey levels than these
_LONE_EDGES, _LONE_SHARE = 80, 0.35  # of a thing: fewest strange edges, in pixels, and their least share of its edges
_SAME = 0.3  # correlation of an overlay's edges in two videos


def overlay(frames: UInt8[np.ndarray, "F H W 3"]) -> Bool[np.ndarray, "H W"]:
    """True where something is laid over the frames of a moving camera, a margin included.

    Nothing where the frames are too few, or so much stays in place that it is the camera that does.
    """
    size = frames.shape[2], frames.shape[1]
    if len(frames) < _FEWEST:
        return np.zeros(size[::-1], bool)
    slopes = _slopes(frames[spread(len(frames), _SAMPLE)])  # (2, F, h, w)
    usual = np.median(slopes, 1)
    strength = np.linalg.norm(usual, axis=0)
    off = np.linalg.norm(slopes - usual[:, None], axis=0)  # (F, h, w)
    share = (off <= np.maximum(_NOISE, _STAYS * strength)).mean(0)
    sure = (strength > _SLOPE) & (share >= _SURE)
    likely = sure | ((strength > _SLOPE / 2) & (share >= _LIKELY))
    things, count = label(binary_dilation(likely, np.ones((_REACH, _REACH))))
    mask = np.zeros(strength.shape, bool)
    large = np.bincount(things[sure], minlength=count + 1) >= _EDGES  # of noise there are thousands of small ones
    for number in np.flatnonzero(large[1:]) + 1:
        thing = things == number
        edges = sure & thing
        if _stays(off[:, edges] / strength[edges], len(slopes[0])):
            mask |= _filled(likely & thing)
    goes = (np.quantile(np.linalg.norm(slopes, axis=0), 0.75, axis=0) > _SLOPE) & (share < _SURE) & ~mask
    if mask.mean() > _LARGEST or goes.mean() < _ALIVE or goes.sum() < 0.5 * (sure & ~mask).sum():
        return np.zeros(size[::-1], bool)
    return _scaled(mask, size)


def shared_overlay(
    reference: UInt8[np.ndarray, "R H W 3"], freeze: UInt8[np.ndarray, "F h w 3"], mask: Bool[np.ndarray, "h w"]
) -> Bool[np.ndarray, "H W"]:
    """What of the freeze-time video's overlay, `mask`, lies over the reference video as well.

    Behind a camera that stands still everything stays, so each piece is taken over where its edges are the same.
    """
    size = reference.shape[2], reference.shape[1]
    scale = min(1.0, _WIDTH / max(freeze.shape[1:3]))
    small = max(1, round(freeze.shape[2] * scale)), max(1, round(freeze.shape[1] * scale))
    pictures = [_resized(video[spread(len(video), _SAMPLE)], small) for video in (reference, freeze)]
    here, there = (np.median(_slopes(video), 1) for video in pictures)
    pieces, count = label(_scaled(mask, small))
    out = np.zeros(small[::-1], bool)
    for number in range(1, count + 1):
        piece = pieces == number
        one, other = here[:, piece].ravel(), there[:, piece].ravel()
        if one @ other > _SAME * np.linalg.norm(one) * np.linalg.norm(other):
            out |= piece
    return _scaled(out, size)


def lone_overlay(
    reference: UInt8[np.ndarray, "R H W 3"], moment: int, twin: UInt8[np.ndarray, "h w 3"]
) -> Bool[np.ndarray, "H W"]:
    """What lies over a video, and not over `twin`, a picture of the frame `moment` from the same pose.

    These are edges that stay, that are there at that moment, and that the twin has nothing like. Nothing where much of
    the picture differs: then the twin is none, or is warped.
    """
    size = reference.shape[2], reference.shape[1]
    none = np.zeros(size[::-1], bool)
    if len(reference) < _FEWEST:
        return none
    scale = min(1.0, _WIDTH / max(size))
    small = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    slopes = _slopes(_resized(reference[[*spread(len(reference), _SAMPLE), moment]], small))
    usual = np.median(slopes, 1)
    strength = np.linalg.norm(usual, axis=0)
    stays = np.linalg.norm(slopes - usual[:, None], axis=0) <= np.maximum(_NOISE, _STAYS * strength)
    sure = (
        (strength > _SLOPE) & (stays.mean(0) >= _SURE) & stays[-1]
    )  # also at that moment, when something may pass before it
    strange = sure & (_likeness(usual, _slopes(_resized(twin[None], small))[:, 0]) < _UNLIKE)
    pair = _resized(np.stack([reference[moment]]), small), _resized(twin[None], small)
    apart = np.abs(pair[0][0].astype(np.float32) - pair[1][0]).mean(-1)
    same = np.quantile(uniform_filter(apart, _NEAR), _MOSTLY) < _TELLS  # a plain scene has few edges but a caption's
    if sure.sum() < _EDGES or (strange.sum() > _MOSTLY_ALIKE * sure.sum() and not same):
        return none
    things, count = label(binary_dilation(strange, np.ones((_REACH, _REACH))))
    mask = np.zeros(strength.shape, bool)
    for number in np.flatnonzero(np.bincount(things[strange], minlength=count + 1)[1:] >= _LONE_EDGES) + 1:
        thing = things == number
        if strange[thing].sum() > _LONE_SHARE * sure[thing].sum():
            mask |= _filled(strange & thing)
    return none if mask.mean() > _LARGEST else _scaled(mask, size)


def _likeness(here: Float[np.ndarray, "2 h w"], there: Float[np.ndarray, "2 h w"]) -> Float[np.ndarray, "h w"]:
    """How alike the edges around each pixel are in two pictures, -1 to 1, wherever they are within a few pixels."""
    power = lambda slopes: uniform_filter((slopes**2).sum(0), _NEAR)
    best = np.full(here.shape[1:], -1.0)
    for y in range(-_SHIFT, _SHIFT + 1):
        for x in range(-_SHIFT, _SHIFT + 1):
            moved = np.roll(there, (y, x), (1, 2))
            product = uniform_filter((here * moved).sum(0), _NEAR)
            best = np.maximum(best, product / np.sqrt(power(here) * power(moved) + 1e-3))
    return best


def covered(frames: UInt8[np.ndarray, "F H W 3"], scene: Bool[np.ndarray, "H W"]) -> UInt8[np.ndarray, "F H W 3"]:
    """The frames with what is not `scene` painted over smoothly from around it, for those who take no mask."""
    if scene.all() or not scene.any():
        return frames
    rows, columns = np.nonzero(~scene.all(1))[0], np.nonzero(~scene.all(0))[0]
    reach = 24
    part = np.s_[max(0, rows[0] - reach) : rows[-1] + reach + 1, max(0, columns[0] - reach) : columns[-1] + reach + 1]
    scenery = scene[part][..., None].astype(np.float32)
    sigma = (reach / 3, reach / 3, 0)
    weight = gaussian_filter(scenery, sigma)
    out = frames.copy()
    for frame in out:
        window = frame[part].astype(np.float32)
        mean = (window * scenery).sum((0, 1)) / max(float(scenery.sum()), 1.0)  # of what is out of reach
        around = (gaussian_filter(window * scenery, sigma) + 1e-3 * mean) / (weight + 1e-3)
        frame[part] = np.where(scenery > 0, window, around + 0.5).astype(np.uint8)
    return out


def _slopes(frames: UInt8[np.ndarray, "F H W 3"]) -> Float[np.ndarray, "2 F h w"]:
    pictures = gaussian_filter(grey(frames, _WIDTH), (0, 0.7, 0.7))
    return np.stack(np.gradient(pictures, axis=(1, 2)))


def _stays(off: Float[np.ndarray, "F E"], frames: int) -> bool:
    """Whether edges, given by how far they are off in each frame, are an overlay's."""
    usual = np.median(off)
    return bool(usual < _SOLID or (usual < _FAINT and off.shape[1] >= _FAINT_EDGES and frames >= _MANY))


def _filled(edges: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Letters and what is between and within them, with a margin."""
    padded = np.pad(edges, _REACH)
    whole = binary_fill_holes(binary_closing(padded, np.ones((_REACH, _REACH))))
    return binary_dilation(whole, iterations=_MARGIN)[_REACH:-_REACH, _REACH:-_REACH]


def _resized(frames: UInt8[np.ndarray, "F H W 3"], size: tuple[int, int]) -> UInt8[np.ndarray, "F h w 3"]:
    return np.stack([np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BOX)) for frame in frames])


def _scaled(mask: Bool[np.ndarray, "h w"], size: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
