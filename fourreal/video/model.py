"""`VideoModel`: the two calls behind which every video model stands."""

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from fourreal.camera.cameras import Cameras
from fourreal.clip.value import Clip
from fourreal.progress import CancelToken, Progress, ignore
from fourreal.video.capabilities import Capabilities
from fourreal.video.conditioning import ConditioningOrNone


@runtime_checkable
class VideoModel(Protocol):
    """A video model that is loaded.

    capabilities: what may be asked of it. identity: which weights these are, as far as they tell videos apart.
    """

    capabilities: Capabilities
    identity: str

    def generate(
        self,
        prompt: str,
        *,
        negative: str = "",
        conditioning: ConditioningOrNone = None,
        cameras: Cameras | None = None,
        frames: int | None = None,
        size: tuple[int, int] | None = None,
        fps: float | int | None = None,
        seed: int = 0,
        steps: int | None = None,
        guidance: float | int | None = None,
        progress: Progress = ignore,
        cancel: CancelToken | None = None,
        preview: bool = False,
    ) -> Clip:
        """A video of `frames` frames and `size` = (width, height), those of `conditioning` exactly as given.

        What is None is what the model was trained for. conditioning: pictures by frame number, or a
        `Conditioning`. cameras: one a frame, for models that follow a path; without, such a camera stands still. The
        same seed gives the same video. Each denoising step is reported as stage "video", with a rough picture if
        `preview`.

        Raises UserError for what `capabilities` does not have, and Cancelled between two steps.
        """

    def denoise_once(
        self,
        video: Float[Tensor, "F 3 H W"],
        sigma: float | int,
        prompt: str,
        *,
        negative: str = "",
        conditioning: ConditioningOrNone = None,
        cameras: Cameras | None = None,
        fps: float | int | None = None,
        guidance: float | int | None = None,
        rescale: float | int = 0.0,
        seed: int = 0,
    ) -> Float[Tensor, "F 3 H W"]:
        """What the model thinks that `video` should look like, having seen it under noise: a target to move towards.

        video: [0, 1]. sigma: in (0, 1), the share of noise, x_s = (1 - sigma) x0 + sigma eps. rescale: as in
        `denoise.guided`. The noise depends on `seed` alone. prompt: "" asks without words, at guidance 1.

        Returns video + D(z0_hat) - D(z), z being the encoded video: what encoding loses is the same in both terms
        and does not show. May reach a little outside [0, 1]. Known frames are those given. No gradient runs through it.
        """

    def rest(self) -> None:
        """Leaves the memory of its device to others until it is asked again."""

    def release(self) -> None:
        """Frees the memory of its weights. It cannot be asked anything afterwards."""
