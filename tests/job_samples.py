"""What the tests of jobs share: people, workers, and waiting for something to happen."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from inline_children import inline_children

from fourreal.installed import ROOT
from fourreal.jobs.children import environment
from fourreal.jobs.places import Places
from fourreal.jobs.runner import NICE, Runner
from fourreal.jobs.service import Service
from fourreal.jobs.store import Store, new_id
from fourreal.settings import JobLimits, Preset
from fourreal.video.one_model import OneModel

HERE = Path(__file__).parent
ANNA, BEN = "a" * 32, "b" * 32


@contextmanager
def service_in(folder: Path) -> Iterator[Service]:
    """A service whose children answer in this process, on a machine with nothing but a CPU."""
    service = Service(folder, replace(JobLimits(), free_bytes=0))
    service.workspace.store.remember("devices", [{"kind": "cpu", "name": "cpu", "memory_mb": None}])
    with inline_children():
        yield service
    service.close()


def queue(store: Store, owner: str, name: str = "run", most: int = 100, example: str | None = None) -> str:
    """Put a run into the line; its id."""
    id = new_id()
    assert store.add_run(id, owner, name, "f" * 32, "e" * 32, {}, example, most)
    (Places(store.database.path.parent).run(id) / "inputs").mkdir(parents=True)
    return id


def drain(store: Store) -> list[str]:
    """Claim and finish everything that waits, one after the other; the ids in that order."""
    order = []
    while (claim := store.claims.take("cpu:0")) is not None:
        order.append(claim.run)
        assert store.claims.finish(claim, "done")
    return order


PATIENCE = 300.0  # seconds until something has failed: far more than it takes, as others may use the machine


def until(true: Callable[[], object], what: str, seconds: float = PATIENCE):
    """What `true` returns once that is something. Fails, naming `what`, where it never comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := true():
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen in {seconds:.0f} s")


def gone(pid: int) -> bool:
    """Whether a process is dead, waited for or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def runners(worker: int) -> list[int]:
    """Those of a worker's children that have a runner's priority."""
    children = map(int, Path(f"/proc/{worker}/task/{worker}/children").read_text().split())
    return [child for child in children if os.getpriority(os.PRIO_PROCESS, child) == NICE]


@contextmanager
def working(data: Path, *arguments: str, script: str = "job_worker.py") -> Iterator[subprocess.Popen]:
    """A worker process; killed with everything it started when the block ends."""
    data.mkdir(parents=True, exist_ok=True)
    with open(data / "worker.log", "ab") as log:
        worker = subprocess.Popen(
            [sys.executable, str(HERE / script), str(data), *arguments],
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env=environment(),
            start_new_session=True,
        )
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait()
        end_children(data)


@contextmanager
def hand(data: Path, presets: Mapping[str, Preset]) -> Iterator[threading.Lock]:
    """Does the runs of the line in a thread of this process, one after the other, as the worker's children would.

    Yields what keeps it from taking the next one while it is held.
    """
    places, halt, over, models = Places(data), threading.Lock(), threading.Event(), OneModel()
    store = Store(places.store)

    def work() -> None:
        while not over.is_set():
            with halt:
                claim = store.claims.take("cpu:0")
            if claim is None:
                over.wait(0.02)
            else:
                Runner(store, places, claim, presets, models).run()

    thread = threading.Thread(target=work, name="runner")
    thread.start()
    try:
        yield halt
    finally:
        over.set()
        thread.join()
        models.release()
        store.close()


def end_children(data: Path) -> None:
    """Kill the children that are still there. Their numbers may be others' by now."""
    for pid in pids(data):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if b"job_child" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)


def pids(data: Path) -> list[int]:
    """The children that told their number, in order, see job_child.py."""
    path = data / "starts.txt"
    return [int(line.split()[0]) for line in path.read_text().splitlines()] if path.exists() else []


def starts(data: Path) -> list[str]:
    """The runs that children were started for, in order."""
    path = data / "starts.txt"
    return [line.split()[1] for line in path.read_text().splitlines()] if path.exists() else []
