"""Keeps the data folder within its budget. What runs or waits, and the newest, is never touched."""

from fourreal.jobs.places import Places
from fourreal.jobs.store import Store
from fourreal.settings import JobLimits


def tidy(places: Places, store: Store, limits: JobLimits) -> None:
    """Remove what nobody misses, oldest first, until the budget is kept."""
