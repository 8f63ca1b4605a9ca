"""Shots that a video model is asked about: where from, when, which part of the picture (4Real app. D.1).

"views": time stands still and the camera goes from the reference camera to one near a freeze-time camera; the real
frame is that of the reference video at this time. "times": the camera of a freeze-time frame stands still, and time
runs from the canonical one on, or up to it; the real frame is the freeze-time frame.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.camera import rotation
from fourreal.camera.cameras import Cameras, Origin
from fourreal.camera.trajectory import interpolate
from fourreal.clip.value import resize_picture
from fourreal.fit.observations import Observations
from fourreal.video.capabilities import Capabilities

Kind = Literal["views", "times"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Window = tuple[int, int, int, int]
LEAST_SPAN = 0.6  # of the time there is from the canonical frame on: shorter clips hardly move


@dataclass(frozen=True, eq=False)
class Shot:
    """A short clip of the scene as it is, to be rendered and judged.

    cameras: F of them, as large as what is rendered: a whole multiple of `size`.
    codes: F frame numbers of the reference video, fractional ones between frames.
    size: (width, height) that the model sees.
    conditioning: real pictures (height, width, 3) uint8 of that size, by their place in the shot.
    fps: pictures a second, None where time stands still.
    filmed: real pictures of all its frames, withheld from the model, where the shot is one to examine it by.
    """

    kind: Kind
    cameras: Cameras
    codes: tuple[float, ...]
    size: tuple[int, int]
    conditioning: Mapping[int, np.ndarray | Tensor]
    fps: float | None
    filmed: tuple[np.ndarray | Tensor, ...] = ()

    def __len__(self) -> int:
        return len(self.codes)


class Shots:
    """Draws shots of what was observed, as a model with these capabilities can be asked about them.

    frames: (F) of a shot; changed where memory runs out. size: (width, height) that the model sees.
    """

    def __init__(
        self, observations: Observations, able: Capabilities, frames: int, fps: float | int, disc: float | int
    ) -> None:
        """
        Args:
            frames: wanted; the nearest that the model can do is taken.
            fps: of the reference video.
            disc: radius of the disc in which an end camera is put, in distances to the scene's centre.
        """
        self.observations, self.able, self.fps, self.disc = observations, able, float(fps), float(disc)
        self.frames = able.nearest_frames(frames)
        self.size = model_size(able, observations.size)

    def draw(self, kind: Kind, random: np.random.Generator, moving: bool) -> Shot:
        """A shot at random. moving: whether time is free; without, as in stage one, it is the canonical one."""
        if kind == "times":
            cameras, codes, conditioning, fps = self._times(random)
        else:
            cameras, codes, conditioning, fps = self._views(random, moving)
        return self._framed(
            Shot(kind=kind, cameras=cameras, codes=codes, size=self.size, conditioning=conditioning, fps=fps), random
        )

    def filmed(self, kind: Kind, random: np.random.Generator) -> Shot:
        """A shot of this kind of which every frame was filmed: the reference video, or part of the freeze-time one."""
        seen = self.observations
        if kind == "times":
            cameras, codes, conditioning, fps = self._times(random, whole=True)
            pictures = [seen.reference[int(code)] for code in codes]
        else:
            frames = seen.training_frames
            far = sorted(frames, key=lambda frame: abs(frame - seen.freeze_reference))[len(frames) // 2 :]
            way = np.linspace(seen.freeze_reference, int(random.choice(far)), self.frames)[1:].tolist()
            nearest = lambda at: min(frames, key=lambda frame: abs(frame - at))
            path = [seen.freeze_reference, *map(nearest, way)]
            cameras, codes, fps = seen.freeze_cameras[path], (float(seen.canonical),) * self.frames, None
            pictures = [seen.freeze[frame] for frame in path]
            conditioning = {0: pictures[0]}
        return self._framed(
            Shot(
                kind=kind,
                cameras=cameras,
                codes=codes,
                size=self.size,
                conditioning=conditioning,
                fps=fps,
                filmed=tuple(pictures),
            ),
            random,
        )

    def _framed(self, shot: Shot, random: np.random.Generator) -> Shot:
        """A shot whose cameras and pictures are those of whole frames, with a window of them."""
        window = random_window(shot.cameras.size, self.size, random)
        left, top, width, height = window
        factor = max(1, round(width / self.size[0]))
        drawn = (factor * self.size[0], factor * self.size[1])
        cut = lambda picture: looked_at(picture, window, self.size)
        return replace(
            shot,
            cameras=shot.cameras.cropped(left, top, (width, height)).resized(drawn),
            conditioning={at: cut(picture) for at, picture in shot.conditioning.items()},
            filmed=tuple(map(cut, shot.filmed)),
        )

    def _views(self, random: np.random.Generator, moving: bool):
        seen = self.observations
        code = int(random.integers(len(seen.reference))) if moving else seen.canonical
        end = seen.freeze_cameras[int(random.choice(seen.training_frames))].world_to_camera[0]
        end = beside(end, self.disc * math.sqrt(random.random()), random.uniform(0, 2 * math.pi))
        start = seen.reference_at(code) if moving else seen.freeze_cameras[seen.freeze_reference]
        poses = interpolate(start.world_to_camera[0], end, torch.linspace(0, 1, self.frames).to(end))
        cameras = replace(start, world_to_camera=poses, origin=Origin("path", 1.0))
        picture = seen.reference[code] if moving else seen.freeze[seen.freeze_reference]
        return cameras, (float(code),) * self.frames, {0: picture}, None

    def _times(self, random: np.random.Generator, whole: bool = False):
        """whole: at the reference camera, and at times of its frames."""
        seen = self.observations
        before, after = seen.canonical, len(seen.reference) - 1 - seen.canonical
        onward = random.random() * (before + after) < after
        reach = (after if onward else before) * random.uniform(LEAST_SPAN, 1)
        codes = seen.canonical + np.linspace(0, reach if onward else -reach, self.frames)
        codes, at = codes.round() if whole else codes, 0
        if (
            not onward and self.able.conditioning == "anywhere"
        ):  # else the clip is played backwards: its frame has to be first
            codes, at = codes[::-1], self.frames - 1
        fps = self.fps * (self.frames - 1) / max(reach, 1e-6)
        if whole:
            cameras = seen.reference_camera[[0] * self.frames]
            if seen.reference_path is not None:
                cameras = seen.reference_path[[int(code) for code in codes]]
            picture = seen.reference[seen.canonical]
        else:
            frame = int(random.choice(seen.training_frames))
            cameras, picture = seen.freeze_cameras[[frame] * self.frames], seen.freeze[frame]
        return cameras, tuple(codes.tolist()), {at: picture}, fps


def model_size(able: Capabilities, size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) at which a model sees pictures of `size`: no larger than these, nor than what it is good at."""
    best = able.distilled_size or able.native_size
    scale = min(1.0, math.sqrt(best[0] * best[1] / (size[0] * size[1])))
    return able.nearest_size((round(size[0] * scale), round(size[1] * scale)))


def beside(world_to_camera: Float[Tensor, "4 4"], reach: float, angle: float) -> Float[Tensor, "4 4"]:
    """The camera carried around the point one unit ahead of it, by `reach` radians to the side that `angle` says."""
    turn = rotation.from_vector(world_to_camera.new_tensor([math.cos(angle), math.sin(angle), 0.0]) * reach)
    ahead = world_to_camera.new_tensor([0.0, 0.0, 1.0])
    around = torch.eye(4).to(world_to_camera)
    around[:3, :3] = turn
    around[:3, 3] = ahead - turn @ ahead
    return around @ world_to_camera


def random_window(size: tuple[int, int], small: tuple[int, int], random: np.random.Generator) -> Window:
    """(left, top, width, height) of what is looked at: shifted by less than a small pixel, or half as large.

    size: (width, height) of the whole; small: that of the model, one pixel of which covers S of the whole. Over many
    windows it sees every shift up to S - 1, and half-size windows twice as large: so the scene gets finer than a single
    picture of the model's.
    """
    width, height = size
    if width * small[1] > height * small[0]:  # the middle, in the model's shape
        width = max(1, round(height * small[0] / small[1]))
    else:
        height = max(1, round(width * small[1] / small[0]))
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    factor = width / small[0]
    if factor < 2:
        return left, top, width, height
    if random.random() < 0.5:
        half = width // 2, height // 2
        return left + int(random.integers(width - half[0] + 1)), top + int(random.integers(height - half[1] + 1)), *half
    slack = int(factor) - 1
    return left + int(random.integers(slack + 1)), top + int(random.integers(slack + 1)), width - slack, height - slack


def looked_at(picture: Float[Tensor, "H W 3"], window: Window, size: tuple[int, int]) -> np.ndarray:
    """The window of a picture in [0, 1], at `size` = (width, height), (h, w, 3) uint8."""
    left, top, width, height = window
    part = (picture[top : top + height, left : left + width].clamp(0, 1) * 255).round().byte().cpu().numpy()
    return np.ascontiguousarray(resize_picture(part, size))
