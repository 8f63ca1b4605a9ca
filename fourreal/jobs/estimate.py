"""What a run will take on this machine: from earlier ones like it, else from what was measured elsewhere."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from fourreal import system
from fourreal.description import Options, usual_preset
from fourreal.jobs.values import Estimate, refused
from fourreal.settings import PRESETS, JobLimits, Preset

MB = 2**20
# Preset draft on two cores: 142 to 163 s with cameras given, under 0.9 GB, 20 MB of files (docs/benchmarks.md).
DRAFT_SECONDS, DRAFT_MEMORY, DRAFT_DISK = 160.0, 900.0, 60.0
DRAFT_CORES = 2
CAMERA_SECONDS = 50.0  # finding the cameras took 31 to 69 s
TAKE_SECONDS = 20.0  # reading a further video, finding its cameras, comparing it with the scene
LOAD_SECONDS = 12.0  # reading the videos, loading the kernels, writing the files
PIXEL_MEMORY = 40.0  # bytes a pixel of all frames that are fitted, beside what any run takes
SPLAT_MEMORY = 4_000.0  # bytes a Gaussian with its gradients and moments
LONG_SECONDS = 600.0
ALIKE = 8  # so many earlier runs are looked at
MEMORY_LEFT = 512 * MB  # for everything else on the machine


def estimate(
    options: Options,
    cameras_given: bool,
    devices: Sequence[Mapping[str, Any]],
    earlier: Iterable[Mapping[str, Any]],
    place: int,
    data: Path,
    limits: JobLimits,
    further: int = 0,
) -> Estimate:
    """See `Estimate`; what a video model's criticism adds is in `critic_estimate`.

    Args:
        devices: of this machine, as `devices.find` gives them.
        earlier: the costs of finished runs, newest first, as the runner noted them, with `cameras_given`.
        place: how many would go before it.
        further: videos besides the two.
    """
    gpu = next((device for device in devices if device["kind"] == "cuda"), None)
    if options.device == "cuda" and gpu is None:
        return refused("cuda", "There is no CUDA device here. Choose the CPU.", place)
    device, name = where(options, devices)
    label = gpu["name"] if device == "cuda" and gpu is not None else "cpu"
    same = alike(earlier, options, devices, cameras_given, further)
    like_it = [cost for cost in same if cost.get("critic") is None][:ALIKE]
    if like_it:
        seconds, memory, disk = (median(cost[key] for cost in like_it) for key in ("seconds", "memory_mb", "disk_mb"))
        seconds += LOAD_SECONDS
        source = f"Earlier runs like it took that long here ({len(like_it)})."
    else:
        seconds, memory, disk, source = from_table(PRESETS[name], device, cameras_given, options.deformation, further)
    there = gpu["memory_mb"] if device == "cuda" and gpu is not None else (memory_of_machine() - MEMORY_LEFT) / MB
    reason = refusal(memory, there, device, disk, data, limits)
    if not reason and device == "cpu" and seconds is not None and seconds > LONG_SECONDS:
        source = f"On a CPU this takes about {spoken(seconds)}. The preset draft takes minutes. {source}"
    return Estimate(
        seconds=seconds,
        memory_mb=memory,
        disk_mb=disk,
        device=label,
        fits=not reason,
        reason=reason or source,
        place=place,
    )


def where(options: Options, devices: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The device, "cuda" or "cpu", and the preset of a run with these options."""
    device = "cuda" if options.device != "cpu" and any(one["kind"] == "cuda" for one in devices) else "cpu"
    return device, options.preset or usual_preset(device == "cuda")


def alike(
    earlier: Iterable[Mapping[str, Any]],
    options: Options,
    devices: Sequence[Mapping[str, Any]],
    cameras_given: bool,
    further: int = 0,
) -> Sequence[Mapping[str, Any]]:
    """The costs of runs with the same settings and as many further videos, with a video model or without."""
    device, name = where(options, devices)
    same = options.deciding("cost") | {"preset": name, "device": device, "cameras_given": cameras_given}
    return [
        cost
        for cost in earlier
        if cost.get("further", 0) == further and all(cost[key] == value for key, value in same.items())
    ]


def spoken(seconds: float | int) -> str:
    """A duration in words, as rough as it is known."""
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.0f} hours"


def from_table(
    preset: Preset, device: str, cameras_given: bool, deformation: str | None, further: int = 0
) -> tuple[float | None, float, float, str]:
    """(seconds or None, MB of memory, MB of disk, where this comes from) by what draft took on two cores.

    Time goes with pixels times steps, memory with the frames that are kept and the Gaussians. A further video takes
    time of its own only until the fit, which has as many steps with it as without.
    """
    draft = PRESETS["draft"]
    work = lambda p: p.pixels * (p.canonical.steps + sum(phase.steps for phase in p.motion.phases))
    disk = DRAFT_DISK * max(1.0, budget(preset) / budget(draft))
    frames = lambda p: p.pixels * (p.freeze_frames + p.reference_frames)
    more = preset.pixels * max(preset.freeze_frames, preset.reference_frames) * further
    memory = (
        DRAFT_MEMORY
        + (PIXEL_MEMORY * (frames(preset) - frames(draft) + more) + SPLAT_MEMORY * (budget(preset) - budget(draft)))
        / MB
    )
    if device == "cuda":
        return None, memory, disk, "How long it takes on such a device was not measured yet."
    network = "mlp" in (preset.canonical.deformation, deformation or preset.motion.deformation)
    slower = 10.0 if network else 1.0  # our bases take a fortieth of the network's time, and half of a step is neither
    speed = min(DRAFT_CORES, system.processors()) / DRAFT_CORES
    seconds = DRAFT_SECONDS * work(preset) / work(draft) * slower / speed
    seconds += LOAD_SECONDS + (0.0 if cameras_given else CAMERA_SECONDS / speed) + further * TAKE_SECONDS / speed
    return seconds, memory, disk, "This is a guess from what the preset draft took on two cores."


def refusal(memory: float | None, there: float, device: str, disk: float | None, data: Path, limits: JobLimits) -> str:
    """Why a run cannot be held here, "" if it can."""
    if memory is not None and memory > there:
        where = "the GPU" if device == "cuda" else "this machine"
        return (
            f"This needs about {memory / 1024:.1f} GB of memory, and {where} has {max(there, 0) / 1024:.1f} GB for it. "
            "Choose a smaller preset."
        )
    free = (shutil.disk_usage(data).free - limits.free_bytes) / MB
    if disk is not None and disk > free:
        return (
            f"This needs about {disk:.0f} MB of disk, and only {max(free, 0):.0f} MB may be used. Delete scenes, or "
            "free some space."
        )
    return ""


def budget(preset: Preset) -> int:
    """The most Gaussians there may be."""
    growths = [preset.canonical.growth, *(phase.growth for phase in preset.motion.phases if phase.growth)]
    return max(growth.budget for growth in growths)


def memory_of_machine() -> int:
    """Bytes of memory that this process may use: the machine's, or its container's."""
    return min([system.memory(), *(most for most, _ in system.group_memory())])
