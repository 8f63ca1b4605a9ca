"""The pictures that a `cameras.json` asks for: its views, brought into the frame of a scene, drawn and written."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from fourreal.camera.cameras import Cameras
from fourreal.camera.cameras_file import CamerasFile, View
from fourreal.camera.register import Registration, register
from fourreal.errors import UserError
from fourreal.progress import CancelToken, Event, ignore
from fourreal.scene.scene4d import Scene4D
from fourreal.scene.sky import over_sky
from fourreal.whole import writing


def placed(given: CamerasFile, scene: Scene4D) -> Cameras:
    """The file's cameras of those freeze-time frames that the scene has cameras for, in the same order.

    Raises:
        UserError: the file does not have them.
    """
    if given.freeze is None:
        raise UserError(
            "The scene's cameras were estimated, so a cameras.json needs its `freeze` list to be brought into their "
            "frame: one {w2c} for each frame of the freeze-time video."
        )
    last = scene.freeze_frames[-1]
    if last >= len(given.freeze):
        raise UserError(
            f"cameras.json lists {len(given.freeze)} freeze-time cameras, but the scene was made from a freeze-time "
            f"video of at least {last + 1} frames: they do not belong together. Give the cameras of that video."
        )
    return given.freeze[list(scene.freeze_frames)]


def into_scene(given: CamerasFile, scene: Scene4D) -> Registration:
    """From the file's frame to the scene's input frame.

    They are one where the scene's cameras were given. Where they were estimated, the freeze-time cameras of both are
    laid over each other so that they see the scene alike.
    """
    if scene.freeze.origin.method == "given":
        return Registration.identity()
    solid = scene.gaussians.means[scene.gaussians.opacities > 0]
    return register(placed(given, scene), scene.outward(scene.freeze), scene.similarity.inverse().apply_points(solid))


def draw(
    scene: Scene4D, camera: Cameras, t: float, sky: Float[Tensor, "16 3"] | None = None
) -> UInt8[np.ndarray, "H W 3"]:
    """The picture that one camera of the input's frame takes at time t in [0, 1]: 8-bit RGB, as it is written.

    sky: what stands behind the splats, as `sky_of` gives it; the scene's background if None, as scores count on.
    """
    seen = scene.render(camera, t)
    colour = seen.colour if sky is None else over_sky(seen, scene.inward(camera), sky, scene.background)
    return (colour.clamp(0, 1) * 255).round().byte().cpu().numpy()


def moved(views: Sequence[View], into: Registration) -> list[View]:
    """The same views with their cameras in another frame."""
    return [replace(view, camera=into.apply_cameras(view.camera)) for view in views]


def render_views(
    scene: Scene4D,
    given: CamerasFile,
    folder: Path,
    progress: Callable[[Event], None] = ignore,
    cancel: CancelToken | None = None,
) -> list[Path]:
    """Write each view of the file as a PNG to `folder`/<its name>, at the file's intrinsics and size.

    Raises:
        UserError: the file has no views, does not fit the scene, or the folder cannot be written.
    """
    if not given.views:
        raise UserError("cameras.json asks for no pictures. Add a `views` list of {file, time, w2c}.")
    cancel = cancel or CancelToken()
    written = []
    for number, view in enumerate(moved(given.views, into_scene(given, scene))):
        cancel.check()
        path = folder / Path(view.file).name  # never outside the folder, whatever the file says
        with writing(path) as temporary:
            Image.fromarray(draw(scene, view.camera, view.time)).save(temporary, format="PNG")
        written.append(path)
        progress(Event("render", number + 1, len(given.views)))
    return written
