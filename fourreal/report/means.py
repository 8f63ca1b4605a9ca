"""Means over prompts with their bootstrap intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fourreal.judge.values import Row

RESAMPLES, SEED = 5000, 0
LEAST = 3  # prompts; of fewer there is no interval
INTERVAL = (
    f"Means over prompts; in brackets the 95 % percentile bootstrap over prompts ({RESAMPLES} resamples), from three "
    "prompts on."
)


@dataclass(frozen=True)
class Mean:
    """count: of prompts. low, high: the interval's ends, None with too few prompts for one."""

    value: float
    low: float | None
    high: float | None
    count: int


def mean(values: Sequence[float]) -> Mean | None:
    """None without values."""
    if not len(values):
        return None
    low = high = None
    if len(values) >= LEAST:
        scored = np.asarray(values)
        picks = np.random.default_rng(SEED).integers(len(scored), size=(RESAMPLES, len(scored)))
        low, high = (float(end) for end in np.percentile(scored[picks].mean(axis=1), [2.5, 97.5]))
    return Mean(float(np.mean(values)), low, high, len(values))


def methods(rows: Sequence[Row]) -> list[str]:
    """In the order in which they come."""
    return list(dict.fromkeys(row.method for row in rows))


def means(rows: Sequence[Row]) -> dict[str, dict[str, Mean]]:
    """By method and by the figure's name; figures that nobody has are left out."""
    out: dict[str, dict[str, Mean]] = {}
    for method in methods(rows):
        scores = [row.scores for row in rows if row.method == method]
        names = dict.fromkeys(name for one in scores for name in one)
        scored = {name: mean([score for one in scores if (score := one.get(name)) is not None]) for name in names}
        out[method] = {name: one for name, one in scored.items() if one is not None}
    return out
