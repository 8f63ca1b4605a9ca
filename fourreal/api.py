"""What `import fourreal` offers programs: see docs/python.md. The package's root loads it when somebody asks for it."""

from pathlib import Path
from typing import Any

from fourreal import pipeline
from fourreal.camera.cameras import Cameras
from fourreal.errors import Cancelled, UserError
from fourreal.progress import CancelToken, Event, Progress, ignore
from fourreal.scene import bundle
from fourreal.scene.scene4d import Scene4D

__all__ = ["Cameras", "CancelToken", "Cancelled", "Event", "Scene4D", "UserError", "load", "reconstruct"]


def reconstruct(
    reference: Path | str,
    freeze: Path | str,
    out: Path | str,
    *,
    cameras: Path | str | None = None,
    progress: Progress = ignore,
    cancel: CancelToken | None = None,
    **options: Any,
) -> Scene4D:
    """Make a scene from two videos and write it into the folder `out`; goes on from what an earlier try left there.

    Args:
        cameras: a cameras.json; None to estimate them.
        progress: called with an `Event` for each step. cancel: any thread may call its `cancel()`.
        options: what else `pipeline.Request` takes: preset, device, seed, further, ...

    Raises:
        UserError: something about the videos, the cameras or the disk that a person can mend.
        Cancelled: on request; a checkpoint was kept.
    """
    given = None if cameras is None else Path(cameras)
    request = pipeline.Request(reference=Path(reference), freeze=Path(freeze), out=Path(out), cameras=given, **options)
    return pipeline.reconstruct(request, progress, cancel)


def load(run: Path | str) -> Scene4D:
    """The scene of a finished run, on the CPU; `scene.to("cuda")` draws it there.

    Raises UserError where there is none, or a damaged one.
    """
    return bundle.load(Path(run))
