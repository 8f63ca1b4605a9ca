"""Overlays: watermarks, logos, captions, that stay where they are while the picture behind them moves."""

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image
from scipy.ndimage import binary_closing, binary_dilation, find_objects, gaussian_filter, label

WIDTH = 384  # pixels at which it is looked
FRAMES = 24
EDGE = 5.0  # grey levels a pixel, of an edge that counts
ALIKE = 0.75  # of its mean strength that it has in its direction in every frame
COHERENT = 0.97  # |mean gradient| over mean |gradient|
GAP = 4  # pixels between the edges of one overlay
LEAST = 40  # edge pixels of an overlay
DENSE = 0.06  # of its box that are edges
MOST = 0.15  # of the picture; what covers more is scene
MARGIN = 0.008  # picture widths around an overlay
SAME = 0.6  # correlation of edges with which a video has the overlay of another


def overlay_mask(frames: UInt8[np.ndarray, "F H W 3"]) -> Bool[np.ndarray, "H W"]:
    """Where an overlay lies, for a clip whose camera travels."""
    height, width = frames.shape[1:3]
    gradient = _gradients(frames)  # (F, 2, h, w)
    mean = gradient.mean(0)
    strength = np.linalg.norm(mean, axis=0)
    coherence = strength / np.maximum(np.linalg.norm(gradient, axis=1).mean(0), 1e-6)
    along = (gradient * (mean / np.maximum(strength, 1e-6))).sum(1)
    always = (along > ALIKE * strength).all(0)
    edges = (strength > EDGE) & (coherence > COHERENT) & always
    boxes = np.zeros_like(edges)
    joined = binary_closing(np.pad(edges, GAP), iterations=GAP)[GAP:-GAP, GAP:-GAP] | edges
    joined = binary_dilation(joined, iterations=GAP // 2)
    for box in find_objects(label(joined)[0]):
        part = edges[box]
        if part.sum() >= LEAST and part.mean() > DENSE and part.size < MOST * edges.size:
            boxes[box] = True
    if not boxes.any() or boxes.mean() > MOST:
        return np.zeros((height, width), bool)
    return _grown(boxes, (width, height))


def has_overlay(
    frames: UInt8[np.ndarray, "F H W 3"], edges: Float[np.ndarray, "2 k l"], mask: Bool[np.ndarray, "h w"]
) -> Bool[np.ndarray, "H W"]:
    """Which overlays of another video, given by its `mean_edges` and `mask`, `frames` have at the same places.

    Of a camera that stands still nothing tells an overlay from the scene; another video of it does.
    """
    out = np.zeros(frames.shape[1:3], bool)
    if not mask.any():
        return out
    mine = mean_edges(frames)
    size = mine.shape[:0:-1]
    small = _resized(mask, size)
    theirs = np.stack([np.asarray(Image.fromarray(part).resize(size, Image.Resampling.BILINEAR)) for part in edges])
    shared = np.zeros_like(small)
    for box in find_objects(label(small)[0]):
        a, b = mine[:, *box].ravel(), theirs[:, *box].ravel()
        if (a * b).sum() > SAME * np.linalg.norm(a) * np.linalg.norm(b):
            shared[box] = True
    return _resized(shared, (frames.shape[2], frames.shape[1]))


def mean_edges(frames: UInt8[np.ndarray, "F H W 3"]) -> Float[np.ndarray, "2 k l"]:
    """The gradient of the grey picture, down and right, in the mean over time: small where all moves."""
    return _gradients(frames).mean(0)


def _gradients(frames: UInt8[np.ndarray, "F H W 3"]) -> Float[np.ndarray, "K 2 h w"]:
    index = np.unique(np.linspace(0, len(frames) - 1, FRAMES).round().astype(int))
    size = (WIDTH, max(16, round(frames.shape[1] * WIDTH / frames.shape[2])))
    small = [Image.fromarray(frames[i]).convert("L").resize(size, Image.Resampling.BOX) for i in index]
    grey = np.stack([np.asarray(picture, np.float32) for picture in small])
    grey = gaussian_filter(grey, (0, 0.5, 0.5))
    return np.stack(np.gradient(grey, axis=(1, 2)), axis=1)


def _resized(mask: Bool[np.ndarray, "h w"], size: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    return np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR)) > 64


def _grown(mask: Bool[np.ndarray, "h w"], size: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    return binary_dilation(_resized(mask, size), iterations=max(2, round(MARGIN * size[0])))
