"""The page's runs on a Ray cluster: FOURREAL_ENGINE=ray. Not imported where they are done on this machine."""

import importlib.util
import math
import os
from collections.abc import Mapping

from fourreal.engine.cluster import RayEngine
from fourreal.engine.connecting import NO_RAY
from fourreal.engine.values import RAY, Needs, chosen
from fourreal.errors import UserError
from fourreal.jobs import devices
from fourreal.jobs.engine_executor import EngineExecutor
from fourreal.jobs.places import Places
from fourreal.jobs.store import Store

CPUS, GPUS, MEMORY = "FOURREAL_RUN_CPUS", "FOURREAL_RUN_GPUS", "FOURREAL_RUN_MEMORY_GB"


def on_cluster(places: Places, store: Store) -> EngineExecutor:
    """Raises UserError where Ray is not installed, its cluster cannot be reached, or a variable is no number."""
    needs = needs_of(os.environ)
    places.runs.mkdir(parents=True, exist_ok=True)
    return EngineExecutor(places, store, RayEngine(places.runs, needs), devices=devices.find(), needs=needs)


def needs_of(environment: Mapping[str, str]) -> Needs:
    """What a run of the page takes on a node. Raises UserError where a variable is no number."""
    cpus, memory = _number(environment, CPUS, 1.0), _number(environment, MEMORY, 0.0)
    gpus = _number(environment, GPUS, 0.0) if environment.get(GPUS, "").strip() else None
    return Needs(cpus, gpus, int(memory * 1024**3))


def check_engine() -> None:
    """Raises UserError where FOURREAL_ENGINE and what goes with it could never do."""
    if chosen(None) == RAY:
        if importlib.util.find_spec("ray") is None:
            raise UserError(NO_RAY)
        needs_of(os.environ)


def _number(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, "").strip()
    try:
        number = float(text) if text else default
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise UserError(f"{name} is {text!r}. Set it to a number, or leave it out.")
    return number
