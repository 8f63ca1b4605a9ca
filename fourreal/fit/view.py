"""A take as stage two looks at it: which frames there are at each moment, from where, and what part of them."""

from collections import defaultdict
from collections.abc import Iterable

from jaxtyping import Bool, Float
from torch import Tensor

from fourreal.camera.cameras import Cameras
from fourreal.fit.movers import moving_window
from fourreal.fit.observations import Observations, Targets


class View:
    """Frames of one camera that stands still, or of one camera each.

    targets: the frames. cameras: F = 1, or one of each frame. at: by moment (a reference frame) the frames taken then.
    window: (left, top, width, height) of what is looked at, None for all. share: how much of the picture that is, times
    `part` and `trust`, as `Take` has them: a factor on the loss.
    """

    def __init__(
        self,
        frames: Float[Tensor, "F H W 3"],
        cameras: Cameras,
        codes: Iterable[int],
        window: tuple[int, int, int, int] | None = None,
        mask: Bool[Tensor, "H W"] | None = None,
        trust: float | int = 1.0,
        part: float | int = 1.0,
    ) -> None:
        self.targets, self.cameras, self.window = Targets(frames, window, mask), cameras, window
        self.at: dict[int, list[int]] = defaultdict(list)
        for frame, code in enumerate(codes):
            self.at[code].append(frame)
        self.trust = float(trust)
        self.share = trust * part * self.targets.size[0] * self.targets.size[1] / (frames.shape[1] * frames.shape[2])

    def camera(self, frame: int, halvings: int = 0) -> Cameras:
        """The camera (F = 1) of a frame, for what `targets.get` returns of it."""
        camera = self.cameras[frame if len(self.cameras) > 1 else 0]
        return self.targets.camera(camera, self.window[:2] if self.window else (0, 0), halvings)


def views_of(observations: Observations, narrow: bool) -> list[View]:
    """The reference video and the further takes. narrow: of a camera that stands still only the part that moves."""
    seen = observations
    cameras = seen.reference_camera if seen.reference_path is None else seen.reference_path
    window = moving_window(seen.reference, seen.canonical) if narrow and len(cameras) == 1 else None
    views = [View(seen.reference, cameras, range(len(seen.reference)), window, seen.reference_mask)]
    for take in seen.others:
        window = None
        if narrow and len(take.cameras) == 1:
            nearest = min(range(len(take.codes)), key=lambda i: abs(take.codes[i] - seen.canonical))
            window = moving_window(take.frames, nearest)
        views.append(
            View(take.frames, take.cameras, take.codes, window, mask=take.mask, trust=take.trust, part=take.part)
        )
    return views
