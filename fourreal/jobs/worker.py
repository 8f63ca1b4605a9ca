"""The worker: sees to it that the runs in the line are done, by an executor here or on a cluster.

`python -m fourreal.jobs.worker --data DIR`. There is one for a data folder, which a lock sees to. It may be killed at
any moment, as may its children and the page: the next worker takes up what was going on.
"""

import argparse
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fourreal import system
from fourreal.engine.values import RAY, chosen
from fourreal.errors import UserError
from fourreal.jobs import devices, janitor
from fourreal.jobs.claims import Claim
from fourreal.jobs.executor import Executor, note_end
from fourreal.jobs.files import remove
from fourreal.jobs.local_executor import RUNNER, LocalExecutor
from fourreal.jobs.locks import alone, free
from fourreal.jobs.places import Places
from fourreal.jobs.store import Store
from fourreal.settings import JobLimits

POLL_SECONDS = 0.2
ALONE_SECONDS = 10.0  # without a page and without work, then it goes
LOCK_SECONDS = 3.0  # pages look now and then whether there is a worker
TIDY_SECONDS = 300.0
BEAT_SECONDS = 10.0  # between two signs of life of the runs
RETRY_SECONDS = 5.0  # until a cluster is looked for again
LIMITS = JobLimits()

log = logging.getLogger("fourreal.jobs.worker")


class Worker:
    """See the module.

    command: how a run is done here; it gets --data, --claim and the run's id. devices: one slot each. stay: whether to
    go on where there is no page (for whoever starts a worker by hand). forks: whether `command` may be a nursery.
    elsewhere: makes the executor where runs are not done here; raises UserError as long as it cannot.
    """

    def __init__(
        self,
        data: Path,
        limits: JobLimits = LIMITS,
        command: Sequence[str] = RUNNER,
        devices: Sequence[dict[str, Any]] | None = None,
        stay: bool = False,
        forks: bool = system.LINUX,
        elsewhere: Callable[[Places, Store], Executor] | None = None,
    ) -> None:
        self.places, self.limits, self.stay = Places(data), limits, stay
        self.command, self.given_devices, self.forks, self.elsewhere = command, devices, forks, elsewhere
        self.stopping, self.problem = False, ""

    def run(self) -> int:
        """Work until told to stop, or until there is neither a page nor anything to do. 1 if another is at work."""
        self.places.data.mkdir(parents=True, exist_ok=True)
        with alone(self.places.worker_lock, LOCK_SECONDS) as ours:
            if not ours:
                log.info("another worker is at work here")
                return 1
            self._obey_signals()
            self.places.worker_lock.write_text(str(os.getpid()))  # for whoever looks after this machine
            self.store = Store(self.places.store)
            executor = self._executor()
            self._obey_signals()  # an engine may have put its own in their place
            try:
                if executor is not None:
                    self.store.remember("devices", list(executor.devices))
                    log.info("at work on %s", ", ".join(device["name"] for device in executor.devices))
                    self._loop(executor)
            finally:
                if executor is not None:
                    executor.close()
                self.store.close()
        return 0

    def _obey_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def _stop(self, number: int, frame: object) -> None:
        self.stopping = True

    def _executor(self) -> Executor | None:
        """Who does the runs; None where that could not be had before the worker was to go."""
        if self.elsewhere is None:
            available = self.given_devices or devices.find()
            return LocalExecutor(self.places, self.store, self.command, available, self.forks)
        useful = time.monotonic()
        while not self.stopping and time.monotonic() - useful <= ALONE_SECONDS:
            try:
                return self.elsewhere(self.places, self.store)
            except UserError as error:  # nobody answers there; it may be better soon
                self._warn(error)
            if self.stay or self._page_is_there():
                useful = time.monotonic()
            time.sleep(RETRY_SECONDS)
        return None

    def _loop(self, executor: Executor) -> None:
        useful, tidied, beat = time.monotonic(), -TIDY_SECONDS, time.monotonic()
        while not self.stopping:
            try:
                self._recover(executor)
                executor.look()
                if executor.claims and time.monotonic() - beat > BEAT_SECONDS:
                    beat = time.monotonic()
                    self.store.claims.beat(executor.claims)
                if time.monotonic() - tidied > TIDY_SECONDS:
                    tidied = time.monotonic()
                    janitor.tidy(self.places, self.store, self.limits)
                executor.fill()
                self.problem = ""
            except (UserError, OSError) as error:  # the disk, mostly: what runs goes on, and it may be better soon
                self._warn(error)
                time.sleep(1.0)
            if executor.busy or self.stay or self._page_is_there():
                useful = time.monotonic()
            if time.monotonic() - useful > ALONE_SECONDS:
                log.info("nobody is there and nothing to do")
                return
            time.sleep(POLL_SECONDS)

    def _warn(self, error: Exception) -> None:
        """Once, however often it is met in a row."""
        if str(error) != self.problem:
            log.warning("%s", error)
        self.problem = str(error)

    def _recover(self, executor: Executor) -> None:
        """Runs that seem to run, but not with us: our predecessor was killed. They go on once their child is gone."""
        ours = {claim.run for claim in executor.claims}
        for row in self.store.all_runs("running"):
            if row["id"] not in ours and free(self.places.runner_lock(row["id"])):
                state = self.store.claims.interrupted(Claim(row["id"], row["claim"]))
                note_end(self.places.run(row["id"]), "The computer or the server stopped;", state)
        for id in self.store.deleted():
            remove(self.places.run(id))
            self.store.forget(id)

    def _page_is_there(self) -> bool:
        return not free(self.places.page_lock)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="fourreal.jobs.worker", description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the page's data folder (FOURREAL_DATA)")
    parser.add_argument("--device", choices=("auto", "cpu"), default="auto", help="cpu: even where there are GPUs")
    parser.add_argument("--limits", type=json.loads, default=asdict(JobLimits()), help="JSON of settings.JobLimits")
    parser.add_argument("--stay", action="store_true", help="wait for work even where no page is there")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    elsewhere = None
    try:
        if chosen(None) == RAY:
            from fourreal.jobs.cluster import on_cluster

            elsewhere = on_cluster
    except UserError as error:
        log.error("%s", error)
        return 2
    available = [devices.CPU] if given.device == "cpu" else None
    limits = JobLimits.from_dict(given.limits)
    return Worker(given.data, limits, devices=available, stay=given.stay, elsewhere=elsewhere).run()


if __name__ == "__main__":
    sys.exit(main())
