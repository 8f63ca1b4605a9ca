"""A scene as `.splat` files (antimatter15/splat), one a reference time, in a zip: 32 bytes a splat, for the web.

Position and scale as little-endian float32, colour and opacity as RGBA bytes, the quaternion wxyz as q * 128 + 128 in
bytes; what matters most comes first, so that a page can draw while it loads.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from fourreal.progress import CancelToken, Event, ignore
from fourreal.scene.export_ply import frames
from fourreal.scene.scene4d import Scene4D
from fourreal.splat import quaternion
from fourreal.splat.gaussians import Gaussians
from fourreal.whole import write_zip

RECORD = np.dtype([("position", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("rotation", "u1", 4)])


def export_splat(
    scene: Scene4D, path: Path, progress: Callable[[Event], None] = ignore, cancel: CancelToken | None = None
) -> None:
    """Write a zip of frame_0000.splat, ... in the input's frame, one for each reference time.

    Raises:
        UserError: the file cannot be written. Cancelled: on request. Either way there is no half file.
    """
    write_zip(path, frames(scene, splat_bytes, ".splat", progress, cancel or CancelToken()))


def splat_bytes(gaussians: Gaussians) -> bytes:
    """The content of one file: largest size times opacity first. Colours are clamped to [0, 1]."""
    opacity = gaussians.opacities.sigmoid()
    weight = gaussians.scales.sum(dim=1).exp() * opacity
    order = weight.argsort(descending=True, stable=True)
    records = np.zeros(len(gaussians), RECORD)
    records["position"] = gaussians.means[order].numpy()
    records["scale"] = gaussians.scales[order].exp().numpy()
    rgba = torch.cat([gaussians.colors, opacity[:, None]], dim=1)[order]
    records["rgba"] = to_bytes(rgba * 255)
    records["rotation"] = to_bytes(quaternion.normalize(gaussians.quats[order]) * 128 + 128)
    return records.tobytes()


def to_bytes(values: torch.Tensor) -> np.ndarray:
    return values.round().clamp(0, 255).to(torch.uint8).numpy()
