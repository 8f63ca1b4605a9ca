"""Two videos in, a 4D scene out: the moves in order.

    videos -> cameras -> canonical Gaussians -> the other takes compared with them -> motion -> scene

Each move is a pure step whose result is kept in RUN/work under a name made from everything it depends on. Caching,
going on after a crash, and redoing only what a change affects are this one mechanism; inside a step the loop keeps a
checkpoint under the same name.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

import fourreal
from fourreal.camera.align import Similarity
from fourreal.device import pick_device
from fourreal.errors import Cancelled, MemoryRanOut, Unusable, UserError, memory_ran_out
from fourreal.fit import artifacts
from fourreal.fit.canonical import Canonical
from fourreal.fit.distill import Critic
from fourreal.fit.movers import change_masks, nothing_moves
from fourreal.fit.moving import Moving
from fourreal.fit.observations import Observations
from fourreal.fit.settle import Settled, settle
from fourreal.fit.upsample import UpsampleStage
from fourreal.pipeline.assemble import Setting, assemble
from fourreal.pipeline.critic import critic_for, critic_key
from fourreal.pipeline.footage import Footage, read
from fourreal.pipeline.imagine import STAGE as IMAGINED
from fourreal.pipeline.machine import peak_memory, prepare_kernels, torch_threads, working_folder
from fourreal.pipeline.naming import Places, finished, name_of
from fourreal.pipeline.observe import free_takes, observe
from fourreal.pipeline.placement import Placement, estimated_placement, given_placement
from fourreal.pipeline.request import Request, chosen_preset
from fourreal.pipeline.stages import Stages
from fourreal.pipeline.watch import Watch
from fourreal.progress import CancelToken, Event, Progress, ignore
from fourreal.scene import bundle
from fourreal.scene.scene4d import Scene4D, moments_of
from fourreal.settings import Preset


def reconstruct(request: Request, progress: Progress = ignore, cancel: CancelToken | None = None) -> Scene4D:
    """Make the scene and write it into `request.out`; goes on from whatever an earlier try left there.

    Stopped with `cancel.cancel(keep=True)`, it writes and returns what there is so far; the manifest then tells under
    `stopped` how far that was, and the same request goes on from there. Where detail is asked for, the scene is
    written before that begins, as one that stopped there, and once more with it.

    Raises:
        UserError: something about the videos, the cameras or the disk that a person can mend.
        Cancelled: on request; a checkpoint was kept.
    """
    cancel = cancel or CancelToken()
    device = pick_device(request.device)
    preset = chosen_preset(request, device)
    with about_videos():
        footage = read(request, preset, progress)
    settings, fps = preset.distillation, footage.reference.fps
    with working_folder(request.out) as work, torch_threads(device, preset), ExitStack() as later:
        placement, poses_seconds, observations, similarity = located(request, preset, footage, work, progress, cancel)
        refine = not placement.given or request.refine_poses

        def places(critic: Critic | None) -> Places:
            """Where what is made goes, by the names of all that it depends on."""
            critic_part = critic_key(critic, settings)
            key = name_of(
                footage.key(),
                placement.key(),
                observations.held_out,
                preset.pixels,
                asdict(preset.canonical),
                request.seed,
                *(critic_part if settings.canonical_steps else []),
            )
            whole = name_of(key, refine, asdict(preset), critic_part)
            return Places(
                work / f"canonical-{name_of(key, refine)}",
                work / f"motion-{name_of(key, refine)}",
                work / f"imagined-{whole}" if critic is not None and request.imagine else None,
                work / f"detail-{whole}" if critic is not None and request.detail else None,
            )

        critic, about_critic = later.enter_context(
            critic_for(request, settings, fps, device, progress, cancel, lambda it: finished(places(it), preset, it))
        )
        observations = observations.to(device)
        if device == "cpu":
            prepare_kernels(progress)
        place_of = places(critic)
        cameras = observations.freeze_cameras

        def scene_of(result: Canonical | Moving) -> Scene4D:
            return assemble(
                result,
                Setting(
                    reference=observations.reference_camera,
                    freeze=cameras,
                    freeze_frames=tuple(placement.frames),
                    frames=len(observations.reference),
                    canonical=observations.canonical,
                    similarity=similarity,
                    fps=float(fps),
                    moments=moments_of(footage.reference_frames),
                ),
            )

        watch = Watch(progress, observations, scene_of)
        stages = Stages(preset, request.seed, watch, cancel, critic)
        seconds = {"poses": poses_seconds, "canonical": 0.0, "takes": 0.0, "motion": 0.0}
        remarks = list(about_critic)
        stopped: dict[str, Any] | None = None
        imagined: dict[str, Any] | None = None

        def write(result: Canonical | Moving, stopped: dict | None) -> Scene4D:
            scene, tally = scene_of(result), None if critic is None else critic.tally
            bundle.save(
                scene,
                request.out,
                {
                    **footage.manifest(),
                    "held_out_freeze": list(request.hold_out_freeze),
                    "freeze_reference_frame": placement.freeze_reference,
                    "notes": [*footage.notes, placement.cameras.origin.note, *remarks, *(tally.notes if tally else ())],
                    "critic": critic.model.identity if critic is not None else None,
                    "imagined": imagined,
                    "distillation": {"steps": tally.steps, "seconds": tally.seconds}
                    if tally
                    else None,  # of this attempt
                    "preset": preset.name,
                    "settings": asdict(preset),
                    "options": request.as_dict() | {"preset": preset.name},
                    "refined_poses": refine and preset.canonical.pose_rate > 0,
                    "device": str(device),
                    "versions": {"fourreal": fourreal.__version__, "torch": torch.__version__},
                    "seconds": {k: round(v, 2) for k, v in (seconds | {"total": sum(seconds.values())}).items()},
                    "peak_memory_mb": peak_memory(device),
                    **({"stopped": stopped} if stopped else {}),
                },
            )
            return scene

        try:
            canonical, seconds["canonical"] = stages.canonical(observations, refine, place_of.canonical)
            cameras = canonical.cameras
            watch.reached(canonical)
            settled, seconds["takes"] = compare(observations, canonical, placement, refine, place_of.canonical, watch)
            observations = watch.observations = settled.applied(observations)
            moving, seconds["motion"] = stages.motion(observations, canonical, place_of.motion)
            watch.reached(moving)
            if place_of.imagined is not None:
                with optional(IMAGINED, "imagined takes", remarks, progress):
                    taken, seconds["imagined"] = stages.imagined(observations, canonical, moving, place_of.imagined)
                    moving, imagined = taken.moving, taken.report
                    remarks.append(taken.note)
                    progress(Event(IMAGINED, message=taken.note))
                watch.reached(moving)
            if place_of.detail is not None:
                with optional(UpsampleStage.name, "the detail of a restored film", remarks, progress):
                    # the scene is finished; whatever happens from here on, it is there
                    begin = {"stage": UpsampleStage.name, "step": 0, "steps": preset.upsample.steps}
                    moving, seconds["detail"] = stages.detail(
                        observations, moving, place_of.detail, lambda: write(moving, begin)
                    )
                watch.reached(moving)
        except Cancelled:
            if not cancel.keep or (stopped := watch.where()) is None:
                raise
        scene = write(moving if stopped is None or watch.latest is None else watch.latest(), stopped)
        if not stopped:
            for leftover in [*work.glob("*.checkpoint"), *work.glob("*.part")]:
                leftover.unlink()
    return scene


@contextmanager
def optional(stage: str, what: str, remarks: list[str], progress: Progress) -> Iterator[None]:
    """A part without which the scene is finished all the same; a remark then says why."""
    try:
        yield
    except Exception as error:
        if not (isinstance(error, UserError) or memory_ran_out(error)):
            raise
        why = str(error) if isinstance(error, UserError) else "Memory ran out."
        remarks.append(f"The scene was finished without {what}. {why}")
        progress(Event(stage, message=remarks[-1]))


@contextmanager
def about_videos() -> Iterator[None]:
    """What a person can mend of the videos, or of their cameras, is raised as Unusable."""
    try:
        yield
    except (Unusable, MemoryRanOut):
        raise
    except UserError as error:
        if isinstance(error.__cause__, OSError):  # of the disk
            raise
        raise Unusable(str(error), error.option) from error


# --- The moves -------------------------------------------------------------------------------------------------------


def located(
    request: Request, preset: Preset, footage: Footage, work: Path, progress: Progress, cancel: CancelToken
) -> tuple[Placement, float, Observations, Similarity]:
    """Where all frames were taken from, the seconds it took to find out, and what `observe` says then.

    Raises Unusable where no scene can come of it.
    """
    with about_videos():
        placement, seconds = place(request, footage, work, progress, cancel)
        observations, similarity = observe(request, preset, footage, placement)
        if footage.still and not change_masks(observations.reference, observations.canonical)[0].any():
            raise nothing_moves()  # now, and not after stage one, or a download
    return placement, seconds, observations, similarity


def place(
    request: Request, footage: Footage, work: Path, progress: Progress, cancel: CancelToken
) -> tuple[Placement, float]:
    """Where the freeze-time frames were taken from, and the seconds it took to find out."""
    if request.cameras is not None:
        return artifacts.timed(lambda: given_placement(footage, cancel))
    estimate = lambda: artifacts.timed(lambda: estimated_placement(request, footage, progress, cancel))
    # what is looked for in the videos follows from the videos, which are in the name
    chosen = [request.canonical_frame, request.freeze_reference_frame, *([request.meeting] if request.meeting else [])]
    path = work / f"placement-{name_of(footage.key(), *chosen)}"
    return artifacts.cached(path, estimate, Placement.pack, Placement.unpack)


def compare(
    observations: Observations, canonical: Canonical, placement: Placement, refine: bool, path: Path, progress: Progress
) -> tuple[Settled, float]:
    """What the canonical scene tells of the videos that it was not made from."""

    def make() -> Settled:
        progress(Event("motion", message="comparing the other videos with the scene"))
        return settle(observations, canonical, free_takes(placement, refine), placement.canonical is not None)

    path = path.with_name(f"{path.name}-takes")
    return artifacts.cached(path, lambda: artifacts.timed(make), Settled.pack, Settled.unpack)
