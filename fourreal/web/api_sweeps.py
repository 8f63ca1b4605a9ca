"""The endpoint of sweeps; see `api`."""

from fourreal.jobs.service import Service
from fourreal.sweep.watching import PICTURE, SCENE, Seen, Watched
from fourreal.web.sweep_folders import sweep_urls, sweeps


class SweepCalls:
    """What `api.Calls` has of them."""

    _service: Service

    def sweeps(self, owner: str) -> list:
        """The sweeps that this page shows: [{name, problem, left_out, runs: [{prompt, model, preset, without, seed,
        state, why, seconds, stage, share, thing, scene, picture}]}]."""
        return [_sweep(watched) for watched in sweeps().values()]


def _sweep(watched: Watched) -> dict:
    look = watched.look()
    runs = [_run(watched, run) for run in look.runs]
    return {"name": watched.name, "problem": look.problem, "left_out": list(look.left_out), "runs": runs}


def _run(watched: Watched, run: Seen) -> dict:
    """Addresses are None where there is nothing to see; `thing` is its name in links to the page."""
    variant, folder = run.item.variant, sweep_urls(watched.key, run.key)
    address = lambda file: folder + file if run.state == "done" and watched.has(run, file) else None
    return {
        "prompt": run.item.prompt,
        "model": variant.model,
        "preset": variant.preset,
        "without": list(variant.without),
        "seed": variant.seed,
        **{name: getattr(run, name) for name in ("state", "why", "seconds", "stage", "share")},
        "thing": f"sweep:{watched.key}/{run.key}",
        "scene": address(SCENE),
        "picture": address(PICTURE),
    }
