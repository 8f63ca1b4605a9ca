"""What a person asks for, and the preset that follows from it."""

from dataclasses import dataclass, replace
from pathlib import Path

from fourreal.pipeline.critic import Distil
from fourreal.pipeline.takes import Further
from fourreal.settings import PRESETS, Preset, ablated


@dataclass(frozen=True)
class Request:
    """What a person asks for; the command line's options, see `python -m fourreal reconstruct --help`.

    preset: a name of `settings.PRESETS`, a preset of one's own, or None for the device's default.
    canonical_frame, freeze_reference_frame: the frames in which the two videos meet, as far as the person chose them.
    meeting: both, where they were seen before (`camera.match.find_frozen_frame` among all frames); what the person or
        the cameras file says comes first. Without it they are looked for.
    further: videos besides the first two: other cameras, other frozen moments.
    longer_part: of a video that is cut to another shot, take the longest part.
    distil: the video model that criticises views and times that no video shows; None for none.
    """

    reference: Path
    freeze: Path
    out: Path
    cameras: Path | None = None
    canonical_frame: int | None = None
    freeze_reference_frame: int | None = None
    meeting: tuple[int, int] | None = None
    refine_poses: bool = False
    hold_out_freeze: tuple[int, ...] = ()
    preset: str | Preset | None = None
    deformation: str | None = None
    without: frozenset[str] = frozenset()
    device: str = "auto"
    seed: int = 0
    distil: Distil | None = None
    further: tuple[Further, ...] = ()
    longer_part: bool = False


def chosen_preset(request: Request, device: str) -> Preset:
    """The preset asked for, the deformation asked for in it, less what is to be left out."""
    preset = request.preset or ("standard" if device == "cuda" else "draft")
    preset = PRESETS[preset] if isinstance(preset, str) else preset
    if request.deformation is not None:
        preset = replace(preset, motion=replace(preset.motion, deformation=request.deformation))
    if request.distil is not None:
        request.distil.check()
        preset = request.distil.applied(preset)
    return ablated(preset, request.without)
