"""In the page's process: sees to it that there is a worker, and shows the worker that there is a page."""

import fcntl
import json
import logging
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from fourreal import installed
from fourreal.jobs.children import environment
from fourreal.jobs.locks import free
from fourreal.jobs.places import Places
from fourreal.settings import JobLimits

WORKER = installed.command("fourreal.jobs.worker")
LOOK_SECONDS = 1.0
LIMITS = JobLimits()

log = logging.getLogger(__name__)


class Supervisor:
    """Starts a worker whenever there is none, from now until `stop`. A worker with work outlives this process."""

    def __init__(self, data: Path, limits: JobLimits = LIMITS, command: Sequence[str] = WORKER) -> None:
        self.places = Places(data)
        self.command = [*command, "--data", str(self.places.data), "--limits", json.dumps(asdict(limits))]
        self.worker: subprocess.Popen | None = None
        self._stop = threading.Event()
        self.places.data.mkdir(parents=True, exist_ok=True)
        self._presence = open(self.places.page_lock, "w")  # noqa: SIM115 held until `stop`
        fcntl.flock(self._presence, fcntl.LOCK_SH)
        self._thread = threading.Thread(target=self._watch, daemon=True, name="worker supervisor")
        self._thread.start()

    def stop(self) -> None:
        """Look no more. A worker without work goes by itself a little later."""
        self._stop.set()
        self._thread.join()
        self._presence.close()

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                if self.worker is not None and self.worker.poll() is not None:
                    self.worker = None
                if self.worker is None and free(self.places.worker_lock):
                    self.worker = self._start()
            except OSError as error:  # no more processes, no disk: it may be better in a moment
                log.warning("no worker could be started: %s", error)
            self._stop.wait(LOOK_SECONDS)

    def _start(self) -> subprocess.Popen:
        with open(self.places.worker_log, "ab") as out:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=environment(),
                start_new_session=True,
            )
