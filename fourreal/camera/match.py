"""What the two videos show of the camera, by looking: which frames share a pose, and whether a camera stands still."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from scipy.ndimage import gaussian_filter

from fourreal.camera import steady
from fourreal.errors import UserError

# Pictures of the same scene from the same pose had 0.999 (rendered, compressed, also warped clips); of different scenes
# up to 0.48, and the same scene one step (4.5 degrees) aside up to 0.59.
_SAME_SCENE = 0.65
_WIDTH = 96  # pixels at which pictures are compared: warps of a few pixels at full size are below one here
_BLOCK, _STRIDE, _BLOCK_WIDTH = 48, 24, 256
_TEXTURE = 4.0  # grey levels of standard deviation in a block that can be followed
_MATCHED = 0.5  # correlation with a block's first look at which it counts as found again, not covered or changed
_AS_GOOD = 0.97  # a block whose old place has so much of the best correlation has stayed there
# Share of the blocks found again that stay where they were. Fixed cameras had 0.87 and more, 0.43 and more with a
# plain floor under grain; moving ones 0.1 at most. A subject may well fill half the picture.
_STILL = 0.3
_TRAVELS = 0.14  # share of the corners that stay in place, see `steady.staying`, under which the camera moves
_FEWEST = 4  # blocks from which anything can be concluded
_SEEN = 0.2  # share of the blocks: where fewer are found again, that is chance and it is another picture
# Where less than _PLAIN of the picture has texture, all of that may be the subject's, and how much of the picture stays
# as it was counts, too: by _CHANGE grey levels half of it and more had changed under moving cameras, 0.27 at most under
# fixed ones.
_PLAIN, _CHANGE, _SAME = 0.75, 12.0, 0.65


@dataclass(frozen=True)
class FrozenFrame:
    """Where the two videos meet.

    canonical_index: the frame of the reference video that was frozen.
    freeze_reference_index: the frame of the freeze-time video from the reference camera's pose.
    score: likeness of the two, -1 to 1. margin: how much less alike the next best freeze-time frame is (>= 0).
    """

    canonical_index: int
    freeze_reference_index: int
    score: float
    margin: float


def find_frozen_frame(
    reference: UInt8[np.ndarray, "R H W 3"],
    freeze: UInt8[np.ndarray, "F h w 3"],
    canonical: int | None = None,
    freeze_reference: int | None = None,
) -> FrozenFrame:
    """The pair of frames, one of each video, that look most alike whatever the brightness and contrast.

    canonical, freeze_reference: that frame alone of its video, where it is known; then the two are only compared.
    Two videos of 300 frames of 1024x576 pixels take 3 s of a core, and in proportion to their frames and pixels.

    Raises UserError where no two frames show the same scene from the same pose.
    """
    first, at = canonical or 0, freeze_reference or 0
    best = _most_alike(
        reference if canonical is None else reference[first : first + 1],
        freeze if freeze_reference is None else freeze[at : at + 1],
    )
    return replace(
        best, canonical_index=first + best.canonical_index, freeze_reference_index=at + best.freeze_reference_index
    )


def _most_alike(reference: UInt8[np.ndarray, "R H W 3"], freeze: UInt8[np.ndarray, "F h w 3"]) -> FrozenFrame:
    shape = (_WIDTH, max(8, round(reference.shape[1] * _WIDTH / reference.shape[2])))
    likeness = _signature(reference, shape) @ _signature(freeze, shape).T
    best = likeness.max(0)
    at = int(best.argmax())
    score = float(best[at])
    if score < _SAME_SCENE:
        raise UserError(
            "The two videos do not show the same scene from a common viewpoint: no frame of the freeze-time video "
            f"looks like any frame of the reference video (likeness {max(score, 0.0):.2f}, needed is {_SAME_SCENE}). "
            "Make the freeze-time video from one of the reference video's frames, or check that the right two files "
            "were given."
        )
    others = np.delete(best, at)
    margin = score - float(others.max()) if len(others) else 1.0
    return FrozenFrame(_frozen_moment(reference, freeze[at]), at, score, margin)


def _frozen_moment(reference: UInt8[np.ndarray, "R H W 3"], frozen: UInt8[np.ndarray, "h w 3"]) -> int:
    """The reference frame that looks most like `frozen`, taken from the same pose, at a closer look.

    Only what moves in the reference video tells its frames apart, so each pixel counts by how much it changes; and the
    frozen picture may be off by a pixel or so.
    """
    size = (2 * _WIDTH, max(16, round(reference.shape[1] * 2 * _WIDTH / reference.shape[2])))
    pictures = _signature(np.stack([*(_resize(frame, size) for frame in reference), _resize(frozen, size)]), size)
    moments, goal = pictures[:-1], pictures[-1].reshape(size[1], size[0])
    weight = moments.var(0)
    shifted = [np.roll(goal, (y, x), (0, 1)).ravel() for y in (-1, 0, 1) for x in (-1, 0, 1)]
    misses = np.stack([((moments - picture) ** 2 * weight).sum(1) for picture in shifted])
    return int(misses.min(0).argmin())


@dataclass(frozen=True)
class CameraMotion:
    """Whether a clip's camera moves.

    moves: the verdict. put: the share, 0 to 1, of the picture's textured blocks found again that stay where the first
    frame had them, in the clip's least settled frames (10th percentile). sentence: the verdict for people.
    """

    moves: bool
    put: float
    sentence: str


def camera_motion(frames: UInt8[np.ndarray, "F H W 3"]) -> CameraMotion:
    """Whether the camera moves, judged by where the blocks of the picture went since the first frame.

    Blocks are found again by correlation, which brightness leaves alone. Those that are covered meanwhile have no say,
    and one that fits its old place as well as any other has not gone. Where hardly any is found again the picture
    is another one; where there is too little texture to tell, the camera is taken to stand still.
    """
    height = max(_BLOCK, round(frames.shape[1] * _BLOCK_WIDTH / frames.shape[2]))
    grey = _grey(frames, (_BLOCK_WIDTH, height))
    blocks = _blocks(grey)  # (F, B, b, b)
    textured = blocks[0].std((1, 2)) > _TEXTURE
    blocks = blocks[:, textured]
    if blocks.shape[1] < _FEWEST:
        return CameraMotion(False, 1.0, "The picture has too little texture to tell whether the camera moves.")
    best, here = _likeness(blocks)
    matched = best > _MATCHED
    stays = matched & (here >= _AS_GOOD * best)
    enough = matched.sum(1) >= max(_FEWEST, _SEEN * blocks.shape[1])
    share = np.where(enough, stays.sum(1) / np.maximum(matched.sum(1), 1), 0.0)
    put = float(np.quantile(share, 0.1))
    if textured.mean() < _PLAIN and (same := _unchanged(grey)) > _SAME:
        put = max(put, same)
    moves = put < _STILL
    return CameraMotion(
        moves, put, f"The camera {'moves' if moves else 'stands still'}: {put:.0%} of the picture stays in place."
    )


def moving_camera(reference: UInt8[np.ndarray, "F H W 3"]) -> CameraMotion:
    """The verdict on a reference video: whether its camera stands on something, or moves and has to be followed."""
    motion = camera_motion(reference)
    moves = (motion.moves and _travels(reference, if_unclear=True)) or steady.sways(reference)
    sentence = (
        "The camera of the reference video moves; where it was is found frame by frame, by what stands still. A camera "
        "that stands on something is better."
        if moves
        else motion.sentence
        if not motion.moves
        else "The camera stands still."
    )
    return CameraMotion(moves, motion.put, sentence)


def still_camera(freeze: UInt8[np.ndarray, "F H W 3"]) -> CameraMotion:
    """The verdict on a freeze-time video, whose camera should move: its sentence says what to do if it does not.

    It hardly moves where the blocks of the picture and its corners say so alike: of a subject in the middle of a plain
    picture the outline stays where it was, while its corners go.
    """
    motion = camera_motion(freeze)
    if motion.moves or _travels(freeze, if_unclear=False):
        return replace(motion, moves=True, sentence="The camera moves.")
    return CameraMotion(
        False,
        motion.put,
        f"The camera of the freeze-time video hardly moves ({motion.put:.0%} of the picture stays in place), so "
        "nothing can be learnt about the scene's depth. Pick a video in which the camera circles around the frozen "
        "subject.",
    )


def _travels(frames: UInt8[np.ndarray, "F H W 3"], if_unclear: bool) -> bool:
    """Whether hardly a corner stays where it was; `if_unclear` where too few can be followed."""
    staying = steady.staying(frames)
    return if_unclear if staying is None else staying < _TRAVELS


def _resize(frame: np.ndarray, size: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BOX))


def _grey(frames: np.ndarray, size: tuple[int, int]) -> Float[np.ndarray, "F h w"]:
    """Grey pictures of `size` (width, height), averaged down by area."""
    small = [Image.fromarray(frame).convert("L").resize(size, Image.Resampling.BOX) for frame in frames]
    return np.stack([np.asarray(image, dtype=np.float64) for image in small])


def _signature(frames: np.ndarray, size: tuple[int, int]) -> Float[np.ndarray, "F P"]:
    """Unit vectors whose products are likenesses: pictures with the local brightness and contrast taken out."""
    grey = gaussian_filter(_grey(frames, size), (0, 0.7, 0.7))
    reach = (0, size[0] / 24, size[0] / 24)
    detail = grey - gaussian_filter(grey, reach)
    detail = detail / (np.sqrt(gaussian_filter(detail**2, reach)) + 4)  # 4 grey levels: flat regions stay flat
    flat = detail.reshape(len(frames), -1)
    flat = flat - flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)


def _unchanged(grey: Float[np.ndarray, "F h w"]) -> float:
    """The share of the picture that is as in the first frame but for brightness, in the median frame."""
    change = grey[1:] - grey[0]
    change -= np.median(change, (1, 2), keepdims=True)
    return float(np.median((np.abs(change) < _CHANGE).mean((1, 2)))) if len(change) else 1.0


def _blocks(grey: Float[np.ndarray, "F h w"]) -> Float[np.ndarray, "F B b b"]:
    views = np.lib.stride_tricks.sliding_window_view(grey, (_BLOCK, _BLOCK), axis=(1, 2))[:, ::_STRIDE, ::_STRIDE]
    blocks = views.reshape(len(grey), -1, _BLOCK, _BLOCK)
    return blocks - blocks.mean((2, 3), keepdims=True)


def _likeness(blocks: Float[np.ndarray, "F B b b"]) -> tuple[Float[np.ndarray, "F B"], Float[np.ndarray, "F B"]]:
    """Correlation of each block with its first look: the best of all shifts, and the best of at most one pixel."""
    spectrum = np.fft.rfft2(blocks * np.outer(np.hanning(_BLOCK), np.hanning(_BLOCK)))
    doubled = np.full(spectrum.shape[-1], 2.0)  # frequencies that stand for two of the full spectrum
    doubled[[0, -1]] = 1.0
    energy = (np.abs(spectrum) ** 2 * doubled).sum((2, 3)) / _BLOCK**2
    shifted = np.fft.irfft2(spectrum * spectrum[:1].conj(), s=(_BLOCK, _BLOCK))
    shifted /= np.sqrt(np.maximum(energy * energy[:1], 1e-12))[..., None, None]
    near = np.ix_((-1, 0, 1), (-1, 0, 1))
    return shifted.max((2, 3)), shifted[:, :, near[0], near[1]].max((2, 3))
