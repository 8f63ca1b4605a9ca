"""Two videos in, a 4D scene out: the moves in order.

    videos -> cameras -> canonical Gaussians -> the other takes compared with them -> motion -> scene

Each move is a pure step whose result is kept in RUN/work under a name made from everything it depends on. Caching,
going on after a crash, and redoing only what a change affects are this one mechanism; inside a step the loop keeps a
checkpoint under the same name.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

import fourreal
from fourreal.camera.align import Similarity
from fourreal.device import pick_device
from fourreal.errors import Cancelled, MemoryRanOut, Unusable, UserError, memory_ran_out
from fourreal.fit import artifacts, loop
from fourreal.fit.canonical import Canonical, CanonicalStage
from fourreal.fit.distill import Critic, Distillation
from fourreal.fit.motion import MotionStage, Moving, still
from fourreal.fit.movers import change_masks, nothing_moves
from fourreal.fit.observations import Observations
from fourreal.fit.settle import Settled, settle
from fourreal.fit.upsample import UpsampleStage
from fourreal.pipeline.assemble import Setting, assemble
from fourreal.pipeline.critic import critic_for, critic_key
from fourreal.pipeline.footage import Footage, read
from fourreal.pipeline.imagine import STAGE as IMAGINED
from fourreal.pipeline.imagine import fit_imagined
from fourreal.pipeline.machine import peak_memory, prepare_kernels, torch_threads, working_folder
from fourreal.pipeline.naming import Places, finished, motion_settings, name_of, phase_places
from fourreal.pipeline.observe import free_takes, observe
from fourreal.pipeline.placement import Placement, estimated_placement, given_placement
from fourreal.pipeline.request import Request, chosen_preset
from fourreal.pipeline.watch import Watch
from fourreal.progress import CancelToken, Event, Progress, ignore
from fourreal.scene import bundle
from fourreal.scene.scene4d import Scene4D
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
                    observations.reference_camera,
                    cameras,
                    tuple(placement.frames),
                    len(observations.reference),
                    observations.canonical,
                    similarity,
                    float(fps),
                ),
            )

        watch = Watch(progress, observations, scene_of)
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
            canonical, seconds["canonical"] = fit_canonical(
                observations, preset, refine, request.seed, place_of.canonical, watch, cancel, critic
            )
            cameras = canonical.cameras
            watch.reached(canonical)
            settled, seconds["takes"] = compare(observations, canonical, placement, refine, place_of.canonical, watch)
            observations = watch.observations = settled.applied(observations)
            moving, seconds["motion"] = fit_motion(
                observations, canonical, preset, request.seed, place_of.motion, watch, cancel, critic
            )
            watch.reached(moving)
            if critic is not None and place_of.imagined is not None:
                try:
                    taken, seconds["imagined"] = fit_imagined(
                        observations, canonical, moving, preset, request.seed, place_of.imagined, watch, cancel, critic
                    )
                    moving, imagined = taken.moving, taken.report
                    remarks.append(taken.note)
                except Exception as error:
                    if not (isinstance(error, UserError) or memory_ran_out(error)):
                        raise
                    remarks.append(without("imagined takes", error))
                progress(Event(IMAGINED, message=remarks[-1]))
                watch.reached(moving)
            if critic is not None and place_of.detail is not None:
                try:
                    moving, seconds["detail"] = fit_detail(
                        observations,
                        moving,
                        preset,
                        request.seed,
                        place_of.detail,
                        watch,
                        cancel,
                        critic,
                        # the scene is finished; whatever happens from here on, it is there
                        lambda: write(moving, {"stage": UpsampleStage.name, "step": 0, "steps": preset.upsample.steps}),
                    )
                except Exception as error:
                    if not (isinstance(error, UserError) or memory_ran_out(error)):
                        raise
                    remarks.append(without("the detail of a restored film", error))
                    progress(Event(UpsampleStage.name, message=remarks[-1]))
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
        begin = time.monotonic()
        return given_placement(footage, cancel), time.monotonic() - begin

    def estimate() -> tuple[Placement, float]:
        begin = time.monotonic()
        return estimated_placement(request, footage, progress, cancel), time.monotonic() - begin

    # what is looked for in the videos follows from the videos, which are in the name
    chosen = [request.canonical_frame, request.freeze_reference_frame, *([request.meeting] if request.meeting else [])]
    path = work / f"placement-{name_of(footage.key(), *chosen)}"
    return artifacts.kept(path, estimate, Placement.pack, Placement.unpack)


def compare(
    observations: Observations, canonical: Canonical, placement: Placement, refine: bool, path: Path, progress: Progress
) -> tuple[Settled, float]:
    """What the canonical scene tells of the videos that it was not made from."""

    def make() -> tuple[Settled, float]:
        begin = time.monotonic()
        progress(Event("motion", message="comparing the other videos with the scene"))
        settled = settle(observations, canonical, free_takes(placement, refine), placement.canonical is not None)
        return settled, time.monotonic() - begin

    return artifacts.kept(path.with_name(f"{path.name}-takes"), make, Settled.pack, Settled.unpack)


def fit_canonical(
    observations: Observations,
    preset: Preset,
    refine: bool,
    seed: int,
    path: Path,
    progress: Progress,
    cancel: CancelToken,
    critic: Critic | None = None,
) -> tuple[Canonical, float]:
    """Stage one."""
    steps = preset.distillation.canonical_steps

    def make() -> tuple[Canonical, float]:
        begin = time.monotonic()
        distillation = None
        if critic is not None and steps:
            distillation = Distillation(critic, preset.distillation, observations, steps, False, seed)
        stage = CanonicalStage(observations, preset.canonical, refine, seed, distillation)
        started = time.monotonic() - begin
        seconds = loop.run(stage, path.with_suffix(".checkpoint"), progress, cancel)
        if critic is not None:
            critic.model.rest()  # stage two begins without it
        return stage.result(), started + seconds

    canonical, seconds = artifacts.kept(path, make, artifacts.pack_canonical, artifacts.unpack_canonical)
    return canonical.to(observations.freeze.device), seconds


def fit_motion(
    observations: Observations,
    canonical: Canonical,
    preset: Preset,
    seed: int,
    path: Path,
    progress: Progress,
    cancel: CancelToken,
    critic: Critic | None = None,
) -> tuple[Moving, float]:
    """Stage two, phase by phase; each leaves an artifact of its own."""
    (settings, distilled), total = motion_settings(preset, critic), 0.0
    moving = still(canonical.gaussians, observations, settings, seed)
    for number, (phase, place) in enumerate(zip(settings.phases, phase_places(preset, critic, path), strict=True)):

        def make(start=moving, phase=phase, number=number, place=place) -> tuple[Moving, float]:
            distillation = None
            if critic is not None and phase.name == distilled:
                steps = preset.distillation.motion_steps
                distillation = Distillation(critic, preset.distillation, observations, steps, True, seed + number)
            stage = MotionStage(observations, start, canonical, settings, phase, seed + number, distillation)
            seconds = loop.run(stage, place.with_suffix(".checkpoint"), progress, cancel)
            return stage.result(), seconds

        moving, seconds = artifacts.kept(place, make, artifacts.pack_moving, artifacts.unpack_moving)
        moving, total = moving.to(observations.freeze.device), total + seconds
    return moving, total


def fit_detail(
    observations: Observations,
    moving: Moving,
    preset: Preset,
    seed: int,
    path: Path,
    progress: Progress,
    cancel: CancelToken,
    critic: Critic,
    before: Callable[[], object],
) -> tuple[Moving, float]:
    """Re-upsampling: the Gaussians fitted to a film of the scene that the critic restored.

    before: called first, unless that was done already. Raises UserError, or what says that memory ran out.
    """

    def make() -> tuple[Moving, float]:
        before()
        stage = UpsampleStage(observations, moving, critic, preset.upsample, seed)
        seconds = loop.run(stage, path.with_suffix(".checkpoint"), progress, cancel)
        return stage.result(), seconds

    detailed, seconds = artifacts.kept(path, make, artifacts.pack_moving, artifacts.unpack_moving)
    return detailed.to(observations.freeze.device), seconds


def without(what: str, error: Exception) -> str:
    """Why a scene was made without that."""
    why = str(error) if isinstance(error, UserError) else "Memory ran out."
    return f"The scene was finished without {what}. {why}"
