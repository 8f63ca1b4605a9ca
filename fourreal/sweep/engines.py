"""The engine that a sweep goes to, with what this machine or its cluster has."""

from pathlib import Path

from fourreal import system
from fourreal.engine.local import LocalEngine
from fourreal.engine.values import RAY, Engine, Needs, chosen
from fourreal.jobs import devices

THREADS = ("FOURREAL_THREADS", "OMP_NUM_THREADS")


def engine_of(name: str | None, out: Path, workers: int | None, device: str, needs: Needs) -> Engine:
    """name: None for what FOURREAL_ENGINE says. workers: how many items at once; None for one a device, or all that a
    cluster has room for.

    Raises UserError: no such engine, Ray is not installed, its cluster cannot be reached.
    """
    if chosen(name) == RAY:
        from fourreal.engine.cluster import RayEngine

        return RayEngine(out, needs, workers)
    return LocalEngine(slots(workers, device))


def slots(workers: int | None, device: str) -> list[dict[str, str]]:
    """The variables of each process that works at once: its graphics card, or its share of the cores."""
    cards = 0
    if device != "cpu":
        cards = sum(one["kind"] == "cuda" for one in devices.find())
    if cards:
        return [devices.alone(number % cards) for number in range(workers or cards)]
    workers = workers or 1
    share = max(1, system.processors() // workers)
    return [{} if workers == 1 else dict.fromkeys(THREADS, str(share)) for _ in range(workers)]
