"""What everything that a `Service` does stands on: the data folder, the store in it, and the limits."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fourreal.jobs import devices
from fourreal.jobs.database import disk_full
from fourreal.jobs.places import Places
from fourreal.jobs.store import Store
from fourreal.settings import JobLimits

LIMITS = JobLimits()


@dataclass
class Workspace:
    """See the module. Any thread may use it."""

    places: Places
    store: Store
    limits: JobLimits

    @classmethod
    def open(cls, data: Path, limits: JobLimits = LIMITS) -> "Workspace":
        """data: the data folder, made if it is missing. Raises UserError where its store cannot be opened."""
        places = Places(data)
        return cls(places, Store(places.store), limits)

    def close(self) -> None:
        self.store.close()

    def check_room(self) -> None:
        """Raises UserError where the disk is too full to write anything more."""
        if shutil.disk_usage(self.places.data).free < self.limits.free_bytes:
            raise disk_full()

    def devices(self) -> list[dict[str, Any]]:
        """What computes here; seconds the first time, if no worker has looked yet."""
        available = self.store.fact("devices")
        if available is None:
            available = devices.find()
            self.store.remember("devices", available)
        return available
