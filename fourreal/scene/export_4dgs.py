"""A scene as one `.4dgs` file (4dgs.dev), by the format's own library, in its model of keyframes and differences.

Time is cut into STEPS pieces a frame. In each piece a Gaussian keeps its turn and goes straight from where it is at the
beginning to where it is at the end; only what changed since the piece before is written, so that what stands still
is there once a keyframe. Values are rounded as the library's `fine` profile says: positions to 2 % of the median size.
Colours are clamped to [0, 1]. The frame is `place.to_y_up`'s.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from fourdgs.keyframe_delta_file import write_sequence
from fourdgs.keyframe_delta_writer import KeyframeDeltaOptions, Sample
from fourdgs.model import GaussianSet

from fourreal.errors import UserError
from fourreal.progress import CancelToken, Event, ignore
from fourreal.scene.place import outward, to_y_up
from fourreal.scene.scene4d import Scene4D
from fourreal.splat import quaternion
from fourreal.whole import writing

STEPS = 2  # pieces of time a frame
KEYFRAME_SECONDS = 1.0
FOREVER = 1e4  # seconds, the deviation of a life: no Gaussian fades
MOST = 16_000_000  # Gaussians times pieces; the library takes 250 bytes of memory for each


def export_4dgs(
    scene: Scene4D, path: Path, progress: Callable[[Event], None] = ignore, cancel: CancelToken | None = None
) -> None:
    """Write a .4dgs file that lasts as long as the reference frames do.

    Raises:
        UserError: the scene has more than `MOST` allows, or the file cannot be written. Cancelled: on request. Either
            way there is no half file.
    """
    cancel, pieces = cancel or CancelToken(), STEPS * max(scene.frames - 1, 1)
    if len(scene.gaussians) * pieces > MOST:
        raise UserError(
            f"{len(scene.gaussians)} splats over {scene.frames} frames are too many for .4dgs, which is put together "
            "in memory. Export r4d or ply instead."
        )
    duration = max(scene.frames - 1, 1) / scene.fps
    content = write_sequence(
        samples(scene, pieces, duration, progress, cancel),
        duration,
        kd=KeyframeDeltaOptions(keyframe_every=max(1, round(KEYFRAME_SECONDS * pieces / duration))),
        profile="fine",
        library="fourreal",
    )
    cancel.check()
    with writing(path) as temporary:
        temporary.write_bytes(content)


def samples(
    scene: Scene4D, pieces: int, duration: float, progress: Callable[[Event], None], cancel: CancelToken
) -> list[Sample]:
    """The scene in each piece of time: positions and velocities of its beginning, all else of its middle.

    duration: seconds from the first reference frame to the last.
    """
    frame = to_y_up(scene)
    seen = lambda t: outward(scene, t, frame)
    numbers = np.arange(len(scene.gaussians))
    made, here = [], seen(0.0).means.numpy()
    for piece in range(pieces):
        cancel.check()
        middle, there = seen((piece + 0.5) / pieces), seen((piece + 1) / pieces).means.numpy()
        start = piece * duration / pieces
        made.append(
            Sample(
                start,
                numbers,
                GaussianSet(
                    positions=here,
                    scales=middle.scales.exp().numpy(),
                    rotations=quaternion.normalize(middle.quats).roll(-1, dims=1).numpy(),  # xyzw there
                    colors=np.concatenate(
                        [middle.colors.clamp(0, 1).numpy(), middle.opacities.sigmoid().numpy()[:, None]], axis=1
                    ),
                    motions=(there - here) * np.float32(pieces / duration),
                    mu_t=np.full(len(numbers), start, np.float32),
                    sigma_t=np.full(len(numbers), FOREVER, np.float32),
                    win_lo=np.zeros(len(numbers)),
                    win_hi=np.full(len(numbers), np.inf),
                ),
            )
        )
        here = there
        progress(Event("export", piece + 1, pieces))
    return made
