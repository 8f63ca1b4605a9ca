"""What a video model can do, as data, and the checks that follow from it. Light: the page shows this at its start."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import log, prod
from typing import Literal

from fourreal.errors import UserError
from fourreal.settings import ClipLimits

# How much of a video may be given: any frames at any place; a clip it begins with; or its first frame alone.
ConditioningFrames = Literal["anywhere", "leading clip", "first frame"]
Size = tuple[int, int]

_SAME_SHAPE = 0.02  # difference of two logarithms of width by height
_CHARACTERS_A_TOKEN = 8  # of English text it is four to five; a longer text is too long whatever it says


def check_text(text: str | None) -> None:
    """Raise UserError for what is no text: half of a character can neither be written down nor told to a model."""
    if text is not None and any("\ud800" <= character <= "\udfff" for character in text):
        raise UserError("The prompt has a broken character, as of a picture that was cut in two. Type it again.")


@dataclass(frozen=True)
class Rig:
    """The camera that a model is told of, as nobody knows the scene.

    Usually a lens as wide as the picture (53 degrees across) and a subject two units ahead, which in SANA-WM's own
    units is 40 of its steps.

    focal: in picture widths. distance: to what it goes around. elevation: degrees by which it looks down.
    """

    focal: float = 1.0
    distance: float = 2.0
    elevation: float = 0.0


USUAL_RIG = Rig()


@dataclass(frozen=True)
class Capabilities:
    """What can be asked of a model.

    frame_step: a video has frame_step * k + 1 frames. size_step: width and height are multiples of it, in pixels.
    native_size: (width, height), native_frames, fps: what it was trained for; others work less well.
    least_size, most_frames: the shorter side and the length beyond which nothing sensible comes out or fits.
    conditioning: which frames may be given. text_alone: whether text without any frame will do.
    cameras: whether it follows a camera path.
    guidance, steps: defaults; guidance 1 means none. conditioned_guidance: where frames are given, if another one.
    prompt_tokens: what the text encoder reads of a prompt.
    sizes: the only ones there are, where not any on the grid will do.
    distilled_size: what it is asked about in distillation; None is `native_size`.
    rig: the camera of its freeze-time videos, where it follows a path.
    windows: by how many at most a freeze-time video is extended, unless somebody says.
    """

    frame_step: int
    size_step: int
    native_size: Size
    native_frames: int
    fps: float
    conditioning: ConditioningFrames
    guidance: float
    steps: int
    prompt_tokens: int
    text_alone: bool = True
    cameras: bool = False
    least_size: int = 64
    most_frames: int = 161
    sizes: tuple[Size, ...] = ()
    distilled_size: Size | None = None
    rig: Rig = USUAL_RIG
    windows: int = 12
    conditioned_guidance: float | None = None

    @property
    def only_frames(self) -> bool:
        """Whether all its videos have one length."""
        return self.most_frames == self.frame_step + 1

    def usual_guidance(self, conditioning: bool) -> float:
        """The default for a video with or without given frames."""
        return self.guidance if self.conditioned_guidance is None or not conditioning else self.conditioned_guidance

    def nearest_frames(self, frames: int) -> int:
        """The number of frames on the grid that is nearest to `frames`."""
        steps = max(1, round((min(frames, self.most_frames) - 1) / self.frame_step))
        return steps * self.frame_step + 1

    def halved_frames(self, frames: int) -> int:
        """About half as many frames, on the grid; as many as before where there is nothing shorter."""
        return min(frames, self.nearest_frames(max(1, (frames - 1) // 2) + 1))

    def nearest_size(self, size: Size) -> Size:
        """The (width, height) on the grid that is nearest to `size`, side by side; of a few fixed ones the nearest."""
        if self.sizes:
            return min(self.sizes, key=lambda one: abs(one[0] - size[0]) + abs(one[1] - size[1]))
        least = -(-self.least_size // self.size_step)
        width, height = (max(least, round(side / self.size_step)) * self.size_step for side in size)
        return width, height

    def alike(self, size: Size, wanted: Size | None = None) -> Size:
        """The (width, height) on the grid of the same shape as `size`, about as large as `wanted` or as it is best.

        A size that is on the grid and no larger than is good for the model is taken as it is. Raises UserError where
        the model has only sizes of another shape.
        """
        aspect = size[0] / size[1]
        if self.sizes:
            nearest = min(self.sizes, key=lambda one: (abs(log(one[0] / one[1] / aspect)), -one[0]))
            if abs(log(nearest[0] / nearest[1] / aspect)) > _SAME_SHAPE:
                raise UserError(
                    f"This model makes pictures of {nearest[0]}x{nearest[1]} alone, which have another shape than "
                    f"those of {size[0]}x{size[1]}. Crop the video, or choose another model."
                )
            return nearest
        area = prod(wanted or self.native_size)
        if self.nearest_size(size) == size and 0.5 <= prod(size) / area <= 1.25:
            return size
        exact = (area / aspect) ** 0.5
        heights = {max(1, round((0.8 + 0.01 * n) * exact / self.size_step)) * self.size_step for n in range(36)}
        sizes = {self.nearest_size((round(height * aspect), height)) for height in heights}

        def cost(one: Size) -> float:
            """Two shapes have to agree within two per cent; beyond that the area hardly matters."""
            return abs(log(one[0] / one[1] / aspect)) * 10 + abs(log(prod(one) / area)) / 4

        return min(sorted(sizes), key=cost)

    def check_frames(self, frames: int) -> None:
        """Raise UserError, with the nearest that can be had, where no video has as many frames."""
        nearest = self.nearest_frames(frames)
        if nearest != frames and self.only_frames:
            raise UserError(f"This model makes videos of {self.most_frames} frames, so not of {frames}.")
        if nearest != frames:
            raise UserError(
                f"This model makes videos of {self.frame_step}k + 1 frames, {self.frame_step + 1} to "
                f"{self.nearest_frames(self.most_frames)}, so not of {frames}. The nearest is {nearest}."
            )

    def check_size(self, size: Size) -> None:
        """Raise UserError, with the nearest that can be had, where no video has this (width, height)."""
        nearest = self.nearest_size(size)
        if nearest != tuple(size) and self.sizes:
            only = " and ".join(f"{width}x{height}" for width, height in self.sizes)
            raise UserError(f"This model makes pictures of {only} alone, so not {size[0]}x{size[1]}.")
        if nearest != tuple(size):
            raise UserError(
                f"This model makes pictures whose sides are multiples of {self.size_step} pixels, at least "
                f"{self.nearest_size((1, 1))[0]}, so not {size[0]}x{size[1]}. The nearest is {nearest[0]}x{nearest[1]}."
            )

    def check_prompt(self, prompt: str) -> None:
        """Raise UserError for a prompt that says nothing or more than could ever be read."""
        check_text(prompt)
        if not prompt.strip():
            raise UserError("The prompt is empty. Describe in a sentence what the video should show.")
        most = self.prompt_tokens * _CHARACTERS_A_TOKEN
        if len(prompt) > most:
            raise UserError(
                f"The prompt has {len(prompt):,} characters, but the model reads about {most // 2:,}. Shorten it to "
                "what matters: who, doing what, where, in what light."
            )

    def check_conditioning(self, indices: Iterable[int], frames: int) -> None:
        """Raise UserError where frames of these numbers cannot be given for a video of `frames` frames."""
        given = sorted(set(indices))
        if given and not 0 <= given[0] <= given[-1] < frames:
            wrong = given[0] if given[0] < 0 else given[-1]
            raise UserError(f"Frame {wrong} is not one of the video's frames, 0 to {frames - 1}. Pick one of those.")
        if len(given) == frames:
            raise UserError(f"All {frames} frames are given, so there is nothing to generate. Give fewer.")
        if not given:
            if not self.text_alone:
                raise UserError("This model starts from a picture. Give it the first frame, or pick another model.")
            return
        if self.conditioning == "anywhere":
            return
        if given[0] != 0 or given != list(range(len(given))):
            raise UserError("This model can only be given the frames that a video begins with, none further on.")
        if self.conditioning == "first frame" and len(given) > 1:
            raise UserError(f"This model can only be given the first frame, not {len(given)} frames.")
        if self.conditioning == "leading clip" and (len(given) - 1) % self.frame_step:
            raise UserError(
                f"This model can be given {self.frame_step}k + 1 frames, so not {len(given)}. The nearest is "
                f"{round((len(given) - 1) / self.frame_step) * self.frame_step + 1}."
            )

    def extended_size(self, size: Size, wanted: Size | None = None) -> Size:
        """The (width, height) at which a video of `size` is extended: as it is where the model makes such pictures,
        else as `alike` has it. Raises UserError where it cannot be."""
        return size if self.nearest_size(size) == size else self.alike(size, wanted)

    def check_extended(self, frames: int) -> None:
        """Raise UserError where a video of so many frames would be too long to be read again with a window more."""
        longest = ClipLimits().max_frames
        if frames + self.window[1] > longest:
            raise UserError(
                f"The video has {frames} frames; with {self.window[1]} more it would be longer than the {longest} that "
                "can be used. Cut it first."
            )

    @property
    def window(self) -> tuple[int, int]:
        """How many frames are known and how many are new when a video is extended by a step.

        The paper keeps 8 and makes 8; a causal grid takes 9 and 8.
        """
        if self.conditioning == "first frame":
            return 1, 8
        return (8, 8) if self.nearest_frames(16) == 16 else (9, 8)
