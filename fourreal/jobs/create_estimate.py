"""What a creation will take on this machine, and which models run here at all. Nothing is loaded for it."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from math import prod
from pathlib import Path
from statistics import median
from typing import Any

from fourreal.description import Wishes
from fourreal.errors import UserError
from fourreal.jobs.create_values import Offer
from fourreal.jobs.estimate import ALIKE, MB, MEMORY_LEFT, memory_of_machine
from fourreal.jobs.offered import offered
from fourreal.jobs.values import Estimate, refused
from fourreal.settings import JobLimits
from fourreal.video import hub, memory, registry
from fourreal.video.weights import check_folder

GB = registry.GB
START_SECONDS = 4.0  # of a process with the libraries that models need,
LOAD_RATE = 0.5e9  # bytes a second of weights, from the disk
VIDEO_MB = 4.0  # of a candidate with its scores


def offers(devices: Sequence[Mapping[str, Any]]) -> list[Offer]:
    """All models, with whether they run on the first GPU, or the CPU where there is none."""
    there, names = memory_for(devices, "auto"), [one.name for one in fields(Offer)]
    same = lambda source: {name: getattr(source, name) for name in names if hasattr(source, name)}
    made = []
    for entry in registry.MODELS.values():
        able = entry.capabilities
        memory_gb = entry.least_memory_gb, entry.memory_gb
        own = {"memory_gb": memory_gb, "frames": able.native_frames, "size": able.native_size}
        fits = plan_of(entry, there)[0] is not None
        made.append(Offer(**same(able) | same(entry) | own, on_disk=hub.on_disk(entry), fits=fits))
    return made


def estimate_creation(
    wishes: Wishes,
    count: int,
    devices: Sequence[Mapping[str, Any]],
    earlier: Iterable[Mapping[str, Any]],
    place: int,
    data: Path,
    limits: JobLimits,
    picture: bool = False,
) -> Estimate:
    """See `Estimate`.

    Args:
        earlier: the costs of finished creations, newest first, as the runner noted them.
        place: how many would go before it.
        picture: whether the videos begin with a picture of the person's.
    """
    entry, there = registry.entry(wishes.model), memory_for(devices, wishes.device)
    if wishes.device == "cuda" and there.device == "cpu":
        return refused("cuda", "There is no CUDA device here. Choose the CPU.", place)
    label = next((device["name"] for device in devices if device["kind"] == there.device), there.device)
    plan, reason = plan_of(entry, there)
    disk = count * VIDEO_MB
    if not reason:
        short = disk - (shutil.disk_usage(data).free - limits.free_bytes) / MB
        reason = f"The disk is too full by {short:.0f} MB. Delete scenes, or free some space." if short > 0 else ""
    if plan is None or reason:
        return refused(label, reason, place, disk)
    alike = [cost for cost in earlier if cost["model"] == wishes.model and cost["device"] == there.device][:ALIKE]
    pace = None
    source = "The first candidate will tell the time."
    if alike:
        pace = median(cost["seconds"] / cost["work"] for cost in alike)
        source = "Earlier videos of this model took that long here."
    elif there.device in entry.seconds:
        pace = entry.seconds[there.device] / native_work(entry.capabilities)
        source = "That is the time of two processor cores; the first candidate tells how fast this machine is."
    ready = START_SECONDS + sum(sizes_of(entry).values()) / LOAD_RATE
    seconds = None if pace is None else ready + count * work_of(wishes) * pace
    sentences = (download(entry), plan.remark, source, entry.remark(wishes.prompt), entry.pictures if picture else "")
    return Estimate(
        seconds=seconds,
        memory_mb=memory_of(entry, plan),
        disk_mb=disk,
        device=label,
        fits=True,
        reason=" ".join(filter(None, sentences)),
        place=place,
    )


def download(entry: registry.Entry) -> str:
    """What is said of a download that is to come; "" where the weights are here."""
    return (
        ""
        if hub.on_disk(entry)
        else (
            f"About {entry.download_gb:.0f} GB are downloaded first, once: {entry.repository}, {entry.revision}, "
            f"licence {entry.licence}."
        )
    )


def memory_of(entry: registry.Entry, plan: memory.Plan) -> float | None:
    """MB that a model and its work take, computed; None where it makes do with what there is."""
    if plan.offload != "none":
        return None
    wide = 2 if plan.dtype == "float32" else 1
    return wide * sum(sizes_of(entry).values()) / MB + entry.working_gb * 1024


def work_of(wishes: Wishes) -> float:
    """What the time of one video goes with: pixels of all frames, times steps."""
    frames, (width, height), steps = wishes.amount
    return float(frames * width * height * steps)


def native_work(able: registry.Capabilities) -> float:
    """`work_of` a video as the model was trained to make them."""
    return float(able.native_frames * prod(able.native_size) * able.steps)


def memory_for(devices: Sequence[Mapping[str, Any]], device: str) -> memory.Memory:
    """What would be free if nothing else ran, as a job has the device to itself."""
    host = memory_of_machine() - MEMORY_LEFT
    gpu = next((one for one in devices if one["kind"] == "cuda"), None)
    if gpu is None or device == "cpu":
        return memory.Memory("cpu", host, host)
    return memory.Memory("cuda", int(gpu["memory_mb"] * MB), host)


def plan_of(entry: registry.Entry, there: memory.Memory) -> tuple[memory.Plan | None, str]:
    """How a model would be laid out, or why it cannot or may not be, with the models that would do."""
    if refusal := offered().refusal(entry):
        return None, refusal
    try:
        return memory.make_plan(entry, sizes_of(entry), there), ""
    except UserError as error:
        return None, str(error)


def sizes_of(entry: registry.Entry) -> dict[str, int]:
    """Bytes of the components at two a parameter: of the weights that are here, else as the registry has them."""
    folder = hub.local_copy(entry)
    try:
        if folder is not None:
            return check_folder(folder, {})
    except UserError:  # not whole: what is missing comes when it is loaded, or is said then
        pass
    return {name: int(billions * 2e9) for name, billions in entry.parameters.items()}
