"""Reading a ground-truth scene: pictures of it that no video shows, and where its moving subject is in them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from fourreal import clip
from fourreal.camera import cameras_file
from fourreal.camera.cameras_file import CamerasFile, View
from fourreal.clip import Clip
from fourreal.errors import UserError

REFERENCE_TIME = "novel view, reference time"  # the kind of the honest views


@dataclass(frozen=True)
class TrueView:
    """A held-out picture, read when asked for.

    view: its name, time and camera, in the file's frame.
    kind: what is new about it, as the file says.
    picture, mask: paths; a view may have no mask.
    """

    view: View
    kind: str
    picture: Path
    mask: Path | None

    def colours(self) -> Float[Tensor, "H W 3"]:
        """RGB in [0, 1] at the size of the view's camera."""
        return torch.from_numpy(_load(self.picture, self.view.camera.size, "RGB"))

    def moving(self) -> Float[Tensor, "H W"] | None:
        """How much of each pixel the moving subject covers, in [0, 1]; None without a mask."""
        return None if self.mask is None else torch.from_numpy(_load(self.mask, None, "L"))


@dataclass(frozen=True)
class GroundTruth:
    """A scene folder: cameras, held-out views, and both videos (the freeze-time one without noise)."""

    cameras: CamerasFile
    views: tuple[TrueView, ...]
    reference: Clip
    freeze: Clip


def read(folder: Path) -> GroundTruth:
    """Read and check a scene folder: cameras.json with `heldout`, reference.mp4, freeze.mp4.

    Raises:
        UserError: something is missing, damaged, or does not fit the rest.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: give one with cameras.json, reference.mp4, freeze.mp4 and heldout/.")
    path = folder / "cameras.json"
    cameras = cameras_file.read(path)
    if not cameras.views:
        raise UserError(f"{path} has no `heldout` views, so there is nothing to compare with.")
    if cameras.freeze is None:
        raise UserError(f"{path} has no `freeze` list: the cameras of the freeze-time video are needed to compare.")
    return GroundTruth(
        cameras,
        tuple(_views(folder, path, cameras)),
        clip.read(folder / "reference.mp4"),
        clip.read(folder / "freeze.mp4"),
    )


def _views(folder: Path, path: Path, cameras: CamerasFile) -> Iterator[TrueView]:
    """The views that `cameras_file.read` found, with what is beside them in the file."""
    content = json.loads(path.read_text(encoding="utf-8"))  # `cameras_file.read` has checked it
    entries = content["views" if "views" in content else "heldout"]
    for view, entry in zip(cameras.views, entries, strict=True):
        mask = entry.get("mask")
        yield TrueView(
            view,
            str(entry.get("kind", "")),
            _inside(folder, entry["file"]),
            None if mask is None else _inside(folder, mask),
        )


def _inside(folder: Path, name: object) -> Path:
    """A file of the folder or of one below it."""
    parts = PurePosixPath(name).parts if isinstance(name, str) else ("..",)
    if ".." in parts or PurePosixPath(*parts).is_absolute():
        raise UserError(f"{folder / 'cameras.json'} names {str(name)[:80]!r}, which is not a file of its folder.")
    path = folder.joinpath(*parts)
    if not path.is_file():
        raise UserError(f"{path} is missing, but cameras.json names it. Copy the scene again.")
    return path


def _load(path: Path, size: tuple[int, int] | None, mode: str) -> np.ndarray:
    """A picture as float32 in [0, 1], of that (width, height) if one is given."""
    try:
        with Image.open(path) as image:
            if size is not None and image.size != size:
                raise UserError(
                    f"{path} is {image.size[0]}x{image.size[1]}, but cameras.json says {size[0]}x{size[1]}."
                )
            return np.asarray(image.convert(mode), dtype=np.float32) / 255
    except (OSError, Image.DecompressionBombError) as error:
        raise UserError(f"{path} cannot be read as a picture. Copy the scene again.") from error
